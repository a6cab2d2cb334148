"""The metrics file, for the textfile collector of Prometheus' node exporter.

Names and units follow https://prometheus.io/docs/practices/naming/. Counters, and the times of the last success and the
last commit, go on from what the file held: a run that fails does not take them away.
"""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from indexer.outcome.files import replace
from indexer.outcome.outcome import Outcome, Result

PREFIX: Final = "manifest_indexer_"
Labels = tuple[str, ...]

_GAUGES: Final[Mapping[str, str]] = {
    "last_run_timestamp_seconds": "When the newest run ended, whatever its result.",
    "last_success_timestamp_seconds": "When the newest complete run ended (exit code 0).",
    "last_commit_timestamp_seconds": "When the newest committed run ended (exit code 0 or 3).",
    "last_run_exit_code": "The exit code of the newest run.",
    "last_run_duration_seconds": "Wall time of the newest run.",
    "last_run_cpu_seconds": "CPU time of the newest run, worker processes included.",
    "last_run_repositories": "Repositories that the newest run listed.",
    "last_run_images": "Images that the newest run listed.",
    "last_run_manifests_fetched": "Manifests that the newest run added to the store.",
    "last_run_manifest_bytes": "Bytes of these manifests, as text.",
    "last_run_failures": "Things that the newest run could not index.",
}
_SURVIVORS: Final = ("last_success_timestamp_seconds", "last_commit_timestamp_seconds")
_COUNTERS: Final[Mapping[str, tuple[str, Labels]]] = {
    "runs": ("Runs, by their result.", ("result",)),
    "failures": ("Things that could not be indexed, by ECR's operation and the code.", ("operation", "code")),
    "requests": ("HTTP requests to ECR, retries included, of runs that came to their end.", ()),
    "manifests_fetched": ("Manifests added to the store.", ()),
    "manifest_bytes": ("Bytes of manifests added to the store, as text.", ()),
}


def write_metrics(path: Path, outcome: Outcome) -> str | None:
    """Put the metrics at `path`, in the place of those of the run before. Raises OSError.

    Return a warning where the file that was there could not be read: what it counted begins anew.
    """
    before, warning = _before(path)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected([*_gauges(outcome, before), _phases(outcome), *_counters(outcome, before)]))
    replace(path, generate_latest(registry).decode())
    return warning


class _Collected:
    """Metrics that are there already, as prometheus_client takes them."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


Before = Mapping[tuple[str, Labels], float]
"""The samples of the file that was there: name and the values of the labels in their order -> value."""


def _before(path: Path) -> tuple[Before, str | None]:
    found: dict[tuple[str, Labels], float] = {}
    try:
        text = path.read_text(encoding="utf-8")
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                _, labels = _COUNTERS.get(family.name.removeprefix(PREFIX), ("", ()))
                values = tuple(sample.labels[label] for label in labels)
                found[sample.name.removeprefix(PREFIX), values] = sample.value
    except FileNotFoundError:
        return {}, None
    except (OSError, ValueError, KeyError) as error:
        return {}, f"{path} held no metrics of ours, counters begin anew: {error}"
    return found, None


def _gauges(outcome: Outcome, before: Before) -> Iterable[Metric]:
    ended = outcome.finished_at.timestamp()
    values: dict[str, float | None] = {
        "last_run_timestamp_seconds": ended,
        "last_success_timestamp_seconds": ended if outcome.result is Result.COMPLETE else None,
        "last_commit_timestamp_seconds": ended if outcome.committed else None,
        "last_run_exit_code": outcome.exit_code,
        "last_run_duration_seconds": outcome.seconds,
        "last_run_cpu_seconds": outcome.cpu_seconds,
        "last_run_repositories": outcome.repositories,
        "last_run_images": outcome.images,
        "last_run_manifests_fetched": outcome.manifests_fetched,
        "last_run_manifest_bytes": outcome.bytes,
        "last_run_failures": outcome.failures,
    }
    for name, text in _GAUGES.items():
        value = values[name]
        if value is None and name in _SURVIVORS:
            value = before.get((name, ()))
        if value is not None:  # there was no success yet
            yield GaugeMetricFamily(PREFIX + name, text, value=value)


def _phases(outcome: Outcome) -> Metric:
    text = "Wall time of the newest run, by what it was doing."
    phases = GaugeMetricFamily(f"{PREFIX}last_run_phase_duration_seconds", text, labels=["phase"])
    for name, seconds in outcome.phases.items():
        phases.add_metric([name], seconds)
    return phases


def _counters(outcome: Outcome, before: Before) -> Iterable[Metric]:
    more: dict[str, Sums[Labels]] = {
        "runs": Sums({(result.value,): int(result is outcome.result) for result in Result}),
        "failures": Sums({(each.operation, each.code): each.failures for each in outcome.failure_counts}),
        "requests": Sums({(): outcome.requests or 0}),
        "manifests_fetched": Sums({(): outcome.manifests_fetched}),
        "manifest_bytes": Sums({(): outcome.bytes}),
    }
    for name, (text, labels) in _COUNTERS.items():
        family = CounterMetricFamily(PREFIX + name, text, labels=labels)
        known = {values for sample, values in before if sample == f"{name}_total"}
        for values in sorted(known | set(more[name])):
            family.add_metric(values, before.get((f"{name}_total", values), 0) + more[name][values])
        yield family
