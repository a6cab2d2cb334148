-- question: How many bytes does each repository hold, and how many of them only it?
-- caveat: Bytes are compressed, of layers and configs; foreign (nondistributable) layers are left out, foreign_bytes says how many bytes these claim. What is foreign in one manifest and not in another counts as stored, in every repository that has it. A blob whose manifests disagree on its size counts with the largest.
-- caveat: logical_bytes adds up the distinct blobs of each manifest, children of indexes included; unique_bytes counts each blob once; dedup_ratio is logical over unique. config_bytes is the part of unique_bytes in configs that are no layers.
-- caveat: exclusive_bytes are the blobs that no other repository of the same account and region holds, shared_bytes the rest of unique_bytes. Shared bytes must not be added up over repositories.
-- caveat: Left out because unknown: images_unknown (archived, not fetched or not readable), children_unknown (listed by an index, but not in the store), blobs_unknown_size (Docker schema 1). A repository that was never listed whole has NULL throughout.
-- caveat: unknown_elsewhere counts the images of unknown contents, and the repositories never listed, in the rest of the account and region: where it is not 0, they may hold the same blobs, and exclusive_bytes is an upper bound.
-- caveat: listed_at is when the run started that last listed the repository whole, UTC; where is_stale, a newer run over its region could not, or config.yaml no longer covers it.
-- parameter: repository glob = * : repositories to show; all of them count for exclusive and shared bytes
-- parameter: limit count = null : rows at most
-- empty: No repository matches, or the store holds none yet; indexer run fills it.
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        listed_run_id,
        listed_at,
        dense_rank() over (order by registry_id, region) as registry_number,
        row_number() over (order by registry_id, region, repository) as repository_number
    from repositories
),
held_manifests as (
    select
        places.repository_number,
        repository_manifests.is_listed,
        repository_manifests.is_known
    from repository_manifests
    inner join places using (registry_id, region, repository)
),
held_blobs as materialized (
    select places.registry_number, places.repository_number, blobs_by_repository.*
    from blobs_by_repository
    inner join places using (registry_id, region, repository)
),
blob_holders as (
    select registry_number, blob_number, count(*) as repositories
    from held_blobs
    where blob_number is not null
    group by registry_number, blob_number
),
blob_figures as (
    select
        held_blobs.repository_number,
        sum(held_blobs.logical_bytes) as logical_bytes,
        sum(held_blobs.unique_bytes) as unique_bytes,
        sum(held_blobs.unique_bytes) filter (where coalesce(blob_holders.repositories, 1) = 1) as exclusive_bytes,
        sum(held_blobs.config_bytes) as config_bytes,
        sum(held_blobs.foreign_bytes) as foreign_bytes,
        sum(held_blobs.blobs_unknown_size)::bigint as blobs_unknown_size
    from held_blobs
    left join blob_holders using (registry_number, blob_number)
    group by held_blobs.repository_number
),
image_figures as (
    select
        repository_number,
        count(*) filter (where is_listed) as images,
        count(*) filter (where is_known) as manifests,
        count(*) filter (where is_listed and not is_known) as images_unknown,
        count(*) filter (where not is_listed and not is_known) as children_unknown
    from held_manifests
    group by repository_number
),
doubts as (
    select
        repository_number,
        coalesce(images_unknown, 0) + (listed_run_id is null)::integer as unknown_here,
        sum(unknown_here) over (partition by registry_number) - unknown_here as unknown_elsewhere
    from places
    left join image_figures using (repository_number)
),
figures as (
    select
        repository_number,
        coalesce(images, 0) as images,
        coalesce(manifests, 0) as manifests,
        capped(coalesce(logical_bytes, 0)) as logical_bytes,
        capped(coalesce(unique_bytes, 0)) as unique_bytes,
        capped(coalesce(exclusive_bytes, 0)) as exclusive_bytes,
        capped(coalesce(unique_bytes - coalesce(exclusive_bytes, 0), 0)) as shared_bytes,
        round(logical_bytes / nullif(unique_bytes, 0), 2) as dedup_ratio,
        capped(coalesce(config_bytes, 0)) as config_bytes,
        capped(coalesce(foreign_bytes, 0)) as foreign_bytes,
        coalesce(images_unknown, 0) as images_unknown,
        coalesce(children_unknown, 0) as children_unknown,
        coalesce(blobs_unknown_size, 0) as blobs_unknown_size,
        unknown_elsewhere::bigint as unknown_elsewhere
    from places
    inner join doubts using (repository_number)
    left join image_figures using (repository_number)
    left join blob_figures using (repository_number)
    where listed_run_id is not null
)
select
    registry_id,
    region,
    repository,
    figures.images,
    figures.manifests,
    figures.logical_bytes,
    figures.unique_bytes,
    figures.exclusive_bytes,
    figures.shared_bytes,
    figures.dedup_ratio,
    figures.config_bytes,
    figures.foreign_bytes,
    figures.images_unknown,
    figures.children_unknown,
    figures.blobs_unknown_size,
    figures.unknown_elsewhere,
    places.listed_at,
    stale_repositories.repository is not null as is_stale
from places
left join figures using (repository_number)
left join stale_repositories using (registry_id, region, repository)
where repository glob $repository
order by figures.unique_bytes desc nulls last, registry_id, region, repository
limit $limit
