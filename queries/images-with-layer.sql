-- question: Which images have a given layer?
-- caveat: One row per image and position, base layer 0; an image that repeats the layer has several rows.
-- caveat: manifest_digest is the manifest with the layer. Where it is held as part of an index, via_index is that image (the outermost index, if nested), tags are its tags, and the manifest has a row of its own only if the repository lists it too.
-- caveat: Images whose manifest is not in the store cannot show; unfetched-images lists them.
-- parameter: digest digest : the layer
-- parameter: limit count = null : rows at most
-- empty: No image that a repository holds has this layer, as far as manifests are in the store.
with recursive
layer_positions as materialized (
    select manifest_digest, position
    from all_layers
    where layer_digest = $digest
),
holders as (
    select distinct manifest_digest as holder_digest, manifest_digest
    from layer_positions
    union -- not union all: indexes that name each other must end
    select entries.index_digest as holder_digest, holders.manifest_digest
    from holders
    inner join all_index_entries as entries on entries.manifest_digest = holders.holder_digest
),
-- Out of a list DuckDB takes them for few, and holds them in memory and not all images.
holder_digests as (
    select unnest(list(distinct holder_digest)) as manifest_digest
    from holders
),
holding_images as materialized (
    select registry_id, region, repository, tags, manifest_digest
    from images
    semi join holder_digests using (manifest_digest)
)
select
    holding_images.registry_id,
    holding_images.region,
    holding_images.repository,
    holding_images.tags,
    holders.manifest_digest,
    layer_positions.position,
    case when holders.holder_digest <> holders.manifest_digest then holders.holder_digest end as via_index
from holders
inner join holding_images on holding_images.manifest_digest = holders.holder_digest
inner join layer_positions on layer_positions.manifest_digest = holders.manifest_digest
order by
    holding_images.registry_id,
    holding_images.region,
    holding_images.repository,
    via_index nulls first,
    holders.manifest_digest,
    layer_positions.position
limit $limit
