"""JSON at the door: bytes become one parsed document, or an error that says why they do not.

RFC 8259 leaves open what readers do with repeated keys, lone surrogates, NaN and deep nesting. Here each of them is an
error, because two readers that differ would see two different manifests under one digest.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from indexer.errors import DocumentError
from indexer.flatten.checks import quoted

_TOO_DEEP = "nested too deep to be a manifest: no manifest needs more than a few levels"


def load(raw: bytes) -> Any:
    """Return the JSON value that `raw` holds; DocumentError where it is not JSON that all readers read alike."""
    document = parsed(raw)
    refuse_repeated_keys(raw, document)
    return document


def parsed(raw: bytes) -> Any:
    """Return the JSON value that `raw` holds, of repeated keys the last; DocumentError where it is not JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DocumentError(f"not JSON: {error}") from None


def refuse_repeated_keys(raw: bytes, document: Any) -> None:
    r"""Raise DocumentError where an object in `raw` has a key twice.

    The quick test counts quotation marks. Written out again, a document has as many as it had, for strings keep theirs;
    but a key that stands twice is written once, with two marks less. Only the escape \u0022 spoils the sum: it has no
    mark, and is written back with one. So a document with escapes of that form is read again, slowly. Counting adds
    2.5 microseconds to a manifest of ten layers, the slow road another 12.
    """
    try:
        written = orjson.dumps(document)
    except orjson.JSONEncodeError:  # it reads up to 1024 levels and writes up to 254
        raise DocumentError(_TOO_DEEP) from None
    # One character is looked for first: that is twenty times faster than a search for six.
    if raw.count(b'"') == written.count(b'"') and not (b"\\" in raw and b"\\u0022" in raw):
        return
    try:
        json.loads(raw, object_pairs_hook=_only_once)
    except RecursionError:
        raise DocumentError(_TOO_DEEP) from None


def _only_once(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise DocumentError(f"the key {quoted(key)} stands twice in one object: readers differ in which they take")
        seen.add(key)
