-- view: Digests that some repository holds, as an image or below an index; not all need be in the store.
-- column: manifest_digest : The digest; one row each.
select manifest_digest
from images
union
select index_contents.manifest_digest
from index_contents
semi join images on images.manifest_digest = index_contents.index_digest
