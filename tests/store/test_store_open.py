"""Finding a store: what is none, what is newer, what is somebody else's, and what is damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.store_rows import NOON, VERSION, check_whole, everything_in, read, write_run
from support.store_rows import facts as store_facts

from indexer.errors import IndexerError, StoreDamaged, StoreFormatError, StoreMissing, UsageError
from indexer.store import Store, Writer, facts
from indexer.store.locations import folder_at
from indexer.store.store import refuse_foreign
from indexer.store.upkeep import repair, verify
from indexer.tables import RUN_TABLES, SEGMENT_TABLES, TABLES, Table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with two segments and a run."""
    write_run(Store.create_or_open(tmp_path / "store"), ["a", "b", "c"])
    return tmp_path / "store"


def test_the_format_file_says_what_the_store_is(folder: Path) -> None:
    assert json.loads((folder / "format.json").read_text()) == {
        "format": 2,
        "program": "manifest-indexer",
        "version": VERSION,
    }


@pytest.mark.parametrize("kind", ["absent", "empty", "begun"])
def test_no_store_yet(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "store"
    if kind != "absent":
        folder.mkdir()
    if kind == "begun":
        (folder / "lock").write_text("{}")
        (folder / "layers").mkdir()
        (folder / "staging").mkdir()
        (folder / "staging" / "format.json.tmp").write_text("{")
    with pytest.raises(StoreMissing, match="indexer run"):
        Store.open(folder)
    store = Store.create_or_open(folder)
    files = store.files()
    assert dict(files.tables) == dict.fromkeys(TABLES, ())
    assert (files.segments, files.runs) == ((), ())
    assert len(store.known()) == 0
    assert store.problems() == {}
    assert list(store.children({"a"})) == []
    assert store.last_repositories() == {}
    write_run(store, ["a"])
    assert check_whole(Store.open(folder).files()) == ["a"]


@pytest.mark.parametrize("there", ["nothing", "parent", "empty folder"])
def test_a_store_that_an_error_left_without_anything_goes_again(tmp_path: Path, there: str) -> None:
    folder = tmp_path / "above" / "store"
    if there != "nothing":
        (folder if there == "empty folder" else folder.parent).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with (
        pytest.raises(RuntimeError, match="nothing could be listed"),
        Store.create_or_open(folder).writer(now=lambda: NOON, version=VERSION),
    ):
        raise RuntimeError("nothing could be listed")
    after = sorted(path for path in tmp_path.rglob("*") if path.name != "lock")
    assert after == before, "what was there stays, and all else goes"
    with pytest.raises(StoreMissing):
        Store.open(folder)
    write_run(Store.create_or_open(folder), ["a"])
    assert check_whole(Store.open(folder).files()) == ["a"]


def test_a_store_that_another_run_took_back_is_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "store"
    first, again = Store.create_or_open(folder), Store.create_or_open(folder)
    for store in (first, again, first):  # whoever made the folder, it is gone when the next one begins
        with pytest.raises(RuntimeError), store.writer(now=lambda: NOON, version=VERSION):
            raise RuntimeError("nothing could be listed")
        assert not (folder / "format.json").exists()
    write_run(again, ["a"])
    assert check_whole(Store.open(folder).files()) == ["a"]


def broken_off(folder: Path, before: Callable[[Writer], object]) -> None:
    """A run that an error ends after it did something."""
    with (
        suppress(RuntimeError),
        Store.create_or_open(folder).writer(now=lambda: NOON, version=VERSION) as writer,
    ):
        before(writer)
        raise RuntimeError


def test_a_store_that_holds_something_stays(tmp_path: Path) -> None:
    broken_off(tmp_path / "store", lambda writer: writer.add(store_facts("a"), 0))
    assert len(Store.open(tmp_path / "store").known()) == 1


def test_an_empty_store_of_before_stays(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: NOON, version=VERSION):
        pass
    broken_off(tmp_path / "store", lambda _: None)
    Store.open(tmp_path / "store")


@pytest.mark.parametrize("name", ["README", "configs/left", "staging/left"])
def test_where_something_else_is_all_of_it_stays_a_store(tmp_path: Path, name: str) -> None:
    """A stranger's file, or what a full disk let nobody remove: half a store would be none to the next run."""
    folder = tmp_path / "store"
    broken_off(folder, lambda _: (folder / name).write_text("mine"))
    assert (folder / name).read_text() == "mine"
    Store.open(folder)
    write_run(Store.create_or_open(folder), ["a"])


def test_the_folders_above_are_made(tmp_path: Path) -> None:
    write_run(Store.create_or_open(tmp_path / "a" / "b" / "store"), ["a"])
    assert (tmp_path / "a" / "b" / "store" / "format.json").exists()


def test_a_location_is_kept_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.create_or_open("store")
    write_run(store, ["a"])
    assert store.location == "store"
    assert store.folder == tmp_path / "store"
    assert all(path.is_absolute() for paths in store.files().tables.values() for path in paths)
    monkeypatch.chdir("/")
    assert check_whole(store.files()) == ["a"]


def _someone_elses(folder: Path, kind: str) -> None:
    if kind == "file":
        folder.write_text("not a folder")
        return
    folder.mkdir()
    if kind == "files":
        (folder / "thesis.tex").write_text("months of work")
    elif kind == "folder in the way":
        (folder / "layers").mkdir()
        (folder / "layers" / "cake.jpg").write_text("cake")
    elif kind == "lock is a folder":
        (folder / "lock").mkdir()
    elif kind == "layers is a file":
        (folder / "layers").write_text("")


FOREIGN = ["file", "files", "folder in the way", "lock is a folder", "layers is a file"]


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "store"
    _someone_elses(folder, kind)
    before = everything_in(tmp_path)
    with pytest.raises(StoreFormatError, match=r"not a store|Name the folder of a store; `indexer run` makes one"):
        Store.open(folder)
    with pytest.raises(UsageError, match=r"not a store|no store and not empty"):
        Store.create_or_open(folder)
    assert everything_in(tmp_path) == before


def test_a_store_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexerError):
        Store.create_or_open(tmp_path / "file" / "store")
    with pytest.raises(IndexerError):
        Store.open(tmp_path / "file" / "store")


LOCATIONS = {
    "S3://bucket": "not supported",
    "gs://bucket": "not supported",
    "file:///tmp/store": "not supported",
    "": "is empty",
    "s3://": "'' is no name of a bucket",
    "s3:///prefix": "'' is no name of a bucket",
    "s3://Bucket/prefix": "'Bucket' is no name of a bucket",
    "s3://b": "'b' is no name of a bucket",
    "s3://my_bucket/x": "'my_bucket' is no name of a bucket",
    "s3://bucket//x": "cannot be empty",
    "s3://bucket/x//": "cannot be empty",
    "s3://bucket/../x": "cannot be empty, '.' or '..'",
    "s3:/bucket/x": "named as text",
}


@pytest.mark.parametrize("location", LOCATIONS)
def test_locations_of_another_kind(location: str) -> None:
    for open_ in (Store.open, Store.create_or_open):
        with pytest.raises(UsageError, match=re.escape(LOCATIONS[location])):
            open_(location)


def test_an_address_that_went_through_a_path() -> None:
    with pytest.raises(UsageError, match="is named as text"):
        Store.open(Path("s3://bucket/prefix"))


def test_a_newer_format_is_refused_and_nothing_changed(folder: Path) -> None:
    stated = {"format": 3, "program": "manifest-indexer", "version": "9.1.0"}
    store = Store.open(folder)
    (folder / "format.json").write_text(json.dumps(stated))
    (folder / "staging" / "format.json.tmp").write_text("left over")
    before = {name: (folder / name).read_bytes() for name in everything_in(folder) - {"lock"}}
    for attempt in (
        lambda: Store.open(folder),
        lambda: Store.create_or_open(folder),
        store.files,
        lambda: write_run(store, ["d"]),
    ):
        with pytest.raises(StoreFormatError, match=r"has format 3.*9\.1\.0.*knows format 2.*Use version 9\.1\.0"):
            attempt()
    assert {name: (folder / name).read_bytes() for name in everything_in(folder) - {"lock"}} == before


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", StoreDamaged),
        ("{", StoreDamaged),
        ("\xff", StoreDamaged),
        ("[]", StoreFormatError),
        ("{}", StoreFormatError),
        ('{"format": "1", "program": "manifest-indexer"}', StoreFormatError),
        ('{"format": true, "program": "manifest-indexer"}', StoreFormatError),
        ('{"format": 1, "program": "photo-indexer"}', StoreFormatError),
    ],
)
def test_a_format_file_that_is_none(folder: Path, text: str, error: type[Exception]) -> None:
    (folder / "format.json").write_bytes(text.encode("latin-1"))
    for open_ in (Store.open, Store.create_or_open):
        with pytest.raises(error, match=r"format\.json"):
            open_(folder)


@pytest.mark.parametrize("table", [table for table in TABLES.values() if table.name not in {"manifests", "runs"}])
def test_a_missing_file_is_damage_and_never_an_empty_table(folder: Path, table: Table) -> None:
    store = Store.open(folder)
    path = store.files().tables[table.name][0]
    path.unlink()
    with pytest.raises(StoreDamaged, match=rf"{path.name} is missing.*backup.*indexer verify --repair"):
        store.files()
    with pytest.raises(StoreDamaged), store.writer(now=lambda: NOON, version=VERSION):
        pass
    # As the message says:
    with store.upkeep(now=lambda: NOON, command="indexer verify --repair") as held:
        repair(held, verify(held.folder))
    files = store.files()
    assert [row["raw"] for row in read(files, "manifests")] == ["a", "b", "c"]
    assert len(files.runs) == (1 if table in SEGMENT_TABLES else 0)
    write_run(store, ["d"])


@pytest.mark.parametrize("name", [*TABLES, "staging"])
def test_a_missing_folder_is_damage(folder: Path, name: str) -> None:
    (folder / name).rename(folder.parent / name)
    store = Store.open(folder)
    if name != "staging":  # readers do not look there
        with pytest.raises(StoreDamaged, match=f"no folder {name}"):
            store.files()
    with pytest.raises(StoreDamaged, match=f"no folder {name}"), store.writer(now=lambda: NOON, version=VERSION):
        pass


def _flipped(path: Path) -> bytes:
    """The file with one bit of a digest's characters changed: no length and no offset tells."""
    data = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert chunk.path_in_schema == "manifest_digest"
    begin = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    data[begin + chunk.total_compressed_size - 1] ^= 1
    return bytes(data)


@pytest.mark.parametrize("harm", ["cut", "empty", "other", "flipped"])
def test_an_unreadable_file_is_damage_that_names_it(folder: Path, harm: str) -> None:
    store = Store.open(folder)
    path = store.files().tables["manifests"][1]
    harmed = {"cut": path.read_bytes()[:-10], "empty": b"", "other": b"PK\x03\x04" * 100, "flipped": _flipped(path)}
    path.write_bytes(harmed[harm])
    with pytest.raises(StoreDamaged, match=rf"cannot read .*{path.name}.*backup"):
        store.known()


def test_a_file_that_vanishes_under_a_view_is_damage(folder: Path) -> None:
    files = Store.open(folder).files()
    files.tables["manifests"][1].unlink()
    with pytest.raises(StoreDamaged, match=files.tables["manifests"][1].name):
        facts.held(files.tables["manifests"])


def test_all_tables_have_files(folder: Path) -> None:
    files = Store.open(folder).files()
    assert set(files.tables) == set(TABLES)
    assert {len(files.tables[table.name]) for table in SEGMENT_TABLES} == {2}
    assert {len(files.tables[table.name]) for table in RUN_TABLES} == {1}
    assert [path.stem for path in files.tables["layers"]] == list(files.segments)
    assert [path.stem for path in files.tables["images"]] == list(files.runs)


def test_a_store_made_between_two_looks_is_no_stranger(tmp_path: Path) -> None:
    """A reader that found none, and then looks for what else is there, may find the store that was made meanwhile."""
    write_run(Store.create_or_open(tmp_path / "store"), ["a"])
    refuse_foreign(folder_at(tmp_path / "store"), StoreFormatError)
