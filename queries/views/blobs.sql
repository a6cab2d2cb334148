-- view: The blobs (layers and configs) of the manifests that repositories hold: one row per digest.
-- column: blob_digest : Digest of the layer or config.
-- column: size : Bytes, the largest that any of the manifests gives; NULL where none gives any.
-- column: is_layer : Whether any manifest has it as a layer.
-- column: is_config : Whether any manifest has it as its config.
-- column: is_stored : False where every manifest that has it calls it foreign or nondistributable.
select
    blob_digest,
    max(size) as size,
    bool_or(is_layer) as is_layer,
    not bool_and(is_layer) as is_config,
    bool_or(is_stored) as is_stored
from blob_references
group by blob_digest
