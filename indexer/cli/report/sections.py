"""What the page asks, and what it shows of each answer: the figures of named queries, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from indexer.catalog import fetch, python_rows
from indexer.cli.report.charts import Bars, Chart, Histogram, Lines, Row
from indexer.front import OpenStore, ordered

MOST_ROWS: Final = 200
"""Rows of a table on the page; a page with thousands of them is no page."""
_PICTURED: Final = 12
_OLD_DAYS: Final = 90
_NEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a question, with what was asked, for whoever wants to ask it again."""

    rows: Sequence[Row]
    commands: Sequence[str]
    caveats: Sequence[str]
    empty: str
    totals: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: `columns` are those shown, all if empty; `pictured` is how many rows the chart takes."""

    id: str
    title: str
    lead: str
    ask: Callable[[Asking], Answer]
    columns: Sequence[str] = ()
    chart: Chart | None = None
    pictured: int | None = None
    table: bool = True


@dataclass(frozen=True, slots=True)
class Asking:
    """An open store, and what the reader pays for a GB and month."""

    store: OpenStore
    price: float

    def query(self, name: str, *, sort: Sequence[str] = (), **parameters: object) -> Answer:
        """Return the answer to a named query; `sort` is that of the command."""
        rows = python_rows(fetch(ordered(self.store.query(name, **parameters), sort).limit(MOST_ROWS + 1)))
        query = self.store.catalog.queries[name]
        totals = [row for row in rows if row.get("repository", "") is None]  # over all repositories
        return Answer(rows, [_command(name, parameters, sort)], query.caveats, query.empty, totals)


def _command(name: str, parameters: Mapping[str, object], sort: Sequence[str]) -> str:
    words = [f" -p {key}={_as_typed(value)}" for key, value in parameters.items()]
    return f"indexer query {name}{''.join(words)}{''.join(f' --sort {key}' for key in sort)}"


def _as_typed(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(name: str, *, sort: Sequence[str] = (), **parameters: object) -> Callable[[Asking], Answer]:
    return lambda asking: asking.query(name, sort=sort, **parameters)


def _totals(asking: Asking) -> Answer:
    """All registries together come first, as a row of their own."""
    answer = asking.query("registry-totals", price_per_gb_month=asking.price)
    rows = [row if row["registry_id"] else {**row, "registry_id": "all", "region": "all"} for row in answer.rows]
    return replace(answer, rows=rows)


def _runs(asking: Asking) -> Answer:
    rows = python_rows(fetch(asking.store.runs().limit(30)))
    return Answer(rows, ["indexer status --limit 30"], [], "No run is committed yet.")


def _reclaimable(asking: Asking) -> Answer:
    """A row for each rule: the total over all repositories; a rule under which nothing goes has none."""
    newest = asking.store.sql("select max(started_at) as at from runs").fetchall()[0][0]
    if newest is None:
        return Answer((), (), (), "No run is committed yet.")
    answers = {rule: _named("reclaimable", **parameters)(asking) for rule, parameters in _rules(newest).items()}
    rows = [{"rule": rule, **row} for rule, answer in answers.items() for row in answer.totals]
    commands = [command for answer in answers.values() for command in answer.commands]
    first = next(iter(answers.values()))
    return Answer(rows, commands, first.caveats, first.empty)


def _rules(newest: datetime) -> dict[str, dict[str, Any]]:
    """Lifecycle rules that people have, by their words; days are counted back from the newest run."""
    old = newest - timedelta(days=_OLD_DAYS)
    return {
        "untagged": {},
        f"untagged, pushed {_OLD_DAYS} days ago or more": {"pushed_before": old},
        f"all but the newest {_NEWEST} of a repository": {"untagged": False, "keep_newest": _NEWEST},
        f"neither pulled nor pushed for {_OLD_DAYS} days": {"untagged": False, "not_pulled_since": old},
    }


TOTALS: Final = Section(
    "totals",
    "What is stored",
    "ECR's own sizes are per image; here every layer counts once. What is really stored lies between two figures: "
    "each blob once per registry and encryption key, and once per repository.",
    _totals,
    (
        "registry_id",
        "region",
        "repositories",
        "images",
        "logical_bytes",
        "unique_bytes",
        "stored_bytes_low",
        "stored_bytes_high",
        "cost_low",
        "cost_high",
        "dedup_ratio",
        "images_unknown",
        "repositories_unknown",
    ),
)

SECTIONS: Final[Sequence[Section]] = (
    TOTALS,
    Section(
        "growth",
        "How it grows",
        "The state after the last run of each day. Logical bytes give every image layers of its own; unique bytes "
        "count each layer once.",
        _named("growth", per_day=True),
        ("day", "repositories", "images", "logical_bytes", "unique_bytes", "unique_bytes_change", "images_unknown"),
        Lines(
            "run_started_at",
            {"logical_bytes": "logical bytes", "unique_bytes": "unique bytes"},
            "Logical and unique bytes, day by day",
        ),
    ),
    Section(
        "repositories",
        "The largest repositories",
        "Exclusive bytes are in no other repository of the registry; shared bytes are in others too.",
        _named("storage-by-repository", sort=("unique_bytes:desc",), limit=100_000),
        (
            "registry_id",
            "region",
            "repository",
            "images",
            "logical_bytes",
            "unique_bytes",
            "exclusive_bytes",
            "shared_bytes",
            "dedup_ratio",
            "images_unknown",
        ),
        Bars(
            "repository",
            {"exclusive_bytes": "exclusive bytes", "shared_bytes": "shared bytes"},
            stacked=True,
            label="Exclusive and shared bytes of the largest repositories",
        ),
        _PICTURED,
    ),
    Section(
        "reuse",
        "How much layers are shared",
        "The bytes of layers that one image uses, that two use, and so on; each layer counted once.",
        _named("layer-reuse-histogram"),
        chart=Histogram(
            "used_by", "layer_bytes", "images that use a layer", "Bytes of layers by the number of images that use them"
        ),
    ),
    Section(
        "layers",
        "The layers that save most",
        "What would be stored in addition if every manifest had its own copy.",
        _named("most-shared-layers", sort=("bytes_saved:desc",), limit=100_000),
        pictured=0,
    ),
    Section(
        "bases",
        "What images stand on",
        "A base is an image whose layers another image begins with; images counts all above it, also those above "
        "other bases that stand on it.",
        _named("top-bases"),
        (
            "base_tags",
            "images",
            "direct_images",
            "repositories",
            "base_bytes",
            "bytes_saved",
            "unique_bytes_above",
            "base_is_held",
        ),
    ),
    Section(
        "reclaimable",
        "What a deletion would really free",
        "The sizes of the deleted images add up to the promise; what comes back is what no image that stays in its "
        "repository needs. No rule is applied by this program.",
        _reclaimable,
        (
            "rule",
            "images",
            "logical_bytes",
            "reclaimable_bytes",
            "reclaimable_bytes_mounted",
            "images_unknown",
            "kept_unknown",
        ),
        Bars(
            "rule",
            {"logical_bytes": "what image sizes promise", "reclaimable_bytes": "what comes back"},
            stacked=False,
            label="Promised and real bytes of some lifecycle rules",
        ),
    ),
    Section(
        "failures",
        "What could not be indexed",
        "From the newest run of each account and region. What stands here is missing from all figures above.",
        _named("failures"),
    ),
    Section(
        "unfetched",
        "Images of unknown content",
        "They are listed, but their manifests are not known: no figure of bytes has them.",
        _named("unfetched-images"),
    ),
    Section(
        "runs",
        "The last runs",
        "The newest first.",
        _runs,
        (
            "started_at",
            "finished_at",
            "complete",
            "repositories",
            "images",
            "requests",
            "manifests_fetched",
            "bytes",
            "failures",
        ),
    ),
)
