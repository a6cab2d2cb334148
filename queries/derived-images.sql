-- question: Which images stand on a given image?
-- caveat: They are the images whose layers, base first, begin with all layers of the given one and go on: built on it directly, or on something that was. Images with exactly its layers are none of them. base-images tells which base is the nearest.
-- caveat: image is a digest, or repository:tag as tags are now, in whatever account. Of an index, all images below it are looked at; base_digest is the one that the row stands on.
-- caveat: One row per repository, image and base_digest, children of indexes included, newest first; tags are the image's own and those of the indexes it is in. layers_added counts the layers on top of the base.
-- caveat: Both have the same platform, as the indexes that list them give it. Where none lists it, it is not known and any fits; platform_assumed then is true.
-- caveat: Images whose manifest is not in the store cannot show; unfetched-images lists them.
-- parameter: image text : the image, as sha256:... or repository:tag
-- parameter: repository glob = * : repositories to show
-- parameter: limit count = null : rows at most
-- empty: No image that repositories hold stands on this one.
with
asked as (
    select $image as manifest_digest
    union
    select manifest_digest
    from tags
    where repository || ':' || tag = $image
),
asked_images as materialized (
    select manifest_digest
    from asked
    union
    select index_contents.manifest_digest
    from asked
    inner join index_contents on index_contents.index_digest = asked.manifest_digest
),
base_layers as materialized (
    select all_layers.manifest_digest as base_digest, all_layers.position, all_layers.layer_digest
    from all_layers
    semi join asked_images using (manifest_digest)
    semi join (select manifest_digest from all_manifests where kind in ('image', 'schema1')) as runnable
        using (manifest_digest)
),
bases as materialized (
    select base_digest, count(*) as layers
    from base_layers
    group by base_digest
    having not bool_and(layer_digest in (select layer_digest from empty_layers))
),
shared_layers as (
    select all_layers.manifest_digest, base_layers.base_digest, count(*) as layers
    from all_layers
    inner join base_layers using (layer_digest, position)
    group by all_layers.manifest_digest, base_layers.base_digest
),
derived_images as materialized (
    select manifest_digest, base_digest, documents.layer_count as layers, documents.layer_count - bases.layers as layers_added
    from shared_layers
    inner join bases using (base_digest, layers)
    inner join all_manifests as documents using (manifest_digest)
    where documents.kind in ('image', 'schema1') and documents.layer_count > bases.layers
),
platform_lists as materialized (
    select manifest_digest, list(platform order by platform) as platforms
    from manifest_platforms
    group by manifest_digest
),
fitting_images as materialized (
    select
        derived_images.*,
        platform_lists.platforms,
        platform_lists.platforms is null or base_platforms.platforms is null as platform_assumed
    from derived_images
    left join platform_lists using (manifest_digest)
    left join platform_lists as base_platforms on base_platforms.manifest_digest = derived_images.base_digest
    where coalesce(list_has_any(platform_lists.platforms, base_platforms.platforms), true)
),
held_images as materialized (
    select registry_id, region, repository, manifest_digest
    from repository_manifests
    semi join fitting_images using (manifest_digest)
    where repository glob $repository
),
holders as (
    select manifest_digest, manifest_digest as holder_digest
    from fitting_images
    union
    select index_contents.manifest_digest, index_contents.index_digest as holder_digest
    from index_contents
    semi join fitting_images using (manifest_digest)
),
image_tags as (
    select
        images.registry_id,
        images.region,
        images.repository,
        holders.manifest_digest,
        list_sort(list_distinct(flatten(list(images.tags)))) as tags,
        max(images.pushed_at) filter (where holders.holder_digest = holders.manifest_digest) as pushed_at
    from holders
    inner join images on images.manifest_digest = holders.holder_digest
    group by images.registry_id, images.region, images.repository, holders.manifest_digest
)
select
    registry_id,
    region,
    repository,
    image_tags.tags,
    manifest_digest,
    fitting_images.platforms,
    fitting_images.layers,
    fitting_images.layers_added,
    image_tags.pushed_at,
    fitting_images.base_digest,
    fitting_images.platform_assumed
from held_images
inner join fitting_images using (manifest_digest)
inner join image_tags using (registry_id, region, repository, manifest_digest)
order by registry_id, region, repository, image_tags.pushed_at desc nulls last, manifest_digest, fitting_images.base_digest
limit $limit
