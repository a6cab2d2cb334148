"""A hundred nights: registries that change, a run each night, and a history that says at the end what was there when.

python -m endurance.soak --nights 100

Between the nights small segments are merged and old snapshots thinned, with the manifests that only these referred to.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

from endurance.estate import Churn
from endurance.truth import Held, Home, Tables, differences, held

import indexer
from indexer.config import Config
from indexer.crawl import crawl
from indexer.front import OpenStore
from indexer.local_ecr import Server
from indexer.store import Store
from indexer.store.upkeep import Policy, compact, prune, verify

START = datetime(2026, 1, 1, 2, tzinfo=UTC)
State = dict[Home, dict[str, Held]]
_CURRENT = ("repositories", "images", "tags", "manifests", "layers", "configs", "index_entries", "failures")


class Upkeep(NamedTuple):
    """After how many nights each thing is done, and what prune keeps."""

    compact: int = 7
    prune: int = 10
    policy: Policy = Policy(days=20, weekly=8, monthly=3)


class Soak:
    """One store over many nights, and what the registries held on each that is still in it. `tally` counts upkeep."""

    def __init__(self, folder: Path, seed: int, size: int) -> None:
        self.store = folder / "store"
        self.churn = Churn(seed, size)
        self.nights: dict[str, State] = {}
        self.tally: Counter[str] = Counter()

    def play(self, nights: int, upkeep: Upkeep | None = None) -> None:
        """Play so many nights. AssertionError where the newest tables are wrong after one of them."""
        with Server(self.churn.registries) as server:
            for number in range(nights):
                if number:
                    self.churn.night()
                now = START + timedelta(days=number)
                self._night(server, now, check=number % 10 == 0)
                if upkeep is not None:
                    self._look_after(upkeep, number + 1, now + timedelta(hours=12))

    def _night(self, server: Server, now: datetime, *, check: bool) -> None:
        for registry in self.churn.registries:
            registry.clock = lambda: now
        state = held(self.churn.registries)
        summary = crawl(self._config(server.url), Store.create_or_open(self.store), now=lambda: now)
        self.nights[summary.row.run_id] = state
        wrong = differences(Tables(self.store), state, state, self.churn.denied) if check else []
        assert wrong == [], wrong[:10]
        server.requested.clear()

    def _look_after(self, upkeep: Upkeep, night: int, now: datetime) -> None:
        """Do what is due after a night: today's answers stay as they were, and the store is sound."""
        due = [night % upkeep.compact == 0, night % upkeep.prune == 0]
        if not any(due):
            return
        before = self._today()
        store = Store.create_or_open(self.store)
        with store.upkeep(now=lambda: now, command="soak") as right:
            if due[0]:
                merged = compact(right)
                self.tally["segments merged away"] += merged.before - merged.after
            if due[1]:
                pruned = prune(right, upkeep.policy, unreferenced=True)
                self.tally["runs pruned"] += len(pruned.plan.going)
                self.tally["manifests dropped"] += pruned.dropped.manifests if pruned.dropped else 0
                self._forget(upkeep.policy, {run.run_id for run in pruned.plan.going})
        assert self._today() == before, "what is there now is not what was there before"
        damage = [finding for finding in verify(store.place).findings if finding.level == "damage"]
        assert damage == [], damage[:10]

    def _forget(self, policy: Policy, going: set[str]) -> None:
        """Forget the nights that were pruned. AssertionError where the policy keeps one of them."""
        runs = sorted(self.nights)
        months = {run[:6]: run for run in runs}  # the last of each
        weeks = {datetime.strptime(f"{run[:8]}Z", "%Y%m%d%z").isocalendar()[:2]: run for run in runs}
        staying = {*runs[-policy.days :], *list(months.values())[-policy.monthly :]}
        staying.update(list(weeks.values())[-policy.weekly :])
        assert going <= set(runs) - staying
        for run in going:
            del self.nights[run]

    def _today(self) -> list[list[Any]]:
        with indexer.open(self.store) as store:
            return [sorted(map(repr, store.sql(f"from {view}").fetchall())) for view in _CURRENT]

    def _config(self, url: str) -> Config:
        entries = tuple(
            {"regions": (each.region,), "registry_id": each.registry_id, "endpoint_url": url}
            for each in self.churn.registries
        )
        fetch = {"requests_per_second": 2000, "connections": 4, "processes": 1}
        return Config.model_validate({"store": str(self.store), "registries": entries, "fetch": fetch})

    def compare(self) -> list[str]:
        """Return where the history does not say what the nights were."""
        with indexer.open(self.store) as store:
            return [*self._snapshots(store), *self._contents(store), *self._tags(store), *self._changes(store)]

    def _snapshots(self, store: OpenStore) -> list[str]:
        rows = store.sql(
            "select run_id, registry_id, region, repository, manifest_digest from image_history"
        ).fetchall()
        said = set(rows)
        was = {
            (run, *home, digest)
            for run, state in self._seen().items()
            for home, images in state.items()
            for digest in images
        }
        odd = [f"image_history has {each}" for each in said - was] + [
            f"image_history lacks {each}" for each in was - said
        ]
        return odd if len(rows) == len(said) else [*odd, "image_history has rows twice"]

    def _contents(self, store: OpenStore) -> list[str]:
        """Every image of every night that is still told of has its document, where it could be fetched then."""
        known = {row[0] for row in store.sql("select manifest_digest from all_manifests").fetchall()}
        shown = [images for state in self._seen().values() for images in state.values()]
        wanted = {
            digest
            for images in shown
            for digest, image in images.items()
            if image.status == "ACTIVE" and not image.failing
        }
        return [f"all_manifests lacks {digest}" for digest in wanted - known]

    def _tags(self, store: OpenStore) -> list[str]:
        """Compare where the moving tags were with the spans of tag-history."""
        times: dict[str, Any] = dict(store.sql("select run_id, started_at from runs").fetchall())
        spans = {tag: store.query("tag-history", tag=tag).fetchall() for tag in ("latest", "stable", "next")}
        found = []
        for tag, rows in spans.items():
            for run, state in self._seen().items():
                said = {(tuple(row[:3]), row[4]) for row in rows if row[5] <= times[run] <= row[6]}
                was = {
                    (home, digest)
                    for home, images in state.items()
                    for digest, image in images.items()
                    if tag in image.tags
                }
                if said != was:
                    found.append(f"tag-history: {tag} at {run} is {sorted(said ^ was)[:3]}")
        return found

    def _changes(self, store: OpenStore) -> list[str]:
        """Compare added-and-removed between the first run, one in the middle and the last."""
        runs = sorted(self.nights)
        seen = self._seen()
        found = []
        for earlier, later in ((runs[0], runs[-1]), (runs[0], runs[len(runs) // 2]), (runs[len(runs) // 2], runs[-1])):
            rows = store.query("added-and-removed", earlier=earlier, later=later).fetchall()
            (total,) = (row for row in rows if row[0] is None)
            before, after = _pairs(seen[earlier]), _pairs(seen[later])
            if (total[4], total[5]) != (len(after - before), len(before - after)):
                found.append(f"added-and-removed from {earlier} to {later} says {total[4:6]}")
        return found

    def _seen(self) -> Mapping[str, State]:
        """What a run could see: all but the repositories that cannot be listed."""
        hidden = set(self.churn.denied)
        return {
            run: {home: images for home, images in state.items() if home not in hidden}
            for run, state in self.nights.items()
        }


def _pairs(state: State) -> set[tuple[Home, str]]:
    return {(home, digest) for home, images in state.items() for digest in images}


def main() -> int:
    """Play so many nights; print what was compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=100)
    parser.add_argument("--size", type=int, default=1000, help="manifests in the registries on the first night")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "AKIDLOCAL",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    print(f"seed {asked.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), asked.seed, asked.size)
        soak.play(asked.nights, Upkeep())
        wrong = soak.compare()
        rows = sum(len(images) for state in soak.nights.values() for images in state.values())
    done = ", ".join(f"{count:,} {what}" for what, count in soak.tally.items())
    print(f"{asked.nights} nights, {done}; {len(soak.nights)} nights left with {rows:,} listed images")
    print(f"{time.monotonic() - began:,.0f} s: {len(wrong)} differences")
    print("\n".join(wrong[:20]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
