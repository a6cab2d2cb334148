-- question: Which layers does only one image use?
-- caveat: Used once is meant over everything that repositories hold, whatever repository is shown: no second manifest of any kind mentions the layer, nor has it as its config. The same manifest in several repositories is one; repositories counts them.
-- caveat: size is compressed, the largest that the manifest gives the layer; layers of unknown size come last. is_stored is false for foreign (nondistributable) layers, which ECR does not store.
-- caveat: tags are the image's own tags, in all repositories that hold it; a child of an index mostly has none.
-- caveat: Attestations and artifacts, whose blobs hardly ever are shared, show only with artifacts = true. Images whose manifest is not in the store may use any layer; unfetched-images lists them.
-- parameter: repository glob = * : repositories whose images to show
-- parameter: artifacts boolean = false : whether layers of attestations and artifacts show too
-- parameter: limit count = 20 : rows at most
-- empty: No image that was looked at has a layer of its own.
with
-- The manifest by its hash, 64 bits: of so many, digests take a quarter of the whole time. Which manifest it is, and whether it
-- is one that was looked at, is asked of digests below, of what shows; should two manifests have one hash (with a million of them a
-- chance of one in thirty millions), a row may be missing there.
used_once as (
    select
        layer_digest,
        any_value(hash(manifest_digest)) as manifest_hash,
        max(size) as size,
        bool_or(distributable) as is_stored
    from layers
    group by layer_digest
    having count(*) filter (where not repeated) = 1
),
looked_at as (
    select hash(manifest_digest) as manifest_hash
    from repository_manifests
    where is_known and repository glob $repository and (kind in ('image', 'schema1') or $artifacts)
),
-- Asked for with in, and not joined: DuckDB takes the layers for few, and would hold them in memory.
marked as (
    select *, manifest_hash in (select manifest_hash from looked_at) as is_looked_at
    from used_once
    -- where it is the config of the very manifest that has it as a layer, that is no second use
    anti join (select config_digest from configs where not is_layer) as other_uses
        on other_uses.config_digest = used_once.layer_digest
),
largest as materialized (
    select layer_digest, size, is_stored
    from marked
    where is_looked_at
    order by size desc nulls last, layer_digest
    limit $limit
),
shown as materialized (
    select
        layer_digest,
        any_value(layers.manifest_digest) as manifest_digest,
        min(layers.position) as position,
        any_value(largest.size) as size,
        any_value(largest.is_stored) as is_stored
    from layers
    inner join largest using (layer_digest)
    group by layer_digest
),
holders as (
    select manifest_digest, any_value(kind) as kind, count(*) as repositories
    from repository_manifests
    semi join shown using (manifest_digest)
    group by manifest_digest
    having bool_or(is_known and repository glob $repository and (kind in ('image', 'schema1') or $artifacts))
),
image_tags as (
    select
        manifest_digest,
        list_sort(list_distinct(flatten(list(list_transform(tags, lambda tag: repository || ':' || tag))))) as tags
    from images
    semi join shown using (manifest_digest)
    group by manifest_digest
)
select
    layer_digest,
    shown.size,
    shown.is_stored,
    shown.position,
    manifest_digest,
    holders.kind,
    coalesce(image_tags.tags, []) as tags,
    holders.repositories
from shown
inner join holders using (manifest_digest)
left join image_tags using (manifest_digest)
order by shown.size desc nulls last, layer_digest
