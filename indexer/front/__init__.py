"""The library's front door: an open store that answers questions.

The command line is built on this and knows nothing that a notebook could not ask as well.
"""

from __future__ import annotations

from indexer.front.errors import Ambiguous, NotFound
from indexer.front.opened import OpenStore
from indexer.front.rows import Rows, ordered
from indexer.front.stored_batch import StoredBatch, stored_batch

__all__ = ["Ambiguous", "NotFound", "OpenStore", "Rows", "StoredBatch", "ordered", "stored_batch"]
