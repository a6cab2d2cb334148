-- The blob: what manifests say it is (rows with a role), the images that need it (rows with a digest), and how many manifests
-- say so in all (a row without either). manifests are those that repositories hold; all_manifests those that had the blob,
-- held or not. An image needs it if its manifest has it, or if it is an index above one that does.
with
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
held_users as materialized (
    select *
    from holding_images((select list(distinct manifest_digest) from users))
),
claims as (
    select
        role,
        media_type,
        size,
        distributable,
        count(distinct manifest_digest) filter (where manifest_digest in (select manifest_digest from held_users)) as manifests,
        count(distinct manifest_digest) as all_manifests
    from users
    group by grouping sets ((role, media_type, size, distributable), ())
),
needing_images as (
    select
        registry_id,
        region,
        repository,
        tags,
        image_digest as manifest_digest,
        bool_and(manifest_digest <> image_digest) as via_index,
        count(*) as manifests,
        pushed_at,
        status
    from held_users
    group by registry_id, region, repository, tags, image_digest, pushed_at, status
),
told as (
    from claims
    union all by name
    from needing_images
)
select
    role,
    media_type,
    size,
    distributable,
    manifests,
    all_manifests,
    registry_id,
    region,
    repository,
    tags,
    manifest_digest,
    via_index,
    pushed_at::timestamp as pushed_at,
    status
from told
-- of images, what has a name first, the newest of it first
order by
    role desc,
    case when role is not null then manifests end desc,
    media_type,
    size,
    distributable,
    len(tags) = 0,
    pushed_at desc nulls last,
    registry_id,
    region,
    repository,
    manifest_digest
