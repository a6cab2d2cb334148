-- view: The bytes of each manifest in the store by itself: its distinct layers and configs, with the sizes that it gives.
-- column: manifest_digest : The manifest.
-- column: bytes : Bytes of them, each once, without foreign (nondistributable) layers; an index has none of its own.
-- column: blobs_unknown_size : How many of them bytes leaves out, as the manifest gives no size (Docker schema 1).
select
    manifest_digest,
    capped(coalesce(sum(size), 0)) as bytes,
    count(*) filter (where size is null) as blobs_unknown_size
from all_blob_references
where is_stored and not is_repeat
group by manifest_digest
