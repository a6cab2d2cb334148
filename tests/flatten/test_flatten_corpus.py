"""Every document of the corpus of real and documented manifests, against a plain reading of its JSON.

The corpus is not part of the project; where it is absent, these tests are skipped.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from indexer import tables
from indexer.flatten import Flattened, Source, digest_matches, flatten
from indexer.model import Digest, Kind

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
SOURCE = Source("123456789012", "eu-west-1", "corpus", datetime(2026, 5, 1, 12, tzinfo=UTC))
KINDS = {
    "oci-manifest": {Kind.IMAGE, Kind.ARTIFACT, Kind.ATTESTATION},
    "schema2": {Kind.IMAGE, Kind.ARTIFACT},
    "oci-index": {Kind.INDEX},
    "list": {Kind.INDEX},
    "schema1": {Kind.SCHEMA1},
    "schema1-signed": {Kind.SCHEMA1},
    "artifact": {Kind.ARTIFACT},
    "attestation": {Kind.ATTESTATION},
}


class Document(NamedTuple):
    label: dict[str, Any]
    raw: bytes
    rows: Flattened

    @property
    def name(self) -> str:
        return f"{self.label['sha256'][:12]} ({self.label['kind']}, {self.label['problems']})"

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.raw)
        return content


@pytest.fixture(scope="module")
def corpus() -> list[Document]:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real manifests is not beside this checkout (../shared/corpus)")
    labels = [json.loads(line) for line in (CORPUS / "manifests.jsonl").read_text(encoding="utf-8").splitlines()]
    return [read(label) for label in labels]


@pytest.fixture(scope="module")
def valid(corpus: list[Document]) -> list[Document]:
    return [each for each in corpus if each.label["kind"] != "invalid"]


def read(label: dict[str, Any]) -> Document:
    raw = (CORPUS / "manifests" / f"{label['sha256']}.json").read_bytes()
    return Document(label, raw, flatten(f"sha256:{label['sha256']}", raw, SOURCE))


def shape(content: Any) -> Any:
    """A document without what tells it from its likes: digests, sizes, and whether it says what it is."""
    if isinstance(content, dict):
        return {key: shape(value) for key, value in content.items() if key not in {"digest", "size"}}
    return [shape(each) for each in content] if isinstance(content, list) else content


def shape_without_media_type(raw: bytes) -> str:
    content = json.loads(raw)
    content.pop("mediaType", None)
    return json.dumps(shape(content), sort_keys=True)


def test_every_valid_document_is_flattened_as_what_it_is(valid: list[Document]) -> None:
    assert {each.name: each.rows.manifest.problem for each in valid if each.rows.manifest.problem} == {}
    assert [each.name for each in valid if each.rows.manifest.kind not in KINDS[each.label["kind"]]] == []
    assert [each.name for each in valid if each.rows.manifest.media_type != each.label["media_type"]] == []


def test_every_invalid_document_is_one_row_with_a_problem(corpus: list[Document], valid: list[Document]) -> None:
    """Three documents were once to be refused, by tests of the specification that are older than its present text.

    They are known by their like: a valid document of the corpus has the same members, with other digests and sizes.
    """
    likes = {shape_without_media_type(each.raw) for each in valid}
    invalid = [each for each in corpus if each.label["kind"] == "invalid"]
    accepted = [each for each in invalid if each.rows.manifest.problem is None]
    assert [each.name for each in accepted if shape_without_media_type(each.raw) not in likes] == []
    assert [each.name for each in accepted if not each.label["source_expects_invalid"] or each.label["problems"]] == []
    refused = [each for each in invalid if each not in accepted]
    assert len(refused) > len(accepted) * 10
    assert [each.name for each in refused if each.rows.manifest.kind != Kind.UNKNOWN] == []
    assert [each.name for each in refused if any(each.rows[1:])] == []


def test_layers_are_those_of_a_plain_reading(valid: list[Document]) -> None:
    for document in valid:
        content = document.content
        plain = [
            (each["digest"], each["mediaType"], each["size"], each.get("annotations"))
            for each in (content.get("layers") or content.get("blobs") or [])
        ]
        plain += [(each["blobSum"], None, None, None) for each in reversed(content.get("fsLayers") or [])]
        rows = document.rows
        assert [(row[2], row[3], row[4], row[6]) for row in rows.layers] == plain, document.name
        assert [row.position for row in rows.layers] == list(range(len(plain)))
        assert rows.manifest.layer_count == len(plain)
        sizes = [size for _, _, size, _ in plain]
        assert rows.manifest.layer_bytes == (None if None in sizes else sum(sizes)), document.name
        for row in rows.layers:
            assert row.distributable == (
                "foreign" not in (row.media_type or "") and "nondist" not in str(row.media_type)
            )


def test_configs_are_those_of_a_plain_reading(valid: list[Document]) -> None:
    for document in valid:
        config = document.content.get("config")
        plain = [] if config is None else [(config["digest"], config["mediaType"], config["size"])]
        assert [row[1:4] for row in document.rows.configs] == plain, document.name
        assert document.rows.manifest[5:8] == (plain[0] if plain else (None, None, None)), document.name


def test_index_entries_are_those_of_a_plain_reading(valid: list[Document]) -> None:
    for document in valid:
        plain = [
            (
                at,
                *(each["digest"], each["mediaType"], each.get("artifactType"), each["size"]),
                *((each.get("platform") or {}).get(key) for key in ("os", "architecture", "variant", "os.version")),
                each.get("annotations"),
            )
            for at, each in enumerate(document.content.get("manifests") or [])
        ]
        rows = document.rows.index_entries
        assert [(*row[1:10], row.annotations) for row in rows] == plain, document.name


def test_the_rest_of_a_row_is_that_of_a_plain_reading(valid: list[Document]) -> None:
    for document in valid:
        content, row = document.content, document.rows.manifest
        subject = content.get("subject")
        assert row.subject_digest == (subject["digest"] if isinstance(subject, dict) else None), document.name
        assert row.artifact_type == content.get("artifactType"), document.name
        assert row.annotations == content.get("annotations"), document.name
        assert row.schema_version == content.get("schemaVersion"), document.name
        assert row.manifest_bytes == document.label["size"], document.name


def test_texts_are_kept_and_digests_match(corpus: list[Document]) -> None:
    for document in corpus:
        digest = Digest.parse(f"sha256:{document.label['sha256']}")
        assert digest_matches(digest, document.raw), document.name
        text = "not-utf8" not in document.label["problems"]
        assert (document.rows.manifest.raw.encode() == document.raw) is text, document.name
        assert document.rows.manifest.verified is text, document.name


def test_all_rows_fit_their_tables(corpus: list[Document]) -> None:
    arrow = tables.to_arrow(tables.MANIFESTS, [document.rows.manifest for document in corpus])
    assert arrow.num_rows == len(corpus)
    for name in ("layers", "configs", "index_entries"):
        rows = [row for document in corpus for row in getattr(document.rows, name)]
        assert tables.to_arrow(tables.TABLES[name], rows).num_rows == len(rows) > 0
