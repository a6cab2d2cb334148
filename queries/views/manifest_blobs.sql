-- view: Which manifest needs which blob, each pair once: repeated layers, or a config that is also a layer, do not show.
-- column: manifest_digest : The manifest that needs the blob.
-- column: blob_digest : Digest of a layer or a config.
select manifest_digest, blob_digest
from blob_references
where not is_repeat
