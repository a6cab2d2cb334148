"""A million documents derived from good ones, each of which becomes rows or says what is wrong with it.

    python -m endurance.fuzz --documents 1000000

A quarter of them are damaged as text (bytes changed, cut, doubled), the others as documents (members dropped, doubled,
exchanged for something else). Nothing may be raised, nothing may hang, and a document gives all of its rows or none.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random, SystemRandom
from types import FrameType
from typing import Any

from support.manifests import OCI_CONFIG, descriptor, digest_of, document, image, index

from indexer import tables
from indexer.flatten import Bundle, Flattened, Given, Source, flatten, flatten_all

SOURCE = Source("123456789012", "eu-west-1", "team/app", datetime(2026, 5, 1, 12, tzinfo=UTC))
PATIENCE = 10
"""Seconds for one document, of which most take some ten thousandths; more is a hang."""
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 1e308, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**40, -(2**63) - 1),
    *(
        "",
        " ",
        "x",
        "sha256:",
        "sha256:" + "0" * 64,
        "SHA256:" + "A" * 64,
        "sha512:" + "0" * 128,
        "\x00",
        "\ud800",
        "\u202e",
    ),
    *([], {}, [[]], [{}], [None], {"": ""}, {"a": {}}, {"mediaType": 1}, {"digest": None}),
    *("application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json; a=b", "text/html"),
)
_BYTES: tuple[bytes, ...] = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\\",
    b"\\u0000",
    b"\xff",
    b"\xc3",
    b"\x00",
    b"-",
    b"9" * 30,
)
_NAMES = (
    "mediaType",
    "digest",
    "size",
    "layers",
    "manifests",
    "config",
    "annotations",
    "platform",
    "schemaVersion",
    "fsLayers",
)


class Hang(Exception):  # noqa: N818 - what happened
    """A document took longer than PATIENCE."""


def seeds(corpus: Path | None = None) -> list[bytes]:
    """Return good documents of every kind; with those of `corpus`, a folder of files, where it is there."""
    one = image("config", {"base": 1000, "top": 2**33}, annotations={"a": "b"})
    subject = descriptor("subject", 5, "application/vnd.oci.image.manifest.v1+json")
    history = [{"v1Compatibility": json.dumps({"id": str(n), "architecture": "amd64"})} for n in range(2)]
    made = [
        one,
        image("config", [("base", 1), ("base", 1)]),
        index(one, one, platforms=[("linux", "amd64"), ("unknown", "unknown")]),
        image("sbom", {"spdx": 10}, subject=subject, artifactType="application/spdx+json"),
        document({"schemaVersion": 2, "config": descriptor("c", 2, OCI_CONFIG), "layers": [], "annotations": None}),
        document(
            {"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "artifactType": "a/b", "blobs": [subject]}
        ),
        document(
            {
                "schemaVersion": 1,
                "name": "a",
                "tag": "b",
                "fsLayers": [{"blobSum": digest_of("x")}, {"blobSum": digest_of("y")}],
                "history": history,
            }
        ),
    ]
    found = (
        sorted(path for path in corpus.iterdir() if path.is_file()) if corpus is not None and corpus.is_dir() else []
    )
    return made + [path.read_bytes() for path in found]


def damaged(random: Random, originals: Sequence[bytes], documents: Sequence[Any]) -> bytes:
    """Return one of the originals with one to four damages."""
    at = random.randrange(len(originals))
    times = random.choice([1, 1, 1, 2, 4])
    if documents[at] is None or random.random() < 0.25:
        raw = originals[at]
        for _ in range(times):
            raw = _damaged_text(random, raw, originals)
        return raw
    content = [copy.deepcopy(documents[at])]
    for _ in range(times):
        _damage(random, content)
    return json.dumps(content[0]).encode()


def _damaged_text(random: Random, raw: bytes, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(raw) + 1)
    to = min(len(raw), at + random.choice([1, 1, 2, 8, 64]))
    kind = random.randrange(6)
    if kind == 0:
        return raw[:at] + raw[to:]
    if kind == 1:
        return raw[:at] + random.choice(_BYTES) + raw[at:]
    if kind == 2:
        return raw[:at] + bytes([random.randrange(256)]) + raw[at + 1 :]
    if kind == 3:
        return raw[:to] + raw[at:]
    if kind == 4:
        return raw[:at]
    other = random.choice(others)
    return raw[:at] + other[random.randrange(len(other) + 1) :]


def _damage(random: Random, content: list[Any]) -> None:
    """Change something somewhere in `content`, a list of the document alone."""
    places = list(_places(content))
    holder, key = random.choice(places)
    kind = random.randrange(5)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[random.choice(_NAMES)] = holder[key]
    elif kind == 2 and isinstance(holder[key], list):
        holder[key] = holder[key] * random.choice([2, 3, 50])
    elif kind == 3:
        other, name = random.choice(places)
        holder[key] = copy.deepcopy(other[name]) if name in other or isinstance(other, list) else None
    else:
        holder[key] = copy.deepcopy(random.choice(_ODD))


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        yield holder, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


_LAYERS = {"application/vnd.oci.artifact.manifest.v1+json": "blobs", "schema1": "fsLayers", "index": "no such member"}
"""Where a document has its layers, by its media type or kind; others have them under their own name."""


def check(raw: bytes) -> str:
    """Flatten a document; return its kind. AssertionError where it became neither all its rows nor a reason."""
    digest = "sha256:" + hashlib.sha256(raw).hexdigest()
    rows = flatten(digest, raw, SOURCE)
    manifest = rows.manifest
    assert manifest.manifest_digest == digest
    check_together(digest, raw, rows)
    if manifest.kind == "unknown":
        assert manifest.problem, "no rows, and no reason"
        assert [*rows.layers, *rows.configs, *rows.index_entries] == [], "some rows of a document that is no good"
        assert manifest.problem.isprintable()
        assert len(manifest.problem) < 1000
        return "unknown"
    assert manifest.problem is None
    content = json.loads(raw)
    # Upper and lower case are the same in a media type, and parameters may follow.
    media_type = str(manifest.media_type).lower().partition(";")[0].strip()
    listed = content.get(_LAYERS.get(media_type, _LAYERS.get(manifest.kind, "layers"))) or ()
    assert len(rows.layers) == len(listed) == manifest.layer_count, "not all of its layers"
    children = content["manifests"] if manifest.kind == "index" else ()
    assert len(rows.index_entries) == len(children or ()), "not all of its children"
    assert manifest.raw.encode() == raw
    return str(manifest.kind)


def check_together(digest: str, raw: bytes, rows: Flattened) -> None:
    """Raise AssertionError where the way of many documents together gives others than these `rows`."""
    many, one = flatten_all([Given(digest, raw, SOURCE)]), Bundle.of([(rows, 0)])
    for part in Bundle.__slots__:
        # As text, for True is 1 and 2.0 is 2, but not in a column.
        assert repr(getattr(many, part)) == repr(getattr(one, part)), f"{part} differ"


def writable(flattened: Sequence[Flattened]) -> None:
    """Raise where rows cannot be stored."""
    tables.to_arrow(tables.MANIFESTS, [each.manifest for each in flattened])
    tables.to_arrow(tables.LAYERS, [row for each in flattened for row in each.layers])
    tables.to_arrow(tables.CONFIGS, [row for each in flattened for row in each.configs])
    tables.to_arrow(tables.INDEX_ENTRIES, [row for each in flattened for row in each.index_entries])


def fuzz(seed: int, count: int, originals: Sequence[bytes]) -> Counter[str]:
    """Check `count` damaged documents; return how many became what. Raises with the document that fails."""
    random = Random(f"fuzz {seed}")  # noqa: S311 - repeatable
    documents = [parsed(raw) for raw in originals]
    became: Counter[str] = Counter()
    kept: list[Flattened] = []
    before = signal.signal(signal.SIGALRM, _hang)
    try:
        for number in range(count):
            raw = damaged(random, originals, documents)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            try:
                became[check(raw)] += 1
            except BaseException as error:
                raise AssertionError(f"seed {seed}, document {number}: {raw!r}") from error
            if number % 50 == 0:
                kept.append(flatten("sha256:x", raw, SOURCE))
        signal.setitimer(signal.ITIMER_REAL, 0)
        writable(kept)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return became


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise Hang


def parsed(raw: bytes) -> Any:
    """Return a document's members; None where it is no JSON, or no object."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def main() -> int:
    """Check so many documents; print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument(
        "--corpus", type=Path, help="a folder of documents to derive others from, besides the built-in ones"
    )
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    originals = [raw for raw in seeds(asked.corpus) if len(raw) < 100_000]
    began = time.monotonic()
    became = fuzz(asked.seed, asked.documents, originals)
    took = time.monotonic() - began
    print(f"{asked.documents:,} documents from {len(originals)} originals in {took:,.0f} s: {dict(became)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
