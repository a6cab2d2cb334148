"""Every real document, served as one registry: with true media types, and with wrong ones."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from support.world import World, world

from indexer.local_ecr import Registry
from indexer.model import ACCEPTED_MEDIA_TYPES

Document = tuple[dict[str, Any], bytes]


@pytest.fixture(scope="module")
def documents(corpus: Path) -> list[Document]:
    lines = (corpus / "manifests.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    (folder,) = {path.parent for path in (corpus / "manifests").iterdir()}
    by_digest = {path.name.partition(".")[0]: path for path in folder.iterdir()}
    return [(each, by_digest[each["sha256"]].read_bytes()) for each in found]


def served(documents: list[Document], *, truly: bool) -> Registry:
    """A registry of all documents, with tags, under the digest of their bytes; a wrong media type is another's."""
    registry = Registry()
    registry.create_repository("corpus/all")
    wrong = itertools.cycle(ACCEPTED_MEDIA_TYPES)
    for entry, raw in documents:
        media_type = entry["media_type"] or None
        while not truly and (media_type is None or media_type == entry["media_type"]):
            media_type = next(wrong)
        registry.put_image(
            "corpus/all", raw, tags=[entry["sha256"][:12]], media_type=media_type, digest=f"sha256:{entry['sha256']}"
        )
    return registry


def plain_reading(raw: bytes) -> tuple[list[str], str | None]:
    """The layer digests, base first, and the config's digest, read in the plainest way."""
    document = json.loads(raw)
    config = (document.get("config") or {}).get("digest")
    if "fsLayers" in document:
        return [each["blobSum"] for each in reversed(document["fsLayers"])], None
    listed = document.get("layers") or document.get("blobs") or []
    return [each["digest"] for each in listed], config


def test_the_corpus_is_whole(documents: list[Document]) -> None:
    assert len(documents) == 679
    for entry, raw in documents:
        assert hashlib.sha256(raw).hexdigest() == entry["sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("truly", [True, False], ids=["true media types", "wrong media types"])
def test_every_document_is_rows_or_a_failure(documents: list[Document], tmp_path: Path, *, truly: bool) -> None:
    with world(tmp_path / "store", [served(documents, truly=truly)]) as the_world:
        summary = the_world.run()
        assert summary.row.images == 679
        check_rows(the_world, documents)
        check_accounting(the_world, documents)


def check_rows(the_world: World, documents: list[Document]) -> None:
    manifests = {each["manifest_digest"]: each for each in the_world.rows("manifests")}
    layers: dict[str, list[str]] = {}
    for row in sorted(the_world.rows("layers"), key=lambda row: row["position"]):
        layers.setdefault(row["manifest_digest"], []).append(row["layer_digest"])
    configs = {each["manifest_digest"]: each["config_digest"] for each in the_world.rows("configs")}
    for entry, raw in documents:
        digest = f"sha256:{entry['sha256']}"
        if digest in manifests and manifests[digest]["problem"] is not None:
            assert digest not in layers
            assert digest not in configs
            assert entry["kind"] == "invalid", entry
        if entry["kind"] == "invalid":
            continue
        assert manifests[digest]["problem"] is None, entry
        assert manifests[digest]["raw"].encode() == raw
        assert (layers.get(digest, []), configs.get(digest)) == plain_reading(raw), entry


def check_accounting(the_world: World, documents: list[Document]) -> None:
    """Each document is either a manifest without a problem or exactly one failure, never both or neither."""
    failed = [each["manifest_digest"] for each in the_world.rows("failures")]
    assert len(failed) == len(set(failed))
    good = {each["manifest_digest"] for each in the_world.rows("manifests") if each["problem"] is None}
    assert not good & set(failed)
    assert good | set(failed) == {f"sha256:{entry['sha256']}" for entry, _ in documents}
    assert set(failed) <= {f"sha256:{entry['sha256']}" for entry, _ in documents if entry["kind"] == "invalid"}
    # What the corpus has no reason against was refused by older specifications only (tests/flatten says which).
    reasoned = (entry for entry, _ in documents if entry["kind"] == "invalid" and entry["problems"])
    assert set(failed) >= {f"sha256:{entry['sha256']}" for entry in reasoned}
