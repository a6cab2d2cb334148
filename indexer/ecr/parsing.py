"""Answers parsed by orjson, and taken as they are where botocore would rebuild them member by member.

botocore looks its parser up in a component of the session, `response_parser_factory`, which is the place to put in
another one (botocore.session, `register_component`). For 100 manifests stock botocore needs 1.3 ms for that, this 0.2;
for a page of 1,000 images, with two times in each, 48 ms and 0.7. Errors, and bodies that orjson does not take, go
through botocore's own parser. A body that is no JSON object at all is an answer that was none: ResponseParserError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from botocore.parsers import JSONParser, ResponseParser, ResponseParserError, ResponseParserFactory

from indexer.ecr.listed import decoded_page

_TAKEN_AS_THEY_ARE: Final = frozenset({"BatchGetImageResponse", "DescribeImagesResponse"})
"""Output shapes whose members the code checks where it uses them; times in them stay what ECR sends, numbers."""
# What botocore's parser says of JSON that is not of the shape: RuntimeError of a time that is Infinity.
_ODD: Final = (AttributeError, TypeError, ValueError, OverflowError, RuntimeError)


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
        if response["status_code"] == 200 and shape is not None:  # noqa: PLR2004 - HTTP's own
            parsed = _sooner(shape.name, response["body"])
            if parsed is not None:
                return parsed | {"ResponseMetadata": {"HTTPStatusCode": response["status_code"]}}
        try:
            return super().parse(response, shape)
        except _ODD as error:
            raise ResponseParserError(f"the body is not what the protocol has: {error!r}") from error


def _sooner(shape: str, body: bytes) -> dict[str, Any] | None:
    """Return what is in a body, without botocore; None where it takes botocore."""
    page = decoded_page(shape, body)
    if page is not None or shape not in _TAKEN_AS_THEY_ARE:
        return page
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None  # NaN and lone surrogates are no JSON to orjson; one of them must not cost the rest of the answer
    if type(parsed) is not dict:
        raise ResponseParserError("the body is JSON, but no object")
    return parsed
