"""What every test stands on: made-up credentials, and nothing of the machine's own configuration."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from support.s3 import Place, S3Server

# How long an example takes says more about the machine than about what is tested.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_OWN = ("AWS_", "INDEXER_")

# What a shell starts in the background ignores Ctrl-C, with nohup SIGHUP too, and all that it starts inherits that.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-step", action="store_true", help="crash tests stop at every step, not at telling ones")


@pytest.fixture(scope="session")
def every_step(request: pytest.FixtureRequest) -> bool:
    """Whether a crash test is to take every step of a commit, or the telling ones."""
    return bool(request.config.getoption("--every-step"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No variable, profile or proxy of whoever runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(_OWN) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    nowhere = tmp_path_factory.getbasetemp() / "no-such-file"
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # a command holds back what it writes to a pipe or a file
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 service, for all tests of a process that ask for it."""
    from support.s3 import S3Server  # noqa: PLC0415 - moto takes a second

    server = S3Server()
    yield server
    server.close()


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    """A bucket of the test's own, which boto3 finds by the environment; nothing is in it."""
    from support.s3 import new_bucket, use  # noqa: PLC0415 - as above

    use(s3_server, monkeypatch, tmp_path / "home")
    with new_bucket(s3_server, f"bucket-{uuid4().hex}") as place:
        yield place


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where no store is yet: a folder, and a bucket."""
    from support.s3 import Place  # noqa: PLC0415 - as above

    if request.param == "folder":
        return Place(str(tmp_path / "store"), None)
    found: Place = request.getfixturevalue("bucket")
    return found
