"""The `indexer` command. The only importer of typer and rich, and the only reader of the environment.

What is slow to import (boto3, pyarrow, duckdb, pydantic, rich) is imported by the commands that need it, when they run.
"""

from __future__ import annotations

from indexer.cli.entry import execute, main

__all__ = ["execute", "main"]
