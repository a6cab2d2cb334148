"""`indexer find`: the page about a digest, an image or a repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from indexer.aside import Aside
from indexer.cli import output
from indexer.cli.cells import counted, human_bytes, local_time, number
from indexer.cli.exact import csv_lines, plain
from indexer.cli.options import Format
from indexer.cli.page import MarkdownPage, Page
from indexer.cli.places import open_store
from indexer.cli.remarks import STALE, filters, remarks

Row = Mapping[str, Any]

_NOTHING_LISTED = (
    "no run is committed yet: this is of manifests that were fetched, and which repositories hold them is not known; "
    "indexer run lists them"
)
_PLAIN_KEY = re.compile("[a-z_][a-z0-9_]*")


def show_find(what: str, config: str | None, store: str | None, format_: Format, limit: int) -> None:
    """Print everything known about `what`: a page with lists of at most `limit` rows, or all of it as data."""
    with open_store(config, store, queries=False) as opened, Aside() as aside:
        told = aside.do(lambda: remarks(opened))
        found = opened.find(what)
        # Of who needs a blob, images of unknown content can change the answer.
        left_out = told.result() if found.get("blob") else filters(opened)
        # No times: Python values of these would load pytz.
        unlisted = [] if opened.sql("select run_id from runs limit 1").fetchall() else [_NOTHING_LISTED]
    for remark in unlisted + left_out:
        output.note(remark)
    if format_ is Format.JSON:
        output.emit(json.dumps(plain(dict(found)), indent=2) + "\n")
        return
    if format_ is Format.CSV:
        for line in csv_lines(_values(plain(dict(found))), ("path", "value"), safe=output.on_terminal()):
            output.emit(line)
        return
    page = MarkdownPage() if format_ is Format.MARKDOWN else Page("--format json")
    if "repositories" in found:
        for repository in found["repositories"]:
            _repository(page, repository, limit)
    else:
        _digest(page, found, limit)


def _values(found: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield what is known, a value a row, under the path that jq gives it: `.images[0].tags[1]`."""
    if isinstance(found, dict) and found:
        for key, value in found.items():
            named = f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key)}]"
            yield from _values(value, path + named)
    elif isinstance(found, list) and found:
        for place, value in enumerate(found):
            yield from _values(value, f"{path}[{place}]")
    else:
        yield path, found


def _digest(page: Page, found: Row, limit: int) -> None:
    page.title(found["digest"])
    page.text(" and ".join(found["roles"]) or "an image that no repository holds any longer")
    page.facts(_manifest_facts(found))
    page.table("Listed as an image", [_image(row) for row in found["images"]], limit=limit)
    page.table("Listed once, and no longer", found["formerly"], limit=limit)
    page.table("In these indexes", [_parent(row) for row in found["parents"]], limit=limit)
    page.table("Layers, base first", [_layer(row) for row in found["layers"]])
    page.table("Entries of this index", [_child(row) for row in found["children"]])
    page.table("What refers to it", [_referrer(row) for row in found["referrers"]], limit=limit)
    page.table("What went wrong with it", found["failures"], limit=limit)
    if found["blob"]:
        _blob(page, found["digest"], found["blob"], limit)


def _manifest_facts(found: Row) -> Iterator[tuple[str, str | None]]:
    manifest = found["manifest"]
    if found["unknown"]:
        yield "manifest", f"not in the store: {found['unknown']}"
    if manifest is None:
        return
    yield "media type", _with(manifest["media_type"], manifest["artifact_type"], "artifact type {}")
    yield "problem", manifest["problem"]
    if manifest["layer_count"]:
        size = "of unknown size" if manifest["layer_bytes"] is None else human_bytes(manifest["layer_bytes"])
        yield "layers", f"{number(manifest['layer_count'])}, {size}"
    if manifest["config_digest"]:
        size = "" if manifest["config_size"] is None else f"{human_bytes(manifest['config_size'])}, "
        yield "config", f"{manifest['config_digest']} ({size}{manifest['config_media_type'] or 'no media type'})"
    yield "subject", manifest["subject_digest"]
    checked = "" if manifest["verified"] else ", digest not verified"
    yield "document", human_bytes(manifest["manifest_bytes"]) + checked
    yield "fetched", f"{local_time(manifest['fetched_at'])} from {_place(manifest)}"
    for key, value in (manifest["annotations"] or {}).items():
        yield "annotation", f"{key} = {value}"


def _blob(page: Page, digest: str, blob: Row, limit: int) -> None:
    page.title(
        f"Blob of {'unknown size' if blob['size'] is None else human_bytes(blob['size'])}, "
        f"in {counted(blob['manifests'], 'manifest')}, {counted(len(blob['images']), 'image')}, "
        f"{counted(blob['repositories'], 'repository', 'repositories')}"
    )
    page.table("", blob["claims"])
    more = f": indexer query images-with-layer -p digest={digest}"
    page.table("Images that need it", [_user(row) for row in blob["images"]], limit=limit, more=more)


def _repository(page: Page, row: Row, limit: int) -> None:
    page.title(_place(row))
    page.facts([*_repository_facts(row), *(_total_facts(row["totals"]) if row["totals"] else ())])
    page.table("Images, the tagged ones first", row["images"], limit=limit)


def _repository_facts(row: Row) -> Iterator[tuple[str, str | None]]:
    if row["status"] == "deleted":
        yield "deleted", f"gone when the run of {local_time(row['run_at'])} looked"
        return
    yield "uri", row["repository_uri"]
    yield "created", row["created_at"] and local_time(row["created_at"])
    yield "tags", row["tag_mutability"] and str(row["tag_mutability"]).lower()
    yield "encryption", _with(row["encryption_type"], row["kms_key"], "key {}")
    yield "listed", "never whole" if row["listed_at"] is None else local_time(row["listed_at"])
    if (stale := row["stale"]) is not None:
        reason = f": {stale['reason']}" if stale["reason"] else ""
        yield "not current", f"{STALE[stale['cause']]} in the newest run{reason}"


def _total_facts(totals: Row) -> Iterator[tuple[str, str | None]]:
    yield "images", f"{totals['images']:,}, {totals['tagged_images']:,} of them with {counted(totals['tags'], 'tag')}"
    yield "archived", counted(totals["archived_images"], "image") if totals["archived_images"] else None
    yield (
        "unknown",
        f"{counted(totals['images_unknown'], 'image')} whose bytes are left out" if totals["images_unknown"] else None,
    )
    yield "bytes", f"{human_bytes(totals['unique_bytes'])} in {counted(totals['blobs'], 'distinct blob')}"
    yield "", f"{human_bytes(totals['logical_bytes'])} if every manifest had its own"
    yield "last push", totals["newest_push_at"] and local_time(totals["newest_push_at"])
    yield "last pull", totals["newest_pull_at"] and local_time(totals["newest_pull_at"])


def _image(row: Row) -> Row:
    return _picked(
        row, "registry_id", "region", "repository", "tags", "pushed_at", "last_pulled_at", "status", "image_size"
    )


def _parent(row: Row) -> Row:
    return {"index": row["index_digest"], "as": _platform(row)} | _picked(row, "repository", "tags", "pushed_at")


def _layer(row: Row) -> Row:
    picked = _picked(row, "position", "layer_digest", "size", "other_manifests", "media_type")
    return picked | {"media_type": (row["media_type"] or "") + ("" if row["distributable"] else " (not stored by ECR)")}


def _child(row: Row) -> Row:
    state = "in the store" if row["stored"] else "archived" if row["archived"] else "not in the store"
    return {
        "position": row["position"],
        "manifest": row["manifest_digest"],
        "platform": _platform(row),
        "kind": row["kind"],
        "layers": row["layer_count"],
        "layer_bytes": row["layer_bytes"],
        "present": f"problem: {row['problem']}" if row["problem"] else state,
    }


def _referrer(row: Row) -> Row:
    return _picked(row, "manifest_digest", "kind", "artifact_type", "refers_by", "repositories", "tags")


def _user(row: Row) -> Row:
    named = {"repository": f"{row['repository']}", "tags": row["tags"], "image": row["manifest_digest"]}
    return named | {"via": "index" if row["via_index"] else "manifest"} | _picked(row, "pushed_at", "status", "region")


def _platform(row: Row) -> str:
    if row["is_attestation"]:
        return "attestation"
    parts = [row["os"], row["architecture"], row["variant"], row.get("os_version")]
    return "/".join(part for part in parts if part) or "any"


def _place(row: Row) -> str:
    return f"{row['registry_id']}/{row['region']} {row['repository']}"


def _with(text: str | None, more: str | None, words: str) -> str | None:
    return text if text is None or more is None else f"{text}, {words.format(more)}"


def _picked(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}
