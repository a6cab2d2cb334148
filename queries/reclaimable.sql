-- question: What really comes back if a set of images is deleted?
-- caveat: Without parameters the set is all images without a tag. Each parameter narrows it down; untagged=false lets tagged images into it, and nothing else does. The first row is of all repositories together: its repository is NULL. deletes says in every row, in words, which set was asked about. Below it is one row per repository that loses an image. reclaimable-images lists the set.
-- caveat: Whatever the parameters say, what an index that stays lists stays, and so do the referrers (signatures, SBOMs) of what stays. Referrers of what goes are deleted with it if with_referrers, unless they have a tag of their own; referrers counts those that go for this reason only. A referrer is known by its subject, or by having only tags such as sha256-<hex>.sig. images_kept is what stays.
-- caveat: logical_bytes adds up the distinct layers and configs of each manifest that goes: the naive promise. reclaimable_bytes are the blobs of each repository that nothing that stays there refers to, each once per repository. It belongs to the set as a whole: figures of two sets do not add up. Compressed, without foreign (nondistributable) layers.
-- caveat: reclaimable_bytes_mounted is the part of it that comes back even if blob mounting shares blobs within the account, region and encryption key: nothing there refers to the blob any longer. In the row for all together each such blob counts once, so it can be less than the sum of the rows.
-- caveat: kept_unknown counts the manifests that stay in the repository, listed or below an index, whose contents are unknown (archived, not fetched, not readable, absent). They may refer to any of the blobs: where it is not 0, reclaimable_bytes is an upper bound. Images that a filter of config.yaml hides do the same, and are not counted.
-- caveat: pool_unknown counts the images that stay anywhere in the account, region and encryption key with unknown contents, and the repositories there that were never listed whole: where it is not 0, reclaimable_bytes_mounted is an upper bound.
-- caveat: images_unknown of the images that go have unknown contents, and blobs_unknown_size of the freed blobs an unknown size: what they free is not counted. manifests are the distinct digests that are counted.
-- caveat: The state is that of listed_at. Pull times leave out our own fetches, see stale-images; with not_pulled_since, pulls_in_doubt counts the images that go although ECR's newest pull is our own fetch: a pull by others in the 24 hours after it may not show. ECR bills archived images for 90 days at least.
-- parameter: repository glob = * : repositories to delete from
-- parameter: untagged boolean = true : whether only images without a tag are deleted; false lets tagged ones go too
-- parameter: keep_tags glob = null : images with a tag that matches are kept; needs untagged=false
-- parameter: keep_newest count = 0 : how many to keep in each repository, the newest pushed of those that the parameters above leave; what is below an index, and referrers, do not count
-- parameter: pushed_before timestamp = null : only images pushed before are deleted
-- parameter: not_pulled_since timestamp = null : only images neither pulled nor pushed since are deleted, see last_used_at in stale-images
-- parameter: with_referrers boolean = true : whether referrers of deleted images (signatures, SBOMs) are deleted with them
-- total: registry_id, region, repository
-- empty: No image would be deleted: nothing matches, or all that matches must stay, as an index that stays lists it or it refers to what stays.
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        listed_at,
        listed_run_id,
        -- within these, blob mounting can share
        dense_rank() over (order by registry_id, region, encryption_type, kms_key) as pool_number,
        (row_number() over (order by registry_id, region, repository))::integer as repository_number
    from repositories
),
held_flags as materialized (
    select
        places.repository_number,
        held.manifest_digest,
        held.is_listed,
        held.manifest_digest in (select manifest_digest from all_manifests where kind <> 'unknown') as is_known,
        held.is_deleted,
        held.is_chosen,
        held.is_in_doubt
    from deletion_set(
        repository_glob := $repository,
        only_untagged := $untagged,
        keep_tag_glob := $keep_tags,
        newest_kept := $keep_newest,
        before := $pushed_before,
        unused_since := $not_pulled_since,
        take_referrers := $with_referrers,
        with_kept := true
    ) as held
    inner join places using (registry_id, region, repository)
),
image_figures as materialized (
    select
        repository_number,
        count(*) filter (where is_deleted) as images,
        count(*) filter (where is_deleted and is_known) as manifests,
        count(*) filter (where not is_chosen) as referrers,
        count(*) filter (where is_deleted and not is_known) as images_unknown,
        count(*) filter (where is_in_doubt) as pulls_in_doubt,
        count(*) filter (where is_listed and not is_deleted) as images_kept,
        count(*) filter (where not is_known and not is_deleted) as kept_unknown
    from held_flags
    group by repository_number
    having bool_or(is_deleted)
),
-- Most blobs are in one repository: of these only the sums are of interest.
deleted_blobs as (
    select
        case when min(held_flags.repository_number) = max(held_flags.repository_number)
            then min(held_flags.repository_number)
        end as repository_number,
        case when min(held_flags.repository_number) < max(held_flags.repository_number) then blob_digest end as shared_digest,
        max(mentions.size) as size,
        bool_and(held_flags.is_deleted) as is_freed,
        count(*) filter (where held_flags.is_deleted and not mentions.is_repeat) as deleted_manifests
    from all_blob_references as mentions
    inner join held_flags using (manifest_digest)
    where held_flags.is_known
    group by blob_digest
    having bool_or(mentions.is_stored) and deleted_manifests > 0
),
deleted_bytes as materialized (
    select
        repository_number,
        shared_digest,
        max(size) as largest_size,
        sum(size::hugeint * deleted_manifests) as logical_bytes,
        sum(size) filter (where is_freed) as reclaimable_bytes,
        count(*) filter (where is_freed and size is null) as blobs_unknown_size
    from deleted_blobs
    group by repository_number, shared_digest
),
shared_digests as materialized (
    select shared_digest, row_number() over () as blob_number, largest_size
    from deleted_bytes
    where shared_digest is not null
),
shared_mentions as (
    select
        -- Of both: so that these are joined before the manifests are. DuckDB has guessed another order, with all mentions in
        -- memory.
        case when shared_digests.blob_number > 0 then mentions.manifest_digest end as manifest_digest,
        mentions.is_repeat,
        mentions.is_stored,
        shared_digests.blob_number,
        shared_digests.largest_size
    from all_blob_references as mentions
    inner join shared_digests on shared_digests.shared_digest = mentions.blob_digest
),
repository_blobs as (
    select
        held_flags.repository_number,
        shared_mentions.blob_number,
        any_value(shared_mentions.largest_size) as size,
        count(*) filter (where held_flags.is_deleted and not shared_mentions.is_repeat) as deleted_manifests,
        bool_and(held_flags.is_deleted) as is_unused,
        -- A blob that the repository has only as a foreign layer is not stored there.
        bool_and(held_flags.is_deleted) and bool_or(shared_mentions.is_stored) as is_freed
    from shared_mentions
    inner join held_flags using (manifest_digest)
    where held_flags.is_known
    group by held_flags.repository_number, shared_mentions.blob_number
),
shared_blobs as materialized (
    select places.pool_number, repository_blobs.*
    from repository_blobs
    inner join places using (repository_number)
),
pool_blobs as (
    select pool_number, blob_number, min(repository_number) filter (where is_freed) as counted_in
    from shared_blobs
    group by pool_number, blob_number
    having bool_and(is_unused)
),
all_bytes as (
    select
        repository_number,
        logical_bytes,
        reclaimable_bytes,
        reclaimable_bytes as mounted_bytes,
        reclaimable_bytes as mounted_bytes_once,
        blobs_unknown_size
    from deleted_bytes
    where repository_number is not null
    union all
    select
        repository_number,
        sum(size::hugeint * deleted_manifests) as logical_bytes,
        sum(size) filter (where is_freed) as reclaimable_bytes,
        sum(size) filter (where is_freed and counted_in is not null) as mounted_bytes,
        sum(size) filter (where is_freed and repository_number = counted_in) as mounted_bytes_once,
        count(*) filter (where is_freed and size is null) as blobs_unknown_size
    from shared_blobs
    left join pool_blobs using (pool_number, blob_number)
    where deleted_manifests > 0
    group by repository_number
),
blob_figures as (
    select
        repository_number,
        sum(logical_bytes) as logical_bytes,
        sum(reclaimable_bytes) as reclaimable_bytes,
        sum(mounted_bytes) as mounted_bytes,
        sum(mounted_bytes_once) as mounted_bytes_once,
        sum(blobs_unknown_size) as blobs_unknown_size
    from all_bytes
    group by repository_number
),
pool_figures as (
    select
        places.pool_number,
        count(*) filter (where held_flags.is_listed and not held_flags.is_known and not held_flags.is_deleted)
            + count(distinct places.repository_number) filter (where places.listed_run_id is null) as pool_unknown
    from places
    left join held_flags using (repository_number)
    group by places.pool_number
),
figures as materialized (
    select *, row_number() over (partition by pool_number order by repository_number) = 1 as is_first_of_pool
    from image_figures
    inner join places using (repository_number)
    inner join pool_figures using (pool_number)
    left join blob_figures using (repository_number)
),
distinct_manifests as (
    select count(distinct manifest_digest) as manifests
    from held_flags
    where is_deleted and is_known
),
summed as (
    select
        registry_id,
        region,
        repository,
        sum(images) as images,
        case when grouping(repository) = 0 then sum(manifests) else (select manifests from distinct_manifests) end as manifests,
        sum(referrers) as referrers,
        sum(logical_bytes) as logical_bytes,
        sum(reclaimable_bytes) as reclaimable_bytes,
        case when grouping(repository) = 0 then sum(mounted_bytes) else sum(mounted_bytes_once) end as mounted_bytes,
        sum(images_unknown) as images_unknown,
        sum(blobs_unknown_size) as blobs_unknown_size,
        sum(pulls_in_doubt) as pulls_in_doubt,
        sum(images_kept) as images_kept,
        sum(kept_unknown) as kept_unknown,
        case when grouping(repository) = 0 then sum(pool_unknown) else sum(pool_unknown) filter (where is_first_of_pool) end as pool_unknown,
        min(listed_at) as listed_at
    from figures
    group by grouping sets ((registry_id, region, repository), ())
    having count(*) > 0
),
asked as (
    select concat_ws(
        ', ',
        case when $untagged then 'untagged images' else 'images with or without a tag' end,
        case when $repository <> '*' then 'in ' || $repository end,
        'without the tags ' || $keep_tags,
        case when $keep_newest > 0 then 'without the newest ' || $keep_newest || ' of each repository' end,
        'pushed before ' || strftime(timezone('UTC', $pushed_before::timestamptz), '%Y-%m-%d %H:%M UTC'),
        'neither pulled nor pushed since ' || strftime(timezone('UTC', $not_pulled_since::timestamptz), '%Y-%m-%d %H:%M UTC'),
        case when not $with_referrers then 'referrers left behind' end
    ) as deletes
)
select
    registry_id,
    region,
    repository,
    asked.deletes,
    images::bigint as images,
    manifests::bigint as manifests,
    referrers::bigint as referrers,
    capped(coalesce(logical_bytes, 0)) as logical_bytes,
    capped(coalesce(reclaimable_bytes, 0)) as reclaimable_bytes,
    capped(coalesce(mounted_bytes, 0)) as reclaimable_bytes_mounted,
    images_unknown::bigint as images_unknown,
    coalesce(blobs_unknown_size, 0)::bigint as blobs_unknown_size,
    pulls_in_doubt::bigint as pulls_in_doubt,
    images_kept::bigint as images_kept,
    kept_unknown::bigint as kept_unknown,
    pool_unknown::bigint as pool_unknown,
    listed_at
from summed
cross join asked
order by repository is not null, reclaimable_bytes desc, registry_id, region, repository
