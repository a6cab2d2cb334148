-- view: Which layer lists of other images each image's own list begins with, held or not: what it stands on.
-- column: manifest_digest : The image; its manifest is of kind image or schema1.
-- column: stack_number : Stands for a layer list, the same one in all rows with this number; another use of the view may number them otherwise.
-- column: stack_layers : Layers in that list, repeats counted.
-- column: step : 1 for the longest such list, its base, 2 for the base below, and so on; 0 for the image's own list, which is given only where another image's list begins with it.
-- column: platforms : The platforms under which indexes list the image; NULL where none does.
with
numbered_images as materialized (
    select manifest_digest, layer_count, row_number() over () as image_number
    from all_manifests
    where kind in ('image', 'schema1')
),
-- A layer at a place where one image ends and another goes on: there the one's list may begin the other's. By hashes, which
-- take half the memory of digests: two layers with the same one make bases of images that carry none, and these go below.
shared_ends as (
    select list(numbered_images.image_number) filter (where all_layers.position = numbered_images.layer_count - 1) as ending_images
    from all_layers
    inner join numbered_images using (manifest_digest)
    group by hash(all_layers.layer_digest, all_layers.position)
    having len(ending_images) between 1 and count(*) - 1
),
bases as (
    select numbered_images.manifest_digest, numbered_images.layer_count
    from numbered_images
    semi join (select unnest(ending_images) as image_number from shared_ends) as ending_images using (image_number)
),
base_layers as (
    select layer_digest, all_layers.position, bool_or(all_layers.position = bases.layer_count - 1) as is_end
    from all_layers
    inner join bases using (manifest_digest)
    group by layer_digest, all_layers.position
),
-- Numbers in place of digests, as whole lists of them are compared: of position and layer together, and odd where a base ends.
placed_layers as materialized (
    select
        layer_digest,
        position,
        (position::bigint << 33) | (row_number() over () << 1) | is_end::bigint as placed_layer,
        layer_digest in (select layer_digest from empty_layers) as is_empty
    from base_layers
),
-- Of each list, the layers that some base has at the same position. One list: a second one of its ends takes half as long again.
known_layers as (
    select
        all_layers.manifest_digest,
        list(placed_layers.placed_layer) as layers,
        min(placed_layers.position) filter (where not placed_layers.is_empty) as content_position
    from all_layers
    inner join placed_layers using (layer_digest, position)
    group by all_layers.manifest_digest
),
layer_lists as (
    select
        numbered_images.image_number,
        numbered_images.layer_count,
        list_sort(known_layers.layers) as layers,
        unnest(list_filter(known_layers.layers, lambda layer: layer & 1 = 1)) as last_layer,
        (last_layer >> 33)::integer as position,
        known_layers.content_position
    from known_layers
    inner join numbered_images using (manifest_digest)
),
-- A layer that no base has leaves a gap, and what comes after it no longer stands at its own position.
prefixes as materialized (
    select image_number, position + 1 as stack_layers, position = layer_count - 1 as is_own, layers[1:position + 1] as layers
    from layer_lists
    where
        layers[position + 1] = last_layer
        -- where nothing but empty layers is shared, nobody stands on anything
        and content_position <= position
),
stacks as (
    select layers, row_number() over () as stack_number
    from (select distinct layers from prefixes where is_own)
),
platform_lists as (
    select manifest_digest, list(platform order by platform) as platforms
    from manifest_platforms
    group by manifest_digest
),
image_platforms as materialized (
    select numbered_images.image_number, platform_lists.platforms
    from platform_lists
    inner join numbered_images using (manifest_digest)
),
placed as materialized (
    select image_number, stacks.stack_number, prefixes.stack_layers, prefixes.is_own, image_platforms.platforms
    from prefixes
    inner join stacks using (layers)
    left join image_platforms using (image_number)
),
stack_platforms as (
    select
        stack_number,
        bool_or(platforms is null) as any_unknown,
        list_distinct(flatten(list(platforms) filter (where platforms is not null))) as platforms
    from placed
    where is_own
    group by stack_number
),
steps as (
    select
        placed.image_number,
        stack_number,
        placed.stack_layers,
        row_number() over (partition by placed.image_number order by placed.stack_layers desc) as step,
        placed.platforms
    from placed
    inner join stack_platforms using (stack_number)
    where
        not placed.is_own
        -- an image whose platform is not known may have any
        and (
            placed.platforms is null
            or stack_platforms.any_unknown
            or list_has_any(placed.platforms, stack_platforms.platforms)
        )
    union all
    select image_number, stack_number, stack_layers, 0 as step, platforms
    from placed
    where is_own and stack_number in (select stack_number from placed where not is_own)
)
select numbered_images.manifest_digest, steps.stack_number, steps.stack_layers, steps.step, steps.platforms
from steps
inner join numbered_images using (image_number)
