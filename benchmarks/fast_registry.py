"""A registry that costs next to nothing: every answer's parts are rendered before the first question.

    python benchmarks/fast_registry.py IMAGES [--latency S] [--throttle SHARE] [--share SHARE]

Prints its address when it is ready, and ends when its standard input does. `GET /` gives what it has counted so far and
starts counting anew. It checks nothing: indexer/local_ecr is the one that holds clients to ECR's rules.
"""

from __future__ import annotations

import argparse
import bisect
import os
import random
import socket
import sys
import threading
import time
from collections import Counter

import orjson
from made_up import Pushed, pushes, sizes

ACCOUNT = "123456789012"
_REFUSAL = b'{"__type":"ThrottlingException","message":"Rate exceeded"}'


class Estate:
    """The parts of all answers, as bytes of JSON."""

    def __init__(self, images: int, share: float = 1.0) -> None:
        self.images: dict[str, bytes] = {}
        self.details: dict[str, list[bytes]] = {}
        self.repositories: list[bytes] = []
        for number, count in enumerate(sizes(images)):
            self._add(number, f"team-{number % 40:02}/service-{number:05}", int(count * share))

    def _add(self, number: int, name: str, count: int) -> None:
        self.repositories.append(_repository(name))
        details = self.details[name] = []
        for image in pushes(number, count):
            self.images[image.digest] = _image(name, image)
            details.append(_detail(name, image))

    def answer(self, operation: str, asked: dict[str, object]) -> bytes:
        """Return the body of an answer."""
        if operation == "BatchGetImage":
            wanted = [each["imageDigest"] for each in asked["imageIds"]]  # type: ignore[attr-defined]  # trusted
            return b'{"images":[' + b",".join(map(self.images.__getitem__, wanted)) + b'],"failures":[]}'
        listed = operation == "DescribeImages"
        items = self.details[str(asked["repositoryName"])] if listed else self.repositories
        start = int(str(asked.get("nextToken") or 0))
        end = start + int(str(asked.get("maxResults") or 100))
        token = b"" if end >= len(items) else b',"nextToken":"%d"' % end
        key = b"imageDetails" if listed else b"repositories"
        return b'{"%s":[' % key + b",".join(items[start:end]) + b"]" + token + b"}"


def _repository(name: str) -> bytes:
    return orjson.dumps(
        {
            "registryId": ACCOUNT,
            "repositoryName": name,
            "repositoryArn": f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{name}",
            "repositoryUri": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/{name}",
            "createdAt": 1690000000.123,
            "imageTagMutability": "MUTABLE",
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }
    )


def _image(name: str, image: Pushed) -> bytes:
    return orjson.dumps(
        {
            "registryId": ACCOUNT,
            "repositoryName": name,
            "imageId": {"imageDigest": image.digest},
            "imageManifest": image.raw.decode(),
            "imageManifestMediaType": image.media_type,
        }
    )


def _detail(name: str, image: Pushed) -> bytes:
    return orjson.dumps(
        {
            "registryId": ACCOUNT,
            "repositoryName": name,
            "imageDigest": image.digest,
            **({"imageTags": image.tags} if image.tags else {}),
            "imageSizeInBytes": image.size,
            "imagePushedAt": image.pushed_at,
            "imageManifestMediaType": image.media_type,
            "artifactMediaType": "application/vnd.docker.container.image.v1+json",
            "lastRecordedPullTime": image.pushed_at + 86_400.5,
            "imageStatus": "ACTIVE",
        }
    )


class Counts:
    """What was asked, and when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self.calls: Counter[str] = Counter()
        self.throttled = 0
        self.times: list[float] = []
        self.cpu = time.process_time()

    def note(self, operation: str, *, throttled: bool) -> None:
        """Count a request."""
        with self._lock:
            self.calls[operation] += 1
            self.throttled += throttled
            self.times.append(time.monotonic())

    def told(self) -> bytes:
        """Return the counts as JSON, and begin again."""
        with self._lock:
            times = sorted(self.times)
            busiest = max((bisect.bisect_left(times, each + 1.0) - at for at, each in enumerate(times)), default=0)
            told = {
                "calls": dict(self.calls),
                "throttled": self.throttled,
                "busiest_second": busiest,
                "seconds": times[-1] - times[0] if times else 0.0,
                "cpu": time.process_time() - self.cpu,
            }
            self._begin()
        return orjson.dumps(told)


class Connection:
    """One client's connection: requests one after the other until it is closed."""

    def __init__(self, taken: socket.socket, estate: Estate, counts: Counts, options: argparse.Namespace) -> None:
        self._socket, self._estate, self._counts, self._options = taken, estate, counts, options
        self._held = b""

    def serve(self) -> None:
        """Answer until the client goes away."""
        with self._socket:
            while (request := self._read()) is not None:
                head, body = request
                if head.startswith(b"GET"):
                    self._write(b"200 OK", self._counts.told())
                    continue
                operation = _operation(head)
                throttled = random.random() < self._options.throttle  # noqa: S311 - no secret
                self._counts.note(operation, throttled=throttled)
                if self._options.latency:
                    time.sleep(self._options.latency)
                if throttled:
                    self._write(b"400 Bad Request", _REFUSAL)
                else:
                    self._write(b"200 OK", self._estate.answer(operation, orjson.loads(body)))

    def _read(self) -> tuple[bytes, bytes] | None:
        while b"\r\n\r\n" not in self._held:
            if not self._more():
                return None
        head, _, rest = self._held.partition(b"\r\n\r\n")
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        while len(rest) < length:
            self._held = b""
            if not self._more():
                return None
            rest += self._held
        self._held = rest[length:]
        return head, rest[:length]

    def _more(self) -> bool:
        try:
            got = self._socket.recv(65_536)
        except ConnectionError:
            return False
        self._held += got
        return bool(got)

    def _write(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"
        try:
            self._socket.sendall(head % (status, len(body)) + body)
        except ConnectionError:
            return


def _operation(head: bytes) -> str:
    target = head.lower().find(b"x-amz-target:")
    return head[target:].split(b"\r\n", 1)[0].rpartition(b".")[2].decode()


def serve(options: argparse.Namespace) -> None:
    """Serve until standard input ends."""
    estate, counts = Estate(options.images, options.share), Counts()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)

    def accept() -> None:
        while True:
            taken, _ = listener.accept()
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(taken, estate, counts, options)
            threading.Thread(target=connection.serve, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", type=int)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--throttle", type=float, default=0.0, help="share of requests that are refused")
    parser.add_argument("--share", type=float, default=1.0, help="how much of each repository is there yet")
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
