"""Answers parsed by orjson, and taken as they are where botocore would rebuild them member by member.

botocore looks its parser up in a component of the session, `response_parser_factory`, which is the place to put in
another one (botocore.session, `register_component`). For 100 manifests stock botocore needs 1.3 ms for that, this 0.2;
for a page of 1,000 images, with two times in each, 48 ms and 1. Errors, and bodies that orjson does not take, go
through botocore's own parser. A body that is no JSON object at all is an answer that was none: ResponseParserError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from botocore.parsers import JSONParser, ResponseParser, ResponseParserError, ResponseParserFactory
from botocore.utils import parse_timestamp

_TAKEN_AS_THEY_ARE: Final = frozenset({"BatchGetImageResponse", "DescribeImagesResponse"})
"""Output shapes whose members the code checks where it uses them; times in them stay what ECR sends, numbers."""
_MILLION: Final = 1_000_000
_YEAR_9999: Final = 253_370_764_800


class AnswerParsers(ResponseParserFactory):
    """Gives every client of a session one `AnswerParser`, and other protocols (STS has XML) botocore's own."""

    def __init__(self) -> None:
        super().__init__()
        self._json = AnswerParser()

    def create_parser(self, protocol_name: str) -> ResponseParser:
        return self._json if protocol_name == "json" else super().create_parser(protocol_name)


class AnswerParser(JSONParser):
    """botocore's parser of the json protocol, sooner where it can be. Without state: threads may share it."""

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        """Return the answer that `response` (body, headers, status_code) is, with its ResponseMetadata."""
        if response["status_code"] == 200 and shape is not None and shape.name in _TAKEN_AS_THEY_ARE:  # noqa: PLR2004 - HTTP's own
            try:
                parsed = orjson.loads(response["body"])
            except orjson.JSONDecodeError:
                pass  # NaN and lone surrogates are no JSON to orjson; one of them must not cost the rest of the answer
            else:
                return _with_metadata(parsed, response)
        try:
            return super().parse(response, shape)
        except (AttributeError, TypeError, ValueError, RecursionError) as error:
            raise ResponseParserError(f"the body is not what the protocol has: {error!r}") from error


def _with_metadata(parsed: Any, response: Mapping[str, Any]) -> dict[str, Any]:
    if type(parsed) is not dict:
        raise ResponseParserError("the body is JSON, but no object")
    parsed["ResponseMetadata"] = {"HTTPStatusCode": response["status_code"]}
    return parsed


def microseconds(said: Any) -> int | None:
    """Return a time of an answer as microseconds since 1970, UTC; None for None.

    ECR sends seconds, with fractions. What else botocore takes for a time is taken here too; ValueError for the rest.
    """
    if said is None:
        return None
    if isinstance(said, datetime):  # botocore's own parser took the body, see AnswerParser
        said = said.timestamp()
    seconds = said if type(said) is float or type(said) is int else parse_timestamp(said).timestamp()
    if not 0 <= seconds < _YEAR_9999:
        raise ValueError(f"no time of a registry: {seconds} seconds after 1970")
    return round(seconds * _MILLION)


def microseconds_of(each: Sequence[float | None]) -> list[int | None] | None:
    """Return times in seconds since 1970 as microseconds; None where one of them is no time of a registry."""
    given = [seconds for seconds in each if seconds is not None]
    if given and not (min(given) >= 0 and max(given) < _YEAR_9999):
        return None
    return [None if seconds is None else round(seconds * _MILLION) for seconds in each]
