"""What the members of a document must be, and the error that says where one is not.

Every message has one form: the path of the member, what was expected there, what was found. A check knows only the name
of its own member; what surrounds it puts its own name in front when the error passes through (`MemberError.within`), so
that a document without errors pays for no path. `null` for an optional member counts as its absence, as it does to the
Go programs that write these documents.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from indexer.errors import DocumentError
from indexer.model import Digest, MediaType

MAX_BYTES: Final = 2**63 - 1
_QUOTED = 80
_KNOWN = 4096
_A_MEDIA_TYPE = "a media type such as application/json, without parameters"
_A_DIGEST = "a digest (sha256, sha512 or blake3, in lower-case hexadecimal)"
_A_SIZE = f"a whole number of bytes from 0 to {MAX_BYTES}"

_LENGTH: Final = len("sha256:") + 64
is_sha256: Final = re.compile(r"sha256:[0-9a-f]{64}").fullmatch
"""Matches the common form of a digest, which needs no more checking."""

_HEXADECIMAL: Final = b"0123456789abcdef"


def are_sha256(each: Sequence[object]) -> bool:
    """Whether all are digests of the common form; 0.1 microseconds for each of many, where one look takes 0.4.

    All have the length of one and begin with an s, and without what is hexadecimal just `sh:` is left of each: so each
    has one s, and what begins with it is `sha256:`, which is there as often.
    """
    try:
        text = "".join(each)  # type: ignore[arg-type]  # see below
    except TypeError:  # one of them is no text
        return False
    said, count = text.encode(errors="replace"), len(each)
    return (
        set(map(len, each)) <= {_LENGTH}  # type: ignore[arg-type]  # they are texts
        and said[::_LENGTH] == b"s" * count
        and said.translate(None, _HEXADECIMAL) == b"sh:" * count
        and text.count("sha256:") == count
    )


known_media_types: Final[dict[str, str]] = {}
"""Media types that were found to be such, each with itself: a registry has a few dozen.

A look here is 0.9 microseconds shorter, and a row that keeps the text found here keeps no copy of its own.

Hostile documents cannot make it grow: it takes 4,096, of at most 255 characters each, and nothing that is none.
"""


class _Absent:
    """Stands for a member that is not there; `null` is there."""


ABSENT: Final = _Absent()


class MemberError(DocumentError):
    """What is wrong with one member; `path` leads to it from wherever the error has come to."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.what = what

    def within(self, outer: str) -> MemberError:
        """Return the same error as seen from where `outer` is the name of what holds the member."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return MemberError(f"{outer}{joint}{self.path}", self.what)


def quoted(said: str) -> str:
    """Return `said` in quotation marks, at most 80 characters of it, with everything but printable ASCII escaped."""
    shown = json.dumps(said[:_QUOTED]).replace("\x7f", "\\u007f")
    return shown if len(said) <= _QUOTED else f"{shown}..."


def wrong(path: str, expected: str, found: object) -> MemberError:
    """Return the error for the member at `path`, which is not what was `expected`."""
    return MemberError(path, f"expected {expected}, found {_shown(found)}")


def array(value: object, path: str) -> list[Any]:
    if type(value) is not list:
        raise wrong(path, "an array", value)
    return value


def text(value: object, path: str) -> str:
    if type(value) is not str:
        raise wrong(path, "text", value)
    return value


def optional_text(value: object, path: str) -> str | None:
    return None if value is None else text(value, path)


def text_with_content(value: object, path: str) -> str:
    if type(value) is not str or not value:
        raise wrong(path, "text that is not empty", value)
    return value


def optional_texts(value: object, path: str) -> None:
    """Raise where `value` is neither absent nor an array of text; such arrays reach no row."""
    if value is not None:
        for position, element in enumerate(array(value, path)):
            text(element, f"{path}[{position}]")


def is_media_type(value: str) -> bool:
    """Whether `value` is a media type as `MediaType.parse` takes it."""
    if value in known_media_types:
        return True
    try:
        MediaType.parse(value)
    except ValueError:
        return False
    if len(known_media_types) < _KNOWN:
        known_media_types[value] = value
    return True


def media_type(value: object, path: str) -> str:
    if type(value) is not str or not is_media_type(value):
        raise wrong(path, _A_MEDIA_TYPE, value)
    return value


def optional_media_type(value: object, path: str) -> str | None:
    return None if value is None else media_type(value, path)


def digest(value: object, path: str) -> str:
    """Return `value` as the text of a digest whose algorithm is registered.

    descriptor.md lets implementations pass digests of other algorithms. This one does not: no registry can hold
    content under a digest that it cannot compute, so such a document is a placeholder or a mistake.
    """
    if type(value) is str and is_sha256(value):
        return value  # as nearly always, and 1.5 microseconds sooner
    try:
        parsed = Digest.parse(value)
    except ValueError:
        raise wrong(path, _A_DIGEST, value) from None
    if not parsed.registered:
        raise wrong(path, _A_DIGEST, value)
    return str(parsed)


def size(value: object, path: str) -> int:
    """Return `value` as a number of bytes that fits a signed 64-bit integer."""
    if type(value) is not int or not 0 <= value <= MAX_BYTES:
        raise wrong(path, _A_SIZE, value)
    return value


def optional_annotations(value: object) -> Mapping[str, str] | None:
    """Return the text-to-text map that annotations are (image-spec annotations.md, "Rules")."""
    if value is None:
        return None
    if type(value) is not dict:
        raise wrong("annotations", "an object", value)
    for key, said in value.items():
        if type(said) is not str:
            raise wrong(f"annotations[{quoted(key)}]", "text", said)
    return value


def optional_base64(value: object, path: str) -> None:
    """Raise where `value` is neither absent nor base64 with its padding; inline content reaches no row."""
    if value is None:
        return
    try:
        binascii.a2b_base64(text(value, path), strict_mode=True)
    except ValueError:  # binascii.Error, and text that is not ASCII
        raise wrong(path, "base64 (RFC 4648)", value) from None


def _shown(value: object) -> str:
    if value is ABSENT:
        return "nothing"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (list, dict)):
        return "an array" if isinstance(value, list) else "an object"
    return json.dumps(value)
