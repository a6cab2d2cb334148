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
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        row_number() over (order by registry_id, region, repository) as repository_number,
        dense_rank() over (
            order by registry_id, region, case when $by_repository then repository end
        ) as scope_number
    from (select distinct registry_id, region, repository from repository_history)
    where repository glob $repository
),
-- An image is listed night after night: from here on it is one row in each repository.
first_pushes as (
    select
        places.repository_number,
        any_value(places.scope_number) as scope_number,
        image_history.manifest_digest,
        min(image_history.pushed_at) as pushed_at
    from image_history
    inner join places using (registry_id, region, repository)
    where image_history.pushed_at is not null
    group by places.repository_number, image_history.manifest_digest
),
pushed_images as materialized (
    select
        scope_number,
        manifest_digest,
        time_bucket(to_days($days::integer), pushed_at at time zone 'UTC')::date as period
    from first_pushes
),
known_manifests as (
    select manifest_digest
    from all_manifests
    where kind <> 'unknown'
),
-- The scope and the first day there in one number. A second one counts the days from the other end, so that the largest
-- of it is the first day of the last scope.
held_manifests as materialized (
    select
        manifest_digest,
        min(scope_number << 32 | (period - date '1970-01-01' + 2147483648)) as push,
        xor(push, 4294967295) as mirrored_push
    from (
        from pushed_images
        union all
        select pushed_images.scope_number, index_contents.manifest_digest, pushed_images.period
        from pushed_images
        inner join index_contents on index_contents.index_digest = pushed_images.manifest_digest
    )
    group by scope_number, manifest_digest
),
-- Most blobs were pushed to one scope, and what a second one has too was first pushed there on its first day: only what
-- three scopes have is to be looked at again.
pushed_blobs as (
    select
        min(held_manifests.push) as first_push,
        xor(max(held_manifests.mirrored_push), 4294967295) as last_push,
        blob_digest,
        max(mentions.size) as size
    from all_blob_references as mentions
    inner join held_manifests using (manifest_digest)
    group by blob_digest
    having bool_or(mentions.is_stored)
),
sorted_pushes as (
    select
        case when not is_between then first_push end as first_push,
        case when not is_between and is_shared then last_push end as last_push,
        case when is_between then blob_digest end as shared_digest,
        size
    from (
        select
            *,
            first_push >> 32 < last_push >> 32 as is_shared,
            is_shared and (select max(scope_number) from places) > 2 as is_between
        from pushed_blobs
    )
),
push_figures as materialized (
    select
        first_push,
        last_push,
        shared_digest,
        count(*) as new_blobs,
        sum(size) as new_bytes,
        count(*) filter (where size is null) as blobs_unknown_size
    from sorted_pushes
    group by first_push, last_push, shared_digest
),
shared_digests as materialized (
    select shared_digest, row_number() over () as blob_number, new_bytes as size
    from push_figures
    where shared_digest is not null
),
shared_mentions as (
    select
        -- Of both: so that these are joined before the manifests are. DuckDB has guessed another order, with all mentions in
        -- memory.
        case when shared_digests.blob_number > 0 then mentions.manifest_digest end as manifest_digest,
        shared_digests.blob_number,
        shared_digests.size
    from all_blob_references as mentions
    inner join shared_digests on shared_digests.shared_digest = mentions.blob_digest
),
shared_blobs as (
    select min(held_manifests.push) as push, any_value(shared_mentions.size) as size
    from shared_mentions
    inner join held_manifests using (manifest_digest)
    group by held_manifests.push >> 32, shared_mentions.blob_number
),
new_blobs as (
    select
        push >> 32 as scope_number,
        date '1970-01-01' + ((push & 4294967295) - 2147483648)::integer as period,
        sum(new_blobs) as new_blobs,
        sum(new_bytes) as new_bytes,
        sum(blobs_unknown_size) as blobs_unknown_size
    from (
        select first_push as push, new_blobs, new_bytes, blobs_unknown_size
        from push_figures
        where first_push is not null
        union all
        select last_push as push, new_blobs, new_bytes, blobs_unknown_size
        from push_figures
        where last_push is not null
        union all
        select push, count(*), sum(size), count(*) filter (where size is null)
        from shared_blobs
        group by push
    )
    group by push
),
image_figures as (
    select
        pushed_images.scope_number,
        pushed_images.period,
        count(*) as images,
        count(*) filter (where known_manifests.manifest_digest is null) as images_unknown
    from pushed_images
    left join known_manifests using (manifest_digest)
    group by pushed_images.scope_number, pushed_images.period
),
shown_scopes as (
    select distinct
        scope_number,
        case when $by_repository then registry_id end as registry_id,
        case when $by_repository then region end as region,
        case when $by_repository then repository end as repository
    from places
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
