"""Looking after a store: whether it is sound, fewer files, fewer snapshots, rows of a newer flattener.

Each takes the store's lock (`Store.upkeep`), but for `verify`, which only reads. What they put in the place of
something else is one commit (indexer.store.upkeep.holding), so readers see the one or the other.
"""

from __future__ import annotations

from indexer.store.upkeep.compact import COMPACT_MANIFESTS, Compacted, compact
from indexer.store.upkeep.findings import Finding
from indexer.store.upkeep.holding import Held, Progress
from indexer.store.upkeep.policy import Policy
from indexer.store.upkeep.prune import Plan, Pruned, plan, prune
from indexer.store.upkeep.reflatten import Reflattened, reflatten
from indexer.store.upkeep.unreferenced import Dropped
from indexer.store.upkeep.verify import Verified, repair, verify

__all__ = [
    "COMPACT_MANIFESTS",
    "Compacted",
    "Dropped",
    "Finding",
    "Held",
    "Plan",
    "Policy",
    "Progress",
    "Pruned",
    "Reflattened",
    "Verified",
    "compact",
    "plan",
    "prune",
    "reflatten",
    "repair",
    "verify",
]
