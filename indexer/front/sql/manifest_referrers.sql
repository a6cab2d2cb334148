-- What refers to the digest: by its subject, as the manifest or ECR gives it, or by cosign's tags (sha256-<hex>.sig).
with
documents as materialized (
    select manifest_digest
    from all_manifests
    where subject_digest = $digest
),
referrers as materialized (
    -- The few rows first, what is held after: the view manifests would ask that of everything stored.
    select manifest_digest, 'subject' as refers_by
    from holding_images((select list(manifest_digest) from documents))
    union
    select manifest_digest, 'subject' as refers_by
    from images
    where subject_digest = $digest
    union
    -- The first condition holds wherever the second does. DuckDB knows it while it reads, and then reads no other column:
    -- half the time.
    select manifest_digest, 'tag' as refers_by
    from images
    where
        contains(tags::varchar, replace($digest, ':', '-') || '.')
        and len(list_filter(tags, lambda tag: starts_with(tag, replace($digest, ':', '-') || '.'))) > 0
),
-- Out of a list DuckDB takes them for few: the rest is read of these alone.
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
