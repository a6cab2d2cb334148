-- view: What is known of the manifests that repositories hold, those below an index included.
select *
from all_manifests
anti join unreachable_manifests using (manifest_digest)
