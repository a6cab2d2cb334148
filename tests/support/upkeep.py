"""Stores for tests of what looks after them, and short ways to do that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from support.manifests import digest_of
from support.store_rows import NOON, PLACE, VERSION, failure, image, read, repository, run_row

from indexer.flatten import Source, flatten
from indexer.store import Disk, Store
from indexer.store.upkeep import Held, Verified, verify

LONG_AFTER = NOON + timedelta(days=4_000)
AT_ONCE = timedelta(0)


@contextmanager
def held(folder: Path, now: datetime = LONG_AFTER, disk: Disk | None = None) -> Iterator[Held]:
    """Hold the lock of the store in `folder`."""
    store = Store.create_or_open(folder, disk=disk)
    with store.upkeep(now=lambda: now, command="indexer test") as found:
        yield found


def night(
    folder: str | Path,
    when: datetime,
    images: Sequence[bytes],
    *,
    statuses: Sequence[tuple[str, str]] = (("shop/web", "listed"),),
    failures: int = 0,
) -> str:
    """Index documents in a run of that time, the first repository holds them; return its id."""
    store = Store.create_or_open(folder)
    with store.writer(now=lambda: when, version=VERSION) as writer:
        for order, raw in enumerate(images):
            source = Source(*PLACE, statuses[0][0] if statuses else "gone", when)
            writer.add(flatten(digest_of(raw), raw, source), order)
        listed = [name for name, status in statuses if status == "listed"]
        for name, status in statuses:
            writer.add_repository(repository(writer, name, status))
        for name in listed:
            writer.add_images(image(writer, "", name)._replace(manifest_digest=digest_of(raw)) for raw in images)
        for number in range(failures):
            writer.add_failure(failure(writer, str(number)))
        row = run_row(writer)._replace(repositories=len(listed), images=len(listed) * len(images))
        writer.commit_run(row._replace(failures=failures, complete=failures == 0))
        return writer.run_id


def everything(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table that a reader sees, in an order of their own."""
    files = Store.open(folder).files()
    return {table: sorted(read(files, table), key=repr) for table in files.tables}


def check(folder: Path) -> Verified:
    """Verify the store in `folder`."""
    return verify(Store.open(folder).place)
