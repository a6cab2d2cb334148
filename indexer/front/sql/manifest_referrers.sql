-- What refers to the digest: by its subject, as the manifest or ECR gives it, or by cosign's tags (sha256-<hex>.sig).
with
referrers as (
    select manifest_digest, 'subject' as refers_by
    from manifests
    where subject_digest = $digest
    union
    select manifest_digest, 'subject' as refers_by
    from images
    where subject_digest = $digest
    union
    select manifest_digest, 'tag' as refers_by
    from tags
    where starts_with(tag, replace($digest, ':', '-') || '.')
),
places as (
    select
        manifest_digest,
        any_value(artifact_type) as artifact_type,
        list(distinct repository order by repository) as repositories,
        list_sort(list_distinct(flatten(list(tags)))) as tags
    from images
    where manifest_digest in (select manifest_digest from referrers)
    group by manifest_digest
)
select
    manifest_digest,
    string_agg(distinct referrers.refers_by, ', ' order by referrers.refers_by) as refers_by,
    any_value(all_manifests.kind) as kind,
    any_value(coalesce(all_manifests.artifact_type, places.artifact_type, all_manifests.config_media_type)) as artifact_type,
    any_value(all_manifests.layer_bytes) as layer_bytes,
    any_value(places.repositories) as repositories,
    any_value(places.tags) as tags
from referrers
left join all_manifests using (manifest_digest)
left join places using (manifest_digest)
group by manifest_digest
order by manifest_digest
