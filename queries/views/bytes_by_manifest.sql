-- view: The rows of manifest_bytes, for statements that need them more than once: indexer works them out once and keeps them.
-- column: manifest_digest : The manifest.
-- column: bytes : Bytes of its distinct layers and configs, as in manifest_bytes.
-- column: blobs_unknown_size : How many of them bytes leaves out, as the manifest gives no size (Docker schema 1).
select manifest_digest, bytes, blobs_unknown_size
from manifest_bytes
