-- question: Which base does each image stand on?
-- caveat: The base of an image is the other image whose layers, base first, are the longest beginning of the image's own layers; an image with all the same layers is none. It is found by layers alone: what a Dockerfile says is not in a manifest. Nothing but empty layers in common makes no base; empty layers count like others otherwise, so an image that only adds some stands on the one without.
-- caveat: One row per repository and image (children of indexes included), newest first; with depth above 1 also one for each base below the other, step 1 being the nearest. An image without a base has a row with NULLs. tags are its own and those of the indexes it is in.
-- caveat: Bases are looked for in everything ever stored, in all repositories: base_is_held is false where no repository holds one with these layers any longer.
-- caveat: Several images may have the layers of the base, and one of them was built on: base_images counts them, base_digests lists at most ten, tagged ones first, and base_tags are the present tags of these ten.
-- caveat: Image and base have the same platform, as the indexes that list them give it. Where none lists it, it is not known and any fits, as the layers are the same ones; platform_assumed then is true.
-- caveat: Images whose manifest is not in the store are no bases, and do not show; unfetched-images lists them.
-- parameter: repository glob = * : repositories whose images to show; bases may be anywhere
-- parameter: depth integer = 1 : how many bases below each other to show
-- parameter: limit integer = 100 : rows at most
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
image_steps as materialized (
    select manifest_digest, stack_number, stack_layers, step, platforms
    from image_stacks
    where step = 0 or (step <= $depth and manifest_digest in (select manifest_digest from looked_at))
),
shown as materialized (
    select
        looked_at.*,
        image_steps.step,
        image_steps.stack_number,
        image_steps.stack_layers,
        image_steps.platforms
    from looked_at
    left join image_steps
        on image_steps.manifest_digest = looked_at.manifest_digest and image_steps.step between 1 and $depth
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
    from image_steps
    semi join shown using (stack_number)
    where step = 0
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
platform_lists as (
    select manifest_digest, list(platform order by platform) as platforms
    from manifest_platforms
    semi join shown using (manifest_digest)
    group by manifest_digest
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
    platform_lists.platforms,
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
left join platform_lists using (manifest_digest)
left join base_figures
    on base_figures.stack_number = shown.stack_number and base_figures.platforms is not distinct from shown.platforms
order by shown.registry_id, shown.region, shown.repository, shown.pushed_at desc nulls last, shown.manifest_digest, shown.step
