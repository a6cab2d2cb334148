-- question: Which layers are stored more than once, because the same content was compressed more than once?
-- caveat: Images with the same config have the same uncompressed layers, as the config names them. Where they have other layer digests at a position, these are copies of one content: built or compressed again, or with another program. Copies are put together over all such images, and do not show where no two images with the same config tell of them.
-- caveat: One row per content with two or more copies in an account and region, each copy once. bytes_saved is what would go if one copy took the place of all: all but the largest, so more where a smaller one is kept. It comes back only when no image refers to the others any more.
-- caveat: Bytes are compressed. Foreign (nondistributable) layers are left out, as ECR does not store them; copies_unknown_size counts copies without a known size, which are left out of the bytes. Encrypted layers may differ on purpose: see media_types.
-- caveat: Configs too small to name their layers (such as an empty one) tell nothing. Images whose manifest is not in the store cannot tell either; unfetched-images lists them.
-- parameter: repository glob = * : at least one copy must be in a repository that matches
-- parameter: limit count = 20 : rows at most
-- empty: No image has the same config as another and other layers: nothing shows that content was compressed twice.
with recursive
image_configs as materialized (
    select manifest_digest, config_digest, layer_count
    from manifests
    -- a config gives each layer's digest, of 71 characters and quotes
    where kind = 'image' and layer_count > 0 and coalesce(config_size, 73 * layer_count) >= 73 * layer_count
),
shared_configs as (
    select config_digest, layer_count
    from image_configs
    group by config_digest, layer_count
    having count(*) > 1
),
suspects as materialized (
    select image_configs.*
    from image_configs
    semi join shared_configs using (config_digest, layer_count)
),
contents as materialized (
    select
        suspects.config_digest,
        suspects.layer_count,
        layers.position,
        list(distinct layers.layer_digest) as copies
    from layers
    inner join suspects using (manifest_digest)
    group by suspects.config_digest, suspects.layer_count, layers.position
    having min(layers.layer_digest) <> max(layers.layer_digest)
),
links as materialized (
    select distinct list_min(copies) as layer_digest, unnest(copies) as copy_digest
    from contents
    union
    select distinct unnest(copies) as layer_digest, list_min(copies) as copy_digest
    from contents
),
-- A copy of a copy, as other images tell, is a copy too.
reached as (
    select layer_digest, copy_digest
    from links
    union
    select reached.layer_digest, links.copy_digest
    from reached
    inner join links on links.layer_digest = reached.copy_digest
),
copies as materialized (
    select copy_digest as layer_digest, min(layer_digest) as content
    from reached
    group by copy_digest
),
sizes as (
    select copies.content, layer_digest, max(blob_references.size) as size
    from blob_references
    inner join copies on copies.layer_digest = blob_references.blob_digest
    group by copies.content, layer_digest
    having bool_or(blob_references.is_stored)
),
mentions as materialized (
    select layer_digest, manifest_digest, media_type
    from layers
    semi join copies using (layer_digest)
    where not repeated
),
holders as materialized (
    select registry_id, region, repository, manifest_digest
    from repository_manifests
    semi join mentions using (manifest_digest)
),
held_copies as (
    select
        holders.registry_id,
        holders.region,
        mentions.layer_digest,
        bool_or(holders.repository glob $repository) as is_asked
    from mentions
    inner join holders using (manifest_digest)
    group by holders.registry_id, holders.region, mentions.layer_digest
),
-- The rows that show; who holds the copies is a matter of these alone.
shown as materialized (
    select
        held_copies.registry_id,
        held_copies.region,
        sizes.content,
        count(*) as copies,
        capped(coalesce(sum(sizes.size), 0)) as bytes,
        capped(coalesce(sum(sizes.size) - max(sizes.size), 0)) as bytes_saved,
        count(*) filter (where sizes.size is null) as copies_unknown_size,
        min(layer_digest) as first_digest,
        list(layer_digest order by sizes.size desc nulls last, layer_digest) as layer_digests
    from held_copies
    inner join sizes using (layer_digest)
    group by held_copies.registry_id, held_copies.region, sizes.content
    having count(*) > 1 and bool_or(held_copies.is_asked)
    order by bytes_saved desc, held_copies.registry_id, held_copies.region, first_digest
    limit $limit
),
shown_layers as (
    select registry_id, region, content, unnest(layer_digests) as layer_digest
    from shown
),
-- A step of its own: joined to the holders of all copies first, a few rows become millions.
shown_mentions as materialized (
    select
        shown_layers.registry_id,
        shown_layers.region,
        shown_layers.content,
        mentions.manifest_digest,
        mentions.media_type
    from mentions
    inner join shown_layers using (layer_digest)
),
uses as (
    select
        registry_id,
        region,
        shown_mentions.content,
        count(distinct manifest_digest) as manifests,
        list_sort(list(distinct holders.repository)) as repositories,
        list_sort(list(distinct shown_mentions.media_type)) as media_types
    from shown_mentions
    inner join holders using (registry_id, region, manifest_digest)
    group by registry_id, region, shown_mentions.content
)
select
    registry_id,
    region,
    shown.copies,
    shown.bytes,
    shown.bytes_saved,
    shown.copies_unknown_size,
    uses.manifests,
    uses.repositories,
    uses.media_types,
    shown.layer_digests
from shown
inner join uses using (registry_id, region, content)
order by shown.bytes_saved desc, registry_id, region, shown.first_digest
