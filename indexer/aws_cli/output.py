"""An answer as the AWS CLI prints it: json, text or table, of the whole or of what --query finds in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from indexer.aws_cli.table import table
from indexer.aws_cli.text import text
from indexer.errors import AwsCliError

FORMATS: Final = ("json", "text", "table")
_OPERATION: Final = "BatchGetImage"


def render(answer: Mapping[str, Any], format_: str, *, search: Any = None, width: int = 80, color: bool = False) -> str:
    """Return `answer` in one of FORMATS, or of it what the compiled JMESPath expression `search` finds.

    `width` is that of the terminal, beyond which a table's rows become columns. Raises AwsCliError for an unknown
    format, for an expression that fails on this answer, and for a shape that the format does not take.
    """
    if format_ not in FORMATS:  # of AWS_DEFAULT_OUTPUT or a configuration file; the option is checked before
        raise AwsCliError(f"\nUnknown output type: {format_}")
    try:
        found = answer if search is None else search.search(answer)
        if format_ == "json":
            return as_json(found)
        return text(found) if format_ == "text" else table(_OPERATION, found, width=width, color=color)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise AwsCliError(f"\n{error}") from error


def as_json(found: Any) -> str:
    """Return `found` as JSON with 4 spaces and any letter as it is; nothing for an empty object."""
    return "" if found == {} else json.dumps(found, indent=4, ensure_ascii=False) + "\n"
