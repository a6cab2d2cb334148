-- view: The layers of the manifests that repositories hold, base first.
select *
from all_layers
anti join unreachable_manifests using (manifest_digest)
