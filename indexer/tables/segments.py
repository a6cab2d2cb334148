"""The tables of a segment: facts about manifests, which never change under their digest."""

from __future__ import annotations

from indexer.tables.table import Table, optional, required

_ENTRY_ANNOTATIONS = "The descriptor's annotations; NULL where it has none."

MANIFESTS = Table(
    "manifests",
    "segment",
    "What is known of a manifest from its document alone. One row per manifest digest, ever.",
    ("manifest_digest",),
    (
        required("manifest_digest", "string", "Digest of the document, `sha256:` and 64 hexadecimal characters."),
        optional(
            "media_type",
            "string",
            "The document's own mediaType; where it has none, the one its structure implies; NULL where neither tells.",
        ),
        required(
            "kind",
            "string",
            "image, index, artifact, attestation, schema1, or unknown for a document that could not be flattened.",
        ),
        optional("schema_version", "int32", "The document's schemaVersion; NULL where it has none."),
        optional("artifact_type", "string", "The document's artifactType; NULL where it has none."),
        optional("config_digest", "string", "Digest of the config blob; NULL for kinds without a config."),
        optional("config_media_type", "string", "Media type of the config as the document gives it."),
        optional("config_size", "int64", "Bytes of the config blob as the document gives them."),
        optional("subject_digest", "string", "The manifest that this one refers to (signatures, SBOMs)."),
        optional("layer_count", "int32", "Rows in layers, repeats counted; 0 for an index, NULL for kind unknown."),
        optional(
            "layer_bytes",
            "int64",
            "Sum of size over the rows in layers, repeated and non-distributable layers counted each time; "
            "NULL where any of the sizes is unknown.",
        ),
        required("manifest_bytes", "int64", "Bytes of the document itself."),
        optional("annotations", "map", "The document's annotations; NULL where it has none."),
        required("raw", "string", "The document's exact text: hashed, it gives manifest_digest."),
        required(
            "verified",
            "bool",
            "Whether the text was hashed and gave manifest_digest (a signed schema 1: its payload without signatures). "
            "False only for digest algorithms this program cannot compute.",
        ),
        optional("problem", "string", "Why the document could not be flattened, and where in it; NULL where it was."),
        required("registry_id", "string", "The AWS account it was fetched from."),
        required("region", "string", "The region it was fetched from."),
        required("repository", "string", "The repository it was fetched from; images says where else it is."),
        required("fetched_at", "timestamp", "When it was fetched, UTC."),
        optional(
            "pulled_before_fetch_at",
            "timestamp",
            "lastRecordedPullTime in that repository as it was listed before: fetching counts as a pull, so what later "
            "listings say may be the fetch. NULL where it had never been pulled.",
        ),
    ),
    look_ups=("manifest_digest", "config_digest", "subject_digest"),
)

LAYERS = Table(
    "layers",
    "segment",
    "The layers (or artifact blobs) of each manifest, base first.",
    ("manifest_digest", "position"),
    (
        required("manifest_digest", "string", "The manifest that lists the layer."),
        required("position", "int32", "0 for the base layer. A manifest may list one layer more than once."),
        required("layer_digest", "string", "Digest of the layer as it is stored (compressed)."),
        optional("media_type", "string", "Media type as the manifest gives it; NULL in Docker schema 1."),
        optional("size", "int64", "Bytes as stored (compressed), as the manifest gives them; NULL where unknown."),
        required(
            "distributable",
            "bool",
            "False for foreign and nondistributable layers: ECR does not store them, stored bytes leave them out.",
        ),
        optional("annotations", "map", _ENTRY_ANNOTATIONS),
        required(
            "repeated",
            "bool",
            "Whether the manifest has this layer at an earlier position too: where false, each of its layers is once.",
        ),
    ),
    look_ups=("manifest_digest", "layer_digest"),
)

CONFIGS = Table(
    "configs",
    "segment",
    "The config blob of each manifest that has one.",
    ("manifest_digest",),
    (
        required("manifest_digest", "string", "The manifest that names the config."),
        required("config_digest", "string", "Digest of the config; several manifests may share one."),
        optional("media_type", "string", "Media type as the manifest gives it."),
        optional("size", "int64", "Bytes as the manifest gives them."),
        required("is_layer", "bool", "Whether the manifest has the same blob as a layer too."),
    ),
    look_ups=("manifest_digest", "config_digest"),
)

INDEX_ENTRIES = Table(
    "index_entries",
    "segment",
    "The manifests that each index lists, in its order.",
    ("index_digest", "position"),
    (
        required("index_digest", "string", "The index; a row of manifests with kind index."),
        required("position", "int32", "0 for the first entry."),
        required("manifest_digest", "string", "The child. It may be absent from the registry, and may be an index."),
        optional("media_type", "string", "The child's media type as the index gives it."),
        optional("artifact_type", "string", "The child's artifactType as the index gives it."),
        optional("size", "int64", "Bytes of the child's document, not of its layers."),
        optional("os", "string", "platform.os; NULL where the entry has no platform."),
        optional("architecture", "string", "platform.architecture; NULL where the entry has no platform."),
        optional("variant", "string", "platform.variant, such as v7 for arm."),
        optional("os_version", "string", "platform's os.version, given for Windows."),
        required("is_attestation", "bool", "Whether the child is an attestation about a sibling, not an image to run."),
        optional("annotations", "map", _ENTRY_ANNOTATIONS),
    ),
    look_ups=("index_digest", "manifest_digest"),
)
