-- view: The config of each manifest that repositories hold.
select *
from all_configs
anti join unreachable_manifests using (manifest_digest)
