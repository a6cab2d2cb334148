-- view: What is below the indexes that each repository lists, nested ones included: one row per repository, index and manifest.
-- like: repositories
-- column: index_digest : An index that the repository lists.
-- column: manifest_digest : A manifest below the index; need not be in the store. An index is not below itself.
select images.registry_id, images.region, images.repository, index_digest, index_contents.manifest_digest
from index_contents
inner join images on images.manifest_digest = index_contents.index_digest
