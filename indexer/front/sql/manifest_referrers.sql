-- What refers to the digest: by its subject, as the manifest or ECR gives it, or by cosign's tags (sha256-<hex>.sig).
with recursive
documents as materialized (
    select manifest_digest
    from all_manifests
    where subject_digest = $digest
),
-- The few rows first, what is held after: the view manifests would ask that of everything stored.
holders as (
    select manifest_digest, manifest_digest as holder_digest
    from documents
    union -- not union all: indexes that name each other must end
    select holders.manifest_digest, all_index_entries.index_digest as holder_digest
    from holders
    inner join all_index_entries on all_index_entries.manifest_digest = holders.holder_digest
),
-- Out of a list DuckDB takes them for few, and holds them in memory and not all images.
holder_digests as (
    select unnest(list(distinct holder_digest)) as manifest_digest
    from holders
),
listed_holders as (
    select manifest_digest
    from images
    semi join holder_digests using (manifest_digest)
),
referrers as materialized (
    select holders.manifest_digest, 'subject' as refers_by
    from holders
    semi join listed_holders on listed_holders.manifest_digest = holders.holder_digest
    union
    select manifest_digest, 'subject' as refers_by
    from images
    where subject_digest = $digest
    union
    select manifest_digest, 'tag' as refers_by
    from tags
    where starts_with(tag, replace($digest, ':', '-') || '.')
),
-- As above: the rest is read of these alone.
referrer_digests as (
    select unnest(list(distinct manifest_digest)) as manifest_digest
    from referrers
),
places as (
    select
        manifest_digest,
        any_value(artifact_type) as artifact_type,
        list(distinct repository order by repository) as repositories,
        list_sort(list_distinct(flatten(list(tags)))) as tags
    from images
    semi join referrer_digests using (manifest_digest)
    group by manifest_digest
),
stored_manifests as (
    select manifest_digest, kind, artifact_type, config_media_type, layer_bytes
    from all_manifests
    semi join referrer_digests using (manifest_digest)
)
select
    manifest_digest,
    string_agg(distinct referrers.refers_by, ', ' order by referrers.refers_by) as refers_by,
    any_value(stored_manifests.kind) as kind,
    any_value(coalesce(stored_manifests.artifact_type, places.artifact_type, stored_manifests.config_media_type)) as artifact_type,
    any_value(stored_manifests.layer_bytes) as layer_bytes,
    any_value(places.repositories) as repositories,
    any_value(places.tags) as tags
from referrers
left join stored_manifests using (manifest_digest)
left join places using (manifest_digest)
group by manifest_digest
order by manifest_digest
