"""An answer, read from a connection: of the plain form here, of any other by http.client.

http.client has the lines of headers read by the parser for mail, which takes more than all else that it does: 0.09 ms
of CPU an answer. One as ECR sends it, with status 200 and a body of a given length, takes 0.03 here. An answer that is
not all of this, or whose headers are not there yet, is http.client's from its first byte on.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPResponse, IncompleteRead
from io import BufferedReader
from typing import Any, Final, NamedTuple

_OK: Final = 200
_PLAIN: Final = b"HTTP/1.1 200 "
_END: Final = b"\r\n\r\n"
_MOST_HEADERS: Final = 99
"""As http.client has it, which counts the empty line after them too."""
_LARGEST: Final = 64 * 1024 * 1024
"""Bytes that are asked for at once, on the word of the other side: more than the longest of ECR's pages."""


class Received(NamedTuple):
    """An answer. Names of headers are found in small letters; `closes` says whether nothing comes after it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    closes: bool


def receive(sock: Any) -> Received:
    """Return the answer to a request that was written to `sock`, a connected socket or what TLS makes of it.

    Raises what http.client raises: HTTPException, OSError (TimeoutError), ValueError.
    """
    # Whoever reads holds the socket open as the connection does: without its end, until garbage is looked for.
    with closing(sock.makefile("rb")) as reader:
        head = reader.peek()
        headers = _plain_headers(head)
        if headers is None:
            return _by_http_client(reader)
        reader.read(head.find(_END) + len(_END))
        length = int(headers["content-length"])
        body = reader.read(length)
        if len(body) < length:
            raise IncompleteRead(body, length - len(body))
        return Received(_OK, headers, body, closes=False)


def _plain_headers(head: bytes) -> dict[str, str] | None:
    """Return the headers of an answer that begins with `head`; None where it is not plain or they are not all there."""
    end = head.find(_END)
    if end < 0 or not head.startswith(_PLAIN):
        return None
    status, *lines = head[:end].decode("latin-1").split("\r\n")
    if head.count(b"\n", 0, end) != len(lines) or head.count(b"\r", 0, end) != len(lines) or not status.isprintable():
        return None
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not (name and colon and name.isascii() and name.isprintable()) or " " in name:
            return None  # a line that begins with a space goes on with the one before
        headers[name.lower()] = value.strip(" \t")
    length = headers.get("content-length", "")
    if (
        len(headers) < len(lines)  # one is there twice
        or len(lines) > _MOST_HEADERS
        or "transfer-encoding" in headers
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
        or not (length.isascii() and length.isdecimal())
        or len(length) > len(str(_LARGEST))
        or int(length) > _LARGEST
    ):
        return None
    return headers


def _by_http_client(reader: BufferedReader) -> Received:
    with closing(HTTPResponse(_AsSocket(reader), method="POST")) as answer:  # type: ignore[arg-type] # all it asks of one
        answer.begin()
        return Received(answer.status, answer.headers, answer.read(), answer.will_close)  # type: ignore[arg-type] # a Message is one but for its type


class _AsSocket:
    """A socket as far as http.client reads from one, some of whose bytes were looked at."""

    def __init__(self, reader: BufferedReader) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> BufferedReader:
        """Return what reads from it, as `socket.makefile` does."""
        return self._reader
