"""What `find` says where there is not exactly one answer."""

from __future__ import annotations

from indexer.errors import IndexerError, UsageError


class NotFound(IndexerError):  # noqa: N818 - named by what the caller meets
    """Nothing in the store is what was asked for; the message says what was looked for and where. Exit code 1."""


class Ambiguous(UsageError):  # noqa: N818 - as above
    """Several things are; the message lists them. Exit code 2."""
