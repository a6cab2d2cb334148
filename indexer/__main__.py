"""`python -m indexer` is the `indexer` command."""

from __future__ import annotations

from indexer.cli import command

if __name__ == "__main__":
    command()
