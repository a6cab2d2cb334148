"""The writer of a store in a bucket dies before any of its requests: the same as with a folder holds."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from moto.s3.models import s3_backends
from support.manifests import image as document
from support.s3 import Answer, Hook, Place, Request, S3Server, changes
from support.store_rows import (
    NOON,
    VERSION,
    check_whole,
    everything_expected,
    facts,
    failure,
    image,
    read,
    repository,
    run_row,
    write_run,
)
from support.upkeep import night

from indexer.errors import StoreError, StoreMissing
from indexer.store import Recovered, Store
from indexer.store.upkeep import Policy, compact, prune, reflatten, verify

OLD = ["old 1", "old 2", "old 3"]
FIRST = ["new 1", "new 2"]  # fills a segment
SECOND = ["new 3"]  # in hand when the run is committed
LATER = NOON + timedelta(days=1)
ONE, TWO = (document(name, [("base", 10), (name, 1)]) for name in ("one", "two"))


@pytest.fixture
def server(bucket: Place) -> S3Server:
    assert bucket.server is not None
    return bucket.server


def play(place: Place, said: list[str]) -> None:
    """A run: a segment, more, then the run. `said` gets each commit once it is acknowledged."""
    with Store.create_or_open(place.location).writer(now=lambda: LATER, version=VERSION, segment_manifests=2) as writer:
        writer.add_repository(repository(writer, "shop/web"))
        writer.add_failure(failure(writer, "for example"))
        for name in FIRST:
            writer.add(facts(name))
        said.append("segment")
        writer.add(facts(SECOND[0]))
        writer.add_images(image(writer, name) for name in (*OLD, *FIRST, *SECOND))
        writer.commit_run(run_row(writer))
        said.append("run")


def dead_from(number: int) -> Hook:
    """A hook for which everything is refused from the change of that number on, counted from 0."""
    left = [number]

    def gone(request: Request) -> Answer | None:
        left[0] -= changes(request)
        return Answer(403, "AccessDenied") if left[0] < 0 else None

    return gone


def die_at(place: Place, server: S3Server, number: int) -> list[str]:
    """Play until the change of that number, from 0, which the bucket never sees, nor anything after it."""
    said: list[str] = []
    server.hook = dead_from(number)
    try:
        play(place, said)
    except StoreError:
        pass
    finally:
        server.hook = None
    place.older("lock", 3600)
    return said


def copied(template: Place, number: int) -> Place:
    """The store of a template once more, under another prefix."""
    prefix = f"{template.prefix}-{number}"
    backend = s3_backends["123456789012"]["aws"]
    for key in template.everything():
        found = backend.get_object(template.bucket, f"{template.prefix}/{key}")
        assert found is not None
        backend.put_object(template.bucket, f"{prefix}/{key}", found.value)
    return template._replace(location=f"s3://{template.bucket}/{prefix}", prefix=prefix)


def telling(done: list[Request], prefix: str, *, every_step: bool) -> list[int]:
    """The numbers of changes to die before: all, or the first and the last, each commit and one file before it."""
    if every_step:
        return list(range(len(done)))
    folders = [each.key.removeprefix(f"{prefix}/").partition("/")[0] for each in done]
    commits = [at for at, folder in enumerate(folders) if folder in {"manifests", "runs"}]
    return sorted({0, len(done) - 1, *commits, *(at - 1 for at in commits[-1:])})


@pytest.mark.slow
def test_dying_before_every_change(bucket: Place, server: S3Server, *, every_step: bool) -> None:
    write_run(Store.create_or_open(bucket.location), OLD)
    measure = copied(bucket, 0)
    server.calm()
    play(measure, [])
    done = server.changes()
    assert len(done) >= 2 + 3 * 4 + 1, "the lock, three times four files, the lock"
    for number in telling(done, measure.prefix, every_step=every_step):
        place = copied(bucket, number + 1)
        said = die_at(place, server, number)
        files = Store.open(place.location).files()
        names = check_whole(files)
        assert names[:3] == OLD
        assert (len(names), len(files.runs)) in {(3, 1), (5, 1), (6, 1), (6, 2)}
        assert len(names) >= len(OLD) + 2 * ("segment" in said)
        assert (len(files.runs) == 2) >= ("run" in said)
        write_run(Store.open(place.location), OLD + FIRST + SECOND, now=LATER)
        files = Store.open(place.location).files()
        assert sorted(check_whole(files)) == sorted(OLD + FIRST + SECOND)
        assert place.everything() == everything_expected(files)
    assert "run" in said, "the last change is the end of the lock"


def digests(place: Place) -> list[str]:
    """The manifests' digests, as often as they are there."""
    return sorted(row["manifest_digest"] for row in read(Store.open(place.location).files(), "manifests"))


def merge(place: Place) -> None:
    """Merge all segments, let go of all runs but the newest, and make all rows anew: each kind of replacement."""
    with Store.open(place.location).upkeep(now=lambda: LATER + timedelta(hours=1), command="indexer test") as held:
        compact(held)
        prune(held, Policy())
        reflatten(held, VERSION, everything=True)


@pytest.mark.slow
def test_upkeep_that_dies_before_every_change(bucket: Place, server: S3Server, *, every_step: bool) -> None:
    night(bucket.location, NOON, [ONE])
    night(bucket.location, LATER, [ONE, TWO])
    rows = digests(bucket)
    measure = copied(bucket, 0)
    server.calm()
    merge(measure)
    done = server.changes()
    assert len(Store.open(measure.location).files().segments) == 1
    assert len(Store.open(measure.location).files().runs) == 1
    steps = telling(done, measure.prefix, every_step=every_step)
    for number in steps if every_step else (steps[1], steps[len(steps) // 2], steps[-2]):
        place = copied(bucket, number + 1)
        server.hook = dead_from(number)
        with suppress(StoreError):
            merge(place)
        server.hook = None
        place.older("lock", 3600)
        assert digests(place) == rows
        assert verify(Store.open(place.location).place).sound
        merge(place)
        assert digests(place) == rows
        after = Store.open(place.location).files()
        assert (len(after.segments), len(after.runs)) == (1, 1)


@pytest.mark.parametrize("number", range(4))
def test_dying_while_a_store_is_made(bucket: Place, server: S3Server, number: int) -> None:
    if number:
        die_at(bucket, server, number)
    else:
        server.hook = lambda request: Answer(403, "AccessDenied") if changes(request) else None
        with pytest.raises(StoreError, match="AccessDenied"):
            play(bucket, [])
        server.hook = None
    if number < 3:
        with pytest.raises(StoreMissing):
            Store.open(bucket.location)
    write_run(Store.create_or_open(bucket.location), OLD)
    assert sorted(check_whole(Store.open(bucket.location).files())) == OLD


def test_what_a_dead_writer_left_is_counted_and_its_names_are_barred(bucket: Place, server: S3Server) -> None:
    write_run(Store.create_or_open(bucket.location), OLD)
    server.hook = lambda request: Answer(403, "AccessDenied") if "/runs/" in request.key else None
    with pytest.raises(StoreError):
        play(bucket, [])
    server.hook = None
    left = f"{bucket.prefix}/layers/20270101T000000.000Z-abcdef-00001.parquet"
    bucket.client().create_multipart_upload(Bucket=bucket.bucket, Key=left)
    with Store.open(bucket.location).writer(now=lambda: LATER, version=VERSION) as writer:
        assert writer.recovered == Recovered(staged=1, segment_files=0, run_files=3)
    (barred,) = bucket.barred()
    assert barred.startswith("runs/")
    with Store.open(bucket.location).writer(now=lambda: LATER, version=VERSION) as writer:
        assert writer.recovered == Recovered(0, 0, 0)
    files = Store.open(bucket.location).files()
    assert len(files.runs) == 1
    assert bucket.everything() == everything_expected(files)
