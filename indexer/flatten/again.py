"""A stored manifest once more: whether its text is genuine, and its rows made anew from it.

Rows are a pure function of the document, so a newer version that extracts more needs no registry to have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from indexer.flatten.bundle import Bundle
from indexer.flatten.many import Given, flatten_all
from indexer.flatten.rows import Flattened, Source
from indexer.flatten.schema1 import digest_matches
from indexer.model import Digest
from indexer.tables import ManifestRow

VERSION: Final = 1
"""The flattener's version, one higher whenever the same document gives other rows; segments carry it."""

_SOURCE: Final = ManifestRow._fields.index(Source._fields[0])
_LOST: Final = "not UTF-8 text"


def again(rows: Sequence[ManifestRow]) -> Bundle:
    """Return the rows of the documents that `rows` have stored, in their order, as this version makes them.

    Where and when each was fetched, and whether it was verified then, is taken from its row. A document that was not
    UTF-8 is not kept as it came: its row stays what it is.
    """
    made = Bundle()
    for lost, some in groupby(rows, text_was_lost):
        if lost:
            more = Bundle.of((Flattened(row, [], [], []), 0) for row in some)
        else:
            more = flatten_all(
                [
                    Given(row.manifest_digest, row.raw.encode(), Source._make(row[_SOURCE:]), row.verified)
                    for row in some
                ]
            )
        made.extend(more)
    return made


def text_was_lost(row: ManifestRow) -> bool:
    """Whether the stored text is not the document: it was not UTF-8, and holds U+FFFD instead."""
    return not row.verified and row.problem is not None and row.problem.startswith(_LOST)


def is_genuine(row: ManifestRow) -> bool | None:
    """Whether the stored text hashes to its digest; None where that cannot be computed from it."""
    try:
        digest = Digest.parse(row.manifest_digest)
    except ValueError:
        return False
    if not digest.computable or text_was_lost(row):
        return None
    return digest_matches(digest, row.raw.encode())
