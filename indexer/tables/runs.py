"""The tables of a run: what one run saw."""

from __future__ import annotations

from indexer.tables.table import Table, optional, required

_RUN = required("run_id", "string", "The run that saw this; ids of later runs sort after those of earlier ones.")
_REGISTRY = required("registry_id", "string", "The AWS account that owns the registry, 12 digits.")
_REGION = required("region", "string", "The AWS region, such as eu-west-1.")
_REPOSITORY = required("repository", "string", "The repository's name, without the registry's host.")
REPOSITORIES = Table(
    "repositories",
    "run",
    "The repositories that a run covered, and what became of each.",
    ("run_id", "registry_id", "region", "repository"),
    (
        _RUN,
        _REGISTRY,
        _REGION,
        _REPOSITORY,
        optional("repository_uri", "string", "Host and name, as docker pull takes it."),
        optional("created_at", "timestamp", "When the repository was created, UTC."),
        optional("tag_mutability", "string", "MUTABLE, IMMUTABLE, or one of these WITH_EXCLUSION."),
        optional("encryption_type", "string", "AES256, KMS or KMS_DSSE."),
        optional("kms_key", "string", "The key's ARN where encryption_type is not AES256."),
        required("status", "string", "listed (whole), failed (error says why), or deleted (gone since the last run)."),
        optional("error", "string", "Why it could not be listed, for status failed."),
    ),
)

IMAGES = Table(
    "images",
    "run",
    "What each repository held when a run listed it.",
    ("run_id", "registry_id", "region", "repository", "manifest_digest"),
    (
        _RUN,
        _REGISTRY,
        _REGION,
        _REPOSITORY,
        required("manifest_digest", "string", "The image's digest."),
        required("tags", "strings", "All its tags in this repository; empty for an untagged image."),
        optional("media_type", "string", "The manifest's media type as ECR gives it."),
        optional("artifact_type", "string", "artifactMediaType as ECR gives it."),
        optional(
            "image_size",
            "int64",
            "imageSizeInBytes as ECR gives it: of an index its largest child, shared layers counted in every image. "
            "Never add these up; the queries count blobs.",
        ),
        optional("pushed_at", "timestamp", "When it was pushed to this repository, UTC."),
        optional(
            "last_pulled_at",
            "timestamp",
            "lastRecordedPullTime as listed, before this run fetched anything from there.",
        ),
        optional("status", "string", "ACTIVE, ARCHIVED or ACTIVATING; archived images cannot be fetched."),
        optional("subject_digest", "string", "subjectManifestDigest as ECR gives it."),
    ),
    look_ups=("manifest_digest",),
)

FAILURES = Table(
    "failures",
    "run",
    "Everything that a run could not index, and why.",
    ("run_id", "registry_id", "region", "repository", "manifest_digest", "operation"),
    (
        _RUN,
        optional("registry_id", "string", "The AWS account; NULL where the failure came before it was known."),
        _REGION,
        optional("repository", "string", "The repository; NULL where the account and region as a whole failed."),
        optional("manifest_digest", "string", "The image; NULL where the repository as a whole failed."),
        optional("tag", "string", "One of the image's tags, for people; NULL where it has none."),
        required(
            "operation", "string", "The call that failed, or Flatten, Config, Credentials or Verify (docs/tables.md)."
        ),
        required("code", "string", "ECR's failure code or exception, or a code of our own (docs/tables.md)."),
        required("reason", "string", "What was said about it."),
    ),
)

RUNS = Table(
    "runs",
    "run",
    "One row per committed run.",
    ("run_id",),
    (
        required(
            "run_id", "string", "The run: when it began, UTC, and six random digits. Ids of later runs sort after."
        ),
        required("started_at", "timestamp", "When it began, UTC."),
        required("finished_at", "timestamp", "When all was fetched, right before it was committed, UTC."),
        required("complete", "bool", "Whether there are no rows in failures for this run."),
        required("version", "string", "The version of manifest-indexer."),
        required("targets", "targets", "The accounts and regions covered: a list of (registry_id, region)."),
        required("repositories", "int64", "Repositories listed whole."),
        required("images", "int64", "Rows in images."),
        required("requests", "int64", "HTTP requests to ECR, retries included."),
        required("manifests_fetched", "int64", "Manifests this run added to the store."),
        required("failures", "int64", "Rows in failures."),
        required("bytes", "int64", "Bytes of the manifests fetched, as text."),
        required("tag_status", "string", "The filter images.tag_status that its listings went through, or any."),
        required("image_status", "string", "The filter images.image_status that its listings went through, or any."),
        optional("cpu_ms", "int64", "Milliseconds of CPU, user and system, of all the run's processes."),
        optional("listing_ms", "int64", "Milliseconds from the start until everything was listed."),
        optional(
            "fetching_ms",
            "int64",
            "Milliseconds from then until everything was fetched and stored; workers may have begun before.",
        ),
        optional("flattening_ms", "int64", "Milliseconds of CPU for turning documents into rows; part of cpu_ms."),
        optional("writing_ms", "int64", "Milliseconds of CPU for taking rows and writing segments; part of cpu_ms."),
        optional(
            "waiting_ms", "int64", "Milliseconds that requests waited for their turn (requests_per_second), added up."
        ),
    ),
)
