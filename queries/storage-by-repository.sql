-- question: How many bytes does each repository hold, and how many of them only it?
-- caveat: Bytes are compressed, of layers and configs; foreign (nondistributable) layers are left out, foreign_bytes says how many bytes these claim. A blob whose manifests disagree on its size counts with the largest.
-- caveat: logical_bytes adds up the distinct blobs of each manifest, children of indexes included; unique_bytes counts each blob once; dedup_ratio is logical over unique. config_bytes is the part of unique_bytes in configs that are no layers.
-- caveat: exclusive_bytes are the blobs that no other repository of the same account and region holds, shared_bytes the rest of unique_bytes. Shared bytes must not be added up over repositories.
-- caveat: Left out because unknown: images_unknown (archived, not fetched or not readable), children_unknown (listed by an index, but not in the store), blobs_unknown_size (Docker schema 1). A repository that was never listed whole has NULL throughout.
-- parameter: repository glob = * : repositories to show; all of them count for exclusive and shared bytes
-- parameter: limit integer = null : rows at most
-- empty: No repository matches, or the store holds none yet; indexer run fills it.
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        listed_run_id,
        dense_rank() over (order by registry_id, region) as registry_number,
        row_number() over (order by registry_id, region, repository) as repository_number
    from repositories
),
held_manifests as materialized (
    select
        places.repository_number,
        repository_manifests.manifest_digest,
        repository_manifests.is_listed,
        repository_manifests.is_known
    from repository_manifests
    inner join places using (registry_id, region, repository)
),
repository_blobs as materialized (
    select
        held_manifests.repository_number,
        all_blob_references.blob_digest,
        count(*) filter (where not all_blob_references.is_repeat) as manifests,
        max(all_blob_references.size) as size,
        bool_or(all_blob_references.is_stored) as is_stored,
        bool_or(all_blob_references.is_layer) as is_layer
    from all_blob_references
    inner join held_manifests using (manifest_digest)
    where held_manifests.is_known
    group by held_manifests.repository_number, all_blob_references.blob_digest
),
-- Numbers in place of digests, from here on.
numbered_blobs as materialized (
    select
        blob_digest,
        max(size) as size,
        bool_or(is_stored) as is_stored,
        bool_or(is_layer) as is_layer,
        row_number() over () as blob_number
    from repository_blobs
    group by blob_digest
),
repository_blob_numbers as materialized (
    select
        places.registry_number,
        places.repository_number,
        repository_blobs.manifests,
        numbered_blobs.blob_number,
        numbered_blobs.size,
        numbered_blobs.is_stored,
        numbered_blobs.is_layer
    from repository_blobs
    inner join numbered_blobs using (blob_digest)
    inner join places using (repository_number)
),
blob_holders as (
    select registry_number, blob_number, count(*) as repositories
    from repository_blob_numbers
    group by registry_number, blob_number
),
blob_figures as (
    select
        repository_number,
        sum(size * manifests) filter (where is_stored) as logical_bytes,
        sum(size) filter (where is_stored) as unique_bytes,
        sum(size) filter (where is_stored and repositories = 1) as exclusive_bytes,
        sum(size) filter (where is_stored and not is_layer) as config_bytes,
        sum(size) filter (where not is_stored) as foreign_bytes,
        count(*) filter (where is_stored and size is null) as blobs_unknown_size
    from repository_blob_numbers
    inner join blob_holders using (registry_number, blob_number)
    group by repository_number
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
figures as (
    select
        registry_id,
        region,
        repository,
        coalesce(images, 0) as images,
        coalesce(manifests, 0) as manifests,
        coalesce(logical_bytes, 0) as logical_bytes,
        coalesce(unique_bytes, 0) as unique_bytes,
        coalesce(exclusive_bytes, 0) as exclusive_bytes,
        coalesce(config_bytes, 0) as config_bytes,
        coalesce(foreign_bytes, 0) as foreign_bytes,
        coalesce(images_unknown, 0) as images_unknown,
        coalesce(children_unknown, 0) as children_unknown,
        coalesce(blobs_unknown_size, 0) as blobs_unknown_size
    from places
    left join image_figures using (repository_number)
    left join blob_figures using (repository_number)
    where listed_run_id is not null
)
select
    registry_id,
    region,
    repository,
    images,
    manifests,
    logical_bytes::bigint as logical_bytes,
    unique_bytes::bigint as unique_bytes,
    exclusive_bytes::bigint as exclusive_bytes,
    (unique_bytes - exclusive_bytes)::bigint as shared_bytes,
    round(logical_bytes / nullif(unique_bytes, 0), 2) as dedup_ratio,
    config_bytes::bigint as config_bytes,
    foreign_bytes::bigint as foreign_bytes,
    images_unknown,
    children_unknown,
    blobs_unknown_size
from places
left join figures using (registry_id, region, repository)
where repository glob $repository
order by unique_bytes desc nulls last, registry_id, region, repository
limit $limit
