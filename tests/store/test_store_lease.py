"""The lock of a store in a bucket: one writer, a dead one loses it, and who has lost it commits nothing more."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.s3 import Answer, Place, Request, S3Server
from support.store_rows import (
    NOON,
    VERSION,
    check_whole,
    everything_expected,
    facts,
    image,
    repository,
    run_row,
    write_run,
)

from indexer.errors import StoreError, StoreLocked
from indexer.flatten import Bundle
from indexer.objects import Bucket, connect
from indexer.store import Store, Writer, segments_of
from indexer.store.s3.lease import LEASE, Lease, Watched

HOLDER = """
import sys
from datetime import UTC, datetime
from indexer.store import Store
with Store.create_or_open(sys.argv[1]).writer(now=lambda: datetime.now(UTC), version="1", command="other job"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def server(bucket: Place) -> S3Server:
    assert bucket.server is not None
    return bucket.server


@pytest.fixture
def objects(bucket: Place) -> Bucket:
    return Bucket(connect(), bucket.bucket, bucket.prefix)


@contextmanager
def other_process(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the store until it is killed or its standard input ends."""
    command = [sys.executable, "-c", HOLDER, place.location]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def taken(objects: Bucket, command: str = "a", renewal: float = 1000) -> Lease:
    return Lease(objects, "s3://here", command, NOON, renewal=renewal)


def dead_for(bucket: Place, seconds: float) -> None:
    """Let that much time pass without a sign of life."""
    bucket.older("lock", seconds)


def test_a_second_process_is_told_who_holds_the_store(bucket: Place) -> None:
    with other_process(bucket) as process:
        with pytest.raises(StoreLocked) as caught:
            write_run(Store.open(bucket.location), ["a"])
        message = str(caught.value)
        assert f"'other job', process {process.pid} on {socket.gethostname()}, since 20" in message
        assert f"the store {bucket.location} is held by another run" in message
        assert "and 60 s after it the store is free" in message
        assert Store.open(bucket.location).files().runs == ()  # readers need no lock


def test_a_killed_process_holds_the_store_until_its_lease_ends(bucket: Place) -> None:
    with other_process(bucket) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        dead_for(bucket, LEASE - 20)
        with pytest.raises(StoreLocked, match=r"If it is dead: its last sign of life is 4\d s old"):
            write_run(Store.open(bucket.location), ["a"])
        dead_for(bucket, 30)
        run_id = write_run(Store.open(bucket.location), ["a"])
    assert Store.open(bucket.location).files().runs == (run_id,)


def test_one_process_cannot_have_two_writers(bucket: Place) -> None:
    store = Store.create_or_open(bucket.location)
    with store.writer(now=lambda: NOON, version=VERSION, command="first") as writer:
        with pytest.raises(StoreLocked, match=f"'first', process {os.getpid()} "):
            write_run(Store.open(bucket.location), ["a"])
        writer.commit_run(run_row(writer))
    write_run(store, ["a"])


def test_of_several_that_want_it_one_gets_it(objects: Bucket, bucket: Place) -> None:
    for _ in range(3):
        won: list[Lease] = []
        refused: list[str] = []

        def want(won: list[Lease] = won, refused: list[str] = refused) -> None:
            try:
                won.append(taken(objects))
            except StoreLocked as error:
                refused.append(str(error))

        threads = [threading.Thread(target=want) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert len(refused) == 4
        dead_for(bucket, LEASE + 5)  # and the next ones take it over, from one that was not released
        won[0]._ended.set()


def test_the_lock_says_who_and_what_is_released_is_free(objects: Bucket, bucket: Place) -> None:
    lease = taken(objects)
    said = bucket.holder()
    assert said.pop("beat") > 0
    assert said == {
        "token": lease.token,
        "command": "a",
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": "2026-11-23T12:00:00+00:00",
        "lease": LEASE,
    }
    assert lease.held
    lease.check()
    lease.release()
    lease.release()
    assert not lease.held
    assert bucket.holder()["token"] == ""
    taken(objects, "b").release()


def test_something_else_in_its_place_is_held_by_nobody_known(objects: Bucket, bucket: Place) -> None:
    for text in (b"{", b"[]", b'{"token": "x"}', b""):
        bucket.write("lock", text)
        with pytest.raises(StoreLocked, match="says nothing of itself"):
            taken(objects)
        dead_for(bucket, LEASE + 5)
        taken(objects).release()


def test_signs_of_life_keep_it(objects: Bucket, bucket: Place, server: S3Server) -> None:
    lease = taken(objects, renewal=0.01)
    beat = bucket.holder()["beat"]
    deadline = time.monotonic() + 30
    while bucket.holder()["beat"] < beat + 3:
        assert time.monotonic() < deadline
    failing = [Answer(None, apply=True), Answer(503, "SlowDown"), Answer(None)]
    server.hook = lambda request: failing.pop() if failing and request.operation == "PutObject" else None
    while failing or bucket.holder()["beat"] < beat + 10:
        assert time.monotonic() < deadline
    lease.check()
    assert lease.held
    lease.release()


def test_a_holder_that_was_away_too_long_finds_out(objects: Bucket, bucket: Place) -> None:
    lease = taken(objects)
    dead_for(bucket, LEASE + 5)
    other = taken(objects, "b")
    lease._renew_once()
    assert not lease.held
    with pytest.raises(StoreError, match=r"has lost the lock of the store s3://here.*'b', process"):
        lease.check()
    lease.release()  # takes nothing from the other
    other.check()
    Watched(objects, "s3://here", other.token).check()
    other.release()
    with pytest.raises(StoreError, match="has lost the lock"):
        Watched(objects, "s3://here", other.token).check()


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
def test_a_service_that_ignores_conditions_is_refused(objects: Bucket, server: S3Server, header: str) -> None:
    server.ignores_conditions = frozenset({header})
    with pytest.raises(StoreError, match=rf"ignores conditions of writes \({header}\)"):
        taken(objects)


def test_a_fork_holds_nothing(objects: Bucket) -> None:
    lease = taken(objects)
    child = os.fork()
    if child == 0:
        held = lease.held
        lease.release()
        os._exit(int(held))
    assert os.waitpid(child, 0)[1] == 0
    lease.check()
    lease.release()


def begin(writer: Writer, names: list[str]) -> None:
    for name in names:
        writer.add(facts(name))
    writer.add_images(image(writer, name) for name in names)
    writer.add_repository(repository(writer, "shop/web"))


def overtaken(bucket: Place, server: S3Server, at: str, then: list[str]) -> list[str]:
    """Write a run of which the request for `at` arrives only after another run took the store over and ended.

    Return what the first writer was told, if it was an error.
    """
    told: list[str] = []

    def late(request: Request) -> Answer | None:
        if f"/{at}/" in request.key and request.operation == "PutObject":
            server.hook = None
            dead_for(bucket, LEASE + 5)
            write_run(Store.open(bucket.location), then)
        return None

    store = Store.create_or_open(bucket.location)
    write_run(store, ["old"])
    server.hook = late
    try:
        with store.writer(now=lambda: NOON, version=VERSION, segment_manifests=2) as writer:
            begin(writer, ["a", "b"])
            writer.commit_run(run_row(writer))
    except StoreError as error:
        told.append(str(error))
    assert server.hook is None, "the other run had its turn"
    return told


@pytest.mark.parametrize("at", ["layers", "configs", "index_entries", "manifests", "repositories", "images", "runs"])
def test_a_writer_that_is_overtaken_commits_nothing_that_the_other_does_not_know(
    bucket: Place, server: S3Server, at: str
) -> None:
    """The request of a commit may arrive at any later time: it must fail then, as its files are gone."""
    told = overtaken(bucket, server, at, ["a", "b", "c"])
    assert len(told) == 1
    assert "lost the lock" in told[0] or "barred by another writer" in told[0]
    files = Store.open(bucket.location).files()
    assert sorted(check_whole(files)) == ["a", "b", "c", "old"]
    assert len(files.runs) == 2
    write_run(Store.open(bucket.location), ["a", "d"])
    files = Store.open(bucket.location).files()
    assert sorted(check_whole(files)) == ["a", "b", "c", "d", "old"]
    assert bucket.everything() == everything_expected(files), "what arrived late is removed by the next writer"


def test_a_commit_that_arrives_before_it_can_be_barred_counts(bucket: Place, server: S3Server) -> None:
    """The other writer lists before and bars after: then the segment is committed, and its digests are known."""
    store = Store.create_or_open(bucket.location)
    commit: list[Request] = []

    def die(request: Request) -> Answer | None:
        if "/manifests/" in request.key and request.operation == "PutObject":
            commit.append(request)
        return Answer(403, "AccessDenied") if commit else None

    server.hook = die
    with (
        pytest.raises(StoreError, match="AccessDenied"),
        store.writer(now=lambda: NOON, version=VERSION, segment_manifests=2) as writer,
    ):
        begin(writer, ["a", "b"])
    dead_for(bucket, LEASE + 5)

    def arrive(request: Request) -> Answer | None:
        if "/manifests/" in request.key and request.operation == "PutObject":
            server.hook = None
            body = store_bytes(["a", "b"], bucket)
            bucket.client().put_object(Bucket=bucket.bucket, Key=commit[0].key, Body=body)
        return None

    server.hook = arrive
    write_run(Store.open(bucket.location), ["a", "b", "c"])
    files = Store.open(bucket.location).files()
    assert sorted(check_whole(files)) == ["a", "b", "c"]
    assert len(files.segments) == 2
    assert bucket.barred() == set()


def store_bytes(names: list[str], bucket: Place) -> bytes:
    """The bytes of a segment's file of manifests, as the writer that died would have put it."""
    other = f"{bucket.location}-other"
    with Store.create_or_open(other).writer(now=lambda: NOON, version=VERSION) as writer:
        begin(writer, names)
    (path,) = Store.open(other).files().tables["manifests"]
    return path.read_bytes()


def test_workers_write_under_the_lease_of_their_writer(bucket: Place) -> None:
    store = Store.create_or_open(bucket.location)

    def fine() -> None:
        """The writer lives."""

    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        share = writer.share
        assert share.descriptors == ()
        json.dumps(share[:3])
        segments = segments_of(share, writer.run_id, number=0, processes=2, check=fine)
        segments.add_all(Bundle.of([(facts("a"), 0)]))
        segments.flush()
        segments.add_all(Bundle.of([(facts("b"), 0)]))
        dead_for(bucket, LEASE + 5)
        write_run(Store.open(bucket.location), ["c"])
        with pytest.raises(StoreError, match="lost the lock"):
            segments.flush()
    assert sorted(check_whole(Store.open(bucket.location).files())) == ["a", "c"]
    with pytest.raises(StoreError, match="does not hold"):
        _ = writer.share
