"""The commands that look after a store, and what they take."""

from __future__ import annotations

from typing import Annotated

import typer

from indexer.cli.group import Adder
from indexer.cli.options import GRACE_HOURS, ConfigOption, Format, FormatOption, GraceOption, StoreOption

_MOST = 100_000
"""Days are counted back from a date, which begins with the year 1."""


def add_upkeep(command: Adder) -> None:
    """Have `command` add these."""
    prune_example = "indexer prune --keep-days 30 --keep-weekly 52 --keep-monthly 120 --dry-run"
    command("verify", "indexer verify", "indexer verify --repair")(verify)
    command("compact", "indexer compact")(compact)
    command("prune", prune_example)(prune)
    command("reflatten", "indexer reflatten")(reflatten)


def verify(
    config: ConfigOption = None,
    store: StoreOption = None,
    format_: FormatOption = Format.TABLE,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make damaged rows anew from the manifests' texts; give up what cannot be.")
    ] = False,
) -> None:
    """Exit code 0: sound; 1: damage found (with --repair: left). Calls nothing but the store."""
    from indexer.cli import upkeep  # noqa: PLC0415 - pyarrow

    raise typer.Exit(upkeep.verify_store(upkeep.Asked(config, store, format_), mend=repair))


def compact(
    config: ConfigOption = None,
    store: StoreOption = None,
    manifests: Annotated[
        int | None, typer.Option("--segment-manifests", min=2, metavar="N", help="Manifests in a segment at most.")
    ] = None,
    grace_hours: GraceOption = GRACE_HOURS,
) -> None:
    from indexer.cli import upkeep  # noqa: PLC0415 - pyarrow

    upkeep.compact_store(upkeep.Asked(config, store), manifests=manifests, grace_hours=grace_hours)


def prune(  # noqa: PLR0913, PLR0917 - as query
    config: ConfigOption = None,
    store: StoreOption = None,
    format_: FormatOption = Format.TABLE,
    keep_days: Annotated[int, typer.Option(min=0, max=_MOST, metavar="N", help="Every run of the last N days.")] = 0,
    keep_daily: Annotated[
        int, typer.Option(min=0, max=_MOST, metavar="N", help="One run a day, of the last N days.")
    ] = 0,
    keep_weekly: Annotated[
        int, typer.Option(min=0, max=_MOST, metavar="N", help="One run a week, of the last N weeks.")
    ] = 0,
    keep_monthly: Annotated[
        int, typer.Option(min=0, max=_MOST, metavar="N", help="One run a month, of the last N months.")
    ] = 0,
    drop_unreferenced: Annotated[
        bool, typer.Option("--drop-unreferenced", help="Also drop manifests that no run in the store refers to.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which runs would go.")] = False,
    grace_hours: GraceOption = GRACE_HOURS,
) -> None:
    """Of each day, week (from Monday) and month the last complete run stays.

    They are in UTC and counted back from the newest run. Whatever the policy says, runs stay that the current state
    stands on: of every repository the newest good listing, of every account and region the newest run.
    """
    from indexer.cli import upkeep  # noqa: PLC0415 - pyarrow
    from indexer.store.upkeep import Policy  # noqa: PLC0415 - pyarrow

    policy = Policy(keep_days, keep_daily, keep_weekly, keep_monthly)
    asked = upkeep.Asked(config, store, format_)
    upkeep.prune_store(asked, policy, unreferenced=drop_unreferenced, dry_run=dry_run, grace_hours=grace_hours)


def reflatten(
    config: ConfigOption = None,
    store: StoreOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what this version made.")] = False,
    grace_hours: GraceOption = GRACE_HOURS,
) -> None:
    """A store of an older format becomes one of this version's."""
    from indexer.cli import upkeep  # noqa: PLC0415 - pyarrow

    upkeep.reflatten_store(upkeep.Asked(config, store), everything=everything, grace_hours=grace_hours)
