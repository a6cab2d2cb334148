-- How many manifests that repositories hold have the blob, as a layer or as a config.
select count(*) as manifests
from (
    select manifest_digest from layers where layer_digest = $digest
    union
    select manifest_digest from configs where config_digest = $digest
)
