"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class Format(StrEnum):
    """How rows are printed: for people (table, markdown) or exact, for programs (json, csv)."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class PageFormat(StrEnum):
    """How a page is printed."""

    TABLE = "table"
    JSON = "json"


StoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--store", metavar="DIR", envvar="INDEXER_STORE", help="The store; default: store: in the config."),
]
ConfigOption: TypeAlias = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="The configuration; default: config.yaml, where it is.")
]
FormatOption: TypeAlias = Annotated[Format, typer.Option("--format", help="How to print the rows.")]
PageFormatOption: TypeAlias = Annotated[PageFormat, typer.Option("--format", help="How to print what is known.")]
LimitOption: TypeAlias = Annotated[int | None, typer.Option("--limit", min=0, metavar="N", help="N rows at most.")]
ParametersOption: TypeAlias = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", metavar="KEY=VALUE", help="A parameter; may be repeated.")
]
