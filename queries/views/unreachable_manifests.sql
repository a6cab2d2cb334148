-- view: Manifests in the store that no repository holds any longer; mostly none, or a few.
-- column: manifest_digest : The digest.
with
held_contents as (
    select index_contents.manifest_digest
    from index_contents
    semi join images on images.manifest_digest = index_contents.index_digest
)
select manifest_digest
from all_manifests
anti join images using (manifest_digest)
anti join held_contents using (manifest_digest)
