"""The text output: a line of values with tabs between them for each object, objects within it on lines of their own.

"Text output format", AWS CLI user guide: columns stand in the order of their names, and a nested object's line begins
with its name in capitals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


def text(found: Any) -> str:
    """Return `found` (an answer, or what a query found in it) as text, every line with its end."""
    return "".join(line + "\n" for line in _lines(found, None, None))


def _lines(item: Any, name: str | None, columns: Sequence[str] | None) -> Iterator[str]:
    if isinstance(item, dict):
        yield from _object(item, name, columns)
    elif isinstance(item, list):
        yield from _list(item, name)
    else:
        yield str(item)


def _object(item: Mapping[str, Any], name: str | None, columns: Sequence[str] | None) -> Iterator[str]:
    own = columns if columns is not None else sorted(key for key, value in item.items() if _scalar(value))
    values = [str(item.get(key, "")) for key in own]
    if values:
        yield "\t".join(values if name is None else [name.upper(), *values])
    for key in sorted(set(item) - set(own)):
        yield from _lines(item[key], key, None)


def _list(items: Sequence[Any], name: str | None) -> Iterator[str]:
    if any(isinstance(item, dict) for item in items):
        columns = sorted({key for item in items for key, value in item.items() if _scalar(value)})
        for item in items:
            yield from _lines(item, name, columns)
        return
    yield from _values([item for item in items if _scalar(item)], name)
    for item in items:
        if not _scalar(item):
            yield from _lines(item, name, None)


def _values(values: Iterable[Any], name: str | None) -> Iterator[str]:
    words = [str(value) for value in values]
    if name is not None:
        yield from (f"{name.upper()}\t{word}" for word in words)
    elif words:
        yield "\t".join(words)


def _scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)
