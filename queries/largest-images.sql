-- question: Which images are the largest?
-- caveat: bytes counts the distinct layers and configs of the image, compressed; of an index, those of all manifests below it together. Foreign (nondistributable) layers are left out, as ECR does not store them.
-- caveat: Images share layers: the rows do not add up. storage-by-repository has figures that do.
-- caveat: blobs_unknown_size and children_unknown say what bytes leaves out. Images whose manifest is not in the store cannot show; unfetched-images lists them.
-- parameter: limit count = 20 : rows at most
-- parameter: repository glob = * : repositories to look at
-- parameter: children boolean = false : whether images that are part of an index in the same repository have rows of their own
-- empty: No image that was looked at is in the store.
with
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
parts as (
    select looked_at.registry_id, looked_at.region, looked_at.repository, index_contents.manifest_digest
    from looked_at
    inner join index_contents on index_contents.index_digest = looked_at.manifest_digest
),
shown as materialized (
    select *
    from looked_at
    where $children or (registry_id, region, repository, manifest_digest) not in (
        select (registry_id, region, repository, manifest_digest) from parts
    )
),
contents as materialized (
    select index_contents.index_digest, index_contents.manifest_digest
    from index_contents
    semi join shown on shown.manifest_digest = index_contents.index_digest
),
-- Nearly always all manifests say the same of a blob; where they do not, it counts as the view blobs says. What that is is
-- asked after, of few: to work it out for each of millions took a quarter more.
disputed_digests as materialized (
    select blob_digest
    from blob_references
    group by blob_digest
    having
        min(coalesce(size, -1)) <> max(coalesce(size, -1))
        or bool_or(is_stored) <> bool_and(is_stored)
),
disputed_blobs as materialized (
    select blob_digest, max(size) as size, bool_or(is_stored) as is_stored
    from blob_references
    semi join disputed_digests using (blob_digest)
    group by blob_digest
),
needed_blobs as not materialized ( -- millions, of which the second look needs few
    select
        all_blob_references.manifest_digest,
        blob_digest,
        coalesce(disputed_blobs.size, all_blob_references.size) as size
    from all_blob_references
    left join disputed_blobs using (blob_digest)
    where not all_blob_references.is_repeat and coalesce(disputed_blobs.is_stored, all_blob_references.is_stored)
),
document_bytes as materialized (
    select manifest_digest, sum(size) as bytes, count(*) filter (where size is null) as blobs_unknown_size
    from needed_blobs
    group by manifest_digest
),
-- An index has at least the bytes of its largest manifest, and at most those of all: only of indexes that may show is it
-- looked at which blobs its manifests share. To look at all took a sixth of the time.
bounds as (
    select manifest_digest, bytes as least_bytes, bytes as most_bytes
    from document_bytes
    union all -- an index has no blobs of its own
    select contents.index_digest as manifest_digest, max(document_bytes.bytes) as least_bytes, sum(document_bytes.bytes) as most_bytes
    from contents
    inner join document_bytes on document_bytes.manifest_digest = contents.manifest_digest
    group by contents.index_digest
),
-- What is not known has no bytes, and is left out below, where few are left.
bounded_images as materialized (
    select
        shown.registry_id,
        shown.region,
        shown.repository,
        manifest_digest,
        capped(coalesce(bounds.least_bytes, 0)) as least_bytes,
        capped(coalesce(bounds.most_bytes, 0)) as most_bytes
    from shown
    left join bounds using (manifest_digest)
),
largest_figures as (
    select least_bytes
    from bounded_images
    order by least_bytes desc
    limit $limit
),
large_images as materialized (
    select
        bounded_images.registry_id,
        bounded_images.region,
        bounded_images.repository,
        manifest_digest,
        known_manifests.kind
    from bounded_images
    inner join known_manifests using (manifest_digest)
    where bounded_images.most_bytes >= (select min(least_bytes) from largest_figures)
),
large_contents as materialized (
    select contents.index_digest, contents.manifest_digest
    from contents
    semi join large_images on large_images.manifest_digest = contents.index_digest
),
-- Out of a list DuckDB takes them for few, and reads only the row groups that may have them.
child_digests as (
    select unnest(list(distinct manifest_digest)) as manifest_digest
    from large_contents
),
child_blobs as (
    select manifest_digest, needed_blobs.blob_digest, needed_blobs.size
    from needed_blobs
    semi join child_digests using (manifest_digest)
),
index_blobs as (
    select distinct large_contents.index_digest, child_blobs.blob_digest, child_blobs.size
    from child_blobs
    inner join large_contents using (manifest_digest)
),
image_bytes as (
    select manifest_digest, bytes, blobs_unknown_size
    from document_bytes
    semi join large_images using (manifest_digest)
    union all
    select index_digest as manifest_digest, sum(size) as bytes, count(*) filter (where size is null) as blobs_unknown_size
    from index_blobs
    group by index_digest
),
missing_children as (
    select contents.index_digest as manifest_digest, count(*) as children_unknown
    from large_contents as contents
    anti join known_manifests on known_manifests.manifest_digest = contents.manifest_digest
    group by contents.index_digest
)
select
    shown.registry_id,
    shown.region,
    shown.repository,
    shown.tags,
    manifest_digest,
    large_images.kind,
    capped(coalesce(image_bytes.bytes, 0)) as bytes,
    coalesce(image_bytes.blobs_unknown_size, 0) as blobs_unknown_size,
    coalesce(missing_children.children_unknown, 0) as children_unknown,
    shown.pushed_at
from shown
inner join large_images using (registry_id, region, repository, manifest_digest)
left join image_bytes using (manifest_digest)
left join missing_children using (manifest_digest)
order by bytes desc, shown.registry_id, shown.region, shown.repository, manifest_digest
limit $limit
