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
)
select
    images.registry_id,
    images.region,
    images.repository,
    images.tags,
    images.manifest_digest,
    bool_and(holders.user_digest <> images.manifest_digest) as via_index,
    count(*) as manifests,
    images.pushed_at,
    images.status
from holders
inner join images on images.manifest_digest = holders.holder_digest
group by
    images.registry_id,
    images.region,
    images.repository,
    images.tags,
    images.manifest_digest,
    images.pushed_at,
    images.status
-- what has a name first, the newest of it first
order by
    len(images.tags) = 0,
    images.pushed_at desc nulls last,
    images.registry_id,
    images.region,
    images.repository,
    images.manifest_digest
