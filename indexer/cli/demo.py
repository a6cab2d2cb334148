"""`indexer demo`: the whole job on a made-up estate, in a local registry, night after night; then some answers."""

from __future__ import annotations

import os
import shlex
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import indexer
from indexer.cli import output
from indexer.cli.cells import counted, human_bytes
from indexer.cli.options import Format
from indexer.cli.places import DEMO_MARK
from indexer.cli.rows import print_rows
from indexer.config import Config, FetchConfig, RegistryConfig
from indexer.crawl import Summary, crawl
from indexer.errors import UsageError
from indexer.front import OpenStore, Rows
from indexer.local_ecr import Registry, Server
from indexer.local_ecr.estate import Estate, Night
from indexer.store import Store
from indexer.tables import TABLES

_STATED = "format.json"
_OURS = frozenset({*TABLES, "staging", _STATED, "lock", DEMO_MARK})
_SHOWN = 10
_QUESTIONS: tuple[tuple[str, dict[str, str], str], ...] = (
    ("registry-totals", {}, "logical bytes count a layer in every image that has it, unique bytes count it once."),
    (
        "storage-by-repository",
        {"limit": "8"},
        "exclusive bytes are in no other repository of the registry.",
    ),
    (
        "most-shared-layers",
        {"limit": "5"},
        "a repository stores each of these once, however many of its images have it.",
    ),
    ("layer-reuse-histogram", {}, "used_by 1 means: no other image has this layer. These are the first rows."),
)


def play_demo(location: str, *, nights: int, seed: int, keep_serving: bool) -> None:
    """Play the estate and print what the runs did and what the store then knows."""
    if "://" in location:
        raise UsageError(f"the demo's store is a folder, and {location} is none: name one with --store")
    _use_no_real_account()
    store = _fresh_store(Path(location))
    estate = Estate(seed=seed, nights=nights)
    registries = estate.registries()
    with Server(registries) as server:
        config = _config(location, server.url, registries)
        _mark(Path(location), config)
        what = f"A made-up company: {len(registries)} registries, {counted(nights, 'night')}. The store is {location}."
        output.emit(f"{what}\n\n", now=True)
        for night in estate.play():
            output.emit(_night(night, crawl(config, store, now=_clock(night.at))), now=True)
        _answer(location)
        if keep_serving:
            _keep_serving(location, server, registries)


def _use_no_real_account() -> None:
    """Keep this process away from real credentials, and from a proxy that cannot know this machine's loopback."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        os.environ.pop(name, None)
    os.environ.update(AWS_ACCESS_KEY_ID="demo", AWS_SECRET_ACCESS_KEY="demo")  # noqa: S106 - nothing checks them
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))


def _fresh_store(path: Path) -> Store:
    """Make the demo's store, in place of that of an earlier demo; UsageError where something else is there."""
    if (path / DEMO_MARK).is_file():
        others = sorted(entry.name for entry in path.iterdir() if entry.name not in _OURS)
        if others:
            raise UsageError(f"{path} holds more than a demo's store ({others[0]}): move that, or name another --store")
        if (path / _STATED).is_file():  # a demo that was stopped early has none yet
            now = datetime.now().astimezone
            with Store.open(path).writer(now=now, version=indexer.__version__, command="indexer demo"):
                pass  # so nobody else is writing
        _clear(path)
    elif path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is there and is no demo's store: name another with --store, or remove it")
    return Store.create_or_open(path)


def _clear(path: Path) -> None:
    """Empty the folder, the mark last: stopped anywhere, it is still known as the demo's."""
    for entry in sorted(path.iterdir(), key=lambda entry: entry.name == DEMO_MARK):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _config(location: str, url: str, registries: list[Registry]) -> Config:
    return Config(
        store=location,
        registries=tuple(
            RegistryConfig(regions=(registry.region,), registry_id=registry.registry_id, endpoint_url=url)
            for registry in registries
        ),
        fetch=FetchConfig(requests_per_second=2_000),
    )


def _mark(path: Path, config: Config) -> None:
    """Leave the configuration in the store: it marks a demo's store, and works with --keep-serving."""
    lines = ["# The local registry of `indexer demo`, which is there while --keep-serving holds it.", "store: ."]
    lines.append("registries:")
    for registry in config.registries:
        lines.append(f"  - regions: [{registry.regions[0]}]")
        lines.append(f'    registry_id: "{registry.registry_id}"')
        lines.append(f"    endpoint_url: {registry.endpoint_url}")
    (path / DEMO_MARK).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _clock(at: datetime) -> Callable[[], datetime]:
    """Return a clock that starts at `at` and goes on from there."""
    began = time.monotonic()
    return lambda: at + timedelta(seconds=time.monotonic() - began)


def _night(night: Night, summary: Summary) -> str:
    changes, row = night.summary, summary.row
    return (
        f"night {night.number}: {changes.pushed:,} pushed, {changes.deleted:,} deleted; "
        f"{row.images:,} images listed, {row.manifests_fetched:,} manifests fetched ({human_bytes(row.bytes)}) "
        f"in {row.requests:,} requests, {summary.seconds:.1f} s\n"
    )


def _answer(location: str) -> None:
    with OpenStore(location) as store:
        for name, parameters, words in _QUESTIONS:
            output.emit(f"\n{store.catalog.queries[name].question}  (indexer query {name})\n{words}\n\n")
            totals = store.catalog.queries[name].totals
            print_rows(Rows(store.query(name, **parameters)), Format.TABLE, limit=_SHOWN, totals=totals)
        most_shared = store.query("most-shared-layers", limit=1).fetchall()[0][0]
    commands = (
        f"export INDEXER_STORE={shlex.quote(location)}",
        "indexer status",
        "indexer query",
        "indexer query largest-images -p limit=5",
        "indexer find payments/api",
        f"indexer find {most_shared.partition(':')[2][:12]}",
        'indexer sql "select repository, count(*) as tags from tags group by all order by tags desc limit 5"',
    )
    output.emit("\nNext commands to try:\n" + "".join(f"  {command}\n" for command in commands))


def _keep_serving(location: str, server: Server, registries: list[Registry]) -> None:
    credentials = "AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo"
    output.say(
        f"\nThe local registry is at {server.url} until you press Ctrl-C. From another terminal:\n"
        f"  {credentials} indexer run --config {shlex.quote(str(Path(location) / DEMO_MARK))}\n"
        f"  {credentials} aws ecr describe-repositories --endpoint-url {server.url} --region {registries[0].region}"
    )
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
