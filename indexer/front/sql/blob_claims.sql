-- What the manifests that repositories hold say the blob is: one row per way of saying it.
with
claims as (
    select 'layer' as role, media_type, size, distributable, manifest_digest
    from layers
    where layer_digest = $digest
    union all
    select 'config' as role, media_type, size, true as distributable, manifest_digest
    from configs
    where config_digest = $digest
)
select role, media_type, size, distributable, count(distinct manifest_digest) as manifests
from claims
group by role, media_type, size, distributable
order by role desc, manifests desc, media_type, size
