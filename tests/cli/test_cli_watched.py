"""indexer run for whoever was not there: the log, the metrics, the summary, the hook, for every way that a run ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.commands import COMMAND, Cli
from support.manifests import document, image
from support.pages import Page

from indexer.local_ecr import Fault, Registry, Server
from indexer.store import Store

WATCHED = ("--quiet", "--metrics-file", "run.prom", "--summary-file", "run.json")


@pytest.fixture
def server() -> Iterator[Server]:
    registry = Registry()
    registry.create_repository("team/app")
    for number in range(3):
        registry.put_image("team/app", image(f"c{number}", [("base", 10), ("app", 5)]), tags=[f"{number}"])
    with Server([registry]) as server:
        yield server


@pytest.fixture
def config(cli: Cli, server: Server) -> Path:
    path = cli.folder / "config.yaml"
    path.write_text(
        "store: ./store\nregistries:\n  - regions: [eu-west-1]\n"
        f"    endpoint_url: {server.url}\n"
        "fetch: {max_attempts: 1, connections: 1, chunk_size: 1, requests_per_second: 2000}\n"
    )
    return path


def metrics(folder: Path) -> dict[str, float]:
    """The samples of the metrics file; labels are written behind the name, in the order of their names."""
    found = {}
    for family in text_string_to_metric_families((folder / "run.prom").read_text()):
        for sample in family.samples:
            labels = ",".join(value for _, value in sorted(sample.labels.items()))
            found[sample.name.removeprefix("manifest_indexer_") + (f":{labels}" if labels else "")] = sample.value
    return found


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_complete_run(cli: Cli, config: Path, server: Server) -> None:
    before = time.time()
    assert cli("run", *WATCHED) == (0, "", "")
    told, found = summary(cli.folder), metrics(cli.folder)
    assert (told["result"], told["exit_code"], told["committed"], told["error"]) == ("complete", 0, True, None)
    assert (told["repositories"], told["images"], told["manifests_fetched"], told["failures"]) == (1, 3, 3, 0)
    assert told["requests"] == sum(server.calls.values())
    images = server.registries[0].repositories["team/app"].images.values()
    assert told["bytes"] == sum(len(each.text) for each in images)
    assert list(told["phases"]) == ["starting", "listing", "fetching", "committing"]
    assert sum(told["phases"].values()) <= told["seconds"] + 0.003  # each of five is rounded by itself
    assert told["run_id"] == Store.open("store").files().tables["runs"][0].stem
    assert found["last_success_timestamp_seconds"] >= before
    assert found["last_run_timestamp_seconds"] == found["last_success_timestamp_seconds"]
    assert found["runs_total:complete"] == 1
    assert found["runs_total:failed"] == 0
    assert (found["last_run_exit_code"], found["last_run_images"], found["last_run_failures"]) == (0, 3, 0)
    assert (found["manifests_fetched_total"], found["manifest_bytes_total"]) == (3, told["bytes"])
    assert found["last_run_phase_duration_seconds:fetching"] == pytest.approx(told["phases"]["fetching"], abs=0.001)


def test_counters_go_on_and_the_last_success_survives(cli: Cli, config: Path, server: Server) -> None:
    cli("run", *WATCHED)
    first = metrics(cli.folder)
    server.registries[0].put_image("team/app", document({"layers": "none"}))
    assert cli("run", *WATCHED).code == 3
    second = metrics(cli.folder)
    server.faults.add(Fault("denied"))
    assert cli("run", *WATCHED).code == 1
    third = metrics(cli.folder)
    assert third["last_success_timestamp_seconds"] == first["last_success_timestamp_seconds"]
    assert third["last_commit_timestamp_seconds"] == second["last_run_timestamp_seconds"]
    assert third["last_run_timestamp_seconds"] > second["last_run_timestamp_seconds"]
    assert [third[f"runs_total:{result}"] for result in ("complete", "incomplete", "failed", "locked")] == [1, 1, 1, 0]
    assert third["manifests_fetched_total"] == 4
    assert third["failures_total:InvalidManifest,Flatten"] == 1
    assert second["last_run_failures"] == 1
    assert third["requests_total"] == second["requests_total"]


def test_an_incomplete_run_names_its_failures(cli: Cli, config: Path, server: Server) -> None:
    server.registries[0].put_image("team/app", b"{}", tags=["odd"])
    assert cli("run", *WATCHED).code == 3
    told = summary(cli.folder)
    (failure,) = told["failures_by_code"]
    assert (told["result"], told["committed"], told["failures"]) == ("incomplete", True, 1)
    assert (failure["operation"], failure["code"], failure["failures"]) == ("Flatten", "InvalidManifest", 1)
    assert failure["where"] == "team/app"


def test_a_failed_run_says_why(cli: Cli, config: Path, server: Server) -> None:
    server.faults.add(Fault("denied"))
    done = cli("run", *WATCHED)
    told = summary(cli.folder)
    assert (told["result"], told["exit_code"], told["committed"], told["run_id"]) == ("failed", 1, False, None)
    assert f"error: {told['error']}\n" == done.err
    assert told["requests"] is None
    assert "last_success_timestamp_seconds" not in metrics(cli.folder)


def test_a_wrong_config_and_a_held_store_are_told_too(cli: Cli, config: Path) -> None:
    with Store.create_or_open("store").writer(now=lambda: datetime.now(UTC), version="1", command="the other"):
        assert cli("run", *WATCHED).code == 4
    assert summary(cli.folder)["result"] == "locked"
    config.write_text("stor: x\n")
    assert cli("run", *WATCHED).code == 2
    assert summary(cli.folder)["result"] == "usage"
    assert [metrics(cli.folder)[f"runs_total:{result}"] for result in ("locked", "usage", "complete")] == [1, 1, 0]


@pytest.mark.parametrize("option", ["--metrics-file", "--summary-file"])
@pytest.mark.parametrize("path", ["/proc/x.prom", "no/such/folder/x.prom", "."])
def test_a_path_that_takes_no_file_is_found_before_anything(
    cli: Cli, config: Path, server: Server, option: str, path: str
) -> None:
    done = cli("run", option, path)
    assert done.code == 2
    assert done.err.startswith(f"error: {option}: ")
    assert not server.calls
    assert not (cli.folder / "store").exists()


def test_help_and_page_name_the_codes_without_a_command(cli: Cli) -> None:
    said = " ".join(cli("run", "--help").out.replace("│", " ").split())
    assert "What the shell runs for any exit code but 0, and 130 of Ctrl-C." in said
    assert "run for every exit code but 0 and 130 (Ctrl-C)" in Page("docs/running.md").text


def test_a_metrics_file_that_nobody_would_read_is_refused(cli: Cli, config: Path, server: Server) -> None:
    for name in ("run.txt", "prom", "run.PROM"):
        done = cli("run", "--metrics-file", name)
        assert done.code == 2
        assert done.err.startswith(f"error: --metrics-file: {name} does not end in .prom, and ")
    assert cli("run", "--metrics-file", "a.prom", "--summary-file", "./a.prom").code == 2
    assert not server.calls


def test_a_metrics_file_of_somebody_else_begins_anew(cli: Cli, config: Path) -> None:
    (cli.folder / "run.prom").write_text("} this is { not metrics\n")
    done = cli("run", *WATCHED)
    assert done.code == 0
    assert done.err.startswith("warning: run.prom held no metrics of ours, counters begin anew: ")
    assert metrics(cli.folder)["runs_total:complete"] == 1


def test_no_other_file_is_left_behind(cli: Cli, config: Path) -> None:
    cli("run", *WATCHED)
    assert sorted(path.name for path in cli.folder.iterdir()) == ["config.yaml", "run.json", "run.prom", "store"]


def test_the_hook_learns_what_happened(cli: Cli, config: Path, server: Server) -> None:
    hook = 'printf "%s|" "$INDEXER_RESULT" "$INDEXER_EXIT_CODE" "$INDEXER_FAILURES" "$INDEXER_STORE" > told'
    assert cli("run", "--quiet", "--on-failure", hook).code == 0
    assert not (cli.folder / "told").exists()
    server.registries[0].put_image("team/app", b"{}")
    assert cli("run", "--quiet", "--on-failure", hook).code == 3
    assert (cli.folder / "told").read_text() == f"incomplete|3|1|{cli.folder / 'store'}|"
    server.faults.add(Fault("denied"))
    done = cli("run", "--quiet", "--on-failure", 'printf "%s" "$INDEXER_ERROR" > told')
    assert done.err == f"error: {(cli.folder / 'told').read_text()}\n"


def test_a_hook_that_fails_is_told_and_changes_nothing(cli: Cli, config: Path, server: Server) -> None:
    server.faults.add(Fault("denied"))
    done = cli("run", "--quiet", "--on-failure", "echo oops; exit 7")
    assert done.code == 1
    assert done.err.endswith("warning: the command of --on-failure ended with code 7: oops\n")


def test_the_log_for_machines(cli: Cli, config: Path, server: Server) -> None:
    server.registries[0].put_image("team/app", b"{}")
    done = cli("run", "--log-format", "json")
    assert (done.code, done.out) == (3, "")
    told = events(done.err)
    assert all(list(each)[:4] == ["time", "level", "event", "text"] for each in told)
    assert told[-1]["event"] == "finished"
    assert told[-1]["failures_by_code"][0]["code"] == "InvalidManifest"
    progress = [each for each in told if each["event"] == "progress"]
    assert progress[-1]["manifests_fetched"] == 4
    assert datetime.fromisoformat(told[0]["time"]).tzinfo is not None


def test_errors_are_objects_too(cli: Cli, config: Path, server: Server) -> None:
    server.faults.add(Fault("denied"))
    done = cli("run", "--quiet", "--log-format", "json", "--on-failure", "exit 1")
    failed, hook = events(done.err)
    assert (failed["level"], failed["event"], failed["exit_code"]) == ("error", "failed", 1)
    assert (hook["level"], hook["event"]) == ("warning", "on_failure")
    config.unlink()
    (missing,) = events(cli("run", "--log-format", "json").err)
    assert missing["exit_code"] == 2


def test_a_region_that_nobody_knows_is_doubted(
    cli: Cli, config: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = config.read_text().replace("eu-west-1", "eu-wst-1")
    config.write_text(text)
    assert "no region" not in cli("run", "--quiet").err, "whoever names an endpoint may call the region as they like"
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", server.url)
    config.write_text("".join(line for line in text.splitlines(keepends=True) if "endpoint_url" not in line))
    done = cli("run", "--quiet")
    assert done.code == 1
    assert done.err.startswith(
        "warning: eu-wst-1 is no region that this program knows; did you mean eu-west-1?\nerror:"
    )


def test_too_many_processes_are_doubted(cli: Cli, config: Path) -> None:
    config.write_text(config.read_text().replace("fetch: {", "fetch: {processes: 256, "))
    done = cli("run", "--quiet")
    assert done.code == 0
    assert done.err.startswith("warning: fetch.processes is 256, and there ")


@pytest.mark.slow
def test_an_end_by_sigterm_is_told(cli: Cli, config: Path, server: Server) -> None:
    server.latency = 0.3
    words = [*COMMAND, "run", *WATCHED, "--on-failure", 'printf "%s" "$INDEXER_RESULT" > told']
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as running:
        while server.calls["BatchGetImage"] < 2:
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 143
    told = summary(cli.folder)
    assert (told["result"], told["exit_code"], told["committed"]) == ("interrupted", 143, False)
    assert metrics(cli.folder)["runs_total:interrupted"] == 1
    assert (cli.folder / "told").read_text() == "interrupted"
    assert said.count("interrupted") == said.count("interrupted: this run is not committed") == 1


@pytest.mark.slow
@pytest.mark.parametrize("times", [2, 3])
def test_impatient_fingers_see_no_traceback(cli: Cli, config: Path, server: Server, times: int) -> None:
    server.faults.add(Fault("hang", operation="BatchGetImage", seconds=3))
    words = [*COMMAND, "run", "--config", str(config)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as running:
        while server.calls["BatchGetImage"] < 1:
            time.sleep(0.02)
        for _ in range(times):
            running.send_signal(signal.SIGINT)
            time.sleep(0.2)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "once more ends at once" in said
    assert cli("run", "--quiet").code == 0
