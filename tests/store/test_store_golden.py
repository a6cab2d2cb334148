"""Stores that other versions wrote: read as they are, or refused with the command that upgrades them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import golden
from support.store_rows import everything_expected, everything_in, read
from support.upkeep import AT_ONCE, LONG_AFTER, check, held

import indexer
from indexer.errors import StoreOutdated
from indexer.flatten import VERSION
from indexer.store import Store
from indexer.store.layout import FORMAT
from indexer.store.upkeep import Held, reflatten

_NAMES = {"run_id"}


def upgrade(folder: Path) -> None:
    with Store.open(folder, outdated=True).upkeep(now=lambda: LONG_AFTER, command="indexer reflatten") as store:
        reflatten(store, "9.9.9")


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows but for the names of runs, which are made by chance."""
    files = Store.open(folder).files()
    return {
        table: sorted(({k: v for k, v in row.items() if k not in _NAMES} for row in read(files, table)), key=repr)
        for table in files.tables
    }


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The same store as this version writes it."""
    golden.write(tmp_path / "fresh")
    return tmp_path / "fresh"


def test_a_store_of_every_format_is_kept() -> None:
    kept = sorted(path.name for path in golden.FOLDER.glob("*.tar.xz"))
    assert kept == [f"format-{number}.tar.xz" for number in range(1, FORMAT + 1)]


@pytest.mark.parametrize("number", range(1, FORMAT))
def test_an_older_format_is_refused_with_the_command_that_upgrades_it(tmp_path: Path, number: int) -> None:
    folder = golden.unpack(number, tmp_path)
    before = everything_in(folder)
    for open_ in (Store.open, Store.create_or_open):
        with pytest.raises(StoreOutdated, match=rf"has format {number}.*indexer reflatten upgrades it"):
            open_(folder)
    assert everything_in(folder) == before


@pytest.mark.parametrize("number", range(1, FORMAT))
def test_an_upgraded_store_has_the_rows_that_this_version_writes(tmp_path: Path, fresh: Path, number: int) -> None:
    folder = golden.unpack(number, tmp_path)
    upgrade(folder)
    assert json.loads((folder / "format.json").read_text())["format"] == FORMAT
    assert rows(folder) == rows(fresh)
    assert check(folder).findings == ()
    with held(folder, now=LONG_AFTER + timedelta(days=1)) as store:
        store.remove_replaced(AT_ONCE)
    assert everything_in(folder) == everything_expected(Store.open(folder).files())
    assert rows(folder) == rows(fresh)
    with indexer.open(folder) as opened, indexer.open(fresh) as other:
        question = "select repository, manifest_digest, tags, last_pulled_at from images order by all"
        assert opened.sql(question).fetchall() == other.sql(question).fetchall()
        totals = [each.query("registry-totals").fetchall() for each in (opened, other)]
        assert totals[0] == totals[1]


def test_an_upgrade_that_was_stopped_goes_on_where_it_was(tmp_path: Path, fresh: Path) -> None:
    folder = golden.unpack(1, tmp_path)

    class StoppedError(Exception):
        pass

    def stop(done: int, _of: int) -> None:
        if done == 2:
            raise StoppedError

    def begin(store: Held) -> None:
        reflatten(store, "9.9.9", progress=stop)

    store = Store.open(folder, outdated=True)
    with pytest.raises(StoppedError), store.upkeep(now=lambda: LONG_AFTER, command="x") as first:
        begin(first)
    with pytest.raises(StoreOutdated):
        Store.open(folder)
    with store.upkeep(now=lambda: LONG_AFTER, command="x") as second:
        done = reflatten(second, "9.9.9")
    assert (done.segments, done.skipped, done.runs, done.upgraded_from) == (1, 2, 2, 1)
    assert rows(folder) == rows(fresh)


def test_the_newest_format_is_read_as_it_is(tmp_path: Path, fresh: Path) -> None:
    folder = golden.unpack(FORMAT, tmp_path)
    assert check(folder).findings == ()
    files = Store.open(folder).files()
    assert [name.count("_") for name in files.segments] == [2, 0], "a merged segment, and one as a run wrote it"
    assert list((folder / "runs").glob("*.pruned")), "a run that was pruned"
    found, wanted = rows(folder), rows(fresh)
    for table in ("manifests", "layers", "configs", "index_entries"):
        assert found[table] == wanted[table]
    for table in ("repositories", "images", "failures", "runs"):
        assert found[table]
        assert all(row in wanted[table] for row in found[table])


def test_every_segment_says_which_flattener_made_it(fresh: Path) -> None:
    with held(fresh) as store:
        assert reflatten(store, "9.9.9")[:4] == (0, 0, 0, 3)
        everything = reflatten(store, "9.9.9", everything=True)
    assert (everything.segments, everything.manifests) == (3, len(golden.FIRST_NIGHT + golden.SECOND_NIGHT))
    assert VERSION >= 1
