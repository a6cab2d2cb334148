"""indexer init: what it writes is read by config, and what is there stays."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from support.commands import COMMAND, Cli

from indexer.config import Config, load

ROOT = Path(__file__).parent.parent.parent


def test_the_least(cli: Cli) -> None:
    done = cli("init", "--region", "eu-west-1")
    assert (done.code, done.out) == (0, "")
    assert done.err == ("config.yaml is written. Next: indexer check, which tries what a run needs, then indexer run\n")
    config = load(cli.folder / "config.yaml")
    assert config == Config(store=str(cli.folder / "store"), registries=config.registries)
    (entry,) = config.registries
    assert entry.model_dump(exclude_defaults=True) == {"regions": ("eu-west-1",)}


def test_the_repositorys_own_config_is_what_init_writes(cli: Cli) -> None:
    assert cli("init", "--region", "eu-west-1").code == 0
    assert (cli.folder / "config.yaml").read_text() == (ROOT / "config.yaml").read_text()


def test_every_flag(cli: Cli) -> None:
    words = {
        "--store": ["s3://bucket/a b"],
        "--region": ["eu-west-1", "us-east-1"],
        "--registry-id": ["012345678901"],
        "--profile": ["no"],
        "--role-arn": ["arn:aws:iam::123456789012:role/indexer"],
        "--external-id": ['a "quoted" # word'],
        "--endpoint-url": ["http://127.0.0.1:5000"],
        "--include": ["team-*/*", "ünï: x"],
        "--exclude": ["*/sandbox", "null"],
        "--config": ["other.yaml"],
    }
    done = cli("init", *(word for flag, values in words.items() for value in values for word in (flag, value)))
    assert done.code == 0, done.err
    assert "indexer check --config other.yaml" in done.err
    config = load(cli.folder / "other.yaml")
    assert config.store == "s3://bucket/a b"
    assert config.registries[0].model_dump() == {
        "regions": ("eu-west-1", "us-east-1"),
        "registry_id": "012345678901",
        "profile": "no",
        "role_arn": "arn:aws:iam::123456789012:role/indexer",
        "external_id": 'a "quoted" # word',
        "endpoint_url": "http://127.0.0.1:5000",
        "include": ("team-*/*", "ünï: x"),
        "exclude": ("*/sandbox", "null"),
    }


def test_a_file_that_is_there_stays(cli: Cli) -> None:
    path = cli.folder / "config.yaml"
    path.write_text("mine")
    done = cli("init", "--region", "eu-west-1")
    assert done.code == 2
    assert done.err.startswith("error: config.yaml is there already, and is left as it is")
    assert path.read_text() == "mine"
    path.unlink()
    path.symlink_to("nowhere")
    assert cli("init", "--region", "eu-west-1").code == 2
    assert not (cli.folder / "nowhere").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "which region? Name one with --region"),
        (["--region", "eu-west"], "found 'eu-west', expected a region name such as eu-west-1"),
        (["--region", "eu-west-1", "--registry-id", "12"], "found '12', expected an AWS account id"),
        (["--region", "eu-west-1", "--external-id", "x"], "external_id is of use only together with role_arn"),
        (["--region", "eu-west-1", "--config", "no/such/folder.yaml"], "cannot be written: No such file or directory"),
    ],
)
def test_wrong_words_write_nothing(cli: Cli, words: list[str], told: str) -> None:
    done = cli("init", *words)
    assert done.code == 2
    assert told in done.err
    assert list(cli.folder.iterdir()) == []


def test_a_region_that_nobody_knows_is_doubted(cli: Cli) -> None:
    done = cli("init", "--region", "eu-wst-1")
    assert done.code == 0
    assert "warning: eu-wst-1 is no region that this program knows; did you mean eu-west-1?\n" in done.err


def test_it_asks_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    child, terminal = pty.fork()
    if child == 0:
        environment = {**os.environ, "AWS_REGION": "eu-central-1", "TERM": "xterm"}
        os.execve(COMMAND[0], [*COMMAND, "init", "--config", str(path)], environment)  # noqa: S606 - the command
    shown = b""
    for answer in (b"my store", b"", b"prod", b"", b"team/*, base", b""):
        while not shown.endswith(b": "):
            shown += os.read(terminal, 1024)
        os.write(terminal, answer + b"\n")
        shown += b"\n"
    assert os.waitpid(child, 0)[1] == 0
    os.close(terminal)
    config = load(path)
    assert config.store == str(tmp_path / "my store")
    assert config.registries[0].model_dump(exclude_defaults=True) == {
        "regions": ("eu-central-1",),
        "profile": "prod",
        "include": ("team/*", "base"),
    }
    assert b"Regions to index, with blanks between [eu-central-1]: " in shown
