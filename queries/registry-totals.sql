-- question: How many bytes are in each registry, and how much do shared layers save?
-- caveat: One row per account and region, and one row for all of them together, whose registry_id and region are NULL. Registries share no storage, so its figures are the sums of theirs.
-- caveat: Bytes are compressed, of layers and configs; foreign (nondistributable) layers are left out, as ECR does not store them. A blob whose manifests disagree on its size counts with the largest.
-- caveat: images are pairs of repository and digest; manifests are distinct digests, children of indexes included. logical_bytes adds up the distinct blobs of each manifest, unique_bytes counts each blob once per registry, dedup_ratio is logical over unique.
-- caveat: What is stored lies between stored_bytes_low (each blob once per registry and encryption key, if blob mounting is on everywhere) and stored_bytes_high (once per repository, the same as per_repository_unique_bytes). Pull-through caches, which cannot share, are not told apart.
-- caveat: listed_layer_bytes adds up every layer of every manifest, repeated and foreign ones each time, as tools do that know nothing of sharing; manifests with a layer of unknown size are left out of it.
-- caveat: Left out because unknown: images_unknown (archived, not fetched or not readable), children_unknown (listed by an index, but not in the store), blobs_unknown_size (Docker schema 1), repositories_unknown (never listed whole).
-- empty: The store holds no repository yet; indexer run fills it.
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        listed_run_id,
        dense_rank() over (order by registry_id, region) as registry_number,
        -- within these, blob mounting can share
        dense_rank() over (order by registry_id, region, encryption_type, kms_key) as pool_number,
        row_number() over (order by registry_id, region, repository) as repository_number
    from repositories
),
held_manifests as materialized (
    select
        places.registry_number,
        places.pool_number,
        places.repository_number,
        repository_manifests.manifest_digest,
        repository_manifests.is_listed,
        repository_manifests.is_known
    from repository_manifests
    inner join places using (registry_id, region, repository)
),
-- Numbers in place of digests: what follows compares ten times as many of them.
numbered_manifests as materialized (
    select manifest_digest, layer_bytes, row_number() over () as manifest_number
    from manifests
    where manifest_digest in (select manifest_digest from held_manifests where is_known)
),
numbered_blobs as materialized (
    select blob_digest, size, row_number() over () as blob_number
    from blobs
    where is_stored
),
manifest_blob_numbers as materialized (
    select numbered_manifests.manifest_number, numbered_blobs.blob_number
    from manifest_blobs
    inner join numbered_manifests using (manifest_digest)
    inner join numbered_blobs using (blob_digest)
),
known_manifests as materialized (
    select
        held_manifests.registry_number,
        held_manifests.pool_number,
        held_manifests.repository_number,
        numbered_manifests.manifest_number,
        numbered_manifests.layer_bytes
    from held_manifests
    inner join numbered_manifests using (manifest_digest)
),
manifest_bytes as (
    select manifest_number, sum(size) as bytes
    from manifest_blob_numbers
    inner join numbered_blobs using (blob_number)
    group by manifest_number
),
registry_manifests as (
    select distinct registry_number, manifest_number, layer_bytes
    from known_manifests
),
logical_figures as (
    select
        registry_manifests.registry_number,
        count(*) as manifests,
        sum(manifest_bytes.bytes) as logical_bytes,
        sum(registry_manifests.layer_bytes) as listed_layer_bytes
    from registry_manifests
    left join manifest_bytes using (manifest_number)
    group by registry_manifests.registry_number
),
repository_blobs as (
    select distinct
        known_manifests.registry_number,
        known_manifests.pool_number,
        known_manifests.repository_number,
        manifest_blob_numbers.blob_number
    from known_manifests
    inner join manifest_blob_numbers using (manifest_number)
),
pool_blobs as (
    select registry_number, pool_number, blob_number, count(*) as repositories
    from repository_blobs
    group by registry_number, pool_number, blob_number
),
registry_blobs as (
    select registry_number, blob_number, count(*) as pools, sum(repositories) as repositories
    from pool_blobs
    group by registry_number, blob_number
),
unique_figures as (
    select
        registry_number,
        sum(size) as unique_bytes,
        sum(size * pools) as stored_bytes_low,
        sum(size * repositories) as stored_bytes_high,
        count(*) filter (where size is null) as blobs_unknown_size
    from registry_blobs
    inner join numbered_blobs using (blob_number)
    group by registry_number
),
image_figures as (
    select
        registry_number,
        count(*) filter (where is_listed) as images,
        count(*) filter (where is_listed and not is_known) as images_unknown,
        count(distinct manifest_digest) filter (where not is_listed and not is_known) as children_unknown
    from held_manifests
    group by registry_number
),
registries as (
    select
        registry_id,
        region,
        registry_number,
        count(*) as repositories,
        count(*) filter (where listed_run_id is null) as repositories_unknown
    from places
    group by registry_id, region, registry_number
),
figures as (
    select *
    from registries
    left join image_figures using (registry_number)
    left join logical_figures using (registry_number)
    left join unique_figures using (registry_number)
)
select
    registry_id,
    region,
    sum(repositories)::bigint as repositories,
    coalesce(sum(images), 0)::bigint as images,
    coalesce(sum(manifests), 0)::bigint as manifests,
    coalesce(sum(logical_bytes), 0)::bigint as logical_bytes,
    coalesce(sum(unique_bytes), 0)::bigint as unique_bytes,
    coalesce(sum(stored_bytes_high), 0)::bigint as per_repository_unique_bytes,
    coalesce(sum(stored_bytes_low), 0)::bigint as stored_bytes_low,
    coalesce(sum(stored_bytes_high), 0)::bigint as stored_bytes_high,
    round(sum(logical_bytes) / nullif(sum(unique_bytes), 0), 2) as dedup_ratio,
    coalesce(sum(listed_layer_bytes), 0)::bigint as listed_layer_bytes,
    coalesce(sum(images_unknown), 0)::bigint as images_unknown,
    coalesce(sum(children_unknown), 0)::bigint as children_unknown,
    coalesce(sum(blobs_unknown_size), 0)::bigint as blobs_unknown_size,
    sum(repositories_unknown)::bigint as repositories_unknown
from figures
group by grouping sets ((registry_id, region), ())
having count(*) > 0
order by registry_id nulls last, region nulls last
