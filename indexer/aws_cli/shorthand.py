"""The AWS CLI's shorthand syntax: `imageTag=prod,imageDigest=sha256:…` becomes an object.

    parameter = pair *( "," pair )
    pair      = key [ "@" ] "=" ( csv | list | object )      "@=": a value file://PATH is the file's text
    list      = "[" [ item *( "," item ) ] "]"
    object    = "{" [ key [ "@" ] "=" item *( "," … ) ] "}"

"Using shorthand syntax", AWS CLI user guide; its messages and its ways with odd input were read in the program. Values
are text; what the service wants is checked later, against its model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

Value: TypeAlias = "str | list[Value] | dict[str, Value]"

_KEY: Final = re.compile(r"[A-Za-z0-9\-_.#/:]*")
_SPACE: Final = re.compile(r"[ \t\n\r\x0b\x0c]*")
_SINGLE: Final = re.compile(r"'(?:\\'|[^'])*'")
_DOUBLE: Final = re.compile(r'"(?:\\"|[^"])*"')
# A bare value begins with no quote, bracket, brace, comma, equals sign or space. After that a first value may hold
# equals signs, one of a list may not: there it is the next key's. A comma with a backslash before it is no separator.
_BEGIN: Final = r"(?:\\,|[^\x00-\x20\"',=\[{\U00010000-\U0010ffff])"
_FIRST: Final = re.compile(_BEGIN + r"(?:\\,|[^\x00-\x08\x0e-\x1b\"',\]}\U00010000-\U0010ffff])*")
_LATER: Final = re.compile(_BEGIN + r"(?:\\,|[^\x00-\x08\x0e-\x1b\"',=\U00010000-\U0010ffff])*")


class ShorthandError(ValueError):
    """The text is no shorthand; the message shows where."""


def parse(text: str, load: Callable[[str], str | None]) -> dict[str, Value]:
    """Return the object that `text` is; `load` gives the text of a file:// value, or None for another value.

    Raises ShorthandError.
    """
    return _Shorthand(text, load).parameter()


class _Shorthand:
    """A place in the text that moves on as values are taken."""

    def __init__(self, text: str, load: Callable[[str], str | None]) -> None:
        self._text = text
        self._at = 0
        self._load = load
        self._loading = False

    def parameter(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        ended = 0
        while True:
            key = self._assigned()
            value = self._value()
            if key in found:
                raise self._twice(key, ended + 1)
            found[key] = value
            ended = self._at
            if self._done:
                return found
            self._expect(",", around=True)

    @property
    def _done(self) -> bool:
        return self._at >= len(self._text)

    @property
    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _assigned(self) -> str:
        """Take a key and what stands between it and its value."""
        key = self._take(_KEY)
        self._take(_SPACE)
        self._loading = self._next == "@"
        if self._loading:
            self._at += 1
        self._expect("=", around=True)
        return key

    def _value(self) -> Value:
        if self._next in {"[", "{"}:
            return self._item()
        return "" if self._done else self._separated()

    def _item(self) -> Value:
        if self._next == "[":
            return self._list()
        return self._object() if self._next == "{" else self._scalar()

    def _list(self) -> list[Value]:
        self._expect("[", around=True)
        items: list[Value] = []
        while self._next != "]":
            items.append(self._item())
            self._separate("]")
        self._at += 1
        return items

    def _object(self) -> dict[str, Value]:
        self._expect("{", around=True)
        members: dict[str, Value] = {}
        while self._next != "}":
            key = self._assigned()
            members[key] = self._item()
            self._separate("}")
        self._at += 1
        return members

    def _separate(self, end: str) -> None:
        self._take(_SPACE)
        if self._next != end:
            self._expect(",")
            self._take(_SPACE)

    def _separated(self) -> Value:
        """Take a value, or several with commas between them; a comma before the next key is left where it is."""
        values: list[Value] = [self._scalar()]
        self._take(_SPACE)
        if self._next != ",":
            return values[0]
        self._expect(",", around=True)
        try:
            while not self._last_of(values):
                pass
        except ShorthandError:
            if self._done:
                raise
            self._at = self._text.rindex(",", 0, self._at + 1)
        return values if len(values) > 1 else values[0]

    def _last_of(self, values: list[Value]) -> bool:
        """Take one more value and the comma behind it; whether the text ended instead."""
        value = self._quoted_or(_LATER, "second")
        self._take(_SPACE)
        ended = self._done
        if not ended:
            self._expect(",", around=True)
        values.append(value)
        return ended

    def _scalar(self) -> str:
        return self._quoted_or(_FIRST, None)

    def _quoted_or(self, bare: re.Pattern[str], name: str | None) -> str:
        if self._next == "'":
            return self._loaded(_unquoted(self._must(_SINGLE, "singled quoted")))
        if self._next == '"':
            return self._loaded(_unquoted(self._must(_DOUBLE, "double quoted")))
        if name is None and bare.match(self._text, self._at) is None:
            return ""
        return self._loaded(self._must(bare, str(name)).replace("\\,", ",").rstrip())

    def _loaded(self, value: str) -> str:
        loaded = self._load(value) if self._loading else None
        return value if loaded is None else loaded

    def _take(self, pattern: re.Pattern[str]) -> str:
        return self._must(pattern, "")

    def _must(self, pattern: re.Pattern[str], name: str) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise self._unexpected(f"<{name}>", "<none>")
        self._at = match.end()
        return match[0]

    def _expect(self, char: str, *, around: bool = False) -> None:
        """Take `char`, and the space around it where there may be some."""
        if around:
            self._take(_SPACE)
        if self._next != char:
            raise self._unexpected(char, self._next or "EOF")
        self._at += 1
        if around:
            self._take(_SPACE)

    def _unexpected(self, expected: str, found: str) -> ShorthandError:
        return ShorthandError(f"Expected: '{expected}', received: '{found}' for input:\n{self._pointed(self._at)}")

    def _twice(self, key: str, at: int) -> ShorthandError:
        return ShorthandError(
            f'Second instance of key "{key}" encountered for input:\n{self._pointed(at)}\n'
            'This is often because there is a preceding "," instead of a space.'
        )

    def _pointed(self, at: int) -> str:
        """The text with a mark below the place `at`, which is behind the line that it is in."""
        column = at - (self._text.rfind("\n", 0, at) + 1)
        line_end = self._text.find("\n", at)
        if line_end < 0:
            line_end = len(self._text)
        return f"{self._text[:line_end]}\n{' ' * column}^{self._text[line_end:]}"


def _unquoted(quoted: str) -> str:
    quote = quoted[0]
    return quoted[1:-1].replace("\\" + quote, quote).replace("\\\\", "\\")
