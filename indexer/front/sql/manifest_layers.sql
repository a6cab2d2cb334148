-- The manifest's layers, base first, and how many other manifests that repositories hold have each.
with recursive
own_layers as materialized (
    select position, layer_digest, media_type, size, distributable, annotations
    from all_layers
    where manifest_digest = $digest
),
-- The few rows first, what is held after: the view layers would ask that of everything stored.
other_uses as materialized (
    select distinct layer_digest, manifest_digest
    from all_layers
    where layer_digest in (select layer_digest from own_layers) and manifest_digest <> $digest
),
holders as (
    select distinct manifest_digest, manifest_digest as holder_digest
    from other_uses
    union -- not union all: indexes that name each other must end
    select holders.manifest_digest, all_index_entries.index_digest as holder_digest
    from holders
    inner join all_index_entries on all_index_entries.manifest_digest = holders.holder_digest
),
-- Out of a list DuckDB takes them for few, and holds them in memory and not all images.
holder_digests as (
    select unnest(list(distinct holder_digest)) as manifest_digest
    from holders
),
listed_holders as (
    select manifest_digest
    from images
    semi join holder_digests using (manifest_digest)
),
held_manifests as (
    select distinct holders.manifest_digest
    from holders
    semi join listed_holders on listed_holders.manifest_digest = holders.holder_digest
),
uses as (
    select layer_digest, count(*) as other_manifests
    from other_uses
    semi join held_manifests using (manifest_digest)
    group by layer_digest
)
select
    own_layers.position,
    layer_digest,
    own_layers.media_type,
    own_layers.size,
    own_layers.distributable,
    own_layers.annotations,
    coalesce(uses.other_manifests, 0) as other_manifests
from own_layers
left join uses using (layer_digest)
order by own_layers.position
