"""Parameters of named queries: declared in a header, given as text on a command line or as Python values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite

from indexer.catalog.headers import Header, HeaderLine
from indexer.errors import QueryError
from indexer.model import Digest

Value = int | float | str | bool | date | datetime | None

_DECLARATION = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*) (?P<type>[a-z]+)(?: = (?P<default>\S|\S.*?\S))? : (?P<description>\S.*)", re.ASCII
)
_GRAMMAR = "expected 'name type : description' or 'name type = default : description'"
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64 = 2**63
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _TooLargeError(ValueError):
    """A whole number that does not fit into 64 bits."""


def _integer(value: object) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError  # noqa: TRY004 - the one error that means "not of this type"
    if not -_INT64 <= value < _INT64:
        raise _TooLargeError
    return value


def _count(value: object) -> int:
    if (count := _integer(value)) < 0:
        raise ValueError
    return count


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise ValueError  # noqa: TRY004 - as above
    number = float(value)
    if not isfinite(number):
        raise ValueError
    return number


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - as above
    return str(value)


def _glob(value: object) -> str:
    if not (text := _text(value)):
        raise ValueError
    return text


def _digest(value: object) -> str:
    return str(Digest.parse(value))


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[value.lower()]


def _date(value: object) -> date:
    if isinstance(value, datetime):
        raise ValueError  # noqa: TRY004 - as above
    return value if isinstance(value, date) else date.fromisoformat(_text(value))


def _timestamp(value: object) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


TYPES: Mapping[str, tuple[Callable[[object], Value], str]] = {
    "integer": (_integer, "a whole number such as 20"),
    "count": (_count, "a whole number such as 20, not below 0"),
    "number": (_number, "a number such as 0.1"),
    "text": (_text, "text"),
    "glob": (_glob, "a pattern such as team-*/app (* any text, ? one character, [ab] one of these)"),
    "digest": (_digest, "a whole digest, sha256: and 64 hexadecimal characters in lower case"),
    "boolean": (_boolean, "true or false"),
    "date": (_date, "a date such as 2026-01-31"),
    "timestamp": (_timestamp, "a time such as 2026-01-31T12:00:00, UTC unless it says otherwise"),
}
"""The types a parameter may have: how a value is read, and how that is said to people."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query; `default` holds where it is not `required`, and None is SQL's NULL."""

    name: str
    type: str
    description: str
    required: bool
    default: Value = None

    def cast(self, value: object) -> Value:
        """Return `value` (text, or a Python value) as this parameter's type; QueryError says what is expected.

        None and the text `null` are NULL, where the default is NULL too.
        """
        if self._nullable and (value is None or value == "null"):
            return None
        read, expected = TYPES[self.type]
        try:
            return read(value)
        except (ValueError, OverflowError) as error:
            if isinstance(error, _TooLargeError):
                expected = f"a whole number from {-_INT64 if self.type == 'integer' else 0} to {_INT64 - 1}"
            alternative = ", or null" if self._nullable else ""
            raise QueryError(
                f"{self.name}={_shown(value)}: expected {expected}{alternative} ({self.description})"
            ) from error

    @property
    def _nullable(self) -> bool:
        return not self.required and self.default is None


def read_parameter(header: Header, line: HeaderLine) -> Parameter:
    """Return the parameter that a `-- parameter:` line declares; QueryError with file and line."""
    match = _DECLARATION.fullmatch(line.value)
    if match is None:
        raise header.wrong(line.number, f"{_GRAMMAR}, found {line.value!r}")
    name, type_, default, description = match["name"], match["type"], match["default"], match["description"]
    if type_ not in TYPES:
        raise header.wrong(line.number, f"unknown type '{type_}' of parameter {name}; known are {', '.join(TYPES)}")
    parameter = Parameter(name, type_, description, required=default is None)
    if default is None:
        return parameter
    try:
        value = None if default == "null" else parameter.cast(default)
    except QueryError as error:
        raise header.wrong(line.number, f"the default is no {type_}: {error}") from error
    return Parameter(name, type_, description, required=False, default=value)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text) if not text or " " in text else text
