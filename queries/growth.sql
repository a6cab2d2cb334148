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
with
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
known_manifests as (
    select manifest_digest
    from all_manifests
    where kind <> 'unknown'
),
-- What is not known has no layers and no config: it need not be left out here.
held_manifests as materialized (
    select scope_number, manifest_digest, bit_or(mask) as mask
    from (
        select scope_number, manifest_digest, mask
        from listed_images
        union all
        select listed_images.scope_number, index_contents.manifest_digest, listed_images.mask
        from listed_images
        inner join index_contents on index_contents.index_digest = listed_images.manifest_digest
    )
    group by scope_number, manifest_digest
),
-- Numbers in place of masks, which are long where there are many points.
presences as materialized (
    select scope_number, mask, row_number() over () as presence
    from (select distinct scope_number, mask from held_manifests)
),
manifest_presences as materialized (
    select held_manifests.manifest_digest, presences.presence
    from held_manifests
    inner join presences using (scope_number, mask)
),
-- Most blobs are in manifests that were there at the same points: of these only the sums are of interest.
found_blobs as (
    select
        case when min(manifest_presences.presence) = max(manifest_presences.presence)
            then min(manifest_presences.presence)
        end as presence,
        case when min(manifest_presences.presence) < max(manifest_presences.presence) then blob_digest end as mixed_digest,
        count(*) filter (where not mentions.is_repeat) as manifests,
        max(mentions.size) as size
    from all_blob_references as mentions
    inner join manifest_presences using (manifest_digest)
    group by blob_digest
    having bool_or(mentions.is_stored)
),
found_bytes as materialized (
    select
        presence,
        mixed_digest,
        max(size) as largest_size,
        sum(size::hugeint * manifests) as logical_bytes,
        sum(size) as unique_bytes,
        count(*) filter (where size is null) as blobs_unknown_size
    from found_blobs
    group by presence, mixed_digest
),
mixed_digests as materialized (
    select mixed_digest, row_number() over () as blob_number, largest_size as size
    from found_bytes
    where mixed_digest is not null
),
mixed_mentions as (
    select
        -- Of both: so that these are joined before the manifests are. DuckDB has guessed another order, with all mentions in
        -- memory.
        case when mixed_digests.blob_number > 0 then mentions.manifest_digest end as manifest_digest,
        mentions.is_repeat,
        mixed_digests.blob_number,
        mixed_digests.size
    from all_blob_references as mentions
    inner join mixed_digests on mixed_digests.mixed_digest = mentions.blob_digest
),
mixed_blobs as materialized (
    select
        manifest_presences.presence,
        mixed_mentions.blob_number,
        any_value(mixed_mentions.size) as size,
        count(*) filter (where not mixed_mentions.is_repeat) as manifests
    from mixed_mentions
    inner join manifest_presences using (manifest_digest)
    group by manifest_presences.presence, mixed_mentions.blob_number
),
mixed_masks as (
    select presences.scope_number, bit_or(presences.mask) as mask, any_value(mixed_blobs.size) as size
    from mixed_blobs
    inner join presences using (presence)
    group by presences.scope_number, mixed_blobs.blob_number
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
    select
        presences.scope_number,
        presences.mask,
        0,
        0,
        0,
        found_bytes.logical_bytes,
        found_bytes.unique_bytes,
        found_bytes.blobs_unknown_size
    from found_bytes
    inner join presences using (presence)
    union all
    select presences.scope_number, presences.mask, 0, 0, 0, sum(mixed_blobs.size::hugeint * mixed_blobs.manifests), 0, 0
    from mixed_blobs
    inner join presences using (presence)
    group by presences.scope_number, presences.mask
    union all
    select scope_number, mask, 0, 0, 0, 0, sum(size), count(*) filter (where size is null)
    from mixed_masks
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
where
    (figures.point is not null or not $by_repository)
    -- Not exists: DuckDB 2.0 can wait forever for the rest of rows that others read too.
    and (select count(*) from listings) > 0
order by figures.registry_id, figures.region, figures.repository, points.point
