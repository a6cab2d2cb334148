"""Every command on a store in a bucket, as on a folder; and what is said where the bucket is the trouble."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from support.commands import COMMAND, Cli
from support.manifests import image
from support.s3 import Answer, Place, Request, changes
from support.store_rows import everything_expected

from indexer.local_ecr import Registry, Server
from indexer.store import Store

IMAGES = 60


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
    for number in range(IMAGES):
        document = image(f"config {number}", [("base", 1000), (f"layer {number}", number + 1)])
        registry.put_image("team/app", document, tags=[f"v{number}"])
    return registry


@pytest.fixture
def server(registry: Registry) -> Iterator[Server]:
    with Server([registry]) as server:
        yield server


@pytest.fixture
def config(cli: Cli, server: Server, bucket: Place) -> Path:
    path = cli.folder / "config.yaml"
    fetch = "{processes: 1, chunk_size: 10, connections: 4, requests_per_second: 2000, max_attempts: 2}"
    path.write_text(
        f"store: {bucket.location}/\nregistries:\n  - regions: [eu-west-1]\n"
        f"    endpoint_url: {server.url}\nfetch: {fetch}\n"
    )
    return path


def test_verify_takes_no_more_room_than_a_segment_or_a_run(
    cli: Cli, config: Path, registry: Registry, bucket: Place, tmp_path: Path
) -> None:
    for number in range(3):
        registry.put_image("team/app", image(f"more {number}", [("base", 1000)]))
        assert cli("run").code == 0
    here = tmp_path / "tmp"
    here.mkdir()
    most = [0]

    def look(_: Request) -> None:
        copies = [path for path in here.rglob("*.parquet") if path.is_file()]
        most[0] = max(most[0], len({path.name for path in copies}))

    assert bucket.server is not None
    bucket.server.hook = look
    words = [*COMMAND, "verify", "--config", str(config)]
    environment = {**os.environ, "TMPDIR": str(here)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "sound" in done.stdout + done.stderr
    assert most[0] == 1, "the files of one of three segments and three runs"
    assert list(here.iterdir()) == []


def count(cli: Cli, view: str, *options: str) -> int:
    statement = f"select count(*) as rows from {view}"  # noqa: S608 - the tests' own names
    done = cli("sql", statement, "--format", "json", *options)
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)
    return int(row["rows"])


def test_a_run_and_every_question(cli: Cli, config: Path, bucket: Place) -> None:
    done = cli("run")
    assert (done.code, done.out) == (0, ""), done.err
    assert f"next: indexer query registry-totals --store {bucket.location}/\n" in done.err
    files = Store.open(bucket.location).files()
    assert bucket.everything() == everything_expected(files)
    assert bucket.holder()["token"] == ""

    assert "60 images" in cli("status").out
    assert count(cli, "images") == count(cli, "manifests") == IMAGES
    assert count(cli, "layers") == 2 * IMAGES
    assert '"unique_bytes"' in cli("query", "registry-totals", "--format", "json").out
    assert "config" in cli("find", "team/app:v7").out
    assert cli("check").code == 0
    assert cli("run").code == 0
    assert count(cli, "runs", "--store", bucket.location) == 2


def test_a_second_question_fetches_nothing_again(cli: Cli, config: Path, bucket: Place) -> None:
    assert bucket.server is not None
    assert cli("run").code == 0
    assert count(cli, "layers") == 2 * IMAGES
    bucket.server.calm()
    assert count(cli, "layers") == 2 * IMAGES
    got = {each.key for each in bucket.server.requests if each.operation == "GetObject"}
    assert got == {f"{bucket.prefix}/format.json"}
    assert not any(changes(each) for each in bucket.server.requests)


@pytest.mark.parametrize("name", ["INDEXER_CACHE", "XDG_CACHE_HOME"])
def test_copies_are_kept_where_one_says(
    cli: Cli, config: Path, bucket: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(cli.folder / "copies"))
    assert cli("run").code == 0
    assert count(cli, "layers") == 2 * IMAGES
    copies = {path.name for path in (cli.folder / "copies").rglob("*.parquet")}
    assert len(copies) == len({key.rpartition("/")[2] for key in bucket.everything() if key.endswith(".parquet")})
    assert not Path("~/.cache").expanduser().exists()


def test_sql_reads_the_copies_and_nothing_else(cli: Cli, config: Path) -> None:
    assert cli("run").code == 0
    (cli.folder / "secret.csv").write_text("a\n1\n")
    done = cli("sql", f"from read_csv('{cli.folder / 'secret.csv'}')")
    assert done.code == 2
    assert "store's folder only" in done.err


def test_exported_views_read_the_copies(cli: Cli, config: Path) -> None:
    assert cli("run").code == 0
    done = cli("export-views", "views.duckdb")
    assert done.code == 0
    with duckdb.connect(str(cli.folder / "views.duckdb"), read_only=True) as connection:
        assert connection.sql("select count(*) from layers").fetchall() == [(2 * IMAGES,)]


def test_no_such_bucket(cli: Cli, config: Path, server: Server) -> None:
    for command in (["run"], ["status"], ["sql", "from runs"]):
        done = cli(*command, "--store", "s3://no-such-bucket-here/store")
        assert done.code == 2
        assert done.err.startswith("error: there is no bucket for s3://no-such-bucket-here/store/format.json. Make it")
    assert not server.calls
    done = cli("check", "--store", "s3://no-such-bucket-here/store")
    assert done.code == 1
    assert "there is no bucket" in done.out


def test_no_store_in_the_bucket(cli: Cli, config: Path, bucket: Place) -> None:
    done = cli("status")
    assert done.code == 2
    assert done.err == f"error: there is no store at {bucket.location}/; indexer run makes one\n"
    bucket.write("thesis.tex", b"months of work")
    for command in ("status", "run"):
        done = cli(command)
        assert done.code == 2
        assert "is no store and not empty: it holds 'thesis.tex'" in done.err
    assert bucket.everything() == {"thesis.tex"}


@pytest.mark.parametrize("location", ["s3://", "s3:///x", "s3://Bucket/x", "s3://bucket//x"])
def test_a_malformed_address(cli: Cli, config: Path, location: str, server: Server) -> None:
    for command in ("run", "status"):
        done = cli(command, "--store", location)
        assert done.code == 2
        assert done.err.startswith(f"error: {location}: ")
    assert not server.calls


def test_no_credentials(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = cli("status")
    assert done.code == 1
    assert "no AWS credentials. Set AWS_PROFILE" in done.err


def test_credentials_that_may_only_read(cli: Cli, config: Path, bucket: Place, server: Server) -> None:
    assert cli("run").code == 0
    assert bucket.server is not None
    bucket.server.hook = lambda request: Answer(403, "AccessDenied") if changes(request) else None
    server.calls.clear()
    done = cli("run")
    assert done.code == 1
    assert f"error: cannot write {bucket.location}/lock: AccessDenied" in done.err
    assert "docs/format.md lists" in done.err
    assert not server.calls, "it is found out before any image is listed"
    assert count(cli, "images") == IMAGES
    done = cli("check")
    assert done.code == 1
    assert "AccessDenied" in done.out


def test_a_refusal_in_the_middle_of_a_commit(cli: Cli, config: Path, bucket: Place) -> None:
    assert bucket.server is not None

    def refuse(request: Request) -> Answer | None:
        return Answer(403, "AccessDenied") if "/manifests/" in request.key and changes(request) else None

    bucket.server.hook = refuse
    done = cli("run")
    assert done.code == 1
    assert "error: cannot write s3://" in done.err
    bucket.server.hook = None
    assert count(cli, "all_layers") == 0
    assert cli("run").code == 0
    assert count(cli, "all_layers") == 2 * IMAGES
    assert bucket.everything() == everything_expected(Store.open(bucket.location).files())


def test_another_run_holds_the_store(cli: Cli, config: Path, bucket: Place) -> None:
    with Store.create_or_open(bucket.location).writer(now=lambda: datetime.now(UTC), version="1", command="the other"):
        done = cli("run")
    assert done.code == 4
    assert f"error: the store {bucket.location}/ is held by another run: 'the other', process {os.getpid()}" in done.err


@pytest.mark.slow
def test_the_main_process_alone_is_killed(
    cli: Cli, config: Path, registry: Registry, server: Server, bucket: Place
) -> None:
    """Its workers end by themselves; the lock is free when the lease ends; the next run fetches the rest."""
    for number in range(IMAGES, 2_000):
        registry.put_image("team/app", image(f"config {number}", [("base", 1000), (f"layer {number}", number + 1)]))
    config.write_text(config.read_text().replace("processes: 1", "processes: 2"))
    server.latency = 0.1
    with subprocess.Popen([*COMMAND, "run"], cwd=cli.folder, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not any("/manifests/" in key for key in (f"/{key}" for key in bucket.everything())):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    assert cli("run").code == 4
    bucket.older("lock", 90)
    server.latency = 0.0
    kept = count(cli, "all_manifests")
    assert 0 < kept < 2_000
    server.requested.clear()
    assert cli("run").code == 0
    asked = [digest for each in server.requested if each.operation == "BatchGetImage" for digest in each.image_ids]
    assert len(asked) == len(set(asked)) <= 2_000 - kept
    assert count(cli, "all_manifests") == count(cli, "(select distinct manifest_digest from all_manifests)") == 2_000
    assert count(cli, "all_layers") == 4_000
    numbers = [int(name.rpartition("-")[2]) for name in Store.open(bucket.location).files().segments]
    assert {number % 2 for number in numbers} == {0, 1}, "both workers wrote"
    assert bucket.everything() == everything_expected(Store.open(bucket.location).files())
