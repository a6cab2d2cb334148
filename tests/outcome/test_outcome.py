"""What is left of a run for others: files replaced as a whole, a hook that cannot hang, and their documentation."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from indexer.errors import UsageError
from indexer.outcome import (
    PREFIX,
    FailureCount,
    Outcome,
    Result,
    call_hook,
    check_writable,
    document,
    variables,
    write_metrics,
    write_summary,
)

RUNNING = (Path(__file__).parent.parent.parent / "docs" / "running.md").read_text(encoding="utf-8")
AT = datetime(2026, 1, 12, 2, 0, tzinfo=UTC)


def outcome(code: int = 0, *failures: FailureCount, **more: object) -> Outcome:
    values: dict[str, object] = {"exit_code": code, "version": "1", "started_at": AT, "finished_at": AT} | more
    return Outcome(failure_counts=failures, phases={"listing": 1.5}, **values)  # type: ignore[arg-type]  # by name


def samples(path: Path) -> dict[str, float]:
    families = text_string_to_metric_families(path.read_text())
    return {
        f"{each.name.removeprefix(PREFIX)}{sorted(each.labels.values())}": each.value
        for family in families
        for each in family.samples
    }


@pytest.mark.parametrize(
    ("code", "result", "committed"),
    [
        (0, "complete", True),
        (1, "failed", False),
        (2, "usage", False),
        (3, "incomplete", True),
        (4, "locked", False),
        (130, "interrupted", False),
        (143, "interrupted", False),
    ],
)
def test_every_exit_code_has_a_result(code: int, result: str, committed: bool) -> None:
    assert (outcome(code).result, outcome(code).committed) == (result, committed)


def test_metrics_keep_to_the_names_that_prometheus_wants(tmp_path: Path) -> None:
    write_metrics(tmp_path / "x.prom", outcome(3, FailureCount("BatchGetImage", "KmsError", 7, "a", "b"), requests=9))
    families = list(text_string_to_metric_families((tmp_path / "x.prom").read_text()))
    for family in families:
        assert re.fullmatch(r"manifest_indexer_[a-z_]+", family.name)
        assert family.documentation
        assert (family.type == "counter") == all(each.name.endswith("_total") for each in family.samples)
        if "duration" in family.name or "timestamp" in family.name or "cpu" in family.name:
            assert family.name.endswith("_seconds")
    assert len({family.name for family in families}) == len(families)


def test_labels_are_kept_apart_from_run_to_run(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    odd = FailureCount("Flatten", 'a "quoted"\\ \n code', 2, None, "")
    write_metrics(path, outcome(3, odd, FailureCount("BatchGetImage", "KmsError", 1, "a", "b")))
    write_metrics(path, outcome(3, odd))
    assert {name: value for name, value in samples(path).items() if name.startswith("failures_total")} == {
        f"failures_total{sorted(['Flatten', odd.code])}": 4,
        "failures_total['BatchGetImage', 'KmsError']": 1,
    }
    assert samples(path)["runs_total['incomplete']"] == 2


def test_a_file_is_replaced_and_never_half_there(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_summary(path, outcome())
    first = path.stat().st_ino
    reader = path.open(encoding="utf-8")
    write_summary(path, outcome(1, error="x" * 100_000))
    assert path.stat().st_ino != first
    assert '"complete"' in reader.read(), "who has the old one open reads it to its end"
    reader.close()
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_replaced_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OSError, match=r"run\.json"):
        write_summary(tmp_path / "run.json", outcome())
    assert list(tmp_path.iterdir()) == [tmp_path / "run.json"]


def test_a_place_is_tried_without_a_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new", "--x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path, tmp_path / "no" / "such", tmp_path / "file" / "x"):
        with pytest.raises(UsageError, match="--x: "):
            check_writable(wrong, "--x")


def test_the_hook_has_the_variables(tmp_path: Path) -> None:
    told = variables(outcome(1, error="a\0b\nc", store="s"))
    done = call_hook('printf "%s %s" "$INDEXER_ERROR" "$INDEXER_RUN_ID"', {**os.environ, **told})
    assert done == (0, "ab\nc")


def test_a_hook_that_hangs_is_ended_with_all_that_it_started() -> None:
    done = call_hook("echo begun; sleep 1000 & echo $!; wait", os.environ, seconds=0.5)
    assert done.code is None
    begun, child = done.said.split()
    assert begun == "begun"
    state = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, text=True, check=False).stdout
    assert state.strip()[:1] in {"", "Z"}, "gone, or waiting for whoever reaps orphans"


def test_a_hook_that_says_a_lot_is_cut() -> None:
    done = call_hook("yes | head -c 100000; echo the end", os.environ)
    assert len(done.said) == 2_000
    assert done.said.endswith("the end")


def test_the_page_names_every_key_variable_and_metric(tmp_path: Path) -> None:
    named = set(re.findall(r"^\| `(\w+)[`{]", RUNNING, re.MULTILINE))
    write_metrics(tmp_path / "x.prom", outcome(0, FailureCount("a", "b", 1, "c", "d")))
    written = re.findall(r"^# TYPE (\w+) ", (tmp_path / "x.prom").read_text(), re.MULTILINE)
    assert set(written) | set(document(outcome())) | set(variables(outcome())) == named
    for result in Result:
        assert f"`{result}`" in RUNNING
