"""A connection that is open is used again, and what happens on it is told as on a new one."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ConnectionClosedError, HTTPClientError, ReadTimeoutError
from support.one_answer import one_answer

from indexer.ecr import Health, Pace, Target, connect, reach
from indexer.ecr.wire import Wire
from indexer.errors import RegistryRefused

ASKED: dict[str, Any] = {"repositoryName": "team/app"}
BODY = b'{"imageDetails":[]}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n" + BODY
CHANGING = frozenset({"x-amz-date", "authorization"})


class Script:
    """A server that gives each request of a connection the next of `answers`; it counts its connections."""

    def __init__(self, answers: list[bytes | Callable[[socket.socket], None]]) -> None:
        self.connections = 0
        self.requests = 0
        self.lines: list[bytes] = []
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(taken,), daemon=True).start()

    def _serve(self, taken: socket.socket) -> None:
        with taken, suppress(OSError):
            for answer in self._answers:
                line = self._request(taken)
                if not line:
                    return
                self.lines.append(line)
                self.requests += 1
                if isinstance(answer, bytes):
                    taken.sendall(answer)
                else:
                    answer(taken)

    @staticmethod
    def _request(taken: socket.socket) -> bytes:
        text = b""
        while b"\r\n\r\n" not in text:
            part = taken.recv(65_536)
            if not part:
                return b""
            text += part
        head, _, body = text.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            body += taken.recv(65_536)
        return head.split(b"\r\n")[0]


@contextmanager
def scripted(*answers: bytes | Callable[[socket.socket], None]) -> Iterator[tuple[Script, Wire, Any]]:
    """A server, our way of sending to it, and the client's."""
    script = Script([*answers])
    client: Any = connect(Target("eu-west-1", endpoint_url=script.url), connections=1, read_timeout=0.5)
    try:
        yield script, Wire(client), client
    finally:
        script.close()


def _closes(taken: socket.socket) -> None:
    taken.close()


def _resets(taken: socket.socket) -> None:
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    taken.close()


def _hangs(_: socket.socket) -> None:
    time.sleep(1.5)


def _hangs_in_the_body(taken: socket.socket) -> None:
    taken.sendall(GOOD[:-5])
    time.sleep(1.5)


def _ends_early(taken: socket.socket) -> None:
    taken.sendall(GOOD[:-5])
    taken.close()


FAULTS: list[bytes | Callable[[socket.socket], None]] = [
    _closes,
    _resets,
    _hangs,
    _hangs_in_the_body,
    b"220 smtp.example ESMTP\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
]


def test_the_second_request_says_what_the_first_one_says() -> None:
    with one_answer() as server:
        server.body = BODY
        wire = Wire(connect(Target("eu-west-1", endpoint_url=server.url), connections=1))
        for _ in range(2):
            assert wire.send("DescribeImages", ASKED)["imageDetails"] == []
    first, second = server.questions
    assert first.headers.keys() == second.headers.keys()
    assert {name: first.headers[name] for name in first.headers.keys() - CHANGING} == {
        name: second.headers[name] for name in second.headers.keys() - CHANGING
    }
    assert first.body == second.body


def test_it_goes_over_the_same_connection() -> None:
    with scripted(GOOD, GOOD, GOOD) as (script, wire, _):
        for _ in range(3):
            assert wire.send("DescribeImages", ASKED)["imageDetails"] == []
    assert (script.connections, script.requests) == (1, 3)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_told_as_the_client_tells_it(fault: bytes | Callable[[socket.socket], None]) -> None:
    told: list[type[BotoCoreError]] = []
    for own in (True, False):
        with scripted(GOOD, fault) as (script, wire, client):
            send = wire.send if own else lambda _, asked, client=client: client.describe_images(**asked)
            send("DescribeImages", ASKED)
            with pytest.raises(BotoCoreError) as caught:
                send("DescribeImages", ASKED)
            told.append(type(caught.value))
            assert script.connections == 1
    assert told[0] is told[1]


def test_a_body_that_ends_early_is_no_answer() -> None:
    """To the client it is one, and an empty one."""
    with scripted(GOOD, _ends_early) as (_, wire, client):
        wire.send("DescribeImages", ASKED)
        with pytest.raises(ConnectionClosedError):
            wire.send("DescribeImages", ASKED)
        client.describe_images(**ASKED)
        assert "imageDetails" not in client.describe_images(**ASKED)


def test_after_a_fault_a_new_connection_is_opened() -> None:
    """What comes late on the old one would be taken for the answer to another question."""
    with scripted(GOOD, _hangs_in_the_body, GOOD) as (script, wire, _):
        wire.send("DescribeImages", ASKED)
        with pytest.raises(ReadTimeoutError):
            wire.send("DescribeImages", ASKED)
        assert wire.send("DescribeImages", ASKED)["imageDetails"] == []
        assert script.connections == 2


def test_after_a_fault_the_connection_is_closed_at_once() -> None:
    """Not when garbage is looked for next: until then what is held of the answer would hold it open."""
    closed = threading.Event()

    def _sees_the_end(taken: socket.socket) -> None:
        taken.sendall(GOOD[:-5])
        if not taken.recv(1):
            closed.set()

    with scripted(GOOD, _sees_the_end) as (_, wire, _):
        wire.send("DescribeImages", ASKED)
        with pytest.raises(ReadTimeoutError) as caught:
            wire.send("DescribeImages", ASKED)
        assert closed.wait(10)
    assert caught.tb is not None, "what it was raised from is still held"


def test_a_connection_that_the_other_side_closes_is_not_used_again() -> None:
    last = GOOD.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    with scripted(GOOD, last, GOOD) as (script, wire, _):
        for _ in range(3):
            assert wire.send("DescribeImages", ASKED)["imageDetails"] == []
        assert script.connections == 2
    with scripted(GOOD) as (script, wire, _):
        for _ in range(2):
            assert wire.send("DescribeImages", ASKED)["imageDetails"] == []
            time.sleep(0.2)  # until it has seen that the other side is gone
        assert script.connections == 2


def test_an_answer_in_pieces_is_put_together() -> None:
    pieces = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + BODY[:5] + b"\r\ne\r\n" + BODY[5:]
    with scripted(GOOD, pieces + b"\r\n0\r\n\r\n", GOOD) as (script, wire, _):
        for _ in range(3):
            assert wire.send("DescribeImages", ASKED)["imageDetails"] == []
        assert script.connections == 1


def test_a_header_of_two_lines_is_not_sent() -> None:
    with scripted(GOOD, GOOD) as (script, wire, _):
        wire.send("DescribeImages", ASKED)
        with pytest.raises(HTTPClientError, match="line break"):
            wire._way.post({"X-Amz-Target": "a\r\nX-Other: b"}, b"{}")
        assert script.requests == 1


def test_the_place_is_escaped_as_urllib3_escapes_it() -> None:
    script = Script([GOOD, GOOD])
    client = connect(Target("eu-west-1", endpoint_url=f"{script.url}/a b/\u00e9"), connections=1)
    wire = Wire(client)
    for _ in range(2):
        wire.send("DescribeImages", ASKED)
    script.close()
    assert script.lines == [b"POST /a%20b/%C3%A9/ HTTP/1.1"] * 2


@pytest.mark.parametrize("before", [0, 1])
def test_a_token_with_a_line_break_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    """http.client shows the value in its error. Of an open connection the first request went well."""
    with scripted(GOOD, GOOD) as (script, _, _):
        asked = Target("eu-west-1", endpoint_url=script.url)
        monkeypatch.setenv("AWS_SESSION_TOKEN", "hidden\n")
        ecr = reach(asked, Pace(1_000), Health(), connections=1, max_attempts=3, sleep=lambda _: None)
        if before:
            wire: Any = ecr._access.client.wire
            wire._way.post({}, b"{}")
        for ask in (lambda: ecr.images("team/app"), ecr.repositories):
            with pytest.raises(RegistryRefused, match="line break") as caught:
                list(ask())
            assert "hidden" not in "".join(traceback.format_exception(caught.value))
        assert script.requests == before


def test_threads_have_connections_of_their_own() -> None:
    with one_answer() as server:
        server.body = BODY
        wire = Wire(connect(Target("eu-west-1", endpoint_url=server.url), connections=4))
        found: list[int] = []

        def work() -> None:
            found.extend(len(wire.send("DescribeImages", ASKED)["imageDetails"]) for _ in range(20))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [0] * 80
    assert len(server.questions) == 80
