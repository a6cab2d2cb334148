"""An answer is what http.client says it is, however it comes."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, suppress
from http.client import HTTPException, HTTPResponse
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from indexer.ecr import received
from indexer.ecr.received import Received, receive

BODY = b'{"imageDetails":[]}'
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 19\r\n\r\n" + BODY

COMMON = [
    "Content-Type: application/x-amz-json-1.1",
    "Date: Sat, 28 Nov 2026 10:00:00 GMT",
    "x-amzn-RequestId: 01234567-89ab",
    "Connection: keep-alive",
    "Content-Length: 19",
]
ODD = [
    "Connection: close",
    "Connection: Keep-Alive, Upgrade",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "Content-Length: 5",
    "Content-Length: 20",
    "Content-Length: +19",
    "Content-Length: 19, 19",
    "Content-Length: \u00b219",
    "Content-Length:19\t ",
    "Content-Length: 99999999999999",
    "content-LENGTH: 0",
    "Content-Length : 19",
    " and more of the same",
    "\tContent-Length: 19",
    "X-Caf\u00e9: y",
    "X-Empty:",
    ": no name",
    "no colon",
    "X: a\rContent-Length: 3",
    "X: a\nContent-Length: 3",
    "X: a\x0bb\x1cc\u0085d",
    "X\x01: y",
    "From somebody",
    "",
]
GOOD = "HTTP/1.1 200 OK"
STATUS = [
    "HTTP/1.1 200 ",
    "HTTP/1.1 200",
    "HTTP/1.1 400 Bad Request",
    "HTTP/1.1 204 No Content",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 100 Continue",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1  200 OK",
    "ICY 200 OK",
    "",
]


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from([GOOD] * 10 + STATUS))
    lines = draw(st.permutations(COMMON))[draw(st.sampled_from([0, 0, 0, 1, 3])) :]
    for odd in draw(st.one_of(st.just([]), st.lists(st.sampled_from(ODD), max_size=2))):
        lines.insert(draw(st.integers(0, len(lines))), odd)
    end = draw(st.sampled_from(["\r\n"] * 8 + ["\n"]))
    text = end.join([status, *lines, "", ""]).encode("latin-1")
    body = draw(st.sampled_from([BODY, BODY, b"5\r\nabcde\r\n0\r\n\r\n", b""]))
    whole = text + body + draw(st.sampled_from([b"", b"", b"more"]))
    return whole[: len(whole) - draw(st.sampled_from([0, 0, 0, 1, 10, 30, 200]))]


def _told(read: Any, answer: bytes, pieces: list[int]) -> tuple[Any, ...]:
    """What is made of an answer that comes in such pieces, after which the other side closes."""
    here, there = socket.socketpair()
    here.settimeout(10)

    def send() -> None:
        with there, suppress(BrokenPipeError):
            at = 0
            for piece in [*pieces, len(answer)]:
                if answer[at : at + piece]:
                    there.sendall(answer[at : at + piece])
                at += piece

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with here:
            found = read(here)
    except (HTTPException, OSError, ValueError, MemoryError, OverflowError) as error:
        return (type(error),)
    finally:
        sender.join()
    headers = {name.lower(): value.strip() for name, value in found.headers.items()}
    return found.status, headers, found.body, found.closes


def _by_http_client(sock: socket.socket) -> Received:
    with closing(HTTPResponse(sock, method="POST")) as answer:
        answer.begin()
        return Received(answer.status, answer.headers, answer.read(), answer.will_close)  # type: ignore[arg-type] # as there


@example(PLAIN.replace(b"\r\n", b"\r\n: no name\r\n", 1), [])
@example(PLAIN.replace(b"OK", b"\x1c"), [])
@given(answers(), st.sampled_from([[], [], [1], [40, 60], [400]]))
def test_it_is_read_as_http_client_reads_it(answer: bytes, pieces: list[int]) -> None:
    expected = _told(_by_http_client, answer, pieces)
    with patch.object(received, "_by_http_client", wraps=received._by_http_client) as other:
        assert _told(receive, answer, pieces) == expected
    event("by http.client" if other.called else "plain")


@pytest.mark.parametrize("size", [0, 1, 8_192, 300_000])
def test_what_ecr_sends_needs_no_http_client(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "HTTPResponse", None)
    head = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 1\r\nConnection: Keep-Alive\r\nContent-Length: %d\r\n\r\n" % size
    body = bytes(size)
    headers = {"x-amzn-requestid": "1", "connection": "Keep-Alive", "content-length": str(size)}
    assert _told(receive, head + body, []) == (200, headers, body, False)


def test_what_comes_after_an_answer_stays_out_of_it() -> None:
    assert _told(receive, PLAIN + b"x" * 100, [])[2] == BODY


def test_a_length_beyond_belief_is_not_asked_for_at_once() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    assert received._plain_headers(head % received._LARGEST) is not None
    assert received._plain_headers(head % (received._LARGEST + 1)) is None


def test_as_many_headers_as_http_client_takes() -> None:
    def head(count: int) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(count)) + b"\r\n"

    for count in (98, 99, 100):
        assert _told(receive, head(count), []) == _told(_by_http_client, head(count), [])
    assert received._plain_headers(head(98)) is not None
