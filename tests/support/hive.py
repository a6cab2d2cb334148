"""The tables as Athena declares them, made from their schemas: what docs/reading-elsewhere.md has to say."""

from __future__ import annotations

from indexer.tables import Table

_TYPES = {
    "string": "string",
    "int32": "int",
    "int64": "bigint",
    "bool": "boolean",
    "timestamp": "timestamp",
    "strings": "array<string>",
    "map": "map<string,string>",
    "targets": "array<struct<registry_id:string,region:string>>",
}


def declaration(table: Table) -> str:
    """Return the statement that makes `table` an external table over a list of files."""
    columns = ",\n".join(f"  `{column.name}` {_TYPES[column.type]}" for column in table.columns)
    return (
        f"create external table stored_{table.name} (\n{columns}\n)\n"
        "row format serde 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'\n"
        "stored as inputformat 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'\n"
        "outputformat 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'\n"
        f"location 's3://BUCKET/athena/{table.name}/';\n"
    )
