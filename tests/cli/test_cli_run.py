"""indexer run: from a config file to a committed run, with the exit codes that cron jobs stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.commands import COMMAND, Cli, terminal
from support.manifests import document, image

from indexer.local_ecr import Fault, Registry, Server
from indexer.store import Store


@pytest.fixture
def server() -> Iterator[Server]:
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", image("c", [("base", 10), ("app", 5)]), tags=["1"])
    with Server([registry]) as server:
        yield server


@pytest.fixture
def config(cli: Cli, server: Server) -> Path:
    path = cli.folder / "config.yaml"
    path.write_text(
        "store: ./store\nregistries:\n  - regions: [eu-west-1]\n"
        f"    endpoint_url: {server.url}\nfetch: {{max_attempts: 1, connections: 2, requests_per_second: 2000}}\n"
    )
    return path


def test_no_config(cli: Cli) -> None:
    done = cli("run")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: config.yaml: there is no such file; name another with --config")


def test_a_wrong_config_calls_nothing(cli: Cli, config: Path, server: Server) -> None:
    config.write_text(config.read_text().replace("regions", "region") + "fetc: {}\n")
    done = cli("run")
    assert done.code == 2
    assert done.err.count("config.yaml:") == 3
    assert not server.calls
    assert not (cli.folder / "store").exists()


def test_a_complete_run(cli: Cli, config: Path) -> None:
    done = cli("run")
    assert (done.code, done.out) == (0, "")
    assert "fetching" in done.err or "done" in done.err
    assert ", complete\n  1 repository with 1 image; 1 manifest fetched (" in done.err
    assert done.err.endswith(f"next: indexer query registry-totals --store {cli.folder / 'store'}\n")
    again = cli("run", "--config", config)
    assert again.code == 0
    assert "  2 requests in " in again.err
    assert " seconds of CPU\n" in again.err
    assert "; 0 manifests fetched (0 B)\n" in again.err


def test_quiet_says_nothing_but_errors(cli: Cli, config: Path, server: Server) -> None:
    assert cli("run", "--quiet") == (0, "", "")
    server.faults.add(Fault("denied"))
    done = cli("run", "--quiet")
    assert done.code == 1
    assert done.err.startswith("error: nothing could be listed; the store is as it was\n")


class _Page(BaseHTTPRequestHandler):
    """Some other server: it answers what it does not know with a page in HTML."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        pass


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("http://127.0.0.1:9", "look at the region's name, at endpoint_url, and at the network's way out"),
        ("{https}", "look at endpoint_url (http or https?), at proxies, and at AWS_CA_BUNDLE"),
        ("{page}", "what answers there may be no ECR: look at endpoint_url, and at proxies"),
    ],
)
def test_where_no_registry_answers_run_and_check_give_the_same_advice(
    cli: Cli, config: Path, server: Server, address: str, advice: str
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        url = address.format(page=f"http://127.0.0.1:{page.server_port}", https=server.url.replace("http:", "https:"))
        config.write_text(config.read_text().replace(server.url, url))
        done, checked = cli("run", "--quiet"), cli("check")
        page.shutdown()
    assert done.code == checked.code == 1
    first, target, last = done.err.splitlines()
    assert first == "error: nothing could be listed; the store is as it was"
    assert target.startswith("default account/eu-west-1: DescribeRepositories: ")
    assert target.endswith(f"; {advice}")
    assert last == "indexer check tries what a run needs, and says what is missing"
    assert f". {advice[0].upper()}{advice[1:]}\n" in checked.out


def test_a_registry_of_several_that_does_not_answer_is_told_with_advice(cli: Cli, config: Path) -> None:
    other = "  - {regions: [us-east-1], endpoint_url: http://127.0.0.1:9}\nfetch:"
    config.write_text(config.read_text().replace("fetch:", other))
    done = cli("run")
    assert done.code == 3
    assert "  1 x DescribeRepositories EndpointConnectionError, such as us-east-1: Could not connect" in done.err
    assert "; look at the region's name, at endpoint_url, and at the network's way out\n" in done.err


def test_an_incomplete_run_is_exit_code_3_and_says_why(cli: Cli, config: Path, server: Server) -> None:
    registry = server.registries[0]
    broken = [registry.put_image("team/app", document({"layers": number})) for number in range(2)]
    registry.put_image("team/app", b"{}", tags=["odd"])
    registry.fail_image("team/app", broken[0], "ImageInaccessible", "try later")
    done = cli("run")
    assert done.code == 3
    assert "incomplete: 3 failures\n" in done.err
    assert "  2 x Flatten InvalidManifest, such as team/app: " in done.err
    assert "  1 x BatchGetImage ImageInaccessible, such as team/app: try later\n" in done.err
    assert f"all of them: indexer query failures --store {cli.folder / 'store'}\n" in done.err
    assert cli("run", "--quiet").code == 3


def test_the_flag_and_the_environment_overrule_the_configs_store(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("run", "--quiet", "--store", "flag").code == 0
    monkeypatch.setenv("INDEXER_STORE", "environment")
    assert cli("run", "--quiet").code == 0
    assert sorted(path.name for path in cli.folder.iterdir() if path.is_dir()) == ["environment", "flag"]


def test_a_store_that_is_held_is_exit_code_4(cli: Cli, config: Path) -> None:
    with Store.create_or_open("store").writer(now=lambda: datetime.now(UTC), version="1", command="the other"):
        done = cli("run")
    assert done.code == 4
    assert "'the other'" in done.err


def test_a_store_elsewhere_is_refused_before_any_call(cli: Cli, config: Path, server: Server) -> None:
    assert cli("run", "--store", "gs://bucket/prefix").code == 2
    (cli.folder / "letter.txt").write_text("x")
    assert cli("run", "--store", ".").code == 2
    assert not server.calls


def test_a_terminal_sees_how_far_it_is(cli: Cli, config: Path, server: Server) -> None:
    server.latency = 0.3
    done = terminal("run", "--config", config, columns=100)
    assert done.code == 0
    assert "\x1b[" in done.out
    assert "listing: " in done.out
    assert "; 1 manifest fetched" in done.out


def test_ctrl_c_ends_without_a_traceback(cli: Cli, config: Path, server: Server) -> None:
    server.faults.add(Fault("hang", operation="BatchGetImage", seconds=2))
    words = [*COMMAND, "run", "--config", str(config)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=os.environ | {"TZ": "UTC"}) as running:
        assert running.stderr is not None
        said = ""
        while "fetching" not in said:
            said += running.stderr.readline()
        while not server.calls["BatchGetImage"]:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        server.faults.clear()
        said += running.stderr.read()
    assert running.returncode == 130
    assert "interrupted: this run is not committed" in said
    assert "Traceback" not in said
    assert cli("run", "--quiet").code == 0


def _wanting(config: Path, keys: str) -> None:
    config.write_text(config.read_text().replace("fetch:", f"    {keys}\nfetch:"))


def test_a_glob_that_matches_nothing_is_said(cli: Cli, config: Path) -> None:
    _wanting(config, 'include: ["team/*", "taem/app"]\n    exclude: ["sandbox/*"]')
    done = cli("run")
    assert done.code == 0
    warning = "warning: include 'taem/app' matches no repository in 123456789012/eu-west-1, did you mean team/app?\n"
    assert done.err.count("matches no repository") == 2
    assert warning in done.err
    assert "note: exclude 'sandbox/*' matches no repository in 123456789012/eu-west-1\n" in done.err
    assert cli("run", "--quiet") == (0, "", warning), "what is not there yet may well be left out"


def test_globs_that_let_nothing_through_are_no_complete_run(cli: Cli, config: Path) -> None:
    _wanting(config, 'include: ["taem/*"]')
    done = cli("run", "--quiet")
    said = (
        "nothing of 123456789012/eu-west-1 is indexed: include ['taem/*'] and exclude [] do not let through its only "
        "repository team/app"
    )
    assert (done.code, done.err) == (3, f"warning: {said}\n")
    told = cli("run").err
    assert told.count(said) == 1, "once is enough"
    assert "\n  1 x Config NothingIncluded, as said above\n" in told
    assert told.endswith("\nnext: mend include and exclude in the configuration, and run it again\n")
    nothing = "holds no repository yet: no run has listed any; indexer query failures says why."
    assert nothing in cli("query", "largest-images").err
    assert said in cli("query", "failures", "--format", "csv").out
    assert cli("query", "failures", "-p", "code=Other").err == "The newest runs had no failure that matches.\n"


def test_repositories_that_went_are_told_where_nothing_else_is_wanted(cli: Cli, config: Path, server: Server) -> None:
    server.registries[0].create_repository("other")
    _wanting(config, 'include: ["team/*"]')
    assert cli("run", "--quiet").code == 0
    server.registries[0].delete_repository("team/app")
    assert cli("run", "--quiet").code == 3
    assert "what there was is deleted" in cli("query", "largest-images").err


def test_a_registry_without_a_repository_is_complete(cli: Cli, config: Path, server: Server) -> None:
    server.registries[0].delete_repository("team/app")
    _wanting(config, 'include: ["team/*"]')
    assert cli("run", "--quiet") == (0, "", "")
    assert "\nnext: indexer status --store " in cli("run").err, "there are no totals to ask for"
    said = "holds no repository yet: no run found any that include and exclude of config.yaml let through."
    assert said in cli("query", "largest-images").err


def test_a_registry_that_is_down_is_told_of_while_it_is_waited_for(config: Path, server: Server) -> None:
    """Calls are tried for most of a minute: nobody should have to wait for that to see why nothing comes."""
    config.write_text(config.read_text().replace("max_attempts: 1", "max_attempts: 100"))
    server.faults.add(Fault("unavailable"))
    words = [*COMMAND, "run", "--config", str(config)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        line = next(line for line in running.stderr if "waiting" in line)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert "; waiting: " in line
    assert "failed in 2 seconds, to be tried again; DescribeRepositories: 503: " in line
    assert running.returncode == 130


def test_a_run_that_could_list_nothing_leaves_no_store(cli: Cli, config: Path, server: Server) -> None:
    server.faults.add(Fault("unavailable"))
    done = cli("run")
    assert done.code == 1
    assert "nothing could be listed; the store is as it was" in done.err
    assert not (cli.folder / "store").exists()
    assert cli("status").code == 2, "there is no store"
    server.faults.clear()
    assert cli("run").code == 0
