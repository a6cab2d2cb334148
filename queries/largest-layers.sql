-- question: Which layers are the largest?
-- caveat: size is compressed, the largest that any manifest gives; layers of unknown size come last.
-- caveat: is_stored is false for foreign (nondistributable) layers, which ECR does not store.
-- caveat: manifests counts the distinct manifests of any kind that have the layer, repositories the repositories that hold one of these. Images whose manifest is not in the store cannot count; unfetched-images lists them.
-- parameter: limit count = 20 : rows at most
-- empty: No image in the store has a layer.
with
largest as materialized (
    select blob_digest as layer_digest, size, is_stored
    from blobs
    where is_layer
    order by size desc nulls last, blob_digest
    limit $limit
),
layer_manifests as materialized (
    select distinct layers.layer_digest, layers.media_type, layers.manifest_digest
    from layers
    semi join largest using (layer_digest)
),
users as (
    select
        layer_digest,
        min(media_type) as media_type,
        count(distinct manifest_digest) as manifests
    from layer_manifests
    group by layer_digest
),
holders as (
    select layer_digest, count(distinct (registry_id, region, repository)) as repositories
    from repository_manifests
    inner join layer_manifests using (manifest_digest)
    group by layer_digest
)
select
    layer_digest,
    largest.size,
    users.media_type,
    largest.is_stored,
    users.manifests,
    holders.repositories
from largest
inner join users using (layer_digest)
inner join holders using (layer_digest)
order by largest.size desc nulls last, layer_digest
