"""What a store must hold after a run, worked out from the registries themselves and from the plain documents.

Nothing here uses the project's own client, flattening or views: what is compared is the rows in the files.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.local_ecr import Registry
from indexer.store import Store

Row = dict[str, Any]
Home = tuple[str, str, str]


class Held(NamedTuple):
    """An image as a registry holds it: what a listing shows of it, and its document."""

    tags: tuple[str, ...]
    status: str
    failing: bool
    raw: bytes


def held(registries: Iterable[Registry]) -> dict[Home, dict[str, Held]]:
    """Return what every repository holds now."""
    found: dict[Home, dict[str, Held]] = {}
    for registry in registries:
        with registry.lock:
            for name, repository in registry.repositories.items():
                found[registry.registry_id, registry.region, name] = {
                    digest: Held(tuple(sorted(image.tags)), image.status, image.failure is not None, image.manifest)
                    for digest, image in repository.images.items()
                }
    return found


class Tables:
    """Every committed row of a store, and which of them are of its newest run."""

    def __init__(self, folder: Path) -> None:
        files = Store.open(folder).files()
        self.folder = folder
        self.run_id = files.runs[-1]
        self._rows = {
            name: [row for path in paths for row in _read(Path(str(path)))] for name, paths in files.tables.items()
        }

    def all(self, table: str) -> list[Row]:
        return self._rows[table]

    def newest(self, table: str) -> list[Row]:
        return [row for row in self._rows[table] if row["run_id"] == self.run_id]


def _read(path: Path) -> list[Row]:
    table: pa.Table = pq.read_table(path, page_checksum_verification=True)
    rows: list[Row] = table.to_pylist(maps_as_pydicts="strict")
    return rows


def differences(
    tables: Tables,
    before: Mapping[Home, Mapping[str, Held]],
    after: Mapping[Home, Mapping[str, Held]],
    denied: Iterable[Home] = (),
) -> list[str]:
    """Return what is wrong; nothing where every table says what the registries hold.

    `before` and `after` are what they held when the newest run began and when it had ended, `denied` the repositories
    that could not be listed.
    """
    refused = set(denied)
    return [
        *_twice(tables),
        *_listed(tables, before, after, refused),
        *_documents(tables, [*before.values(), *after.values()]),
        *_told(tables, before, refused),
        *_left_over(tables.folder),
    ]


_KEYS = {
    "manifests": ("manifest_digest",),
    "layers": ("manifest_digest", "position"),
    "configs": ("manifest_digest",),
    "index_entries": ("index_digest", "position"),
    "repositories": ("run_id", "registry_id", "region", "repository"),
    "images": ("run_id", "registry_id", "region", "repository", "manifest_digest"),
    "failures": ("run_id", "registry_id", "region", "repository", "manifest_digest", "operation"),
    "runs": ("run_id",),
}


def _twice(tables: Tables) -> list[str]:
    found = []
    for table, key in _KEYS.items():
        counts = Counter(tuple(row[column] for column in key) for row in tables.all(table))
        found += [f"{table}: {values} is there {count} times" for values, count in counts.items() if count > 1]
    return found


def _listed(
    tables: Tables,
    before: Mapping[Home, Mapping[str, Held]],
    after: Mapping[Home, Mapping[str, Held]],
    denied: set[Home],
) -> list[str]:
    status = {_home(row): row["status"] for row in tables.newest("repositories")}
    found = [
        f"repositories: {home} is {status.get(home)}"
        for home in after
        if (status.get(home) == "listed") == (home in denied)
    ]
    images: dict[Home, dict[str, Row]] = defaultdict(dict)
    for row in tables.newest("images"):
        images[_home(row)][row["manifest_digest"]] = row
    for home in after.keys() - denied:
        here = images[home]
        found += [f"images: {home} lacks {digest}" for digest in after[home].keys() - here.keys()]
        found += [f"images: {home} never held {digest}" for digest in here.keys() - before.get(home, {}).keys()]
        for digest in after[home].keys() & here.keys():
            said = (tuple(sorted(here[digest]["tags"])), here[digest]["status"])
            if said != after[home][digest][:2]:
                found.append(f"images: {home} {digest} is {said}, not {after[home][digest][:2]}")
    return found


def _home(row: Row) -> Home:
    return row["registry_id"], row["region"], row["repository"]


def _documents(tables: Tables, states: Sequence[Mapping[str, Held]]) -> list[str]:
    """Compare each manifest's rows with its document, read plainly."""
    raws = {digest: image.raw for state in states for digest, image in state.items()}
    below: dict[str, dict[str, list[Row]]] = {
        name: defaultdict(list) for name in ("layers", "configs", "index_entries")
    }
    for name, rows in below.items():
        key = "index_digest" if name == "index_entries" else "manifest_digest"
        for row in tables.all(name):
            rows[row[key]].append(row)
    found = []
    known = {row["manifest_digest"] for row in tables.all("manifests")}
    for name, rows in below.items():
        found += [f"{name}: rows of {digest}, which is not in manifests" for digest in rows.keys() - known]
    for row in tables.all("manifests"):
        digest = row["manifest_digest"]
        raw = row["raw"].encode()
        if digest != "sha256:" + hashlib.sha256(raw).hexdigest() or raws.get(digest, raw) != raw:
            found.append(f"manifests: the text of {digest} is wrong")
        said = {name: [_PLAIN[name](each) for each in rows[digest]] for name, rows in below.items()}
        if said != expected(row["kind"], raw):
            found.append(f"the rows of {digest} are not those of its document")
    return found


_PLAIN = {
    "layers": itemgetter("position", "layer_digest", "media_type", "size"),
    "configs": itemgetter("config_digest", "media_type", "size"),
    "index_entries": itemgetter("position", "manifest_digest", "media_type", "size"),
}


def expected(kind: str, raw: bytes) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of a document without surprises; none for one that could not be flattened."""
    content = {} if kind == "unknown" else json.loads(raw)
    config = content.get("config")
    return {
        "layers": [(at, *_blob(each)) for at, each in enumerate(content.get("layers", ()))],
        "configs": [] if config is None else [_blob(config)],
        "index_entries": [(at, *_blob(each)) for at, each in enumerate(content.get("manifests", ()))],
    }


def _blob(descriptor: Mapping[str, Any]) -> tuple[Any, ...]:
    return descriptor["digest"], descriptor["mediaType"], descriptor["size"]


def _told(tables: Tables, before: Mapping[Home, Mapping[str, Held]], denied: set[Home]) -> list[str]:
    """Every listed image is stored or told; what is told is not there, or no good; counts are those of the rows."""
    known = {row["manifest_digest"]: row for row in tables.all("manifests")}
    told: dict[str, set[str]] = defaultdict(set)
    found = []
    for row in tables.newest("failures"):
        if row["manifest_digest"] is None:
            if _home(row) not in denied:
                found.append(f"failures: {row} is about a repository that could be listed")
            continue
        told[row["manifest_digest"]].add(row["operation"])
    for row in tables.newest("images"):
        digest = row["manifest_digest"]
        good = digest in known and known[digest]["problem"] is None
        if row["status"] == "ACTIVE" and good == (digest in told):
            found.append(f"images: {digest} is {'good and told' if good else 'neither stored nor told'}")
    states = list(before.values())
    found += [
        f"failures: {digest} was in no repository" for digest in told if not any(digest in state for state in states)
    ]
    (run,) = tables.newest("runs")
    found += [
        f"runs: {name} is {run[name]}, but there are {len(tables.newest(name))} rows"
        for name in ("images", "failures")
        if run[name] != len(tables.newest(name))
    ]
    if run["complete"] != (run["failures"] == 0):
        found.append("runs: complete is wrong")
    return found


def _left_over(folder: Path) -> list[str]:
    return [f"staging: {path.name} was left" for path in (folder / "staging").iterdir()]
