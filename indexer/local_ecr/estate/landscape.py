"""The landscape: which repositories the estate has, team by team, and how each of them lives.

Sums at scale 1: 44 repositories and about 3,000 manifests after the first night.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from indexer.local_ecr.estate import feeds
from indexer.local_ecr.estate.builds import OCI, Packing
from indexer.local_ecr.estate.feeds import Feed
from indexer.local_ecr.estate.lines import Line, Spec
from indexer.local_ecr.estate.oneoffs import Workbench
from indexer.local_ecr.estate.stacks import AMD64, ARM64, ARMV7, Step
from indexer.local_ecr.estate.tags import Habit
from indexer.local_ecr.estate.world import ACCOUNT, MAIN_REGION, Actor, Settings, World

OPENING_NIGHT = 3
CLOSING_NIGHT = 4
NEW_REPOSITORY = "payments/refunds"
CLOSED_REPOSITORY = "sandbox/hackday-2025"
_KEY = f"arn:aws:kms:{MAIN_REGION}:{ACCOUNT}:key/0f3c1d52-6a1e-4c58-9d0b-5b7f6f1a2c34"

_TWO = (AMD64, ARM64)
_THREE = (AMD64, ARM64, ARMV7)
_BUILDKIT = Packing(OCI, attested=True)
_PLAIN_OCI = Packing(OCI)
_LABELLED = Packing(OCI, attested=True, labelled=True)

# What the Dockerfiles of each sort look like, and how often a commit touches a step.
_SERVICE = (
    Step("packages", "packages", 0.02),
    Step("workdir", "empty", 0.0),
    Step("dependencies", "dependencies", 0.06),
    Step("assets", "app", 0.10),
    Step("code", "app"),
)
_JVM = (
    Step("dependencies", "dependencies", 0.08),
    Step("snapshots", "app", 0.2),
    Step("resources", "app", 0.15),
    Step("classes", "app"),
)
_BINARY = (Step("certificates", "script", 0.02), Step("binary", "app"))
_PROXY = (Step("modules", "packages", 0.05), Step("filters", "app", 0.3), Step("routes", "script"))
_MODEL = (
    Step("packages", "packages", 0.02),
    Step("wheels", "dependencies", 0.15),
    Step("weights", "dependencies", 0.3),
    Step("code", "app"),
)
_LARGE_MODEL = (Step("wheels", "dependencies", 0.1), Step("weights", "model", 0.2), Step("code", "app"))


_BASE = Spec("", None, (), cadence=42, habit=Habit.DATED, platforms=_TWO, packing=_BUILDKIT)


def _root(name: str, sort: str, *series: str, rebuilt: int, **more: Any) -> Spec:
    """A base image that stands on nothing."""
    spec = replace(_BASE, repository=f"platform/base/{name}", steps=(Step(sort, sort),), rebuilt=rebuilt, **more)
    return replace(spec, series=(*series, "latest"))


def _based(name: str, parent: str, sort: str, *series: str, rebuilt: int) -> Spec:
    """A base image on another one."""
    spec = replace(_BASE, repository=f"platform/{name}", parent=f"platform/{parent}", rebuilt=rebuilt)
    steps = (Step("packages", "packages"), Step(sort, sort), Step("setup", "script"))
    return replace(spec, steps=steps, series=(*series, "latest"))


# Parents stand before what is built on them; nights 2, 3 and 4 see one chain rebuilt, a floor each.
_BASES = (
    _root("debian", "rootfs", "12", "bookworm", rebuilt=2),
    _root("alpine", "slim", "3.22", rebuilt=5, platforms=_THREE),
    _root("static", "slim", "1", rebuilt=6, packing=_PLAIN_OCI),
    _root("cuda", "runtime", "12.8", rebuilt=6, cadence=70, platforms=(AMD64,), packing=Packing()),
    _based("base/python", "base/debian", "runtime", "3.12", rebuilt=3),
    _based("base/java", "base/debian", "runtime", "21", rebuilt=3),
    _based("base/node", "base/alpine", "runtime", "22", rebuilt=6),
    _based("framework/fastapi", "base/python", "dependencies", "2", rebuilt=4),
    _based("framework/spring", "base/java", "dependencies", "3", rebuilt=4),
    _based("framework/express", "base/node", "dependencies", "5", rebuilt=7),
)


def _on(parent: str, repository: str, steps: tuple[Step, ...], builds: int, **more: Any) -> Spec:
    return Spec(repository, f"platform/{parent}", steps, builds, **more)


_SERVICES = (
    _on(
        "framework/fastapi",
        "payments/api",
        _SERVICE,
        45,
        platforms=_TWO,
        packing=_LABELLED,
        promotes="prod/payments/api",
        referrers=True,
    ),
    _on(
        "framework/fastapi",
        "payments/worker",
        _SERVICE,
        36,
        platforms=_TWO,
        packing=_LABELLED,
        promotes="prod/payments/worker",
    ),
    _on(
        "framework/spring",
        "payments/ledger",
        _JVM,
        75,
        habit=Habit.FIXED,
        settings=Settings(tag_mutability="IMMUTABLE"),
    ),
    _on("base/python", "payments/fraud-model", _MODEL, 30, habit=Habit.NUMBERED, follows=0.1),
    _on("framework/fastapi", NEW_REPOSITORY, _SERVICE, 6, pace=0.3, opens=OPENING_NIGHT),
    _on(
        "framework/express",
        "checkout/web",
        _SERVICE,
        60,
        platforms=_TWO,
        packing=_PLAIN_OCI,
        promotes="prod/checkout/web",
    ),
    _on("framework/express", "checkout/cart", _SERVICE, 70, span=60, habit=Habit.MOVING, keep=70, pace=0.06),
    _on("framework/spring", "checkout/api", _JVM, 100, promotes="prod/checkout/api"),
    _on("framework/express", "identity/login", _SERVICE, 85, promotes="prod/identity/login"),
    _on(
        "base/static",
        "identity/tokens",
        _BINARY,
        40,
        packing=_BUILDKIT,
        settings=Settings(encryption_type="KMS", kms_key=_KEY),
    ),
    _on("framework/spring", "search/indexer", _JVM, 36, platforms=_TWO, follows=0.15),
    _on("base/debian", "search/query", _PROXY, 30, platforms=_TWO, packing=_BUILDKIT, zstd=True),
    _on("base/alpine", "edge/gateway", _PROXY, 26, platforms=_THREE, packing=_BUILDKIT),
    _on("base/static", "edge/us-tax", _BINARY, 30, packing=_PLAIN_OCI, settings=Settings(second_region=True)),
    _on("framework/express", "mobile/bff", _SERVICE, 120, span=75, habit=Habit.MOVING, keep=120, pace=0.05),
    _on("base/python", "data/airflow", _MODEL, 50, habit=Habit.NUMBERED, follows=0.05),
    _on("base/java", "data/spark", _JVM, 45, habit=Habit.NUMBERED),
    _on("base/cuda", "data/training", _LARGE_MODEL, 20, habit=Habit.NUMBERED),
    _on("base/debian", "ops/ci-runner", _MODEL[:2], 26, habit=Habit.NUMBERED),
    _on("base/java", "legacy/reports", _JVM, 45, habit=Habit.NUMBERED, follows=0.0, archives=True, pace=0.01),
)

_BY_HAND = (
    Spec("sandbox/alice", None, (), 95, span=180, habit=Habit.ADHOC, deployed=False),
    Spec("sandbox/bob", None, (), 80, span=180, habit=Habit.ADHOC, deployed=False),
    Spec(CLOSED_REPOSITORY, None, (), 45, span=60, habit=Habit.ADHOC, deployed=False, closes=CLOSING_NIGHT),
    Spec("research/prototypes", None, (), 130, span=230, habit=Habit.ADHOC, deployed=False),
    Spec("data/notebooks", None, (), 70, span=230, habit=Habit.ADHOC, deployed=False),
)


def settle(world: World, scale: float) -> list[Actor]:
    """Everyone who acts in the estate; who builds on another comes after it."""
    lines: dict[str, Line] = {}
    for spec in _BASES + _SERVICES:
        lines[spec.repository] = Line(world, spec, scale, lines[spec.parent] if spec.parent else None)
    bases = [lines[spec.repository] for spec in _BASES[:2]]
    benches = [Workbench(world, spec, scale, bases=bases) for spec in _BY_HAND]
    return [*lines.values(), *benches, *_feeds(world, scale)]


def _feeds(world: World, scale: float) -> list[Feed]:
    def scaled(builds: int) -> int:
        return max(2, round(builds * scale))

    return [
        Feed(world, "charts/shop", feeds.chart, scaled(40), daily=0.6),
        Feed(world, "edge/filter", feeds.component, scaled(10), daily=0.2, pulled="latest"),
        Feed(world, "edge/gateway", feeds.bundle, 3, span=60, daily=0.2),
        Feed(world, "legacy/windows-agent", feeds.windows_image, scaled(12), pulled="1809"),
        Feed(world, "legacy/intranet", feeds.relic, 3, span=270, pulled="stable"),
        Feed(world, "onboarding/first-service", feeds.found_only, 1, span=20),
    ]
