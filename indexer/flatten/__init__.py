"""From one manifest's bytes to rows: a pure function, the core of the index.

    bytes ── documents ──▶ parsed JSON ── manifests, schema1 ──▶ ImageManifest | ImageIndex ── rows ──▶ Flattened
    the bytes of many, nearly all of the common form ── many ──▶ Bundle, the same rows as columns

What a registry says about a document is never asked, only the document itself, so the rows follow from the digest
alone. A document is flattened whole or not at all: the first thing wrong with it makes it one row of kind unknown.
"""

from __future__ import annotations

from indexer.flatten.again import VERSION, again, is_genuine
from indexer.flatten.bundle import Bundle, Rows
from indexer.flatten.checks import are_sha256, is_sha256
from indexer.flatten.manifests import parse
from indexer.flatten.many import Given, flatten_all
from indexer.flatten.rows import Flattened, Source, flatten
from indexer.flatten.schema1 import digest_matches

__all__ = [
    "VERSION",
    "Bundle",
    "Flattened",
    "Given",
    "Rows",
    "Source",
    "again",
    "are_sha256",
    "digest_matches",
    "flatten",
    "flatten_all",
    "is_genuine",
    "is_sha256",
    "parse",
]
