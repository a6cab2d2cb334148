-- The images of a repository that any of the digests or tags names, each with its document where the store has it.
with
listed as (
    select manifest_digest, tags, media_type, status
    from images
    where
        registry_id = $registry_id
        and region = $region
        and repository = $repository
        and (list_contains($digests::varchar[], manifest_digest) or list_has_any(tags, $tags::varchar[]))
),
hidden as ( -- children of indexes that a filter of config.yaml keeps out of every listing, and that were fetched here
    select manifest_digest, []::varchar[] as tags, null as media_type, 'ACTIVE' as status
    from all_manifests
    where
        registry_id = $registry_id
        and region = $region
        and repository = $repository
        and list_contains($digests::varchar[], manifest_digest)
        and not exists (
            from image_history
            where
                image_history.registry_id = $registry_id
                and image_history.region = $region
                and image_history.repository = $repository
                and image_history.manifest_digest = all_manifests.manifest_digest
        )
),
named as (
    from listed
    union all
    from hidden
),
refused as (
    select manifest_digest, min(code) as code, min(reason) as reason
    from failures
    where
        registry_id = $registry_id
        and region = $region
        and repository = $repository
        and operation = 'BatchGetImage'
    group by manifest_digest
)
select
    named.manifest_digest,
    named.tags,
    coalesce(named.media_type, all_manifests.media_type) as media_type,
    named.status,
    all_manifests.raw,
    refused.code,
    refused.reason
from named
left join all_manifests using (manifest_digest)
left join refused using (manifest_digest)
order by named.manifest_digest
