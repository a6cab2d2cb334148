"""How rows become columns on their way into a segment: the short ways give what the rows, one by one, would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import descriptor, document, image, index
from support.store_rows import NOON, read

from indexer.flatten import Bundle, Flattened, Given, Source, flatten, flatten_all
from indexer.model import Digest
from indexer.store import Store
from indexer.store.parquet import arrow_of, columns_of
from indexer.tables import FAILURES, INDEX_ENTRIES, LAYERS, FailureRow, to_arrow

SOURCE = Source("123456789012", "eu-west-1", "shop/web", NOON, 1_700_000_000_000_000)


def flat(raw: bytes, source: Source = SOURCE) -> Flattened:
    return flatten(Digest.of(raw), raw, source)


def documents() -> list[bytes]:
    """Manifests of the common form and others; with no layer, with one, with many, and with layers that differ."""
    unlike = [
        descriptor("f", 6),
        descriptor("g", 7, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        descriptor("h", 8, annotations={"k": "v"}),
    ]
    child = image("child", {"a": 1})
    return [
        image("c1", {"a": 1, "b": 2, "c": 3}),
        image("c2", {}),
        image("c3", [("a", 1), ("b", 2), ("a", 1)]),
        image("c4", {"d": 4}, subject=descriptor("subject", 5)),
        index(child, platforms=[("linux", "amd64")]),
        b"no manifest",
        image("c5", {"e": 5}, annotations={"k": "v"}),
        _with_layers("c6", unlike),
        _with_layers("c7", [descriptor("i", 9, annotations={})]),
        image("c8", {"j": 10, "k": 11}),
    ]


def _with_layers(config: str, layers: list[dict[str, Any]]) -> bytes:
    return document(json.loads(image(config, {})) | {"layers": layers})


@pytest.mark.parametrize("take", [1, 3, 10])
def test_layers_stand_as_their_rows_say(tmp_path: Path, take: int) -> None:
    facts = [flat(raw) for raw in documents()]
    given = [Given(Digest.of(raw), raw, SOURCE, order=order) for order, raw in enumerate(documents())]
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version="0") as writer:
        for start in range(0, len(given), take):
            part = given[start : start + take]
            assert writer.add_all(flatten_all(part)) == len(part)
        assert writer.add_all(flatten_all(given)) == 0
        assert writer.duplicates == len(facts)
    files = store.files()
    for table, rows in (
        ("manifests", [each.manifest for each in facts]),
        ("layers", [row for each in facts for row in each.layers]),
        ("configs", [row for each in facts for row in each.configs]),
        ("index_entries", [row for each in facts for row in each.index_entries]),
    ):
        found = [tuple(_plain(value) for value in row.values()) for row in read(files, table)]
        assert found == [tuple(_plain(value) for value in row) for row in rows], table


def _plain(value: Any) -> Any:
    if value == SOURCE.pulled_at:
        return NOON.fromtimestamp(0, NOON.tzinfo) + timedelta(microseconds=value)
    return dict(value) if isinstance(value, list) else value


@pytest.mark.slow
def test_many_manifests_that_come_out_of_order_are_all_there(tmp_path: Path) -> None:
    """More than are held as rows: parts of them become Arrow as they come."""
    each = [(flat(image(f"c{n}", {"base": 1, f"l{n}": n + 1})), n) for n in range(5_000)]
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version="0", segment_manifests=10_000) as writer:
        for start in (900, 0, 300, 600, *range(1_200, 5_000, 300)):
            writer.add_all(Bundle.of(each[start : start + 300]))
    # The first segments of a run are small: of each, what was added late stands behind.
    assert sorted(row["layer_digest"] for row in read(store.files(), "layers")) == sorted(
        row.layer_digest for flattened, _ in each for row in flattened.layers
    )
    assert len(read(store.files(), "manifests")) == 5_000
    rows = read(store.files(), "layers")
    assert [row["position"] for row in rows] == [0, 1] * 5_000
    assert len(store.files().segments) < 10


_TEXTS = st.sampled_from(["", "a", "a", "b", "é" * 40])
_FAILURE = st.builds(
    FailureRow, _TEXTS, st.one_of(st.none(), _TEXTS), _TEXTS, st.none(), _TEXTS, st.none(), _TEXTS, _TEXTS, _TEXTS
)


@settings(deadline=None, max_examples=60)
@given(st.lists(_FAILURE, max_size=5))
def test_columns_with_one_value_are_those_of_their_rows(rows: list[FailureRow]) -> None:
    assert arrow_of(FAILURES, columns_of(rows)).equals(to_arrow(FAILURES, rows))


@pytest.mark.parametrize("annotations", [[None, None], [None, {"k": "v"}], [{"k": "v"}, {"k": "v"}]])
def test_columns_of_maps_too(annotations: Sequence[Any]) -> None:
    rows = [("sha256:m", at, "sha256:l", None, 2**40, True, each, False) for at, each in enumerate(annotations)]
    assert arrow_of(LAYERS, columns_of(rows)).equals(to_arrow(LAYERS, rows))


def test_no_rows_are_an_empty_table() -> None:
    empty = arrow_of(INDEX_ENTRIES, columns_of([]))
    assert empty.schema.equals(INDEX_ENTRIES.schema, check_metadata=True)
    assert len(empty) == 0
