-- The manifest itself, without its text.
select
    manifest_digest,
    kind,
    media_type,
    schema_version,
    artifact_type,
    config_digest,
    config_media_type,
    config_size,
    subject_digest,
    layer_count,
    layer_bytes,
    manifest_bytes,
    annotations,
    verified,
    problem,
    registry_id,
    region,
    repository,
    fetched_at::timestamp as fetched_at,
    pulled_before_fetch_at::timestamp as pulled_before_fetch_at
from all_manifests
where manifest_digest = $digest
