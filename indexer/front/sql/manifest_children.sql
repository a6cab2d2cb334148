-- The manifests that the index lists, in its order; kind is NULL where the child is not in the store.
with
entries as (
    select *
    from all_index_entries
    where index_digest = $digest
)
select
    entries.position,
    manifest_digest,
    entries.os,
    entries.architecture,
    entries.variant,
    entries.os_version,
    entries.is_attestation,
    entries.media_type,
    entries.artifact_type,
    all_manifests.manifest_digest is not null as stored,
    all_manifests.kind,
    all_manifests.layer_count,
    all_manifests.layer_bytes,
    all_manifests.problem,
    exists (from images where images.manifest_digest = entries.manifest_digest and images.status = 'ARCHIVED') as archived
from entries
left join all_manifests using (manifest_digest)
order by entries.position
