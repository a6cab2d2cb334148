"""The rows of each table as the code passes them around: fields stand in column order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple


class ManifestRow(NamedTuple):
    """A row of `manifests`. The last time may be microseconds since 1970, UTC, as in `ImageRow`."""

    manifest_digest: str
    media_type: str | None
    kind: str
    schema_version: int | None
    artifact_type: str | None
    config_digest: str | None
    config_media_type: str | None
    config_size: int | None
    subject_digest: str | None
    layer_count: int | None
    layer_bytes: int | None
    manifest_bytes: int
    annotations: Mapping[str, str] | None
    raw: str
    verified: bool
    problem: str | None
    registry_id: str
    region: str
    repository: str
    fetched_at: datetime
    pulled_before_fetch_at: datetime | int | None = None


class LayerRow(NamedTuple):
    """A row of `layers`."""

    manifest_digest: str
    position: int
    layer_digest: str
    media_type: str | None
    size: int | None
    distributable: bool
    annotations: Mapping[str, str] | None
    repeated: bool = False


class ConfigRow(NamedTuple):
    """A row of `configs`."""

    manifest_digest: str
    config_digest: str
    media_type: str | None
    size: int | None
    is_layer: bool = False


class IndexEntryRow(NamedTuple):
    """A row of `index_entries`."""

    index_digest: str
    position: int
    manifest_digest: str
    media_type: str | None
    artifact_type: str | None
    size: int | None
    os: str | None
    architecture: str | None
    variant: str | None
    os_version: str | None
    is_attestation: bool
    annotations: Mapping[str, str] | None


class RepositoryRow(NamedTuple):
    """A row of `repositories`."""

    run_id: str
    registry_id: str
    region: str
    repository: str
    repository_uri: str | None
    created_at: datetime | None
    tag_mutability: str | None
    encryption_type: str | None
    kms_key: str | None
    status: str
    error: str | None


class ImageRow(NamedTuple):
    """A row of `images`. Times may be datetimes or, as ECR's answers are read, microseconds since 1970, UTC."""

    run_id: str
    registry_id: str
    region: str
    repository: str
    manifest_digest: str
    tags: Sequence[str]
    media_type: str | None
    artifact_type: str | None
    image_size: int | None
    pushed_at: datetime | int | None
    last_pulled_at: datetime | int | None
    status: str | None
    subject_digest: str | None


class FailureRow(NamedTuple):
    """A row of `failures`."""

    run_id: str
    registry_id: str | None
    region: str
    repository: str | None
    manifest_digest: str | None
    tag: str | None
    operation: str
    code: str
    reason: str


class TargetName(NamedTuple):
    """An account and region that a run covered; an element of `runs.targets`."""

    registry_id: str | None
    region: str


class RunRow(NamedTuple):
    """The row of `runs`."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    complete: bool
    version: str
    targets: Sequence[TargetName]
    repositories: int
    images: int
    requests: int
    manifests_fetched: int
    failures: int
    bytes: int
    tag_status: str = "any"
    image_status: str = "any"
    cpu_ms: int | None = None
    listing_ms: int | None = None
    fetching_ms: int | None = None
    flattening_ms: int | None = None
    writing_ms: int | None = None
    waiting_ms: int | None = None
