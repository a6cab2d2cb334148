-- The manifest's layers, base first, and how many other manifests that repositories hold have each.
with
own_layers as materialized (
    select position, layer_digest, media_type, size, distributable, annotations
    from all_layers
    where manifest_digest = $digest
),
-- Out of a list DuckDB takes them for few: it then looks for these layers, where it would put all layers into a join.
own_digests as (
    select unnest(list(distinct layer_digest)) as layer_digest
    from own_layers
),
-- The few rows first, what is held after: the view layers would ask that of everything stored.
all_uses as materialized (
    select layer_digest, manifest_digest
    from all_layers
    semi join own_digests using (layer_digest)
),
-- Mostly what is held is listed itself, and then what is above it need not be asked for: a fifth of the time.
use_digests as (
    select unnest(list(distinct manifest_digest)) as manifest_digest
    from all_uses
),
listed_uses as materialized (
    select distinct manifest_digest
    from images
    semi join use_digests using (manifest_digest)
),
other_uses as (
    select list(distinct manifest_digest) as digests
    from all_uses
    anti join listed_uses using (manifest_digest)
),
held_uses as (
    select manifest_digest
    from listed_uses
    union
    select manifest_digest
    from holding_images((select digests from other_uses))
),
uses as (
    -- Its own are taken out last: a condition further up would be asked of every row that is read.
    select layer_digest, count(distinct manifest_digest) filter (where manifest_digest <> $digest) as other_manifests
    from all_uses
    where manifest_digest in (select manifest_digest from held_uses)
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
