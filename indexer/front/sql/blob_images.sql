-- The images that need the blob: those whose manifest has it, and the indexes above these.
with recursive
users as (
    select manifest_digest from all_layers where layer_digest = $digest
    union
    select manifest_digest from all_configs where config_digest = $digest
),
holders as (
    select manifest_digest as user_digest, manifest_digest as holder_digest
    from users
    union -- not union all: indexes that name each other must end
    select holders.user_digest, all_index_entries.index_digest as holder_digest
    from holders
    inner join all_index_entries on all_index_entries.manifest_digest = holders.holder_digest
),
-- Out of a list DuckDB takes them for few, and holds them in memory and not all images.
holder_digests as (
    select unnest(list(distinct holder_digest)) as manifest_digest
    from holders
),
-- Found by themselves, so that the other columns are read of these alone.
holding_images as materialized (
    select registry_id, region, repository, tags, manifest_digest, pushed_at, status
    from images
    semi join holder_digests using (manifest_digest)
)
select
    holding_images.registry_id,
    holding_images.region,
    holding_images.repository,
    holding_images.tags,
    holding_images.manifest_digest,
    bool_and(holders.user_digest <> holding_images.manifest_digest) as via_index,
    count(*) as manifests,
    holding_images.pushed_at,
    holding_images.status
from holders
inner join holding_images on holding_images.manifest_digest = holders.holder_digest
group by
    holding_images.registry_id,
    holding_images.region,
    holding_images.repository,
    holding_images.tags,
    holding_images.manifest_digest,
    holding_images.pushed_at,
    holding_images.status
-- what has a name first, the newest of it first
order by
    len(holding_images.tags) = 0,
    holding_images.pushed_at desc nulls last,
    holding_images.registry_id,
    holding_images.region,
    holding_images.repository,
    holding_images.manifest_digest
