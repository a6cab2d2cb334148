"""Knows what is really inside Amazon ECR registries.

    import indexer

    with indexer.open("./store") as store:
        store.query("most-shared-layers", limit=5).df()

The command `indexer` does the same and more: `indexer --help`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # that of typing takes 5 ms, pathlib 10: the command takes the signals when this is imported
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from indexer.front import OpenStore

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def open(  # noqa: A001 - indexer.open, as gzip.open
    location: str | Path, *, queries: Sequence[Path | str] = (), cache: Path | str | None = None
) -> OpenStore:
    """Open the store at `location`, a folder or `s3://bucket/prefix`, for questions.

    `queries` are folders of your own .sql files. Of a store in a bucket, copies of its files are kept in `cache`, by
    default ~/.cache/manifest-indexer.

    Raises StoreMissing where there is no store, StoreFormatError where a newer version wrote it.
    """
    from pathlib import Path  # noqa: PLC0415 - as above

    from indexer.front import OpenStore  # noqa: PLC0415 - pyarrow and duckdb: half a second that `--help` need not pay

    folders = [Path(folder) for folder in queries]
    return OpenStore(location, query_folders=folders, cache=None if cache is None else Path(cache))


def load_ipython_extension(shell: Any) -> None:
    """Give a notebook `%%sql`, a cell of SQL over an open store: `%load_ext indexer` (indexer.front.cells)."""
    from indexer.front.cells import load  # noqa: PLC0415 - as above

    load(shell)
