"""A store in a bucket: the same commits as in a folder, whenever its writer dies, and copies that stay true."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from support.s3 import Answer, Place, Request, S3Server
from support.store_rows import (
    NOON,
    check_whole,
    everything_expected,
    write_run,
)

from indexer.errors import StoreDamaged, StoreError, StoreFormatError, UsageError
from indexer.objects import Bucket, connect
from indexer.store import Store, try_writing
from indexer.store.s3.cache import UNUSED
from indexer.store.s3.folder import S3Folder

OLD = ["old 1", "old 2", "old 3"]
FIRST = ["new 1", "new 2"]  # fills a segment
SECOND = ["new 3"]  # in hand when the run is committed
LATER = NOON + timedelta(days=1)


@pytest.fixture
def server(bucket: Place) -> S3Server:
    assert bucket.server is not None
    return bucket.server


def test_a_name_that_is_taken_is_never_written_again(bucket: Place, tmp_path: Path) -> None:
    store = Store.create_or_open(bucket.location)
    folder = S3Folder(bucket.location, Bucket(connect(), bucket.bucket, bucket.prefix), tmp_path / "copies")
    write_run(store, ["a"])
    lock = folder.lock("a", NOON)
    (name,) = folder.names("layers")
    before = bucket.read(f"layers/{name}")
    staged = folder.stage(f"layers/{name}")
    staged.write(b"other")
    with pytest.raises(StoreError, match="exists already"):
        staged.publish()
    staged.abandon()
    assert bucket.read(f"layers/{name}") == before
    lock.release()


def test_nothing_is_changed_without_the_lock(bucket: Place, tmp_path: Path) -> None:
    folder = S3Folder(bucket.location, Bucket(connect(), bucket.bucket, bucket.prefix), tmp_path / "copies")
    staged = folder.stage("layers/a.parquet")
    staged.write(b"x")
    for attempt in (staged.publish, lambda: folder.remove("layers/b.parquet"), lambda: folder.bar("runs/c.parquet")):
        with pytest.raises(StoreError, match="does not hold the store's lock"):
            attempt()
    staged.abandon()
    assert bucket.everything() == set()


def test_somebody_elses_prefix_is_refused_and_left_alone(bucket: Place) -> None:
    bucket.write("thesis.tex", b"months of work")
    with pytest.raises(StoreFormatError, match=r"holds 'thesis\.tex'"):
        Store.open(bucket.location)
    with pytest.raises(UsageError, match=r"holds 'thesis\.tex'"):
        Store.create_or_open(bucket.location)
    assert bucket.everything() == {"thesis.tex"}


def test_a_prefix_that_a_console_made_is_empty(bucket: Place) -> None:
    bucket.client().put_object(Bucket=bucket.bucket, Key=f"{bucket.prefix}/", Body=b"")
    write_run(Store.create_or_open(f"{bucket.location}/"), ["a"])
    assert check_whole(Store.open(bucket.location).files()) == ["a"]


def test_a_newer_format_is_refused(bucket: Place) -> None:
    bucket.write("format.json", b'{"format": 99, "program": "manifest-indexer", "version": "9.1.0"}')
    for open_ in (Store.open, Store.create_or_open):
        with pytest.raises(StoreFormatError, match=r"made by manifest-indexer 9\.1\.0"):
            open_(bucket.location)


def test_a_file_that_is_gone_is_damage(bucket: Place) -> None:
    write_run(Store.create_or_open(bucket.location), ["a"])
    (name,) = (key for key in bucket.everything() if key.startswith("layers/"))
    files = Store.open(bucket.location).files()
    bucket.remove(name)
    with pytest.raises(StoreDamaged, match=f"{bucket.location}/{name} is missing"):
        Store.open(bucket.location).files()
    assert files.tables["layers"], "there is a copy of it here, from before"


def copies(files: Store) -> list[Path]:
    return [path for paths in files.files().tables.values() for path in paths]


def test_a_view_stays_what_it_was_while_a_writer_adds(bucket: Place) -> None:
    write_run(Store.create_or_open(bucket.location), OLD)
    early = Store.open(bucket.location).files()
    write_run(Store.open(bucket.location), FIRST)
    assert check_whole(early) == OLD
    assert check_whole(Store.open(bucket.location).files()) == OLD + FIRST


def test_a_copy_that_is_cut_short_is_fetched_again(bucket: Place, server: S3Server) -> None:
    write_run(Store.create_or_open(bucket.location), OLD)
    for path in copies(Store.open(bucket.location)):
        os.truncate(path, 10)
    server.calm()
    assert check_whole(Store.open(bucket.location).files()) == OLD


def test_an_object_that_was_changed_is_not_taken_for_its_copy(bucket: Place) -> None:
    write_run(Store.create_or_open(bucket.location), ["a"])
    store = Store.open(bucket.location)
    (name,) = (key for key in bucket.everything() if key.startswith("manifests/"))
    length = len(bucket.read(name))
    assert len(store.known()) == 1
    bucket.write(name, b"x" * length)
    with pytest.raises(StoreDamaged, match="cannot read"):
        Store.open(bucket.location).known()


def test_only_what_is_asked_for_is_fetched(bucket: Place, server: S3Server, tmp_path: Path) -> None:
    write_run(Store.create_or_open(bucket.location), OLD)
    server.calm()
    assert len(Store.open(bucket.location, cache=tmp_path / "other").known()) == 3
    got = {each.key.split("/")[2] for each in server.requests if each.operation == "GetObject"}
    assert got == {"format.json", "manifests"}


def test_copies_of_what_the_store_no_longer_has_go_when_nobody_used_them_for_long(bucket: Place) -> None:
    write_run(Store.create_or_open(bucket.location), ["a"])
    store = Store.open(bucket.location)
    paths = copies(store)
    gone = store.folder / "0123456789abcdef" / "layers" / "gone.parquet"
    recent = gone.with_name("recent.parquet")
    half = store.folder / "staging" / "half"
    gone.parent.mkdir(parents=True)
    for path in (gone, recent, half, *paths):
        path.touch()
        if path != recent:
            os.utime(path, times=(time.time() - UNUSED - 60,) * 2)
    copies(Store.open(bucket.location))
    assert not gone.exists()
    assert not half.exists()
    assert recent.exists()
    assert all(path.exists() for path in paths)
    os.utime(recent, times=(time.time() - UNUSED - 60,) * 2)
    copies(Store.open(bucket.location))
    assert not recent.exists()
    assert not gone.parent.exists()


def test_copies_are_for_their_owner_alone(bucket: Place) -> None:
    write_run(Store.create_or_open(bucket.location), ["a"])
    folder = Store.open(bucket.location).folder
    assert folder.stat().st_mode & 0o077 == 0
    assert bucket.location in (folder / "store.txt").read_text()


def test_a_cache_that_cannot_be_made(bucket: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make"):
        Store.open(bucket.location, cache=tmp_path / "file")


STEPS = {
    "lost": Answer(None, apply=True),
    "reset": Answer(None),
    "busy": Answer(503, "SlowDown"),
    "conflict": Answer(409, "ConditionalRequestConflict"),
}


@pytest.mark.parametrize("answer", STEPS.values(), ids=STEPS)
def test_a_run_in_which_every_third_request_fails(bucket: Place, server: S3Server, answer: Answer) -> None:
    turn = [0]

    def fail(_: Request) -> Answer | None:
        turn[0] += 1
        return answer if turn[0] % 3 == 0 else None

    server.hook = fail
    write_run(Store.create_or_open(bucket.location), OLD)
    files = Store.open(bucket.location).files()
    assert check_whole(files) == OLD
    server.hook = None
    assert bucket.everything() == everything_expected(files)


def test_a_trial_that_could_not_be_removed_is_no_stranger(bucket: Place, server: S3Server) -> None:
    server.hook = lambda request: Answer(403, "AccessDenied") if request.operation == "DeleteObject" else None
    with pytest.raises(StoreError, match="AccessDenied"):
        try_writing(bucket.location)
    server.hook = None
    (left,) = bucket.everything()
    assert left.startswith("staging/trial-")
    write_run(Store.create_or_open(bucket.location), ["a"])
    assert check_whole(Store.open(bucket.location).files()) == ["a"]


def test_beside_a_trial_another_file_is_a_stranger(bucket: Place) -> None:
    bucket.write("staging/trial-1", b"x")
    bucket.write("staging/thesis.tex", b"months of work")
    with pytest.raises(UsageError, match="holds 'staging'"):
        Store.create_or_open(bucket.location)
