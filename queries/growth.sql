-- question: How do images and bytes grow, from run to run or from day to day?
-- caveat: A row for each run, or with per_day for the last run of each day (UTC). It shows what each repository held then: its newest whole listing up to that run. A repository that could not be listed keeps its last good listing; one that was deleted counts no longer.
-- caveat: Without by_repository, registry_id, region and repository are NULL, and the figures are of all repositories that match: unique_bytes counts each blob once per account and region. With by_repository, each blob once per repository; these must not be added up.
-- caveat: Bytes are compressed, of layers and configs; foreign (nondistributable) layers are left out, as ECR does not store them. logical_bytes adds up the distinct blobs of each manifest, children of indexes included; unique_bytes_change is the difference to the row before.
-- caveat: A repository that the job first listed later appears with all that it holds: repositories says how many are counted.
-- caveat: Left out because unknown to this day: images_unknown (archived, not fetched or not readable) and blobs_unknown_size (Docker schema 1).
-- parameter: per_day boolean = false : one row a day, of its last run, in place of one a run
-- parameter: by_repository boolean = false : a row for each repository
-- parameter: repository glob = * : repositories to count
-- single: The store has a single run, so this is where growth begins: changes show from the second indexer run on.
-- total: registry_id, region, repository
-- empty: No run is committed, or no repository that matches was ever listed whole.
with recursive
points as materialized (
    select run_id, started_at, row_number() over (order by run_id) as point
    from (
        select run_id, started_at, row_number() over (
            partition by case when $per_day then (started_at at time zone 'UTC')::date::varchar else run_id end
            order by run_id desc
        ) as from_last
        from runs
    )
    where from_last = 1
),
listings as materialized (
    select
        registry_id,
        region,
        repository,
        run_id,
        dense_rank() over (order by registry_id, region, repository) as repository_number,
        dense_rank() over (
            order by registry_id, region, case when $by_repository then repository end
        ) as scope_number,
        (select min(point) from points where points.run_id >= listing_spans.run_id) as first_point,
        coalesce(
            (select min(point) from points where points.run_id >= listing_spans.until_run_id) - 1,
            (select count(*) from points)
        ) as last_point
    from listing_spans
    where repository glob $repository
),
-- One bit for each point: with bit_or, many manifests' times of presence become the one of a blob.
listing_masks as materialized (
    select
        *,
        (
            repeat('0', first_point - 1)
            || repeat('1', last_point - first_point + 1)
            || repeat('0', (select count(*) from points) - last_point)
        )::bit as mask
    from listings
    where first_point <= last_point
),
-- An image is listed night after night: from here on it is one row in each repository.
listed_images as materialized (
    select
        listing_masks.repository_number,
        any_value(listing_masks.scope_number) as scope_number,
        image_history.manifest_digest,
        bit_or(listing_masks.mask) as mask
    from image_history
    inner join listing_masks using (registry_id, region, repository, run_id)
    group by listing_masks.repository_number, image_history.manifest_digest
),
known_manifests as materialized (
    select manifest_digest
    from all_manifests
    where kind <> 'unknown'
),
index_contents as (
    select entries.index_digest, entries.manifest_digest
    from all_index_entries as entries
    semi join listed_images on listed_images.manifest_digest = entries.index_digest
    union -- not union all: indexes that name each other must end
    select index_contents.index_digest, entries.manifest_digest
    from index_contents
    inner join all_index_entries as entries on entries.index_digest = index_contents.manifest_digest
),
held_images as materialized (
    select scope_number, manifest_digest, bit_or(mask) as mask
    from listed_images
    group by scope_number, manifest_digest
),
held_manifests as materialized (
    select scope_number, manifest_digest, bit_or(mask) as mask
    from (
        select scope_number, manifest_digest, mask
        from held_images
        union all
        select held_images.scope_number, index_contents.manifest_digest, held_images.mask
        from held_images
        inner join index_contents on index_contents.index_digest = held_images.manifest_digest
    )
    semi join known_manifests using (manifest_digest)
    group by scope_number, manifest_digest
),
masks as materialized (
    select mask, row_number() over () as mask_number
    from (select distinct mask from held_manifests)
),
manifest_masks as materialized (
    select held_manifests.scope_number, held_manifests.manifest_digest, masks.mask_number
    from held_manifests
    inner join masks using (mask)
),
scope_blobs as materialized (
    select
        manifest_masks.scope_number,
        manifest_masks.mask_number,
        all_blob_references.blob_digest,
        count(*) filter (where not all_blob_references.is_repeat) as manifests,
        max(all_blob_references.size) as size,
        bool_or(all_blob_references.is_stored) as is_stored
    from all_blob_references
    inner join manifest_masks using (manifest_digest)
    group by manifest_masks.scope_number, manifest_masks.mask_number, all_blob_references.blob_digest
),
-- Numbers in place of digests, once each blob has few rows.
numbered_blobs as materialized (
    select blob_digest, max(size) as size, row_number() over () as blob_number
    from scope_blobs
    group by blob_digest
    having bool_or(is_stored)
),
sized_blobs as materialized (
    select
        scope_blobs.scope_number,
        scope_blobs.mask_number,
        numbered_blobs.blob_number,
        scope_blobs.manifests,
        numbered_blobs.size
    from scope_blobs
    inner join numbered_blobs using (blob_digest)
),
blob_masks as (
    select sized_blobs.scope_number, bit_or(masks.mask) as mask, max(sized_blobs.size) as size
    from sized_blobs
    inner join masks using (mask_number)
    group by sized_blobs.scope_number, sized_blobs.blob_number
),
-- What is to be added up at every point whose bit is set.
amounts as (
    select
        scope_number,
        mask,
        count(*) as repositories,
        0::bigint as images,
        0::bigint as images_unknown,
        0::hugeint as logical_bytes,
        0::hugeint as unique_bytes,
        0::bigint as blobs_unknown_size
    from listing_masks
    group by scope_number, mask
    union all
    select scope_number, mask, 0, count(*), count(*) filter (where known_manifests.manifest_digest is null), 0, 0, 0
    from listed_images
    left join known_manifests using (manifest_digest)
    group by scope_number, mask
    union all
    select sized_blobs.scope_number, masks.mask, 0, 0, 0, sum(sized_blobs.size::hugeint * sized_blobs.manifests), 0, 0
    from sized_blobs
    inner join masks using (mask_number)
    group by sized_blobs.scope_number, masks.mask
    union all
    select scope_number, mask, 0, 0, 0, 0, sum(size), count(*) filter (where size is null)
    from blob_masks
    group by scope_number, mask
),
shown_scopes as (
    select distinct
        scope_number,
        case when $by_repository then registry_id end as registry_id,
        case when $by_repository then region end as region,
        case when $by_repository then repository end as repository
    from listings
),
figures as (
    select
        points.point,
        shown_scopes.registry_id,
        shown_scopes.region,
        shown_scopes.repository,
        sum(amounts.repositories)::bigint as repositories,
        sum(amounts.images)::bigint as images,
        capped(sum(amounts.logical_bytes)) as logical_bytes,
        capped(sum(amounts.unique_bytes)) as unique_bytes,
        sum(amounts.images_unknown)::bigint as images_unknown,
        sum(amounts.blobs_unknown_size)::bigint as blobs_unknown_size
    from amounts
    inner join points on get_bit(amounts.mask, (points.point - 1)::integer) = 1
    inner join shown_scopes using (scope_number)
    group by points.point, shown_scopes.registry_id, shown_scopes.region, shown_scopes.repository
)
select
    (points.started_at at time zone 'UTC')::date as day,
    points.started_at as run_started_at,
    points.run_id,
    figures.registry_id,
    figures.region,
    figures.repository,
    coalesce(figures.repositories, 0) as repositories,
    coalesce(figures.images, 0) as images,
    coalesce(figures.logical_bytes, 0) as logical_bytes,
    coalesce(figures.unique_bytes, 0) as unique_bytes,
    coalesce(figures.unique_bytes, 0) - lag(coalesce(figures.unique_bytes, 0)) over (
        partition by figures.registry_id, figures.region, figures.repository
        order by points.point
    ) as unique_bytes_change,
    coalesce(figures.images_unknown, 0) as images_unknown,
    coalesce(figures.blobs_unknown_size, 0) as blobs_unknown_size
from points
left join figures using (point)
where (figures.point is not null or not $by_repository) and exists (from listings)
order by figures.registry_id, figures.region, figures.repository, points.point
