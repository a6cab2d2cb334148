"""The tables: a contract of names, types and descriptions, from one source."""

from __future__ import annotations

import typing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer import tables
from indexer.tables import TABLES, Table, rows

ROOT = Path(__file__).parent.parent
ROWS: dict[str, Any] = {
    "manifests": rows.ManifestRow,
    "layers": rows.LayerRow,
    "configs": rows.ConfigRow,
    "index_entries": rows.IndexEntryRow,
    "repositories": rows.RepositoryRow,
    "images": rows.ImageRow,
    "failures": rows.FailureRow,
    "runs": rows.RunRow,
}
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
EXAMPLES = {
    "string": "text",
    "int32": 7,
    "int64": 2**40,
    "bool": True,
    "timestamp": NOW,
    "strings": ["a", "b"],
    "map": {"k": "v"},
    "targets": [("123456789012", "eu-west-1"), (None, "us-east-1")],
}
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)


def example(table: Table) -> tuple[object, ...]:
    return tuple(EXAMPLES[column.type] for column in table.columns)


@every_table
def test_rows_have_the_columns_in_order(table: Table) -> None:
    assert ROWS[table.name]._fields == tuple(column.name for column in table.columns)


@every_table
def test_rows_and_columns_agree_on_null(table: Table) -> None:
    hints = typing.get_type_hints(ROWS[table.name])
    for column in table.columns:
        assert (type(None) in typing.get_args(hints[column.name])) is column.nullable, column.name


@every_table
def test_keys_and_look_ups_are_columns(table: Table) -> None:
    names = {column.name for column in table.columns}
    assert {*table.key, *table.look_ups} <= names


@every_table
def test_descriptions_travel_in_the_file(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    pq.write_table(tables.to_arrow(table, [example(table)]), path)
    schema = pq.read_schema(path)
    assert schema.metadata[b"description"].decode() == table.description
    for column in table.columns:
        assert schema.field(column.name).metadata[b"description"].decode() == column.description
        assert column.description.endswith((".", "…"))


@every_table
def test_rows_come_back_as_they_went(table: Table, tmp_path: Path) -> None:
    nulls = tuple(None if c.nullable else EXAMPLES[c.type] for c in table.columns)
    path = tmp_path / "file.parquet"
    pq.write_table(tables.to_arrow(table, [example(table), nulls]), path)
    back = pq.read_table(path)
    for column, first, second in zip(table.columns, example(table), nulls, strict=True):
        expected = [_as_arrow_gives(column.type, value) for value in (first, second)]
        assert back[column.name].to_pylist() == expected


def _as_arrow_gives(type_: str, value: object) -> object:
    if value is None:
        return None
    if type_ == "map" and isinstance(value, dict):
        return list(value.items())
    if type_ == "targets" and isinstance(value, list):
        return [{"registry_id": registry, "region": region} for registry, region in value]
    return value


@every_table
def test_no_rows_are_a_table_too(table: Table) -> None:
    empty = tables.to_arrow(table, [])
    assert empty.num_rows == 0
    assert empty.schema.equals(table.schema)


def test_what_does_not_fit_is_refused() -> None:
    row = list(example(tables.LAYERS))
    row[4] = 2**63
    with pytest.raises((OverflowError, pa.ArrowInvalid)):
        tables.to_arrow(tables.LAYERS, [tuple(row)])


def test_every_column_is_documented() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    for table in TABLES.values():
        assert f"## {table.name}\n" in page
        assert table.description in page
        for column in table.columns:
            cells = f"| `{column.name}` | {column.type} | {'yes' if column.nullable else 'no'} | {column.description} |"
            assert cells in page, f"docs/tables.md lacks: {cells}"
