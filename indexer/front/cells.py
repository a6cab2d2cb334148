"""`%%sql` in a notebook: a cell of SQL over an open store.

    %load_ext indexer
    store = indexer.open("./store")

    %%sql reuse <<
    select layer_digest, count(*) as manifests from layers group by all having count(*) >= $least

The store is the notebook's variable `store`; another is named by `--store NAME`. The rows are a pandas frame, shown, or
kept under the name before `<<`. A `$name` in the statement is the notebook's variable of that name, bound as a
parameter.
"""

from __future__ import annotations

import re
from typing import Any, Final

from indexer.catalog.errors import query_errors
from indexer.catalog.statements import single_statement
from indexer.errors import UsageError
from indexer.front.opened import OpenStore

_LINE = re.compile(r"\s*(?:--store[ =](?P<store>\w+)\s*)?(?:(?P<name>\w+)\s*<<)?\s*")
_OPEN: Final = "; make one with indexer.open(...)"


def load(shell: Any) -> None:
    """Give an IPython shell its `%%sql`; `%load_ext indexer` calls this."""
    shell.register_magic_function(lambda line, cell: run(shell, line, cell), magic_kind="cell", magic_name="sql")


def run(shell: Any, line: str, statement: str) -> Any:
    """Return the rows of `statement` as a pandas frame, or None where `line` says to keep them under a name.

    Raises UsageError for a line that cannot be read, or where a variable is not there, and QueryError as
    OpenStore.sql does.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise UsageError(f"%%sql {line.strip()}: expected nothing, NAME <<, or --store VARIABLE before either")
    store = _variable(shell, match["store"] or "store", _OPEN)
    if not isinstance(store, OpenStore):
        raise UsageError(f"{match['store'] or 'store'} is no open store{_OPEN}")
    with query_errors(()):
        names = single_statement(statement).named_parameters
    frame = store.sql(statement, **{name: _variable(shell, name) for name in names}).df()
    if match["name"] is None:
        return frame
    shell.user_ns[match["name"]] = frame
    return None


def _variable(shell: Any, name: str, remedy: str = "") -> Any:
    if name not in shell.user_ns:
        raise UsageError(f"there is no variable {name} in this notebook{remedy}")
    return shell.user_ns[name]
