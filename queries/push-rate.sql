-- question: How much is pushed, day by day?
-- caveat: An image counts once in each repository, on the day of its first push that any run saw; images that came and went between two runs, or before the first, cannot show. So the older the days, the more is missing where images are deleted in time. Images without a push time are left out.
-- caveat: new_bytes are the layers and configs (compressed, without foreign layers) of the day's images that no image pushed before had in the same account and region, or with by_repository in the same repository. A layer that reached ECR with an index child that no repository lists counts on the day of the index.
-- caveat: Left out of new_bytes because unknown: images_unknown (archived, not fetched or not readable) and blobs_unknown_size (Docker schema 1).
-- caveat: period is the first day (UTC); with days = 7, weeks begin on Monday. Periods without a push have no row.
-- parameter: days count = 1 : days of a period
-- parameter: by_repository boolean = false : a row for each repository and period
-- parameter: repository glob = * : repositories to count
-- parameter: since date = null : first day to show; new_bytes stays what it is
-- single: The store has a single run: pushes of images that were deleted before it cannot show, those of later runs will.
-- total: registry_id, region, repository
-- empty: No image that matches has been pushed in that time, as far as the runs in the store saw.
with recursive
pushed_images as materialized (
    select
        registry_id,
        region,
        repository,
        dense_rank() over (
            order by registry_id, region, case when $by_repository then repository end
        ) as scope_number,
        manifest_digest,
        min(pushed_at) as pushed_at
    from image_history
    where repository glob $repository and pushed_at is not null
    group by registry_id, region, repository, manifest_digest
),
index_contents as (
    select entries.index_digest, entries.manifest_digest
    from all_index_entries as entries
    semi join pushed_images on pushed_images.manifest_digest = entries.index_digest
    union -- not union all: indexes that name each other must end
    select index_contents.index_digest, entries.manifest_digest
    from index_contents
    inner join all_index_entries as entries on entries.index_digest = index_contents.manifest_digest
),
known_manifests as materialized (
    select manifest_digest
    from all_manifests
    where kind <> 'unknown'
),
held_manifests as materialized (
    select scope_number, manifest_digest, min(pushed_at) as pushed_at
    from (
        select scope_number, manifest_digest, pushed_at
        from pushed_images
        union all
        select pushed_images.scope_number, index_contents.manifest_digest, pushed_images.pushed_at
        from pushed_images
        inner join index_contents on index_contents.index_digest = pushed_images.manifest_digest
    )
    semi join known_manifests using (manifest_digest)
    group by scope_number, manifest_digest
),
scope_blobs as materialized (
    select
        held_manifests.scope_number,
        all_blob_references.blob_digest,
        time_bucket(to_days($days::integer), min(held_manifests.pushed_at) at time zone 'UTC')::date as period,
        max(all_blob_references.size) as size,
        bool_or(all_blob_references.is_stored) as is_stored
    from all_blob_references
    inner join held_manifests using (manifest_digest)
    group by held_manifests.scope_number, all_blob_references.blob_digest
),
blobs_by_digest as (
    select blob_digest, max(size) as size
    from scope_blobs
    group by blob_digest
    having bool_or(is_stored)
),
new_blobs as (
    select
        scope_blobs.scope_number,
        scope_blobs.period,
        count(*) as new_blobs,
        sum(blobs_by_digest.size) as new_bytes,
        count(*) filter (where blobs_by_digest.size is null) as blobs_unknown_size
    from scope_blobs
    inner join blobs_by_digest using (blob_digest)
    group by scope_blobs.scope_number, scope_blobs.period
),
image_figures as (
    select
        pushed_images.scope_number,
        time_bucket(to_days($days::integer), pushed_images.pushed_at at time zone 'UTC')::date as period,
        count(*) as images,
        count(*) filter (where known_manifests.manifest_digest is null) as images_unknown
    from pushed_images
    left join known_manifests using (manifest_digest)
    group by pushed_images.scope_number, period
),
shown_scopes as (
    select distinct
        scope_number,
        case when $by_repository then registry_id end as registry_id,
        case when $by_repository then region end as region,
        case when $by_repository then repository end as repository
    from pushed_images
)
select
    image_figures.period,
    shown_scopes.registry_id,
    shown_scopes.region,
    shown_scopes.repository,
    sum(image_figures.images)::bigint as images,
    coalesce(sum(new_blobs.new_blobs), 0)::bigint as new_blobs,
    capped(coalesce(sum(new_blobs.new_bytes), 0)) as new_bytes,
    sum(image_figures.images_unknown)::bigint as images_unknown,
    coalesce(sum(new_blobs.blobs_unknown_size), 0)::bigint as blobs_unknown_size
from image_figures
inner join shown_scopes using (scope_number)
left join new_blobs using (scope_number, period)
where coalesce(image_figures.period >= $since::date, true)
group by image_figures.period, shown_scopes.registry_id, shown_scopes.region, shown_scopes.repository
order by shown_scopes.registry_id, shown_scopes.region, shown_scopes.repository, image_figures.period
