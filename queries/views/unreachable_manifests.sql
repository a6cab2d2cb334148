-- view: Manifests in the store that no repository holds any longer; mostly none, or a few.
-- column: manifest_digest : The digest.
with
unlisted as materialized (
    select manifest_digest
    from all_manifests
    anti join images using (manifest_digest)
),
-- An index whose entries are in the store is there too: unlisted or an image, so the images are looked at once.
held_contents as (
    select index_contents.manifest_digest
    from index_contents
    anti join unlisted on unlisted.manifest_digest = index_contents.index_digest
)
select manifest_digest
from unlisted
anti join held_contents using (manifest_digest)
