-- question: Which images are the largest?
-- caveat: bytes counts the distinct layers and configs of the image, compressed; of an index, those of all manifests below it together. Foreign (nondistributable) layers are left out, as ECR does not store them.
-- caveat: Images share layers: the rows do not add up. storage-by-repository has figures that do.
-- caveat: blobs_unknown_size and children_unknown say what bytes leaves out. Images whose manifest is not in the store cannot show; unfetched-images lists them.
-- parameter: limit integer = 20 : rows at most
-- parameter: repository glob = * : repositories to look at
-- parameter: children boolean = false : whether images that are part of an index in the same repository have rows of their own
-- empty: No image that was looked at is in the store.
with recursive
looked_at as materialized (
    select registry_id, region, repository, manifest_digest, tags, pushed_at
    from images
    where repository glob $repository
),
known_manifests as materialized (
    select manifest_digest, kind
    from manifests
    where kind <> 'unknown'
),
index_contents as materialized (
    select entries.index_digest, entries.manifest_digest
    from index_entries as entries
    semi join looked_at on looked_at.manifest_digest = entries.index_digest
    union -- not union all: indexes that name each other must end
    select index_contents.index_digest, entries.manifest_digest
    from index_contents
    inner join index_entries as entries on entries.index_digest = index_contents.manifest_digest
),
parts as materialized (
    select looked_at.registry_id, looked_at.region, looked_at.repository, index_contents.manifest_digest
    from looked_at
    inner join index_contents on index_contents.index_digest = looked_at.manifest_digest
    where index_contents.manifest_digest <> index_contents.index_digest
),
shown as materialized (
    select *
    from looked_at
    where $children or (registry_id, region, repository, manifest_digest) not in (
        select (registry_id, region, repository, manifest_digest) from parts
    )
),
contents as materialized (
    select distinct manifest_digest as image_digest, manifest_digest as content_digest
    from shown
    union
    select index_digest as image_digest, manifest_digest as content_digest
    from index_contents
),
-- Numbers in place of digests: there are ten times as many blobs as images.
numbered_images as materialized (
    select manifest_digest as image_digest, row_number() over () as image_number
    from (select distinct manifest_digest from shown)
),
numbered_contents as materialized (
    select numbered_images.image_number, contents.content_digest
    from contents
    inner join numbered_images using (image_digest)
),
numbered_blobs as materialized (
    select blob_digest, size, row_number() over () as blob_number
    from blobs
    where is_stored
),
image_blobs as (
    select distinct numbered_contents.image_number, numbered_blobs.blob_number
    from numbered_contents
    inner join blob_references on blob_references.manifest_digest = numbered_contents.content_digest
    inner join numbered_blobs using (blob_digest)
),
image_bytes as (
    select
        numbered_images.image_digest,
        sum(numbered_blobs.size) as bytes,
        count(*) filter (where numbered_blobs.size is null) as blobs_unknown_size
    from image_blobs
    inner join numbered_blobs using (blob_number)
    inner join numbered_images using (image_number)
    group by numbered_images.image_digest
),
missing_children as (
    select contents.image_digest, count(*) as children_unknown
    from contents
    anti join known_manifests on known_manifests.manifest_digest = contents.content_digest
    group by contents.image_digest
)
select
    shown.registry_id,
    shown.region,
    shown.repository,
    shown.tags,
    shown.manifest_digest,
    known_manifests.kind,
    coalesce(image_bytes.bytes, 0)::bigint as bytes,
    coalesce(image_bytes.blobs_unknown_size, 0) as blobs_unknown_size,
    coalesce(missing_children.children_unknown, 0) as children_unknown,
    shown.pushed_at
from shown
inner join known_manifests using (manifest_digest)
left join image_bytes on image_bytes.image_digest = shown.manifest_digest
left join missing_children on missing_children.image_digest = shown.manifest_digest
order by bytes desc, shown.registry_id, shown.region, shown.repository, shown.manifest_digest
limit $limit
