-- Manifests that had the blob, whether or not a repository still holds them.
select count(*) as manifests
from (
    select manifest_digest from all_layers where layer_digest = $digest
    union
    select manifest_digest from all_configs where config_digest = $digest
)
