"""The queries about time agree with a slow model over random histories."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from support.estates import Estate, answer, rows
from support.time_estates import PLACES, histories
from support.time_model import TimeModel

from indexer.catalog import Catalog

NAMES = ("registry_id", "region", "repository")


def _home(row: dict[str, Any]) -> tuple[str, str, str] | None:
    return None if row["repository"] is None else (row["registry_id"], row["region"], row["repository"])


def check_growth(model: TimeModel, catalog: Catalog, glob: str, *, per_day: bool, by_repository: bool) -> None:
    columns = ("repositories", "images", "logical_bytes", "unique_bytes", "unique_bytes_change", "images_unknown")
    given = {"repository": glob, "per_day": per_day, "by_repository": by_repository}
    found = [
        (row["run_id"], _home(row), *(row[column] for column in (*columns, "blobs_unknown_size")))
        for row in answer(catalog, "growth", **given)
    ]
    expected = model.growth(glob, per_day=per_day, by_repository=by_repository)
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def check_differences(model: TimeModel, catalog: Catalog) -> None:
    runs = model.runs
    left_out = {*NAMES, "not_relisted", "earlier_run_id", "later_run_id"}
    for before in range(len(runs)):
        for after in range(before + 1, len(runs)):
            given = {"earlier": runs[before].run_id, "later": runs[after].run_id}
            found = {
                _home(row): tuple(value for column, value in row.items() if column not in left_out)
                for row in answer(catalog, "added-and-removed", **given)
            }
            assert found == model.difference(before, after)
    newest = answer(catalog, "added-and-removed")
    if len(runs) < 2:
        assert newest == []
    else:
        assert newest == answer(catalog, "added-and-removed", earlier=runs[-2].run_id, later=runs[-1].run_id)


def check_tags(model: TimeModel, catalog: Catalog) -> None:
    def at(number: int) -> datetime:
        return model.runs[number].started_at

    found = [tuple(row.values()) for row in answer(catalog, "tag-history")]
    assert sorted(found, key=repr) == sorted(
        (
            (*span.home, span.tag, span.digest, at(span.first), at(span.last), span.ended, span.pushed_at)
            for span in model.spans()
        ),
        key=repr,
    )
    moved = {
        (_home(row), row["tag"]): (row["moves"], row["images"], row["last_moved_at"], row["manifest_digest"])
        for row in answer(catalog, "tag-churn", limit=1000)
    }
    assert moved == {key: (moves, images, at(last), now) for key, (moves, images, last, now) in model.moves().items()}
    for row in answer(catalog, "tag-churn"):
        assert row["listings"] == len(model.listings((row["registry_id"], row["region"], row["repository"])))


def check_pushes(model: TimeModel, catalog: Catalog) -> None:
    for days in (1, 7):
        for by_repository in (False, True):
            found = {
                (row["period"], _home(row)): tuple(list(row.values())[4:])
                for row in answer(catalog, "push-rate", days=days, by_repository=by_repository)
            }
            assert found == model.pushes(days, by_repository=by_repository)


def check_images(model: TimeModel, catalog: Catalog) -> None:
    found = rows(catalog, "select registry_id, region, repository, manifest_digest, tags from images")
    expected = [
        (*home, image.manifest_digest, image.tags)
        for home, images in (model.states[-1] if model.states else {}).items()
        for image in images.values()
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(estate=histories())
def test_the_queries_about_time_agree_with_the_slow_model(estate: Estate) -> None:
    model = TimeModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check_images(model, catalog)
        for per_day in (False, True):
            for by_repository in (False, True):
                check_growth(model, catalog, "*", per_day=per_day, by_repository=by_repository)
        check_growth(model, catalog, "team/*", per_day=False, by_repository=False)
        check_differences(model, catalog)
        check_tags(model, catalog)
        check_pushes(model, catalog)


def test_the_newest_growth_is_what_the_registry_totals_say(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("m0", [("a", 100), ("b", 7), ("a", 100)], ("c", 3))
    estate.image("m1", [("a", 100), ("d", None)], ("c", 3))
    estate.index("x0", ["m1", "absent"])
    estate.run(*PLACES).repository("app", {"m0": []})
    estate.run(*PLACES).repository("team/app", {"m0": [], "x0": []})
    with estate.catalog(tmp_path) as catalog:
        totals = answer(catalog, "registry-totals")[0]
        newest = answer(catalog, "growth")[-1]
    shared = ["repositories", "images", "logical_bytes", "unique_bytes", "images_unknown", "blobs_unknown_size"]
    assert [newest[column] for column in shared] == [totals[column] for column in shared]
    assert newest["unique_bytes"] == 110
