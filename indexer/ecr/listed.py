"""The images of a page of DescribeImages: decoded into one type with every member checked, or read member by member.

msgspec takes 0.7 microseconds an image, checks included, where orjson alone makes dictionaries in 0.9. What it refuses
(times as text, say) is read the careful way, which takes all that botocore would, and says what is wrong with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from botocore.utils import parse_timestamp

from indexer.ecr.answers import no_answer

_LARGEST: Final = 2**63 - 1
_YEAR_9999: Final = 253_370_764_800
_MILLION: Final = 1_000_000

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Size = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, lt=_YEAR_9999)]


class ListedImage(msgspec.Struct, gc=False, frozen=True):
    """An image as DescribeImages gives it. `digest` is ECR's text, checked by whoever uses it.

    Times are seconds since 1970, UTC, as ECR sends them: a datetime for each would cost as much as all the rest.
    """

    digest: _Text = msgspec.field(name="imageDigest")
    tags: tuple[_Text, ...] = msgspec.field(name="imageTags", default=())
    media_type: str | None = msgspec.field(name="imageManifestMediaType", default=None)
    artifact_type: str | None = msgspec.field(name="artifactMediaType", default=None)
    size: _Size | None = msgspec.field(name="imageSizeInBytes", default=None)
    pushed_at: _Seconds | None = msgspec.field(name="imagePushedAt", default=None)
    last_pulled_at: _Seconds | None = msgspec.field(name="lastRecordedPullTime", default=None)
    status: str | None = msgspec.field(name="imageStatus", default=None)
    subject_digest: str | None = msgspec.field(name="subjectManifestDigest", default=None)


class _Page(msgspec.Struct, gc=False, frozen=True):
    images: list[ListedImage] = msgspec.field(name="imageDetails")
    token: str | None = msgspec.field(name="nextToken", default=None)


_decode: Final = msgspec.json.Decoder(_Page).decode


def decoded_page(body: bytes) -> dict[str, Any] | None:
    """Return the members of a page, its images as `ListedImage`; None where something in it is out of the common."""
    if not body.isascii():  # msgspec does not look at the text of members that it passes over
        return None
    try:
        page = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return {"imageDetails": page.images} | ({} if page.token is None else {"nextToken": page.token})


def listed_images(items: Sequence[Any]) -> list[ListedImage]:
    """Return a page's images; RegistryUnavailable where one has no digest, or a member is not of its type."""
    return [item if type(item) is ListedImage else listed_image(item) for item in items]


def listed_image(item: Mapping[str, Any]) -> ListedImage:
    """Return an image of an answer that came as it was sent: nothing before this has looked at its types."""
    try:
        image = ListedImage(
            _text(item["imageDigest"]),
            tuple(map(_text, item.get("imageTags") or ())),
            _optional_text(item.get("imageManifestMediaType")),
            _optional_text(item.get("artifactMediaType")),
            _optional_size(item.get("imageSizeInBytes")),
            seconds(item.get("imagePushedAt")),
            seconds(item.get("lastRecordedPullTime")),
            _optional_text(item.get("imageStatus")),
            _optional_text(item.get("subjectManifestDigest")),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise no_answer("DescribeImages", f"an image in it is not as it should be ({error!r})") from error
    return image


def seconds(said: Any) -> float | None:
    """Return a time of an answer as seconds since 1970, UTC; None for None.

    ECR sends seconds, with fractions. What else botocore takes for a time is taken here too; ValueError for the rest.
    """
    if said is None:
        return None
    if isinstance(said, datetime):  # botocore's own parser took the body, see AnswerParser
        said = said.timestamp()
    found: float = said if type(said) is float or type(said) is int else parse_timestamp(said).timestamp()
    if not 0 <= found < _YEAR_9999:
        raise ValueError(f"no time of a registry: {found} seconds after 1970")
    return float(found)


def microseconds(time: float | None) -> int | None:
    """Return a time of a `ListedImage` in the unit of the store's times."""
    return None if time is None else round(time * _MILLION)


def _text(said: Any) -> str:
    if type(said) is not str or not said:
        raise TypeError(f"expected text, found {said!r:.80}")
    return _whole(said)


def _optional_text(said: Any) -> str | None:
    if said is not None and type(said) is not str:
        raise TypeError(f"expected text, found {said!r:.80}")
    return said if said is None else _whole(said)


def _whole(text: str) -> str:
    """Return a text that can be stored; a lone surrogate cannot: UnicodeEncodeError."""
    text.encode()
    return text


def _optional_size(said: Any) -> int | None:
    if said is not None and (type(said) is not int or not 0 <= said <= _LARGEST):
        raise TypeError(f"expected a number of bytes, found {said!r:.80}")
    return said
