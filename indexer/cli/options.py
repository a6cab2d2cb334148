"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from indexer.cli.completion import query_parameters


class Format(StrEnum):
    """How rows are printed: for people (table, markdown) or exact, for programs (json, csv)."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


StoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="STORE",
        envvar="INDEXER_STORE",
        help="The store: a folder, or s3://BUCKET/PREFIX; default: store: in the config.",
    ),
]
ConfigOption: TypeAlias = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="The configuration; default: config.yaml, where it is.")
]
FormatOption: TypeAlias = Annotated[Format, typer.Option("--format", help="How to print the rows.")]
LimitOption: TypeAlias = Annotated[int | None, typer.Option("--limit", min=0, metavar="N", help="N rows at most.")]
SortOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--sort", metavar="COLUMN[:desc]", help="Order the answer's rows; may be repeated."),
]
ParametersOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", "-p", metavar="KEY=VALUE", help="A parameter; may be repeated.", autocompletion=query_parameters
    ),
]
GRACE_HOURS = 24.0
GraceOption: TypeAlias = Annotated[
    float,
    typer.Option(
        "--grace-hours",
        min=0,
        max=1_000_000,  # a century; a datetime cannot go back much further
        metavar="H",
        help="Remove files that were replaced H hours ago or longer; 0 only where nobody reads the store now.",
    ),
]
