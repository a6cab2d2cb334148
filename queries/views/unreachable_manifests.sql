-- view: Manifests in the store that no repository holds any longer; mostly none, or a few.
-- column: manifest_digest : The digest.
select manifest_digest
from all_manifests
anti join reachable_manifests using (manifest_digest)
