"""Why an answer has no rows, where the question itself is the reason: then the query's own sentence would mislead."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from indexer.catalog import Query
from indexer.catalog.parameters import Parameter
from indexer.front.asking import Asking


def why_empty(asking: Asking, query: Query, given: Mapping[str, object]) -> str:
    """Return the sentence to show with an answer without rows: the query's own, or what is wrong with `given`."""
    values = query.bind(given)
    if values.get("limit") == 0:
        return "limit=0 asks for no rows."
    if not asking.rows("known_repositories", pattern="*"):
        return f"{asking.place} holds no repository yet: no run has listed any."
    for parameter in filter(_names_repositories, query.parameters):
        rows = asking.rows("known_repositories", pattern=values[parameter.name])
        if not any(row["is_match"] for row in rows):
            return _unmatched(parameter.name, str(values[parameter.name]), [row["repository"] for row in rows])
    return query.empty


def _names_repositories(parameter: Parameter) -> bool:
    of_repositories = parameter.name == "repository" or parameter.description.startswith("repositories")
    return parameter.type == "glob" and of_repositories


def _unmatched(parameter: str, pattern: str, names: list[str]) -> str:
    nearest = get_close_matches(pattern, names, n=1)
    hint = f", did you mean {nearest[0]}?" if nearest else f"; there is {names[0]}, for one"
    return f"No repository matches {parameter}={pattern}{hint}"
