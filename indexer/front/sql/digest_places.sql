-- The repositories that have, or had, a digest: as an image, below an index, or as a blob of a manifest they hold.
with
holders as (
    select $digest as manifest_digest
    union
    select manifest_digest from all_layers where layer_digest = $digest
    union
    select manifest_digest from all_configs where config_digest = $digest
)
select registry_id, region, repository
from repository_manifests
semi join holders using (manifest_digest)
union
select registry_id, region, repository
from image_history
where manifest_digest = $digest
order by repository, registry_id, region
