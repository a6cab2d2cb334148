"""The store that is kept of every format version: what it holds, written by whatever version runs this."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from support.manifests import OCI_MANIFEST, descriptor, digest_of, document, image, index

from indexer.flatten import VERSION, Source, flatten
from indexer.store import Store, Writer
from indexer.store.layout import FORMAT
from indexer.store.upkeep.compact import merged, read_segment
from indexer.store.upkeep.holding import Span
from indexer.tables import MANIFESTS, RUNS, FailureRow, ImageRow, RepositoryRow, RunRow, TargetName

PLACE: Final = ("123456789012", "eu-west-1")
FIRST: Final = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
SECOND: Final = FIRST + timedelta(days=1)
PUSHED: Final = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
FOLDER: Final = Path(__file__).parent.parent / "store" / "golden"

AMD = image("config amd", [("base", 1000), ("amd", 20)], annotations={"org.example.made-by": "hand", "a": ""})
ARM = image("config arm", [("base arm", 1100), ("arm", 30), ("arm", 30)])
INDEX = index(AMD, ARM, platforms=[("linux", "amd64"), ("linux", "arm64")])
SCHEMA1 = document(
    {
        "schemaVersion": 1,
        "name": "old/one",
        "tag": "1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": digest_of("top")}, {"blobSum": digest_of("base")}],
        "history": [{"v1Compatibility": "{}"}, {"v1Compatibility": "{}"}],
    }
)
SIGNATURE = document(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.signature",
        "config": descriptor("{}", 2, "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor("signature", 99, "application/vnd.example.signature", annotations={"key": "välue"})],
        "subject": {"mediaType": OCI_MANIFEST, "digest": digest_of(AMD), "size": len(AMD)},
    }
)
BROKEN = document({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor("c", 1), "layers": "none"})
NOT_UTF8 = b'{"schemaVersion": 2, "name": "\xff"}'
LATER = image("config later", [("base", 1000), ("later", 40)])

FIRST_NIGHT = (AMD, ARM, INDEX, SCHEMA1, SIGNATURE, BROKEN, NOT_UTF8)
SECOND_NIGHT = (LATER,)


def write(folder: Path) -> None:
    """Write the store: two runs, three segments; the second run finds a repository deleted and one thing failed."""
    store = Store.create_or_open(folder)
    with store.writer(now=lambda: FIRST, version="0.1.0", segment_manifests=5) as writer:
        _add(writer, FIRST_NIGHT)
        for name in ("new/one", "old/one"):
            writer.add_repository(_repository(writer, name, "listed"))
        writer.add_images(_image(writer, "old/one", raw) for raw in (SCHEMA1, BROKEN, NOT_UTF8))
        writer.add_images(_image(writer, "new/one", raw) for raw in (AMD, ARM, INDEX, SIGNATURE))
        writer.commit_run(_run(writer, images=7, repositories=2, fetched=len(FIRST_NIGHT), failures=0))
    with store.writer(now=lambda: SECOND, version="0.1.0") as writer:
        _add(writer, SECOND_NIGHT)
        writer.add_repository(_repository(writer, "new/one", "listed"))
        writer.add_repository(_repository(writer, "old/one", "deleted"))
        writer.add_images(_image(writer, "new/one", raw) for raw in (AMD, INDEX, LATER))
        cause = ("BatchGetImage", "ImageInaccessible", "archived")
        writer.add_failure(FailureRow(writer.run_id, *PLACE, "new/one", digest_of("cold"), "cold", *cause))
        writer.commit_run(_run(writer, images=3, repositories=1, fetched=1, failures=1))


def age(folder: Path) -> None:
    """Look after the store, for a format in which that leaves traces: merge two segments, prune a run."""
    later = SECOND + timedelta(hours=1)
    with Store.open(folder).upkeep(now=lambda: later, command="indexer compact") as held:
        first, second, _ = held.versions(MANIFESTS).current
        tables = merged([read_segment(held.folder, name) for name in (first, second)])
        held.replace(MANIFESTS, Span.of(first, second), tables, VERSION)
        held.mark_pruned(held.versions(RUNS).current[0])


def unpack(number: int, folder: Path) -> Path:
    """Unpack the store of format `number` that is kept in the repository; return where it is."""
    with tarfile.open(FOLDER / f"format-{number}.tar.xz") as kept:
        kept.extraction_filter = getattr(tarfile, "data_filter", None)  # Pythons of before 3.11.4 have none
        kept.extractall(folder)  # noqa: S202 - our own archive
    return folder / "store"


def pack(store: Path, number: int) -> None:
    """Keep `store` as that of format `number`."""
    (store / "lock").unlink()  # says which machine wrote it
    with tarfile.open(FOLDER / f"format-{number}.tar.xz", "w:xz") as kept:
        kept.add(store, "store", filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    return entry.replace(uid=0, gid=0, uname="", gname="", mtime=0, deep=False)


def _add(writer: Writer, documents: tuple[bytes, ...]) -> None:
    for order, raw in enumerate(documents):
        name = "old/one" if raw in {SCHEMA1, BROKEN, NOT_UTF8} else "new/one"
        source = Source(*PLACE, name, writer.started_at + timedelta(seconds=order))
        writer.add(flatten(digest_of(raw), raw, source), order)


def _repository(writer: Writer, name: str, status: str) -> RepositoryRow:
    uri = f"{PLACE[0]}.dkr.ecr.{PLACE[1]}.amazonaws.com/{name}"
    return RepositoryRow(writer.run_id, *PLACE, name, uri, PUSHED, "MUTABLE", "AES256", None, status, None)


def _image(writer: Writer, name: str, raw: bytes) -> ImageRow:
    tags = ["latest", "v1"] if raw == INDEX else []
    pulled = PUSHED + timedelta(hours=3) if raw == AMD else None
    digest = digest_of(raw)
    return ImageRow(writer.run_id, *PLACE, name, digest, tags, None, None, 1234, PUSHED, pulled, "ACTIVE", None)


def _run(writer: Writer, *, images: int, repositories: int, fetched: int, failures: int) -> RunRow:
    end = writer.started_at + timedelta(minutes=1)
    counts = (repositories, images, 12, fetched, failures, 4321)
    return RunRow(writer.run_id, writer.started_at, end, failures == 0, "0.1.0", [TargetName(*PLACE)], *counts)


if __name__ == "__main__":  # a new format, or columns added to one that no release has: docs in store/golden/README.md
    with TemporaryDirectory() as temporary:
        write(Path(temporary) / "store")
        age(Path(temporary) / "store")
        pack(Path(temporary) / "store", FORMAT)
