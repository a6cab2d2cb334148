"""A server that gives every question the same answer and keeps the questions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Question(NamedTuple):
    """A request: its headers by lower-case name, and its body."""

    headers: dict[str, str]
    body: bytes


class OneAnswer(ThreadingHTTPServer):
    """Answers `body` with `status` to whatever is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.body = b"{}"
        self.questions: list[Question] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Status, headers and body are written one by one: without this each answer waits 40 ms for the one before.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, OneAnswer)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.questions.append(Question({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(server.status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
        pass


@contextmanager
def one_answer() -> Iterator[OneAnswer]:
    """Serve while the block lasts."""
    with OneAnswer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
