"""The batch job: list everything, fetch what the store does not have, flatten it, commit."""

from __future__ import annotations

from indexer.crawl.globs import NOTHING_INCLUDED, Remark
from indexer.crawl.progress import Progress
from indexer.crawl.run import Summary, crawl

__all__ = ["NOTHING_INCLUDED", "Progress", "Remark", "Summary", "crawl"]
