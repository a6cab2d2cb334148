-- question: Which images has nobody pulled or pushed for a while?
-- caveat: One row per image with a tag of its own, or that belongs to no other; what is below an index, and referrers (signatures, SBOMs), are part of it. manifests counts the parts, logical_bytes adds up the distinct layers and configs of each, as it gives their sizes, compressed, without foreign (nondistributable) layers. Images share layers, so the rows do not add up: reclaimable -p not_pulled_since=... says what really comes back.
-- caveat: ECR records our own fetch of a manifest as a pull. last_external_pull_at is the pull time as ECR has it (last_pulled_at); where that is within five minutes of our own fetch (is_own_pull), it is the one listed before we fetched (pulled_before_fetch_at). When in doubt, the recorded pull counts.
-- caveat: Pulls by others in the 24 hours after our own fetch may be missing where is_own_pull is true, as ECR need not record a pull more often. Each manifest is fetched once, so this concerns the first day after an image was indexed.
-- caveat: last_used_at is the newest of push and last_external_pull_at, of the image and of all manifests that are in an index with it. An image that was never pulled (NULL) counts from its push.
-- caveat: unused_days runs up to listed_at, when the repository was last listed whole: not to today. An image that runs for long without being pulled again shows here too.
-- caveat: logical_bytes leaves out the manifests_unknown of the parts that are not in the store or could not be read, and the blobs_unknown_size whose size nobody gives.
-- parameter: days count = 90 : days without a pull or a push
-- parameter: repository glob = * : repositories to show
-- parameter: tagged boolean = null : true for images with a tag only, false for those without
-- parameter: limit count = null : rows at most
-- empty: Every image that was looked at was pulled or pushed within these days.
with
stale as materialized (
    select *
    from image_pulls
    where
        last_used_at <= listed_at - to_days($days::integer)
        and repository glob $repository
        and ($tagged is null or (len(tags) > 0) = $tagged)
),
-- What the view whole_images says of them: to join that would be to join all images with themselves.
known_manifests as (
    select manifest_digest, kind
    from all_manifests
    where kind <> 'unknown'
)
select
    registry_id,
    region,
    repository,
    stale.tags,
    manifest_digest,
    known_manifests.kind,
    coalesce(part_figures.logical_bytes, bytes_by_manifest.bytes, 0) as logical_bytes,
    coalesce(part_figures.manifests, 1) as manifests,
    coalesce(part_figures.manifests_unknown, (known_manifests.kind is null)::bigint) as manifests_unknown,
    coalesce(part_figures.blobs_unknown_size, bytes_by_manifest.blobs_unknown_size, 0) as blobs_unknown_size,
    datediff('hour', stale.last_used_at, stale.listed_at) // 24 as unused_days,
    stale.last_used_at,
    stale.last_external_pull_at,
    stale.last_pulled_at,
    stale.is_own_pull,
    stale.pushed_at,
    stale.status,
    stale.listed_at
from stale
left join part_figures using (registry_id, region, repository, manifest_digest)
left join known_manifests using (manifest_digest)
left join bytes_by_manifest using (manifest_digest)
where not coalesce(part_figures.is_part, false)
order by stale.last_used_at, registry_id, region, repository, manifest_digest
limit $limit
