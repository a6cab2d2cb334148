"""compact: fewer segments, the same rows, for every reader at every moment."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.manifests import image, index
from support.store_rows import NOON, check_whole, everything_expected, everything_in, read, write_run
from support.upkeep import AT_ONCE, LONG_AFTER, check, everything, held, night

from indexer.errors import StoreDamaged
from indexer.store import Store
from indexer.store.upkeep import compact

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five nights of real documents, a segment each; some share a repository, one is an index."""
    folder = tmp_path / "store"
    for number in range(5):
        one = image(f"config {number}", [("base", 10), (f"layer {number}", number)], annotations={"n": str(number)})
        other = image(f"other {number}", [("base", 10)])
        places = [(("shop/web", "api", "web")[number % 3], "listed")]
        night(folder, NOON + number * DAY, [other, one, index(one, other)], statuses=places)
    return folder


def test_rows_stay_what_they_are(folder: Path) -> None:
    before = everything(folder)
    with held(folder) as store:
        done = compact(store)
    assert (done.before, done.after, done.manifests, done.removed_files) == (5, 1, 15, 0)
    assert everything(folder) == before
    assert check(folder).findings == ()
    assert len(Store.open(folder).files().segments) == 1


def test_merged_rows_stand_in_natural_order(folder: Path) -> None:
    with held(folder) as store:
        compact(store)
    files = Store.open(folder).files()
    rows = read(files, "manifests")
    assert [row["repository"] for row in rows] == ["api"] * 6 + ["shop/web"] * 6 + ["web"] * 3
    times = [row["fetched_at"] for row in rows if row["repository"] == "api"]
    assert times == sorted(times), "earlier runs first"
    owners = list(dict.fromkeys(row["manifest_digest"] for row in read(files, "layers")))
    assert owners == [row["manifest_digest"] for row in rows if row["kind"] == "image"]
    assert all(row["position"] in {0, 1} for row in read(files, "layers"))


def test_what_is_large_is_left_and_parts_its_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    for number, count in enumerate([1, 1, 6, 2, 2, 2, 3, 1]):
        names = [f"{number} {each}" for each in range(count)]
        write_run(Store.create_or_open(folder), names, now=NOON + number * DAY, segment_manifests=100)
    with held(folder) as store:
        done = compact(store, manifests=8)
    sizes = [pq.read_metadata(path).num_rows for path in Store.open(folder).files().tables["manifests"]]
    assert sizes == [2, 6, 6, 4], "at most 8; six is more than half of it"
    assert (done.before, done.after, done.manifests) == (8, 4, 12)
    assert len(check_whole(Store.open(folder).files())) == 18
    with held(folder) as store:
        again = compact(store, manifests=8)
    assert (again.before, again.after, again.manifests) == (4, 4, 0)


def test_a_store_with_nothing_to_merge(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with Store.create_or_open(folder).writer(now=lambda: NOON, version="1"):
        pass
    with held(folder) as store:
        assert compact(store) == (0, 0, 0, 0)
    night(folder, NOON, [image("config", [])])
    with held(folder) as store:
        assert compact(store) == (1, 1, 0, 0)


def test_what_was_replaced_goes_after_a_day(folder: Path) -> None:
    with held(folder, now=NOON + 10 * DAY) as store:
        compact(store)
    replaced = everything_in(folder) - everything_expected(Store.open(folder).files())
    assert len(replaced) == 5 * 4
    with held(folder, now=NOON + 11 * DAY - timedelta(minutes=1)) as store:
        assert compact(store).removed_files == 0
    assert everything_in(folder) >= replaced
    before = everything(folder)
    # Any writer removes it, also a run.
    night(folder, NOON + 11 * DAY + timedelta(minutes=1), [])
    assert everything_in(folder) == everything_expected(Store.open(folder).files())
    assert everything(folder)["layers"] == before["layers"]


def test_compacting_again_and_again(folder: Path) -> None:
    for number in range(5, 9):
        now = NOON + number * DAY
        night(folder, now, [image(f"config {number}", [("base", 10)])])
        before = everything(folder)
        with held(folder, now=now + timedelta(hours=1)) as store:
            assert compact(store).after == 1
        assert everything(folder) == before
        assert check(folder).findings == ()
    with held(folder, now=NOON + 30 * DAY) as store:
        compact(store)
    assert everything_in(folder) == everything_expected(Store.open(folder).files())


def test_the_digests_stay_known(folder: Path) -> None:
    with held(folder) as store:
        compact(store)
    known = len(Store.open(folder).known())
    again = image("config 3", [("base", 10), ("layer 3", 3)], annotations={"n": "3"})
    night(folder, NOON + 20 * DAY, [again])
    assert len(Store.open(folder).known()) == known == 15


def test_ids_grow_past_those_of_replacements(folder: Path) -> None:
    with held(folder, now=LONG_AFTER) as store:
        compact(store)
    run_id = night(folder, NOON + 6 * DAY, [image("new", [])])  # a clock that went back
    files = Store.open(folder).files()
    assert files.newest == run_id > files.segments[0].split("_")[-1]
    with held(folder, now=NOON) as store:
        assert compact(store).after == 1
    assert len(everything(folder)["manifests"]) == 16


def test_a_segment_that_is_not_whole_is_never_merged(folder: Path) -> None:
    path = Store.open(folder).files().tables["layers"][2]
    path.write_bytes(path.read_bytes()[:-10])
    before = everything_in(folder)
    with pytest.raises(StoreDamaged, match=rf"{path.name}.*backup.*indexer verify"), held(folder) as store:
        compact(store)
    assert everything_in(folder) == before


def test_a_manifest_that_is_there_twice_is_never_merged(folder: Path) -> None:
    files = Store.open(folder).files()
    for paths in files.tables.values():
        name = paths[0].name.replace("-00001", "-00002")
        if name != paths[0].name:
            (paths[0].parent / name).write_bytes(paths[0].read_bytes())
    with pytest.raises(StoreDamaged, match=r"twice.*indexer verify"), held(folder) as store:
        compact(store)
    assert [finding.problem for finding in check(folder).findings] == ["duplicate manifest"] * 3


READER = """
import sys, indexer
with indexer.open({folder!r}) as store:
    def look():
        tables = ("all_manifests", "all_layers", "all_configs", "all_index_entries", "image_history", "runs")
        return [store.sql(f"select count(*), bit_xor(hash(t)) from {{table}} as t").fetchall() for table in tables]
    print(look(), flush=True)
    for line in sys.stdin:
        print(look(), flush=True)
"""


def test_a_reader_that_opened_before_sees_the_same_rows_after(folder: Path) -> None:
    script = READER.format(folder=str(folder))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        first = reader.stdout.readline()
        with held(folder, now=NOON + 30 * DAY) as store:
            compact(store)
        print(file=reader.stdin, flush=True)
        assert reader.stdout.readline() == first
        reader.stdin.close()
    assert reader.returncode == 0
    with held(folder, now=NOON + 40 * DAY) as store:
        assert compact(store, grace=AT_ONCE).removed_files == 20
    late = subprocess.run([sys.executable, "-c", script], input="", capture_output=True, text=True, check=True)
    assert late.stdout == first
