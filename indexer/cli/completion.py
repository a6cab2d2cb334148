"""What the shell completes. It runs at every press of Tab, so nothing slow is imported where it can be done without.

Names of queries and parameters come from the files' headers; only names of repositories want the store opened. Whatever
goes wrong completes nothing: an error message in the middle of a command line helps nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from io import StringIO
from pathlib import Path

import typer  # not for the type checker alone: typer looks at the annotations

_QUESTION = "-- question: "
_PARAMETER = re.compile(r"-- parameter: (?P<name>\w+) (?P<rest>.*)")
_REPOSITORIES = """
select distinct repository from repositories where starts_with(repository, $beginning) order by repository limit 200
"""

Item = tuple[str, str]
"""What to complete to, and what the shell shows beside it."""


def query_names(context: typer.Context, incomplete: str) -> list[Item]:
    """Return the queries whose names begin with `incomplete`, each with its question; the configuration's own too."""
    found = {path.stem: _question(path) for folder in _folders(context) for path in folder.glob("*.sql")}
    return sorted((name, question) for name, question in found.items() if name.startswith(incomplete))


def query_parameters(context: typer.Context, incomplete: str) -> list[Item]:
    """Return `key=` for each parameter of the query that is named before, with what its header says of it."""
    # With `-p` still without its value, what stands before is not parsed yet.
    name = context.params.get("name") or next(iter(context.args), None)
    paths = [folder / f"{name}.sql" for folder in _folders(context)]
    return [item for path in paths if path.is_file() for item in _parameters(path) if item[0].startswith(incomplete)]


def repositories(context: typer.Context, incomplete: str) -> list[Item]:
    """Return the repositories whose names begin with `incomplete`. No tags: to bash a colon begins another word."""
    with suppress(Exception), redirect_stderr(StringIO()):
        from indexer.cli.places import open_store  # noqa: PLC0415 - duckdb, pyarrow: half a second

        with open_store(context.params.get("config"), context.params.get("store")) as store:
            rows = store.sql(_REPOSITORIES, beginning=incomplete).fetchall()
            return [(str(name), "") for (name,) in rows]
    return []


def _folders(context: typer.Context) -> list[Path]:
    own: list[Path] = []
    config = context.params.get("config")
    if config is not None or Path("config.yaml").is_file():
        with suppress(Exception), redirect_stderr(StringIO()):
            from indexer.cli.places import query_folders  # noqa: PLC0415 - pydantic

            own = query_folders(config, context.params.get("store"))
    return [_shipped(), *own]


def _shipped() -> Path:
    """The folder that indexer.catalog.shipped_queries names; that one takes duckdb to ask."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "queries"
    return inside if inside.is_dir() else package.parent / "queries"


def _question(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next((line.removeprefix(_QUESTION).strip() for line in lines if line.startswith(_QUESTION)), "")


def _parameters(path: Path) -> Iterator[Item]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _PARAMETER.match(line):
            yield f"{match['name']}=", match["rest"]
