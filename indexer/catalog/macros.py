"""What several queries compute with values of their own, kept once: macros, in queries/macros, one a file.

A view takes no parameters; where what two queries share depends on theirs, they call a macro:

    from deletion_set(repository_glob := $repository, only_untagged := $untagged)

The file has a header as a view has, with parameters as a query has. Below it stands either a statement, whose rows the
macro gives, or an expression, whose value it gives. DuckDB puts a macro's arguments in place of its parameters' names,
wherever these stand: so a parameter must not have the name of anything else in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.catalog.headers import Header, read_columns, read_text
from indexer.catalog.parameters import Parameter, Value, read_parameter
from indexer.catalog.statements import plain_sql, quoted, replaced, words

_PARAMETER = re.compile(r"[$]([a-z][a-z0-9_]*)")
_STATEMENT = re.compile(r"\s*(with|select|from)\b")


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro: what it gives, its parameters, descriptions of its columns, and its SQL with `$name` for parameters."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, str]
    sql: str

    @property
    def is_table(self) -> bool:
        """Whether it gives rows: then it can be made only where the views that it reads are."""
        return _STATEMENT.match(plain_sql(self.sql)) is not None

    @property
    def statement(self) -> str:
        """The statement that makes the macro."""
        # DuckDB wants those without a default first.
        ordered = sorted(self.parameters, key=lambda parameter: not parameter.required)
        body = replaced(_PARAMETER, lambda match: match[1], self.sql)
        kind = "as table" if self.is_table else "as"
        return f"create or replace macro {self.name}({', '.join(map(declared, ordered))}) {kind}\n{body}"

    @property
    def comment(self) -> str:
        """The statement that describes the macro."""
        return f"comment on macro {'table ' if self.is_table else ''}{self.name} is {quoted(self.description)}"


def load_macros(folder: Path) -> dict[str, Macro]:
    """Return the macros in `folder` by name; QueryError, with file and line, for a file that breaks the rules."""
    return {path.stem: _read_macro(path) for path in sorted(folder.glob("*.sql"))}


def declared(parameter: Parameter) -> str:
    """Return a parameter as `create macro` declares it."""
    name = f'"{parameter.name}"'
    return name if parameter.required else f"{name} := {_literal(parameter.default)}"


def _read_macro(path: Path) -> Macro:
    text = read_text(path)
    header = Header(path, text, ("macro", "parameter", "column"))
    lines = header.all("parameter")
    parameters = tuple(read_parameter(header, line) for line in lines)
    others = words(_PARAMETER.sub(" ", plain_sql(text)))
    for line, parameter in zip(lines, parameters, strict=True):
        if parameter.name in others:
            raise header.wrong(line.number, f"{parameter.name} is also the name of something else; take another name")
        if parameter.name not in _PARAMETER.findall(plain_sql(text)):
            raise header.wrong(
                line.number, f"parameter {parameter.name} is declared, but ${parameter.name} is not used"
            )
    return Macro(path.stem, header.one("macro"), parameters, read_columns(header), text)


def _literal(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else quoted(str(value))
