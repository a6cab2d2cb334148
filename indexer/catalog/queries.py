"""Named queries: one .sql file each, with a header that says what it answers (indexer/catalog/headers.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from indexer.catalog.headers import Header, read_text
from indexer.catalog.parameters import Parameter, Value, read_parameter
from indexer.catalog.statements import Parse, single_statement
from indexer.errors import QueryError, did_you_mean

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_KEYS = ("question", "caveat", "parameter", "empty", "single", "total")


@dataclass(frozen=True, slots=True)
class Query:
    """A named query.

    `empty` is the sentence to print where the result has no rows; `single` of a query about time the one to print
    where the store has a single run, None of other queries; `totals` the columns whose NULL means all of them together;
    `sql` the file's text, header included, which runs as it is in any DuckDB that has the views.
    """

    name: str
    question: str
    caveats: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    empty: str
    single: str | None
    totals: tuple[str, ...]
    sql: str
    path: Path

    def bind(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Return a value for every parameter, of its type, from `given` and the defaults.

        Raises QueryError for an unknown name, a value of the wrong type, or a required parameter that is not given.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in names:
                raise QueryError(
                    f"{self.name} has no parameter '{name}'{did_you_mean(name, names, ';')} {self._accepted()}"
                )
        return {parameter.name: self._value(parameter, given) for parameter in self.parameters}

    def _value(self, parameter: Parameter, given: Mapping[str, object]) -> Value:
        if parameter.name in given:
            return parameter.cast(given[parameter.name])
        if parameter.required:
            raise QueryError(
                f"{self.name} needs {parameter.name} ({parameter.description}): "
                f"indexer query {self.name} -p {parameter.name}=..."
            )
        return parameter.default

    def _accepted(self) -> str:
        if not self.parameters:
            return "it takes none"
        return "it takes " + ", ".join(f"{parameter.name} ({parameter.type})" for parameter in self.parameters)


def shipped_queries() -> Path:
    """The folder of the queries that come with the program: inside the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "queries", package.parent / "queries"):
        if (folder / "views").is_dir():
            return folder
    raise QueryError(f"the folder of the shipped queries is missing beside {package}; install the program again")


class Queries(Mapping[str, Query]):
    """Queries by name. A file is read when its query is asked for: the parser takes 0.2 s for all that are shipped.

    Reading one raises QueryError where its file breaks the rules; names can be listed and looked for without.
    """

    def __init__(self, paths: Mapping[str, Path], parse: Parse) -> None:
        self._paths = dict(paths)
        self._parse = parse
        self._read: dict[str, Query] = {}

    def __getitem__(self, name: str) -> Query:
        if name not in self._read:
            self._read[name] = read_query(self._paths[name], self._parse)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def load_queries(folders: Iterable[Path], parse: Parse = duckdb.extract_statements) -> Queries:
    """Return the queries of `folders` by name, in the order of the folders and then of the names.

    Raises QueryError for a folder that is missing, a file whose name is no query's, and a name that is there twice.
    """
    paths: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise QueryError(f"{folder} is no folder; queries: in config.yaml names a folder of .sql files")
        for path in sorted(folder.glob("*.sql")):
            if _NAME.fullmatch(path.stem) is None:
                raise QueryError(f"{path}: a query is named by its file, in lower-case words joined by '-'")
            if path.stem in paths:
                raise QueryError(f"two queries are named {path.stem}: {paths[path.stem]} and {path}; rename the second")
            paths[path.stem] = path
    return Queries(paths, parse)


def read_query(path: Path, parse: Parse = duckdb.extract_statements) -> Query:
    """Return the query in the file at `path`; QueryError, with file and line, where it breaks the rules."""
    text = read_text(path)
    header = Header(path, text, _KEYS)
    parameters = tuple(read_parameter(header, line) for line in header.all("parameter"))
    _check_names(header, parameters)
    _check_statement(path, text, {parameter.name for parameter in parameters}, parse)
    caveats = tuple(line.value for line in header.all("caveat"))
    single = header.one("single") if header.all("single") else None
    totals = tuple(name.strip() for line in header.all("total") for name in line.value.split(","))
    question, empty = header.one("question"), header.one("empty")
    return Query(path.stem, question, caveats, parameters, empty, single, totals, text, path)


def find_query(queries: Mapping[str, Query], name: str) -> Query:
    """Return the query named `name`; QueryError suggests the nearest one."""
    if name not in queries:
        raise QueryError(f"there is no query '{name}'{did_you_mean(name, queries, ';')} indexer query lists them all")
    return queries[name]


def _check_names(header: Header, parameters: tuple[Parameter, ...]) -> None:
    seen: set[str] = set()
    for line, parameter in zip(header.all("parameter"), parameters, strict=True):
        if parameter.name in seen:
            raise header.wrong(line.number, f"parameter {parameter.name} is declared twice")
        seen.add(parameter.name)


_USED: Final[dict[str, frozenset[str]]] = {}
"""The `$names` of SQL statements: a program that opens many stores pays once for the parser."""


def _parameters_used(text: str, parse: Parse) -> frozenset[str]:
    """The `$names` in one SQL statement; QueryError and duckdb.Error as of `single_statement`."""
    if text not in _USED:
        _USED[text] = frozenset(single_statement(text, parse).named_parameters)
    return _USED[text]


def _check_statement(path: Path, text: str, declared: set[str], parse: Parse) -> None:
    try:
        used = _parameters_used(text, parse)
    except (QueryError, duckdb.Error) as error:
        raise QueryError(f"{path}: {error}") from error
    if undeclared := sorted(used - declared):
        raise QueryError(f"{path}: ${undeclared[0]} is used, but no '-- parameter: {undeclared[0]} ...' declares it")
    if unused := sorted(declared - used):
        raise QueryError(f"{path}: parameter {unused[0]} is declared, but the statement does not use ${unused[0]}")
