"""The images of the current state, of as few files as say it: mostly those of one run, and all its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

from indexer.catalog.statements import quoted
from indexer.catalog.views import scan

CURRENT_RUNS = """
with
listed as (select run_id, count(*) as repositories from repository_history where status = 'listed' group by run_id),
current as (select run_id, count(*) as repositories from last_listings group by run_id)
select run_id, listed.repositories = current.repositories as is_whole
from listed
inner join current using (run_id)
order by run_id
"""
"""The runs of which something is current, and whether all is that they listed."""


def current_images(runs: Sequence[tuple[str, bool]], files: Sequence[Path | str]) -> str:
    """Return the SQL of the view `images` for the rows of CURRENT_RUNS; nothing where no run is current.

    `files` are those of `images`. Mostly all that a run listed is current, or nothing: then its images are its file,
    and no other is opened. To ask of each image whether its listing is the last one takes several times as long as to
    look for a digest, and every other run's file would be opened to see that it has none.
    Every image of a run stands in a repository that the run listed whole, and in the file that has the run's name
    (`indexer verify` checks both).
    """
    parts = {whole: [run_id for run_id, is_whole in runs if is_whole == whole] for whole in (True, False)}
    shown = [_of_runs(run_ids, files, whole=whole) for whole, run_ids in parts.items() if run_ids]
    return " union all ".join(shown)


def _of_runs(run_ids: Sequence[str], files: Sequence[Path | str], *, whole: bool) -> str:
    """Return the SQL for the images of such runs: all of them, or those of repositories whose last listing it is."""
    current = "" if whole else " semi join last_listings using (registry_id, region, repository, run_id)"
    of_runs = [file for file in files if _run_of(file) in run_ids]
    if {_run_of(file) for file in of_runs} == set(run_ids):
        return f"select history.* from ({scan(of_runs)}) as history{current}"  # noqa: S608 - quoted
    names = ", ".join(map(quoted, run_ids))
    return f"select history.* from image_history as history{current} where history.run_id in ({names})"  # noqa: S608


def _run_of(file: Path | str) -> str:
    """Return the run whose rows the file has: RUN.parquet, or RUN_MADE.parquet where it was made anew."""
    return PurePath(file).stem.partition("_")[0]
