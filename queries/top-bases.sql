-- question: Which base images carry the most images?
-- caveat: An image stands on a base if its layers, base first, begin with all layers of the base and go on, on the same platform as far as indexes tell; base-images says how that is found. images counts the distinct digests that stand on it and that repositories hold, children of indexes included; direct_images those whose nearest base it is.
-- caveat: Bases stand on each other, so an image counts for each base below it: neither images nor bytes add up over the rows. Every build of a base is a row of its own.
-- caveat: base_bytes counts each layer of the base once. bytes_saved is base_bytes for each image but the first: what sharing the base saves, were each image to be stored whole. unique_bytes_above counts each layer that is on top of the base, in any of the images, once; what images have in common above the base is in it. Bytes are compressed, the largest that these images give of each layer; foreign (nondistributable) layers are left out; layers_unknown_size counts the layers without a known size that these figures leave out.
-- caveat: Several images may have exactly the layers of the base: base_images counts them, base_digest is one of them, a held and tagged one if there is one, and base_tags are the tags of all. Bases that no repository holds any longer have no tags, and base_is_held is false.
-- caveat: Images whose manifest is not in the store neither count nor carry; unfetched-images lists them.
-- parameter: base glob = * : only bases of which such a repository holds an image
-- parameter: limit count = 20 : rows at most
-- empty: No image that repositories hold begins with all layers of another one.
with
image_steps as materialized (
    select manifest_digest, stack_number, stack_layers, step
    from image_stacks
),
bases as materialized (
    select manifest_digest, stack_number
    from image_steps
    where step = 0
),
-- Not looked for where any repository will do.
asked_digests as materialized (
    select distinct manifest_digest
    from repository_manifests
    where repository glob $base and $base <> '*'
),
asked_stacks as materialized (
    select stack_number, min(manifest_digest) as first_digest
    from bases
    group by stack_number
    having $base = '*' or bool_or(manifest_digest in (select manifest_digest from asked_digests))
),
top_stacks as materialized (
    select
        stack_number,
        image_steps.stack_layers,
        count(*) as images,
        count(*) filter (where image_steps.step = 1) as direct_images,
        row_number() over (order by count(*) desc, image_steps.stack_layers desc, asked_stacks.first_digest) as place
    from image_steps
    anti join unreachable_manifests using (manifest_digest)
    inner join asked_stacks using (stack_number)
    where image_steps.step > 0
    group by stack_number, image_steps.stack_layers, asked_stacks.first_digest
    order by place
    limit $limit
),
top_bases as materialized (
    select manifest_digest, stack_number
    from bases
    semi join top_stacks using (stack_number)
),
standing as materialized (
    select image_steps.manifest_digest, top_stacks.place, top_stacks.stack_layers
    from image_steps
    anti join unreachable_manifests using (manifest_digest)
    inner join top_stacks using (stack_number)
    where image_steps.step > 0
),
standing_holders as (
    select manifest_digest as holder_digest, place
    from standing
    union
    select index_contents.index_digest as holder_digest, standing.place
    from index_contents
    inner join standing using (manifest_digest)
),
holder_counts as (
    select standing_holders.place, count(distinct (images.registry_id, images.region, images.repository)) as repositories
    from images
    inner join standing_holders on standing_holders.holder_digest = images.manifest_digest
    group by standing_holders.place
),
layers_of_standing as (
    select
        standing.place,
        all_layers.layer_digest,
        max(all_layers.size) as size,
        bool_or(all_layers.position < standing.stack_layers) as is_in_base
    from all_layers
    inner join standing using (manifest_digest)
    group by standing.place, all_layers.layer_digest
    having bool_or(all_layers.distributable)
),
bytes as (
    select
        place,
        capped(coalesce(sum(size) filter (where is_in_base), 0)) as base_bytes,
        capped(coalesce(sum(size) filter (where not is_in_base), 0)) as unique_bytes_above,
        count(*) filter (where size is null) as layers_unknown_size
    from layers_of_standing
    group by place
),
base_holders as (
    select manifest_digest, manifest_digest as holder_digest
    from top_bases
    union all
    select index_contents.manifest_digest, index_contents.index_digest as holder_digest
    from index_contents
    semi join top_bases using (manifest_digest)
),
base_tags as (
    select
        base_holders.manifest_digest,
        flatten(list(list_transform(images.tags, lambda tag: images.repository || ':' || tag))) as tags
    from base_holders
    inner join images on images.manifest_digest = base_holders.holder_digest
    group by base_holders.manifest_digest
),
base_names as (
    select
        top_bases.stack_number,
        count(*) as base_images,
        arg_min(
            manifest_digest, (coalesce(len(base_tags.tags), 0) = 0, base_tags.tags is null, manifest_digest)
        ) as base_digest,
        bool_or(base_tags.tags is not null) as base_is_held,
        list_sort(list_distinct(flatten(list(coalesce(base_tags.tags, []))))) as base_tags
    from top_bases
    left join base_tags using (manifest_digest)
    group by top_bases.stack_number
)
select
    base_names.base_tags,
    base_names.base_digest,
    base_names.base_images,
    base_names.base_is_held,
    top_stacks.stack_layers as base_layers,
    top_stacks.images,
    top_stacks.direct_images,
    holder_counts.repositories,
    coalesce(bytes.base_bytes, 0) as base_bytes,
    capped(coalesce(bytes.base_bytes, 0)::hugeint * (top_stacks.images - 1)) as bytes_saved,
    coalesce(bytes.unique_bytes_above, 0) as unique_bytes_above,
    coalesce(bytes.layers_unknown_size, 0) as layers_unknown_size
from top_stacks
inner join base_names using (stack_number)
inner join holder_counts using (place)
left join bytes using (place)
order by top_stacks.place
