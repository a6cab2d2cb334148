"""`indexer verify`, `compact`, `prune` and `reflatten`: what they do to the store, told to people or as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

import indexer
from indexer.cli import output
from indexer.cli.cells import counted, human_bytes
from indexer.cli.options import Format
from indexer.cli.places import cache_folder, store_location
from indexer.cli.rows import print_rows
from indexer.cli.steps import steps
from indexer.errors import EXIT_DONE, EXIT_FAILED, StoreError, UsageError
from indexer.scratch import make_folder, remove_folder
from indexer.store import Store
from indexer.store.upkeep import (
    COMPACT_MANIFESTS,
    Held,
    Plan,
    Policy,
    Progress,
    Verified,
    compact,
    plan,
    prune,
    reflatten,
    repair,
    verify,
)

_FINDINGS = pa.schema([(name, pa.string()) for name in ("level", "problem", "file", "subject", "detail", "advice")])
_GOING = pa.schema([("run_id", pa.string()), ("bytes", pa.int64())])


class Asked:
    """Which store, and how to print."""

    def __init__(self, config: str | None, store: str | None, format_: Format = Format.TABLE) -> None:
        self.location = store_location(config, store)
        self.format = format_
        self._fresh: Path | None = None

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """Open the store for reading. Of a store in a bucket, what is there is read, and not the copies of before."""
        with self._copies() as fresh:
            yield Store.open(self.location, cache=fresh)

    def watched(self, progress: Progress) -> Progress:
        """Return what tells `progress` of each part done, and lets go of the copies that were made for it.

        A bucket is then checked with as much room here as its largest part takes.
        """

        def step(done: int, of: int) -> None:
            for copy in self._fresh.rglob("*.parquet") if self._fresh is not None else ():
                copy.unlink(missing_ok=True)
            progress(done, of)

        return step

    @contextmanager
    def _copies(self) -> Iterator[Path | None]:
        self._fresh = make_folder()
        if self._fresh is None and str(self.location).startswith("s3://"):
            raise StoreError("there is no room for temporary files: name a folder in TMPDIR that can be written")
        try:
            yield self._fresh or cache_folder()  # of a store in a folder there are no copies
        finally:
            remove_folder(self._fresh)

    @contextmanager
    def held(self, command: str, *, outdated: bool = False, afresh: bool = False) -> Iterator[Held]:
        """Hold the store's lock for `command`; `afresh` is without the copies of before, as `opened` does."""
        with ExitStack() as stack:
            cache = stack.enter_context(self._copies()) if afresh else cache_folder()
            store = Store.open(self.location, cache=cache, outdated=outdated)
            yield stack.enter_context(store.upkeep(now=_now, command=f"indexer {command}"))


def verify_store(asked: Asked, *, mend: bool) -> int:
    """Check the store, and repair it if asked to; return the exit code."""
    if not mend:
        with asked.opened() as store, steps("verify") as progress:
            verified = verify(store.place, asked.watched(progress))
        _tell_findings(asked, verified)
        if not verified.sound:
            output.say("indexer verify --repair repairs what can be repaired; a backup may have what it cannot")
        return EXIT_DONE if verified.sound else EXIT_FAILED
    with asked.held("verify --repair", afresh=True) as held:
        with steps("verify") as progress:
            verified = verify(held.folder, asked.watched(progress))
        _tell_findings(asked, verified)
        repair(held, verified)
        after = verify(held.folder, asked.watched(lambda _done, _of: None))
    if verified.cures:
        given_up = sum(cure.keep is None for _, _, cure in verified.cures)
        output.say(
            f"repaired: {len(verified.cures) - given_up} made anew, {given_up} given up; "
            "the next indexer run fetches what is missing, where the registry still has it"
        )
    return EXIT_DONE if after.sound else EXIT_FAILED


def compact_store(asked: Asked, *, manifests: int | None, grace_hours: float) -> None:
    """Merge small segments."""
    with asked.held("compact") as held, steps("compact") as progress:
        done = compact(held, manifests=manifests or COMPACT_MANIFESTS, grace=_grace(grace_hours), progress=progress)
    output.say(
        f"{counted(done.before, 'segment')} before, {done.after:,} after; {counted(done.manifests, 'manifest')} moved"
    )
    _tell_removed(done.removed_files, grace_hours, moved=done.manifests > 0)


def prune_store(asked: Asked, policy: Policy, *, unreferenced: bool, dry_run: bool, grace_hours: float) -> None:
    """Let go of the runs that neither the policy nor today's state needs."""
    if policy == Policy():
        raise UsageError(
            "prune needs to be told what to keep, such as: indexer prune --keep-days 30 --keep-weekly 52 "
            "--keep-monthly 120 (with --dry-run it only says what would go)"
        )
    if dry_run:
        with asked.opened() as store:
            chosen = plan(store.place, policy)
        _print_plan(asked, chosen)
        _tell_plan(chosen, "would go")
        return
    with asked.held("prune") as held, steps("prune") as progress:
        done = prune(held, policy, unreferenced=unreferenced, grace=_grace(grace_hours), progress=progress)
    _print_plan(asked, done.plan)
    _tell_plan(done.plan, "gone")
    if done.dropped is not None:
        output.say(
            f"{counted(done.dropped.manifests, 'manifest')} dropped that nothing refers to "
            f"({human_bytes(done.dropped.bytes)} of text)"
        )
    moved = bool(done.plan.going) or bool(done.dropped and done.dropped.manifests)
    _tell_removed(done.removed_files, grace_hours, moved=moved)


def reflatten_store(asked: Asked, *, everything: bool, grace_hours: float) -> None:
    """Make rows anew where an older version made them, or everywhere."""
    with asked.held("reflatten", outdated=True) as held, steps("reflatten") as progress:
        done = reflatten(held, indexer.__version__, everything=everything, grace=_grace(grace_hours), progress=progress)
    if done.upgraded_from is not None:
        output.say(f"upgraded from format {done.upgraded_from}, {counted(done.runs, 'run')} included")
    output.say(
        f"{counted(done.segments, 'segment')} made anew ({counted(done.manifests, 'manifest')}), "
        f"{done.skipped:,} left as they are"
    )
    _tell_removed(done.removed_files, grace_hours, moved=done.segments > 0)


def _tell_findings(asked: Asked, verified: Verified) -> None:
    rows = [finding._asdict() for finding in verified.findings]
    _print(_FINDINGS, rows, asked.format, "nothing is wrong")
    damaged = sum(finding.level == "damage" for finding in verified.findings)
    state = f"{counted(damaged, 'damage')} found" if damaged else "sound"
    output.say(
        f"{asked.location}: {state}; checked {counted(verified.manifests, 'manifest')} in "
        f"{counted(verified.segments, 'segment')}, and {counted(verified.runs, 'run')}"
    )


def _print_plan(asked: Asked, chosen: Plan) -> None:
    _print(_GOING, [run._asdict() for run in chosen.going], asked.format, "every run is kept")


def _tell_plan(chosen: Plan, going: str) -> None:
    size = human_bytes(sum(run.bytes for run in chosen.going))
    output.say(f"{counted(len(chosen.going), 'run')} {going} ({size}), {len(chosen.kept):,} kept")
    if chosen.needed:
        are = "is" if len(chosen.needed) == 1 else "are"
        output.say(f"{len(chosen.needed):,} of these {are} kept because the current state stands on them")


def _print(schema: pa.Schema, rows: Sequence[dict[str, Any]], format_: Format, empty: str) -> None:
    if rows or format_ is not Format.TABLE:
        print_rows(pa.Table.from_pylist(list(rows), schema=schema).to_reader(), format_, empty=empty)


def _tell_removed(files: int, grace_hours: float, *, moved: bool) -> None:
    if files:
        output.say(f"{counted(files, 'file')} removed that {'was' if files == 1 else 'were'} replaced before")
    if moved and grace_hours > 0:
        hours = f"{grace_hours:g} {'hour' if grace_hours == 1 else 'hours'}"
        output.say(f"what was replaced now stays {hours} for open readers; any later indexer run removes it")


def _grace(hours: float) -> timedelta:
    return timedelta(hours=hours)


def _now() -> datetime:
    return datetime.now(UTC)
