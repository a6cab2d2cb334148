"""A catalog that threads share: each has its own connection to the same views, and an interrupt ends them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from support.estates import Estate, rows
from support.store_rows import NOON, VERSION, repository, run_row

import indexer
from indexer.aside import Aside
from indexer.catalog import Catalog, fetch, interrupt
from indexer.errors import QueryError
from indexer.store import Store

ENDLESS = "select count(*) from range(100_000_000_000) where sin(range) > 2"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    estate = Estate()
    for number in range(20):
        estate.image(f"image {number}", [("base", 100), (f"layer {number}", 1)], (f"config {number}", 1))
    estate.run().repository("app", {f"image {number}": [f"v{number}"] for number in range(20)})
    return estate.catalog(tmp_path)


def test_threads_ask_at_the_same_time_and_get_the_same(catalog: Catalog) -> None:
    statements = [
        "select count(*) from images",
        "select sum(size) from layers",
        "select count(*) from tags, repositories",
        "select max(used_by) from (select count(*) as used_by from layers group by layer_digest)",
    ] * 5
    with catalog, Aside() as aside:
        answers = [aside.do(lambda each=each: rows(catalog, each)) for each in statements]  # type: ignore[misc]
        found = [answer.result() for answer in answers]
        assert found == [rows(catalog, each) for each in statements]
    assert found[:3] == [[(20,)], [(2020,)], [(20,)]]


def test_what_one_thread_makes_another_reads(catalog: Catalog) -> None:
    with catalog, Aside() as aside:
        assert aside.do(lambda: rows(catalog, "select count(*) from manifest_bytes")).result() == [(20,)]
        assert rows(catalog, "select count(*) from manifest_bytes") == [(20,)]


def test_times_are_utc_and_settings_locked_in_every_thread(catalog: Catalog) -> None:
    def change() -> None:
        catalog._connections.here.execute("set TimeZone = 'Asia/Tokyo'")

    with catalog, Aside() as aside:
        assert aside.do(lambda: rows(catalog, "select current_setting('TimeZone')")).result() == [("UTC",)]
        with pytest.raises(QueryError, match="files of the store"):
            aside.do(lambda: rows(catalog, "from read_csv('/etc/hostname')")).result()
        with pytest.raises(duckdb.Error, match="locked"):
            aside.do(change).result()


@pytest.mark.parametrize("stop", [lambda catalog: catalog.interrupt(), lambda _: interrupt()])
def test_an_interrupt_ends_what_every_thread_asks(catalog: Catalog, stop: Callable[[Catalog], None]) -> None:
    ended = []

    def ask() -> None:
        with pytest.raises((QueryError, RuntimeError)):
            fetch(catalog.sql(ENDLESS))
        ended.append(threading.current_thread().name)

    with catalog:
        asking = [threading.Thread(target=ask) for _ in range(2)]
        for thread in asking:
            thread.start()
        while any(thread.is_alive() for thread in asking):  # one may not have begun yet
            time.sleep(0.05)
            stop(catalog)
    assert len(ended) == 2


@pytest.mark.parametrize("renew", [True, False])
def test_closing_ends_what_other_threads_ask(tmp_path: Path, renew: bool) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: NOON, version=VERSION) as writer:
        writer.add_repository(repository(writer, "shop/web"))
        writer.commit_run(run_row(writer)._replace(images=0))
    store = indexer.open(tmp_path / "store")
    told: list[Exception] = []

    def ask() -> None:
        try:
            store.sql(ENDLESS).fetchall()
        except Exception as error:  # noqa: BLE001 - DuckDB's, ours, or what it makes of a connection that is closed
            told.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.3)
    if renew:
        store.refresh()
        assert store.sql("select count(*) from repositories").fetchall() == [(1,)]
    store.close()
    asking.join(30)
    assert len(told) == 1
    assert not asking.is_alive()


def test_what_is_interrupted_is_not_tried_again(catalog: Catalog) -> None:
    """A pivot is computed at once, and not when its rows are asked for."""
    pivot = "pivot (select i % 3 as k, sin(i) as v from range(100_000_000_000) as t(i)) on k using sum(v)"
    with catalog:
        stopping = threading.Timer(0.5, catalog.interrupt)
        stopping.start()
        with pytest.raises((QueryError, RuntimeError)):
            catalog.sql(pivot)
        stopping.join()


def test_an_error_aside_is_raised_where_the_answer_is_asked_for(catalog: Catalog) -> None:
    with catalog, Aside() as aside:
        wrong = aside.do(lambda: rows(catalog, "select lyer from layers"))
        assert rows(catalog, "select count(*) from images") == [(20,)]
        with pytest.raises(QueryError, match="no column lyer"):
            wrong.result()


def test_a_block_ends_when_all_in_it_have_ended() -> None:
    done = threading.Event()

    def work() -> None:
        time.sleep(0.2)
        done.set()

    def block() -> None:
        with Aside() as aside:
            aside.do(work)
            raise ValueError("the block's own")

    with pytest.raises(ValueError, match="the block's own"):
        block()
    assert done.is_set()


def test_settings_that_duckdb_refuses_are_told_where_the_catalog_is_made(tmp_path: Path) -> None:
    files = Estate().write(tmp_path)
    with pytest.raises(duckdb.Error, match="at least 1 thread"):
        Catalog(files, folder=tmp_path, settings={"threads": -3})


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from images, manifests where images.manifest_digest = manifests.manifest_digest",
        "select count(*) from (images)",
        'select count(*) from "images"',
        "select count(*) from main.images",
        "from images select count(*)",
        "select count(*) from query_table('images')",
        "with images as (from repositories) select count(*) * 20 from images",
        "select count(*) from images join lateral (select 1 from tags limit 1) on true",
        "select count(*) from (pivot images on status using count(*) group by manifest_digest)",
        "select count(extract(day from pushed_at)) from images",
    ],
)
def test_views_are_found_however_a_statement_names_them(catalog: Catalog, statement: str) -> None:
    """Only those behind a from or join are made before it is tried."""
    with catalog:
        assert rows(catalog, statement) == [(20,)]


@pytest.mark.parametrize("statement", ["describe images", "summarize images", "show tables"])
def test_views_are_described(catalog: Catalog, statement: str) -> None:
    with catalog:
        assert len(rows(catalog, statement)) > 10


def test_queries_are_read_after_the_catalog_is_closed(catalog: Catalog) -> None:
    with catalog:
        queries = catalog.queries
    assert queries["media-types"].question
