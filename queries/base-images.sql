-- question: Which base does each image stand on?
-- caveat: The base of an image is the other image whose layers, base first, are the longest beginning of the image's own layers; an image with all the same layers is none. It is found by layers alone: what a Dockerfile says is not in a manifest. Nothing but empty layers in common makes no base; empty layers count like others otherwise, so an image that only adds some stands on the one without.
-- caveat: One row per repository and image (children of indexes included), newest first; with depth above 1 also one for each base below the other, step 1 being the nearest. An image without a base has a row with NULLs. tags are its own and those of the indexes it is in.
-- caveat: Bases are looked for in everything ever stored, in all repositories: base_is_held is false where no repository holds one with these layers any longer.
-- caveat: Several images may have the layers of the base, and one of them was built on: base_images counts them, base_digests lists at most ten, tagged ones first, and base_tags are the present tags of these ten.
-- caveat: Image and base have the same platform, as the indexes that list them give it. Where none lists it, it is not known and any fits, as the layers are the same ones; platform_assumed then is true.
-- caveat: Images whose manifest is not in the store are no bases, and do not show; unfetched-images lists them.
-- parameter: repository glob = * : repositories whose images to show; bases may be anywhere
-- parameter: depth count = 1 : how many bases below each other to show
-- parameter: limit count = 100 : rows at most
-- empty: No image that was looked at is in the store.
with
-- The rows that can show at most; joining the rest to all images would cost more than finding their bases.
looked_at as materialized (
    select registry_id, region, repository, manifest_digest, images.pushed_at
    from repository_manifests
    left join images using (registry_id, region, repository, manifest_digest)
    where kind in ('image', 'schema1') and repository glob $repository
    order by registry_id, region, repository, images.pushed_at desc nulls last, manifest_digest
    limit $limit
),
looked_layers as materialized (
    select manifest_digest, position, layer_digest
    from all_layers
    semi join looked_at using (manifest_digest)
),
-- A base ends with a layer that the image has at the same place. Found before their manifests are looked at, all of which DuckDB
-- would join with all layers.
possible_ends as materialized (
    select all_layers.manifest_digest, all_layers.position, all_layers.layer_digest
    from all_layers
    semi join looked_layers using (layer_digest, position)
),
possible_bases as materialized (
    select manifest_digest, possible_ends.position, possible_ends.layer_digest
    from all_manifests as documents
    inner join possible_ends using (manifest_digest)
    where documents.kind in ('image', 'schema1') and documents.layer_count = possible_ends.position + 1
),
layers_of_bases as materialized (
    select manifest_digest, position, layer_digest
    from all_layers
    semi join possible_bases using (manifest_digest)
),
-- Numbers in place of digests: whole lists of them are compared.
numbered_layers as materialized (
    select
        layer_digest,
        row_number() over () as layer_number,
        layer_digest in (select layer_digest from empty_layers) as is_empty
    from (select distinct layer_digest from layers_of_bases)
),
platform_lists as materialized (
    select manifest_digest, list(platform order by platform) as platforms
    from manifest_platforms
    group by manifest_digest
),
base_lists as (
    select manifest_digest, list(numbered_layers.layer_number order by layers_of_bases.position) as layers
    from layers_of_bases
    inner join numbered_layers using (layer_digest)
    group by manifest_digest
    -- where nothing but empty layers is shared, nobody stands on anything
    having not bool_and(numbered_layers.is_empty)
),
stack_bases as materialized (
    select
        manifest_digest,
        dense_rank() over (order by base_lists.layers) as stack_number,
        base_lists.layers,
        platform_lists.platforms
    from base_lists
    left join platform_lists using (manifest_digest)
),
stacks as (
    select
        stack_number,
        any_value(layers) as layers,
        bool_or(platforms is null) as any_unknown,
        list_distinct(flatten(list(platforms) filter (where platforms is not null))) as platforms
    from stack_bases
    group by stack_number
),
looked_lists as (
    select
        manifest_digest,
        -- a layer that no base has is none of theirs, whatever its number
        list(coalesce(numbered_layers.layer_number, 0) order by looked_layers.position) as layers
    from looked_layers
    left join numbered_layers using (layer_digest)
    group by manifest_digest
),
stack_lengths as (
    select manifest_digest, position + 1 as stack_layers
    from looked_layers
    semi join possible_bases using (position, layer_digest)
),
prefixes as (
    select
        manifest_digest,
        stack_lengths.stack_layers,
        looked_lists.layers[1:stack_lengths.stack_layers] as layers,
        platform_lists.platforms
    from looked_lists
    inner join stack_lengths using (manifest_digest)
    left join platform_lists using (manifest_digest)
    where stack_lengths.stack_layers < len(looked_lists.layers)
),
image_steps as (
    select
        prefixes.manifest_digest,
        stacks.stack_number,
        prefixes.stack_layers,
        row_number() over (partition by prefixes.manifest_digest order by prefixes.stack_layers desc) as step
    from prefixes
    inner join stacks using (layers)
    where
        -- an image whose platform is not known may have any
        prefixes.platforms is null or stacks.any_unknown or list_has_any(prefixes.platforms, stacks.platforms)
),
shown as materialized (
    select
        looked_at.*,
        image_steps.step,
        image_steps.stack_number,
        image_steps.stack_layers,
        platform_lists.platforms
    from looked_at
    left join image_steps
        on image_steps.manifest_digest = looked_at.manifest_digest and image_steps.step <= $depth
    left join platform_lists on platform_lists.manifest_digest = looked_at.manifest_digest
    order by
        looked_at.registry_id,
        looked_at.region,
        looked_at.repository,
        looked_at.pushed_at desc nulls last,
        looked_at.manifest_digest,
        image_steps.step
    limit $limit
),
bases as materialized (
    select manifest_digest, stack_number, platforms
    from stack_bases
    semi join shown using (stack_number)
),
base_holders as (
    select manifest_digest, manifest_digest as holder_digest
    from bases
    union all
    select index_contents.manifest_digest, index_contents.index_digest as holder_digest
    from index_contents
    semi join bases using (manifest_digest)
),
base_tags as (
    select
        base_holders.manifest_digest,
        flatten(list(list_transform(images.tags, lambda tag: images.repository || ':' || tag))) as tags
    from base_holders
    inner join images on images.manifest_digest = base_holders.holder_digest
    group by base_holders.manifest_digest
),
-- What a base is depends on the platforms of the image above it.
asked as (
    select distinct stack_number, platforms
    from shown
),
found_bases as (
    select
        asked.stack_number,
        asked.platforms,
        bases.manifest_digest,
        base_tags.tags,
        coalesce(list_has_any(asked.platforms, bases.platforms), false) as is_same_platform,
        row_number() over (
            partition by asked.stack_number, asked.platforms
            order by coalesce(len(base_tags.tags), 0) = 0, base_tags.tags is null, bases.manifest_digest
        ) as place
    from asked
    inner join bases using (stack_number)
    left join base_tags using (manifest_digest)
    where coalesce(list_has_any(asked.platforms, bases.platforms), true)
),
base_figures as (
    select
        stack_number,
        platforms,
        list_sort(list_distinct(flatten(list(coalesce(tags, [])) filter (where place <= 10)))) as base_tags,
        list(manifest_digest order by place) filter (where place <= 10) as base_digests,
        count(*) as base_images,
        bool_or(tags is not null) as base_is_held,
        not bool_or(is_same_platform) as platform_assumed
    from found_bases
    group by stack_number, platforms
),
shown_holders as (
    select manifest_digest, manifest_digest as holder_digest
    from shown
    union
    select index_contents.manifest_digest, index_contents.index_digest as holder_digest
    from index_contents
    semi join shown using (manifest_digest)
),
shown_tags as (
    select
        images.registry_id,
        images.region,
        images.repository,
        shown_holders.manifest_digest,
        list_sort(list_distinct(flatten(list(images.tags)))) as tags
    from shown_holders
    inner join images on images.manifest_digest = shown_holders.holder_digest
    group by images.registry_id, images.region, images.repository, shown_holders.manifest_digest
),
layer_counts as (
    select manifest_digest, layer_count as layers
    from all_manifests
)
select
    shown.registry_id,
    shown.region,
    shown.repository,
    shown_tags.tags,
    shown.manifest_digest,
    shown.platforms,
    layer_counts.layers,
    shown.pushed_at,
    shown.step,
    base_figures.base_tags,
    base_figures.base_digests,
    base_figures.base_images,
    shown.stack_layers as base_layers,
    base_figures.base_is_held,
    base_figures.platform_assumed
from shown
inner join layer_counts using (manifest_digest)
inner join shown_tags using (registry_id, region, repository, manifest_digest)
left join base_figures
    on base_figures.stack_number = shown.stack_number and base_figures.platforms is not distinct from shown.platforms
order by shown.registry_id, shown.region, shown.repository, shown.pushed_at desc nulls last, shown.manifest_digest, shown.step
