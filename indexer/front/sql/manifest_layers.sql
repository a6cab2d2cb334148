-- The manifest's layers, base first, and how many other manifests that repositories hold have each.
with
own_layers as (
    select position, layer_digest, media_type, size, distributable, annotations
    from all_layers
    where manifest_digest = $digest
),
-- The few rows first, what is held after: the view layers would ask that of every layer.
other_uses as materialized (
    select distinct layer_digest, manifest_digest
    from all_layers
    where layer_digest in (select layer_digest from own_layers) and manifest_digest <> $digest
),
uses as (
    select layer_digest, count(*) as other_manifests
    from other_uses
    anti join unreachable_manifests using (manifest_digest)
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
