"""The words of parameters become the request that BatchGetImage takes, as `aws ecr batch-get-image` makes it.

A value may be JSON, shorthand (image ids only), or file://PATH for either. Types and lengths are not looked at here:
botocore checks the request against the service model.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from indexer.aws_cli.arguments import Invocation
from indexer.aws_cli.shorthand import ShorthandError, parse
from indexer.errors import AwsCliError

Load: TypeAlias = Callable[[str], str | None]

_OPTIONS: Final = {
    "registryId": "--registry-id",
    "repositoryName": "--repository-name",
    "imageIds": "--image-ids",
    "acceptedMediaTypes": "--accepted-media-types",
}
_LISTS: Final = frozenset({"imageIds", "acceptedMediaTypes"})


def request(asked: Invocation, load: Load) -> dict[str, Any]:
    """Return the request's members, those of --cli-input-json where no option gives them.

    `load` gives the text of the file that a file:// value names, None for any other value, and raises OSError or
    ValueError with the AWS CLI's words where it cannot. Raises AwsCliError.
    """
    made: dict[str, Any] = {}
    for member, value in asked.parameters.items():
        loaded = _loaded(_OPTIONS[member], value, load)
        if loaded is not None:
            made[member] = _value(member, loaded, load)
    if asked.cli_input_json is not None:
        text = _loaded("--cli-input-json", asked.cli_input_json, load)
        made |= {name: value for name, value in _input(text).items() if name not in made}
    return made


def _loaded(option: str, value: Any, load: Load) -> Any:
    """The value, or the text of the file that it names; a list of one counts as its value."""
    word = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(word, str):
        return value
    try:
        text = load(word)
    except (OSError, ValueError) as error:
        raise _bad(option, str(error)) from error
    return value if text is None else text


def _value(member: str, value: Any, load: Load) -> Any:
    if member not in _LISTS:
        return value
    option = _OPTIONS[member]
    first = value[0] if isinstance(value, list) and value else value
    looks_like_json = isinstance(first, str) and first.strip().startswith(("[", "{"))
    if member == "imageIds" and not looks_like_json:
        return _shorthand(option, value, load)
    if isinstance(value, str) or len(value) == 1:
        text = value if isinstance(value, str) else value[0]
        if text.strip().startswith("["):
            return _json(option, text)
    # A file's text that is no JSON list is a list of its characters to the AWS CLI, and so it is here.
    return [_object(option, item) for item in value] if member == "imageIds" else list(value)


def _shorthand(option: str, value: Any, load: Load) -> Any:
    def loaded(word: str) -> str | None:
        try:
            return load(word)
        except (OSError, ValueError) as error:
            raise AwsCliError(f"\n{error}") from error

    try:
        return [parse(item, loaded) for item in value] if isinstance(value, list) else parse(value, loaded)
    except ShorthandError as error:
        raise _bad(option, str(error)) from error


def _object(option: str, item: str) -> Any:
    if item.lstrip().startswith("{"):
        return _json(option, item)
    raise _bad(option, f"Invalid JSON:\n{item}")


def _json(option: str, text: str) -> Any:
    try:
        # Ordered, because botocore's messages show the type of what does not fit.
        return json.loads(text, object_pairs_hook=OrderedDict)
    except (ValueError, RecursionError) as error:
        raise _bad(option, f"Invalid JSON: {error}\nJSON received: {text}") from error


def _input(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        # The AWS CLI names this option without its dashes.
        raise _bad("cli-input-json", f"Invalid JSON: {error}\nJSON received: {text}") from error
    if not isinstance(found, dict):
        raise AwsCliError(f"\n'{type(found).__name__}' object has no attribute 'keys'")
    return found


def _bad(option: str, message: str) -> AwsCliError:
    return AwsCliError(f"\nError parsing parameter '{option}': {message}")
