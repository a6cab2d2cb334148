-- What manifests say the blob is: one row per way of saying it, and one without a role for all of them together.
-- manifests are those that repositories hold; all_manifests those that had the blob, held or not.
with recursive
users as materialized (
    select 'layer' as role, media_type, size, distributable, manifest_digest
    from all_layers
    where layer_digest = $digest
    union all
    select 'config' as role, media_type, size, true as distributable, manifest_digest
    from all_configs
    where config_digest = $digest
),
-- The few rows first, what is held after: the views layers and configs would ask that of everything stored.
holders as (
    select distinct manifest_digest as user_digest, manifest_digest as holder_digest
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
listed_holders as (
    select distinct manifest_digest
    from images
    semi join holder_digests using (manifest_digest)
),
held_users as (
    select distinct holders.user_digest as manifest_digest, true as is_held
    from holders
    semi join listed_holders on listed_holders.manifest_digest = holders.holder_digest
)
select
    users.role,
    users.media_type,
    users.size,
    users.distributable,
    count(distinct manifest_digest) filter (where held_users.is_held) as manifests,
    count(distinct manifest_digest) as all_manifests
from users
left join held_users using (manifest_digest)
group by grouping sets ((users.role, users.media_type, users.size, users.distributable), ())
order by users.role desc, manifests desc, users.media_type, users.size, users.distributable
