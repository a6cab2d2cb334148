-- view: Which layer lists of other images each image's own list begins with, held or not: what it stands on.
-- column: stack_number : Stands for a layer list, the same one in all rows with this number; another use of the view may number them otherwise.
-- column: stack_layers : Layers in that list, repeats counted.
-- column: step : 1 for the longest such list, its base, 2 for the base below, and so on; 0 for the image's own list, which is given only where another image's list begins with it.
-- column: platforms : The platforms under which indexes list the image; NULL where none does.
with
-- The last layer of each image.
tops as materialized (
    select
        manifest_digest,
        position,
        layer_digest,
        row_number() over () as image_number
    from all_layers
    semi join (
        select manifest_digest, layer_count - 1 as position
        from all_manifests
        where kind in ('image', 'schema1')
    ) as last_positions using (manifest_digest, position)
),
-- A layer at a position where some image ends with it: there another list may end that image's list.
end_layers as (
    select layer_digest, position, row_number() over () as end_number
    from (select distinct layer_digest, position from tops)
),
possible_ends as materialized (
    select all_layers.manifest_digest, all_layers.position, end_layers.end_number
    from all_layers
    inner join end_layers using (layer_digest, position)
),
ends as materialized (
    select
        tops.image_number,
        possible_ends.position,
        possible_ends.end_number,
        possible_ends.position = tops.position as is_own
    from possible_ends
    inner join tops on tops.manifest_digest = possible_ends.manifest_digest
),
shared_ends as materialized (
    select image_number, position, is_own
    from ends
    where end_number in (select end_number from ends where not is_own)
),
bases as (
    select tops.manifest_digest
    from tops
    semi join (select image_number from shared_ends where is_own) as own_ends using (image_number)
),
-- Numbers in place of digests: whole lists of them are compared.
numbered_layers as materialized (
    select
        layer_digest,
        row_number() over () as layer_number,
        layer_digest in (select layer_digest from empty_layers) as is_empty
    from (
        select distinct layer_digest
        from all_layers
        semi join bases using (manifest_digest)
    )
),
-- Of each list, the layers that some base has, each as one number for position and layer together.
base_layers as (
    select
        all_layers.manifest_digest,
        list((all_layers.position::bigint << 32) | numbered_layers.layer_number) as placed_layers,
        min(all_layers.position) filter (where not numbered_layers.is_empty) as content_position
    from all_layers
    inner join numbered_layers using (layer_digest)
    group by all_layers.manifest_digest
),
layer_lists as materialized (
    select tops.image_number, base_layers.content_position, list_sort(base_layers.placed_layers) as placed_layers
    from base_layers
    inner join tops using (manifest_digest)
),
-- A layer that no base has leaves a gap, and what comes after it no longer stands at its own position.
prefixes as (
    select
        image_number,
        shared_ends.position + 1 as stack_layers,
        shared_ends.is_own,
        layer_lists.placed_layers[1:shared_ends.position + 1] as placed_layers
    from shared_ends
    inner join layer_lists using (image_number)
    where
        (layer_lists.placed_layers[shared_ends.position + 1] >> 32) = shared_ends.position
        -- where nothing but empty layers is shared, nobody stands on anything
        and layer_lists.content_position <= shared_ends.position
),
stacks as (
    select placed_layers, row_number() over () as stack_number
    from (select distinct placed_layers from prefixes where is_own)
),
platform_lists as (
    select manifest_digest, list(platform order by platform) as platforms
    from manifest_platforms
    group by manifest_digest
),
image_platforms as materialized (
    select tops.image_number, platform_lists.platforms
    from platform_lists
    inner join tops using (manifest_digest)
),
placed as materialized (
    select image_number, stacks.stack_number, prefixes.stack_layers, prefixes.is_own, image_platforms.platforms
    from prefixes
    inner join stacks using (placed_layers)
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
select tops.manifest_digest, steps.stack_number, steps.stack_layers, steps.step, steps.platforms
from steps
inner join tops using (image_number)
