"""Which store a command is about: the flag, else INDEXER_STORE, else `store:` in config.yaml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.cli.output import say
from indexer.errors import ConfigError, UsageError
from indexer.front import OpenStore

if TYPE_CHECKING:
    from indexer.config import Config

DEMO_MARK = "demo.yaml"
"""The file that says of a store: made by `indexer demo`, and replaced by the next one."""

CONFIG = "config.yaml"


def read_config(config: str | None) -> Config:
    """Return the configuration in the file named, or in config.yaml."""
    from indexer.config import load  # noqa: PLC0415 - pydantic

    return load(Path(config or CONFIG))


def refuse_demo(config: Path, store: str) -> None:
    """Keep real accounts out of a demo's store, which the next demo replaces."""
    marked = Path(store) / DEMO_MARK
    if marked.is_file() and not (config.is_file() and config.samefile(marked)):
        raise UsageError(
            f"{store} is a store of indexer demo, which the next demo replaces. Name another with --store or store: "
            "in the config; where INDEXER_STORE names it, unset INDEXER_STORE"
        )


def open_store(config: str | None, store: str | None, *, queries: bool = True) -> OpenStore:
    """Open the store for reading, with the configuration's own queries; UsageError where none is named.

    Without `queries`, and where the store is named, a configuration that just lies here is not read.
    """
    loaded = _config_if_any(config, needed=store is None) if queries or config or store is None else None
    return OpenStore(_location(loaded, store), query_folders=_folders(loaded), cache=cache_folder())


def store_location(config: str | None, store: str | None) -> str:
    """Return where the store is; UsageError where none is named."""
    return store or _location(_config_if_any(config, needed=True), None)


def _location(loaded: Config | None, store: str | None) -> str:
    location = store or (loaded.store if loaded is not None else None)
    if location is None:
        raise UsageError(
            f"which store? Name it with --store, or in INDEXER_STORE, or as store: in {CONFIG} (there is none here)"
        )
    return location


def cache_folder() -> Path | None:
    """Return where copies of the files of a store in a bucket are kept; None is the default of this user."""
    if own := os.environ.get("INDEXER_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")  # as the XDG Base Directory Specification has it
    return Path(base) / "manifest-indexer" if base else None


def query_folders(config: str | None, store: str | None) -> list[Path]:
    """Return the folders of the configuration's own queries; none where there is no configuration."""
    return _folders(_config_if_any(config, needed=store is None))


def _config_if_any(config: str | None, *, needed: bool) -> Config | None:
    """Return the configuration if one is named or lies here; one that just lies here may be wrong if not needed."""
    if config is None and not Path(CONFIG).exists():
        return None
    try:
        return read_config(config)
    except ConfigError as error:
        if needed or config is not None:
            raise
        say(f"warning: the queries of this configuration are not used: {error}")
        return None


def _folders(config: Config | None) -> list[Path]:
    return [Path(config.queries)] if config is not None and config.queries is not None else []
