-- What a repository holds: images, and the bytes of their blobs; see storage-by-repository for the words.
with recursive
listed_images as materialized (
    select *
    from images
    where registry_id = $registry_id and region = $region and repository = $repository
),
held_digests as materialized (
    select manifest_digest
    from listed_images
    union -- not union all: indexes that name each other must end
    select all_index_entries.manifest_digest
    from held_digests
    inner join all_index_entries on all_index_entries.index_digest = held_digests.manifest_digest
),
held_manifests as materialized (
    select manifest_digest
    from all_manifests
    semi join held_digests using (manifest_digest)
    where kind <> 'unknown'
),
held_references as (
    select manifest_digest, layer_digest as blob_digest, size, distributable as is_stored
    from all_layers
    semi join held_manifests using (manifest_digest)
    union all
    select manifest_digest, config_digest as blob_digest, size, true as is_stored
    from all_configs
    semi join held_manifests using (manifest_digest)
),
held_blobs as (
    select blob_digest, max(size) as size, count(distinct manifest_digest) as manifests
    from held_references
    group by blob_digest
    having bool_or(is_stored)
),
image_figures as (
    select
        count(*) as images,
        count(*) filter (where len(tags) > 0) as tagged_images,
        count(*) filter (where status = 'ARCHIVED') as archived_images,
        count(*) filter (where manifest_digest not in (select manifest_digest from held_manifests)) as images_unknown,
        coalesce(sum(len(tags)), 0)::bigint as tags,
        max(pushed_at) as newest_push_at,
        max(last_pulled_at) as newest_pull_at
    from listed_images
),
blob_figures as (
    select
        count(*) as blobs,
        capped(coalesce(sum(size::hugeint * manifests), 0)) as logical_bytes,
        capped(coalesce(sum(size), 0)) as unique_bytes,
        count(*) filter (where size is null) as blobs_unknown_size
    from held_blobs
)
select
    images,
    tagged_images,
    archived_images,
    tags,
    (select count(*) from held_manifests) as manifests,
    blobs,
    logical_bytes,
    unique_bytes,
    images_unknown,
    blobs_unknown_size,
    newest_push_at::timestamp as newest_push_at,
    newest_pull_at::timestamp as newest_pull_at
from image_figures, blob_figures
