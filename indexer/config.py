"""config.yaml becomes a frozen `Config`, or an error that names file, line and key, what is there and what would fit.

Nothing is called before the whole file is understood. Paths in the file are relative to the folder it stands in.
"""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
from collections.abc import Hashable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from indexer.errors import ConfigError

_SHOWN = 60
_MOST_VALUES = 10_000
_DEEPEST = 30
_BATCH_GET_IMAGE_QUOTA = 2_000  # calls a second, per account and region; production pulls draw on it too


def _fits(pattern: str, expected: str) -> AfterValidator:
    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


AccountId: TypeAlias = Annotated[str, _fits(r"[0-9]{12}", "an AWS account id: 12 digits in quotes")]
Region: TypeAlias = Annotated[str, _fits(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", "a region name such as eu-west-1")]
RoleArn: TypeAlias = Annotated[
    str, _fits(r"arn:[a-z-]+:iam::[0-9]{12}:role/\S+", "a role's ARN such as arn:aws:iam::123456789012:role/indexer")
]
_AN_ADDRESS = "an address that starts with https:// or http://, without a user, a password or a query in it"
Url: TypeAlias = Annotated[str, _fits(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", _AN_ADDRESS)]
Name: TypeAlias = Annotated[str, _fits(r"\S(.*\S)?", "text that is not empty")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RegistryConfig(_Section):
    """One entry of `registries`: an account, and the regions of it that are walked."""

    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    registry_id: AccountId | None = None
    profile: Name | None = None
    role_arn: RoleArn | None = None
    external_id: Name | None = None
    endpoint_url: Url | None = None
    include: Annotated[tuple[Name, ...], Field(min_length=1)] = ("*",)
    exclude: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _external_id_needs_role(self) -> RegistryConfig:
        if self.external_id is not None and self.role_arn is None:
            raise ValueError("external_id is of use only together with role_arn: expected both or neither")
        return self

    def wants(self, repository: str) -> bool:
        """Whether a repository's name is included and not excluded; `*` also matches `/`, case counts."""
        matches = fnmatch.fnmatchcase
        return any(matches(repository, glob) for glob in self.include) and not any(
            matches(repository, glob) for glob in self.exclude
        )


class ImagesConfig(_Section):
    """Which images of a repository are indexed."""

    tag_status: Literal["any", "tagged", "untagged"] = "any"
    image_status: Literal["any", "active", "archived"] = "any"

    @property
    def hides(self) -> bool:
        """Whether any image could be left out."""
        return (self.tag_status, self.image_status) != ("any", "any")


class FetchConfig(_Section):
    """How fast and how patiently the registries are asked; per target (account and region)."""

    connections: Annotated[int, Field(ge=1, le=256)] = 32
    requests_per_second: Annotated[float, Field(gt=0, le=_BATCH_GET_IMAGE_QUOTA)] = 100
    chunk_size: Annotated[int, Field(ge=1, le=100)] = 100
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 8
    processes: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"


class Config(_Section):
    """The whole of config.yaml."""

    store: Name
    registries: Annotated[tuple[RegistryConfig, ...], Field(min_length=1)]
    images: ImagesConfig = ImagesConfig()
    fetch: FetchConfig = FetchConfig()
    queries: Name | None = None


def load(path: Path) -> Config:
    """Read, check and return the configuration; ConfigError lists everything that is wrong with it."""
    return parse(_read(path), path)


def parse(text: str, path: Path) -> Config:
    """Return the configuration that `text` is, as if it stood in the file `path`; ConfigError as of `load`."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if _values(node, {}) > _MOST_VALUES:
            raise ConfigError(f"{path}: there are more than {_MOST_VALUES:,} values in it; leave out what is repeated")
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with one check more
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is not YAML: {_yaml_problem(error)}") from error
    except RecursionError:
        raise ConfigError(f"{path}: values are nested too deeply, or in themselves; write them out") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: expected the keys store and registries, found {_show(found)}")
    try:
        config = Config.model_validate(_tuples(found))
    except ValidationError as error:
        lines = [f"{path}:{_line(node, detail['loc'])}: {_explain(detail)}" for detail in _worth_telling(error)]
        raise ConfigError("\n".join(lines)) from error
    config = config.model_copy(update=_resolved(config, path.resolve().parent))
    if config.queries is not None and not Path(config.queries).is_dir():
        raise ConfigError(
            f"{path}:{_line(node, ('queries',))}: queries: there is no folder {config.queries}; make it, or leave the "
            "key out"
        )
    return config


def _resolved(config: Config, folder: Path) -> dict[str, str]:
    update = {}
    if "://" not in config.store:
        update["store"] = os.path.normpath(folder / Path(config.store).expanduser())
    if config.queries is not None:
        update["queries"] = os.path.normpath(folder / Path(config.queries).expanduser())
    return update


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: there is no such file; name another with --config, or write one with: indexer init"
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: this is a folder; name the file in it with --config") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {error}; it must be text in UTF-8 that this user may read"
        ) from error


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which would let the last of two equal keys win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_YAML_WORDS = (
    (r"found character '\\t' that cannot start any token", "a tab; indent with spaces"),
    (r"found character '(.)' that cannot start any token", r"'\1' cannot begin a value; put the value in quotes"),
    (r"expected the node content, but found '<stream end>'", "the file ends where a value should come"),
    (r"expected ',' or '(.)', but got .*", r"a '\1' or a comma is missing"),
    (r"mapping values are not allowed here", "': ' cannot stand here; indent as above, or put the value in quotes"),
    (r"found unexpected end of stream|.*end of stream.*", "a quote is opened and not closed"),
    (r"found undefined alias '(.*)'", r"*\1 means a value of before; put it in quotes if it is text"),
    (r"could not determine a constructor for the tag .*", "a value with a tag (!...), which is not taken"),
    (r"expected <block end>, but found .*", "this is not indented like the lines around it"),
    (r"could not find expected ':'", "a ':' is missing after the key"),
)
"""What PyYAML says, and what it means to who writes the file."""


def _values(node: yaml.Node | None, known: dict[yaml.Node, int], depth: int = 0) -> int:
    """Count the values, as often as aliases repeat them: a few lines of these can stand for billions.

    RecursionError where they are nested too deeply, which what holds itself is too.
    """
    if depth > _DEEPEST:
        raise RecursionError
    if node not in known and node is not None:
        parts = chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
        inside = parts if isinstance(node, yaml.CollectionNode) else ()
        known[node] = 1 + sum(_values(part, known, depth + 1) for part in inside)
    return known[node] if node is not None else 0


def _yaml_problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    said = error.problem or "something is wrong here"
    for theirs, ours in _YAML_WORDS:
        if match := re.fullmatch(theirs, said):
            said = match.expand(ours)
            break
    return f"line {error.problem_mark.line + 1}: {said}"


def _tuples(value: Any) -> Any:
    """YAML has lists, the frozen sections have tuples, and strict validation keeps them apart."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _worth_telling(error: ValidationError) -> Iterator[ErrorDetails]:
    """Leave out what pydantic says twice: each kind of `processes`, and a list none of whose elements is good."""
    told = set()
    for detail in error.errors():
        if detail["type"] == "too_short" and detail["input"]:
            continue
        path = tuple(part for part in detail["loc"] if part in _all_keys() or isinstance(part, int))
        key = path if detail["type"] != "extra_forbidden" else detail["loc"]
        if key not in told:
            told.add(key)
            yield detail


def _all_keys() -> frozenset[str]:
    return frozenset(key for section in _SECTIONS.values() for key in section.model_fields)


def _explain(detail: ErrorDetails) -> str:
    path = _path(detail["loc"])
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return f"{path}: this key is required and absent"
    if kind == "extra_forbidden":
        return f"{path}: unknown key{_nearest(detail['loc'])}"
    if kind == "value_error":
        found = "" if isinstance(detail["input"], dict) else f"found {_show(detail['input'])}, "
        return f"{path}: {found}{context['error']}"
    return f"{path}: found {_show(detail['input'])}, expected {_expected(detail)}"


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if "processes" in detail["loc"]:
        return "a whole number from 1 to 256, or auto"
    words = {
        "string_type": "text" if "registry_id" not in detail["loc"] else "an AWS account id: 12 digits in quotes",
        "int_type": "a whole number",
        "float_type": "a number",
        "float_parsing": "a number",
        "tuple_type": f"a list, such as {[detail['input']]}" if isinstance(detail["input"], str) else "a list",
        "model_type": "a group of keys",
        "model_attributes_type": "a group of keys",
        "too_short": "a list with at least one element",
        "literal_error": f"one of {context.get('expected', '')}",
        "greater_than_equal": f"at least {_bound(context.get('ge'))}",
        "greater_than": f"more than {_bound(context.get('gt'))}",
        "less_than_equal": f"at most {_bound(context.get('le'))}",
    }
    return words.get(detail["type"], detail["msg"])


def _bound(number: float | None) -> str:
    return f"{number or 0:g}"  # pydantic has 0.0 for 0


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return re.sub(r"\.(int|literal\['auto'\]|constrained-int)$", "", path).removeprefix(".")


def _nearest(location: tuple[int | str, ...]) -> str:
    """Say what key was meant, and where one belongs that stands in the wrong section."""
    name, here = str(location[-1]), str(location[0]) if len(location) > 1 else ""
    known = list(_SECTIONS.get(here, Config).model_fields)
    elsewhere = {key: where for where, section in _SECTIONS.items() for key in section.model_fields if where != here}
    if name in elsewhere:
        return f"; it belongs {_PLACES[elsewhere[name]]}"
    if close := difflib.get_close_matches(name, [*known, *elsewhere], n=1):
        there = f", which belongs {_PLACES[elsewhere[close[0]]]}" if close[0] in elsewhere else ""
        return f"; did you mean {close[0]}{there}?"
    return f"; the keys here are {', '.join(known)}"


_SECTIONS: dict[str, type[_Section]] = {
    "": Config,
    "registries": RegistryConfig,
    "images": ImagesConfig,
    "fetch": FetchConfig,
}
_PLACES = {
    "": "at the beginning of a line, beside store and registries",
    "registries": "in an entry of registries",
    "images": "under images",
    "fetch": "under fetch",
}


def _show(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        value = list(value)
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `location` that is in the file, counted from 1."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
