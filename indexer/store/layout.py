"""The names inside a store: which files there are, and which segment or run each belongs to.

    format.json                                the store's format version; written once, when the store is made
    lock                                       held by the one writer
    staging/<table>.<name>.parquet.tmp         a file being written
    <table>/<name>.parquet                     a published file; <name> is a run id or a segment name
    <table>/<first>_<last>_<made>.parquet      what replaces the segments from <first> to <last>
    <table>/<run>_<made>.parquet               what replaces a run's files, made anew for a newer format
    runs/<run>_<made>.pruned                   says that a run is no more

`<made>` is an id of its own, of the same form as a run's and higher than all before it.

A run id is `<UTC time>-<6 random hexadecimal digits>`, such as `20261123T180712.345Z-3f9a2c`; a segment's name is the
run id and a number, such as `20261123T180712.345Z-3f9a2c-00001`. All parts have fixed widths: names sort by time.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from indexer.errors import StoreDamaged, StoreError
from indexer.tables import MANIFESTS, RUN_TABLES, RUNS, SEGMENT_TABLES, TABLES, Table

FORMAT: Final = 2
"""The format this version reads and writes."""
UPGRADED: Final = 1
"""The oldest format that `indexer reflatten` makes one of this version."""
PROGRAM: Final = "manifest-indexer"
FORMAT_FILE: Final = "format.json"
LOCK_FILE: Final = "lock"
STAGING: Final = "staging"
SUFFIX: Final = ".parquet"
# Readers and other engines glob *.parquet: a staged file must not match.
STAGED_SUFFIX: Final = ".tmp"
# A reader that does not know it sees a run too many, never a row twice: no other engine's glob finds the mark.
PRUNED_SUFFIX: Final = ".pruned"

_RUN = r"[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{6}"
_SEGMENT = _RUN + r"-[0-9]{5}"
_NAMES = {
    "run": re.compile(rf"({_RUN})(?:_({_RUN}))?"),
    "segment": re.compile(rf"({_SEGMENT})(?:_({_SEGMENT})_({_RUN}))?"),
}
_STAMP = "%Y%m%dT%H%M%S.%f"
_LAST_SEGMENT = 99_999


def published_key(table: Table, name: str) -> str:
    """Return the key (path under the store) of a table's file for a segment or run."""
    return f"{table.name}/{name}{SUFFIX}"


def staged_key(key: str) -> str:
    """Return where `key` is written before it is published."""
    return f"{STAGING}/{key.replace('/', '.')}{STAGED_SUFFIX}"


def name_in(table: Table, file_name: str) -> str | None:
    """Return the segment or run that a file in the table's folder belongs to, None for a file that is not ours."""
    name = file_name.removesuffix(SUFFIX)
    return name if name != file_name and _NAMES[table.per].fullmatch(name) else None


def pruned_in(table: Table, file_name: str) -> str | None:
    """Return the name before the suffix of a mark that says that a run is no more, None for any other file."""
    name = file_name.removesuffix(PRUNED_SUFFIX)
    match = _NAMES["run"].fullmatch(name) if name != file_name and table is RUNS else None
    return name if match and match[2] else None


def is_staged(file_name: str) -> bool:
    """Whether a file in the staging folder is one that a writer of this program put there."""
    if file_name == FORMAT_FILE + STAGED_SUFFIX:
        return True
    name, _, rest = file_name.partition(".")
    published = rest.removesuffix(STAGED_SUFFIX)
    if name not in TABLES or published == rest:
        return False
    return name_in(TABLES[name], published) is not None or pruned_in(TABLES[name], published) is not None


def stands_for(name: str) -> tuple[str, str, str]:
    """Return the first and last segment (or the run, twice) that a name stands for, and the id of when it was made."""
    first, *more = name.split("_")
    if not more:
        return first, first, run_of(first)
    return first, more[0] if len(more) > 1 else first, more[-1]


def replacing(first: str, last: str, made: str) -> str:
    """Return the name of what replaces the segments from `first` to `last`, or the run that both of them are."""
    return f"{first}_{made}" if first == run_of(first) else f"{first}_{last}_{made}"


def mark_of(run_id: str, made: str) -> str:
    """Return the key of the mark that says that a run is no more."""
    return f"{RUNS.name}/{run_id}_{made}{PRUNED_SUFFIX}"


def segment_name(run_id: str, number: int) -> str:
    """Return the name of a run's segment; numbers start at 1."""
    if number > _LAST_SEGMENT:
        # A sixth digit would sort wrongly and match no pattern: the segment would never be seen again.
        raise StoreError(f"a run can write {_LAST_SEGMENT} segments; run again to continue, or write larger segments")
    return f"{run_id}-{number:05d}"


def run_of(name: str) -> str:
    """Return the run id that a segment's name (or a run's) starts with."""
    return "-".join(name.partition("_")[0].split("-")[:2])


def next_run_id(now: datetime, newest: str | None) -> str:
    """Return a run id for `now` that sorts after `newest`, the highest run id in the store.

    Where the clock stands before the newest run, the new id's time is one millisecond after that run's.
    """
    stamp = _stamp(now)
    if newest is not None and stamp <= newest.partition("Z")[0]:
        stamp = _stamp(time_of(newest) + timedelta(milliseconds=1))
    return f"{stamp}Z-{secrets.token_hex(3)}"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_STAMP)[:-3]


def time_of(run_id: str) -> datetime:
    """Return the time in an id, UTC."""
    try:
        return datetime.strptime(run_id.partition("Z")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise StoreDamaged(
            f"the store holds files of a run named {run_id}, which is no time. Move those files away"
        ) from error


def dependents(commit: Table) -> tuple[Table, ...]:
    """Return the tables whose files must be published before `commit`'s, in the order they are published."""
    tables = SEGMENT_TABLES if commit is MANIFESTS else RUN_TABLES
    return tuple(table for table in tables if table is not commit)
