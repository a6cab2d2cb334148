"""Made-up manifests give the rows of a slow plain model; damaged ones never crash, and give all or nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor, digest_of

from indexer import tables
from indexer.flatten import Flattened, Source, flatten

SOURCE = Source("123456789012", "eu-west-1", "team/app", datetime(2026, 5, 1, 12, tzinfo=UTC))
DIGESTS = st.integers(0, 50).map(lambda number: digest_of(str(number))) | st.just("sha512:" + "0f" * 64)
LAYER_TYPES = st.sampled_from(
    [
        OCI_LAYER,
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.in-toto+json",
        "text/plain",
    ]
)
SIZES = st.sampled_from([0, 1, 2**31, 2**53 + 1, 2**55]) | st.integers(0, 2**40)
ANNOTATIONS = st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
NOWHERE: dict[str, Any] = {}


def descriptors(media_types: st.SearchStrategy[str], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"mediaType": media_types, "digest": DIGESTS, "size": SIZES},
        optional={
            "annotations": ANNOTATIONS,
            "urls": st.just(["https://example.com/x"]),
            "data": st.just("e30="),
            "artifactType": st.none() | st.just("application/example"),
            "unknown": st.integers() | st.text(max_size=3),
            **more,
        },
    )


PLATFORMS = st.none() | st.fixed_dictionaries(
    {"os": st.sampled_from(["linux", "windows"]), "architecture": st.sampled_from(["amd64", "arm"])},
    optional={
        "variant": st.sampled_from(["", "v7"]),
        "os.version": st.just("10.0"),
        "os.features": st.just(["win32k"]),
    },
)
TOP: dict[str, st.SearchStrategy[Any]] = {
    "annotations": ANNOTATIONS,
    "subject": st.none() | descriptors(st.just(OCI_MANIFEST)),
    "artifactType": st.none() | st.just("application/vnd.example"),
    "extra": st.integers(),
}
MANIFESTS = st.fixed_dictionaries(
    {
        "schemaVersion": st.just(2),
        "config": descriptors(st.sampled_from([OCI_CONFIG, "application/vnd.oci.empty.v1+json"])),
        "layers": st.lists(descriptors(LAYER_TYPES), max_size=6),
    },
    optional={"mediaType": st.just(OCI_MANIFEST), **TOP},
)
INDEXES = st.fixed_dictionaries(
    {
        "schemaVersion": st.just(2),
        "manifests": st.lists(descriptors(st.sampled_from([OCI_MANIFEST, OCI_INDEX]), platform=PLATFORMS), max_size=4),
    },
    optional={"mediaType": st.just(OCI_INDEX), **TOP},
)
ARTIFACTS = st.fixed_dictionaries(
    {
        "mediaType": st.just("application/vnd.oci.artifact.manifest.v1+json"),
        "artifactType": st.text(max_size=5),
    },
    optional={"blobs": st.lists(descriptors(LAYER_TYPES), max_size=3), "subject": TOP["subject"]},
)
RELICS = st.lists(DIGESTS, max_size=5).map(
    lambda digests: {
        "schemaVersion": 1,
        "fsLayers": [{"blobSum": each} for each in digests],
        "history": [{"v1Compatibility": "{}"} for _ in digests],
    }
)
DOCUMENTS = MANIFESTS | INDEXES | ARTIFACTS | RELICS
INDENTS = st.sampled_from([None, 0, 3])


def plain_layers(content: dict[str, Any], digest: str) -> list[tuple[Any, ...]]:
    """The rows of `layers`, read without any care for speed or for what could be wrong."""
    found = content.get("layers") or content.get("blobs") or []
    rows = [(each["digest"], each["mediaType"], each["size"], each.get("annotations")) for each in found]
    rows += [(each["blobSum"], None, None, None) for each in reversed(content.get("fsLayers") or [])]
    stored = [not any(word in str(kind) for word in ("foreign", "nondistributable")) for _, kind, _, _ in rows]
    return [
        (digest, at, name, kind, size, stored[at], notes, name in [each[0] for each in rows[:at]])
        for at, (name, kind, size, notes) in enumerate(rows)
    ]


def plain_entries(content: dict[str, Any], digest: str) -> list[tuple[Any, ...]]:
    """The rows of `index_entries`, likewise."""
    rows = []
    for at, each in enumerate(content.get("manifests") or []):
        platform = each.get("platform") or NOWHERE
        notes = each.get("annotations")
        attests = (notes or NOWHERE).get("vnd.docker.reference.type") == "attestation-manifest"
        what = (each["digest"], each["mediaType"], each.get("artifactType"), each["size"])
        where = tuple(platform.get(key) for key in ("os", "architecture", "variant", "os.version"))
        rows.append((digest, at, *what, *where, attests, notes))
    return rows


def plain_bytes(content: dict[str, Any]) -> int | None:
    if content.get("fsLayers"):
        return None
    sizes: list[int] = [each["size"] for each in content.get("layers") or content.get("blobs") or []]
    return sum(sizes)


@settings(deadline=None)
@given(DOCUMENTS, INDENTS, st.booleans())
def test_rows_are_those_of_a_slow_plain_model(content: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    raw = json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode()
    rows = flatten("sha256:x", raw, SOURCE)
    row, config = rows.manifest, content.get("config")
    assert row.problem is None
    assert rows.layers == plain_layers(content, "sha256:x")
    assert rows.index_entries == plain_entries(content, "sha256:x")
    plain = [] if config is None else [("sha256:x", config["digest"], config["mediaType"], config["size"])]
    assert [row[:4] for row in rows.configs] == plain
    assert [row.is_layer for row in rows.configs] == [
        row[1] in {each.layer_digest for each in rows.layers} for row in plain
    ]
    assert row[5:8] == (plain[0][1:] if plain else (None, None, None))
    assert (row.layer_count, row.layer_bytes) == (len(rows.layers), plain_bytes(content))
    assert row.subject_digest == (content.get("subject") or {"digest": None})["digest"]
    assert (row.artifact_type, row.annotations) == (content.get("artifactType"), content.get("annotations"))
    assert (row.raw, row.manifest_bytes) == (raw.decode(), len(raw))


@settings(deadline=None)
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_neither_order_nor_white_space_changes_the_rows(content: dict[str, Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = [(key, shuffled(each)) for key, each in value.items()]
            random.shuffle(items)
            return dict(items)
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    one, other = (
        flatten("sha256:x", raw, SOURCE)
        for raw in (json.dumps(content).encode(), json.dumps(shuffled(content), indent=1).encode())
    )
    assert one[1:] == other[1:]
    assert one.manifest._replace(raw="", manifest_bytes=0) == other.manifest._replace(raw="", manifest_bytes=0)


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**63, 2**64, 1.5, "", "12", "x" * 300, "\x00", "\ud800", float("nan"), float("inf"), [], {}]
) | st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=4)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) within a document."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from places(value[key])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A document with one to three members deleted, replaced, renamed or repeated, then perhaps cut or garbled."""
    content = copy.deepcopy(draw(DOCUMENTS))
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from([*places(content)] or [(content, "new")]))
        how = draw(st.sampled_from(["delete", "replace", "move"]))
        if how == "delete" and not (isinstance(container, dict) and key not in container):
            del container[key]
        elif how == "replace" or isinstance(container, list):
            container[key] = draw(ODD)
        else:
            container[draw(st.sampled_from(["layers", "manifests", "config", "fsLayers", "size"]))] = draw(ODD)
    raw = json.dumps(content).encode()
    at = draw(st.integers(0, len(raw)))
    return draw(
        st.sampled_from(
            [
                raw,
                raw[:at],
                raw[:at] + bytes([draw(st.integers(0, 255))]) + raw[at + 1 :],
                raw.replace(b'"size"', b'"digest"', 1),
                raw.replace(b"{", b'{"size": 1, ', draw(st.integers(1, 3))),
            ]
        )
    )


def check_all_or_nothing(raw: bytes, rows: Flattened) -> None:
    row = rows.manifest
    assert (row.problem is None) == (row.kind != "unknown")
    assert row.manifest_bytes == len(raw)
    if row.problem is not None:
        assert rows[1:] == ([], [], [])
        assert row.layer_count is None
        assert row.problem.isprintable()
        assert row.problem.isascii()
        assert len(row.problem) < 500
        return
    content = json.loads(raw)
    assert rows.layers == plain_layers(content, row.manifest_digest)
    assert rows.index_entries == plain_entries(content, row.manifest_digest)


@settings(max_examples=500, deadline=None)
@given(damaged())
def test_damaged_documents_never_crash_and_give_all_or_nothing(raw: bytes) -> None:
    check_all_or_nothing(raw, flatten("sha256:x", raw, SOURCE))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_one_row(raw: bytes) -> None:
    rows = flatten("sha256:x", raw, SOURCE)
    check_all_or_nothing(raw, rows)
    assert rows.manifest.kind == "unknown"


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(damaged() | DOCUMENTS.map(lambda content: json.dumps(content).encode()), min_size=1, max_size=30))
def test_rows_survive_parquet_and_duckdb(tmp_path: Path, raws: list[bytes]) -> None:
    flattened = [flatten(f"sha256:{at}", raw, SOURCE) for at, raw in enumerate(raws)]
    written: dict[str, list[Any]] = {
        "manifests": [each.manifest for each in flattened],
        "layers": [row for each in flattened for row in each.layers],
        "configs": [row for each in flattened for row in each.configs],
        "index_entries": [row for each in flattened for row in each.index_entries],
    }
    for name, rows in written.items():
        assert read_back(tmp_path, name, rows) == [tuple(row) for row in rows]


def read_back(folder: Path, name: str, rows: list[Any]) -> list[tuple[Any, ...]]:
    """`rows` after the way to a file and through DuckDB."""
    table, path = tables.TABLES[name], folder / f"{name}.parquet"
    pq.write_table(tables.to_arrow(table, rows), path, compression="zstd")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.sql(f"select * from read_parquet('{path}')").to_arrow_table()  # noqa: S608 - our own path
    return [tuple(map(plain_value, row.values())) for row in found.to_pylist()]


def plain_value(value: Any) -> Any:
    """A map comes back as a list of pairs."""
    return dict(value) if isinstance(value, list) else value


def test_the_character_nul_survives_parquet_and_duckdb(tmp_path: Path) -> None:
    content = {
        "schemaVersion": 2,
        "config": descriptor("config", 1, OCI_CONFIG),
        "layers": [descriptor("base", 2, annotations={"a\x00b": "\x00"})],
        "annotations": {"\x00": "x\x00y"},
    }
    rows = flatten("sha256:x", json.dumps(content).encode(), SOURCE)
    assert rows.manifest.annotations == {"\x00": "x\x00y"}
    assert read_back(tmp_path, "layers", list(rows.layers))[0][6] == {"a\x00b": "\x00"}
    assert read_back(tmp_path, "manifests", [rows.manifest]) == [tuple(rows.manifest)]
