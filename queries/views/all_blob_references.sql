-- view: Every mention of a blob by a manifest in the store, held or not: layers, repeated ones too, and configs.
-- column: manifest_digest : The manifest that mentions it.
-- column: blob_digest : Digest of a layer or a config.
-- column: size : Bytes as this manifest gives them; NULL where it does not.
-- column: is_layer : Whether it is mentioned as a layer; otherwise as the config.
-- column: is_stored : False for a foreign or nondistributable layer, which ECR does not store.
-- column: is_repeat : Whether the manifest mentions the blob elsewhere too; where false, each of its blobs is once.
select manifest_digest, layer_digest as blob_digest, size, true as is_layer, distributable as is_stored, repeated as is_repeat
from all_layers
union all
select manifest_digest, config_digest as blob_digest, size, false as is_layer, true as is_stored, is_layer as is_repeat
from all_configs
