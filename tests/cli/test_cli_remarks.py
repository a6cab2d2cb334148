"""What figures leave out is counted from what runs say of themselves, and is what a comparison of all images gives."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given
from support.estates import Estate
from support.slow_model import SlowModel
from support.time_estates import histories

from indexer.cli.remarks import remarks


def _as_runs_end(estate: Estate) -> Estate:
    """Every image is known, archived, or a failure of its run: no other run is committed."""
    stored = {row.manifest_digest for row in estate.manifests}
    for run in estate.runs:
        told = {row.manifest_digest for row in run.failures}
        for row in run.images:
            if row.status == "ACTIVE" and row.manifest_digest not in stored | told:
                run.failure(row.repository, place=(row.registry_id, row.region))
                run.failures[-1] = run.failures[-1]._replace(manifest_digest=row.manifest_digest)
    return estate


def _unread() -> Estate:
    """A document that cannot be read any more, as after a newer flattener, and no run since."""
    estate = Estate()
    estate.unreadable("broken")
    estate.run().repository("app", {"broken": ["latest"]})
    return estate


def _nothing_wrong() -> Estate:
    estate = Estate()
    estate.image("good", [("base", 10)])
    estate.run().repository("app", {"good": ["latest"]})
    return estate


@given(histories())
@example(_unread())
@example(_nothing_wrong())
def test_images_of_unknown_content_are_counted(estate: Estate) -> None:
    model = SlowModel(_as_runs_end(estate))
    unknown = sum(int(str(figures["images_unknown"])) for figures in model.totals().values())
    with TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        store: Any = catalog
        said = [remark for remark in remarks(store) if remark.startswith("left out: ")]
    images = "1 image" if unknown == 1 else f"{unknown:,} images"
    expected = f"left out: {images} of unknown content; indexer query unfetched-images says why"
    assert said == [expected] * bool(unknown)
