"""What holds for each query there is: absurd sizes, a store of one run, values of the wrong type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.deletion_estates import set_manifest
from support.estates import Estate, answer, digest
from support.query_values import needed

from indexer.catalog import Catalog, Parameter, load_queries, shipped_queries
from indexer.errors import QueryError

QUERIES = load_queries([shipped_queries()])
LARGEST = 2**63 - 1
HUGE = 2**62
_WRONG = {
    "integer": "1.5",
    "count": "-1",
    "number": "many",
    "digest": "latest",
    "boolean": "perhaps",
    "date": "2026-02-30",
    "timestamp": "yesterday",
    "glob": "",
}


def _estate(runs: int) -> Estate:
    """A base, what stands on it, the same contents packed anew, and an index; every layer claims exbibytes."""
    estate = Estate()
    apps = [f"app-{number}" for number in range(5)]
    estate.image("under", [("base", HUGE)], ("config-under", 1_000))
    for name in apps:
        estate.image(name, [("base", HUGE), (f"top-{name}", HUGE // 2)], (f"config-{name}", 1_000))
    estate.image("again", [("base-again", HUGE), ("top-again", HUGE // 2)], ("config-app-0", 1_000))
    for name in ("app-0", "again"):
        set_manifest(estate, name, config_digest=digest("config-app-0"))
    estate.index("multi", [*apps, "absent"])
    for _ in range(runs):
        run = estate.run()
        run.repository("base", {"under": ["1"]})
        run.repository("app", {"multi": ["1"], "again": ["2"], "under": []} | {name: [] for name in apps})
        run.repository("team/app", {"under": ["base"]} | {name: [name] for name in apps})
    return estate


@pytest.fixture(scope="module", params=[1, 2], ids=["one run", "two runs"])
def huge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate(request.param).catalog(tmp_path_factory.mktemp("huge")) as opened:
        yield opened


@pytest.mark.parametrize("name", QUERIES)
def test_sums_of_absurd_sizes_stop_at_the_largest_number_and_are_no_error(huge: Catalog, name: str) -> None:
    figures = [value for row in answer(huge, name, **needed(QUERIES[name])) for value in _sizes(row)]
    assert all(0 <= value <= LARGEST for value in figures if value is not None)
    assert LARGEST in figures or name not in _SUMS


@pytest.mark.parametrize("name", [query.name for query in QUERIES.values() if query.totals])
def test_what_a_total_leaves_without_a_name_is_told_and_comes_first(huge: Catalog, name: str) -> None:
    for row in answer(huge, name)[:1]:
        assert [row[column] for column in QUERIES[name].totals] == [None] * len(QUERIES[name].totals)


# The queries whose sums over that store are larger than a number can be.
_SUMS = {
    "blob-mounting-savings",
    "dedup-missed",
    "exclusive-bytes-by-image",
    "growth",
    "largest-images",
    "registry-totals",
    "shared-between",
    "similar-repositories",
    "storage-by-prefix",
    "storage-by-repository",
    "top-bases",
}


def _sizes(row: dict[str, Any]) -> list[int | None]:
    changes = {"change", "added", "removed"}
    return [row[column] for column in row if "bytes" in column and not changes & set(column.split("_"))]


@pytest.mark.parametrize(
    ("name", "parameter"),
    [(query.name, each) for query in QUERIES.values() for each in query.parameters if each.type in _WRONG],
    ids=lambda value: value.name if isinstance(value, Parameter) else value,
)
def test_a_value_of_the_wrong_type_is_refused_with_what_is_expected(
    huge: Catalog, name: str, parameter: Parameter
) -> None:
    values = needed(QUERIES[name]) | {parameter.name: _WRONG[parameter.type]}
    with pytest.raises(QueryError, match=rf"^{parameter.name}=.*: expected (?s:.+)"):
        answer(huge, name, **values)
