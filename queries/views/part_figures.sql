-- view: What images of several parts add up to, and what is in an index or part of others: one row per repository and such a manifest.
-- like: images
-- column: manifest_digest : The image, or the part; not all need be in the store, nor be listed.
-- column: is_part : Whether it is part of other images only, and so no image that people mean by the word.
-- column: in_index : Whether an index of the repository lists it; then ECR does not delete it alone.
-- column: manifests : How many manifests it consists of: itself, what is below it, and its referrers (signatures, SBOMs) without a tag of their own. NULL where it has no parts, as the rest.
-- column: manifests_unknown : How many of them are not in the store, or could not be read.
-- column: logical_bytes : The distinct layers and configs of each of its manifests, with the sizes that it gives, added up.
-- column: blobs_unknown_size : How many of these have no size (Docker schema 1).
with
parts as materialized (
    select registry_id, region, repository, image_digest, manifest_digest
    from image_parts
),
members as materialized (
    from parts
    union
    select registry_id, region, repository, image_digest, image_digest as manifest_digest
    from parts
),
member_digests as materialized (
    select distinct manifest_digest
    from members
),
known_members as (
    select manifest_digest
    from all_manifests
    semi join member_digests using (manifest_digest)
    where kind <> 'unknown'
),
documents as (
    select
        manifest_digest,
        coalesce(bytes_by_manifest.bytes, 0) as logical_bytes,
        coalesce(bytes_by_manifest.blobs_unknown_size, 0) as blobs_unknown_size
    from known_members
    left join bytes_by_manifest using (manifest_digest)
),
figures as (
    select
        registry_id,
        region,
        repository,
        image_digest as manifest_digest,
        count(*) as manifests,
        count(*) filter (where documents.logical_bytes is null) as manifests_unknown,
        capped(coalesce(sum(documents.logical_bytes), 0)) as logical_bytes,
        coalesce(sum(documents.blobs_unknown_size), 0)::bigint as blobs_unknown_size
    from members
    left join documents using (manifest_digest)
    group by registry_id, region, repository, image_digest
),
-- What is part of others only.
below as (
    select registry_id, region, repository, manifest_digest, true as is_part
    from parts
    except
    select registry_id, region, repository, image_digest as manifest_digest, true as is_part
    from parts
),
entries as (
    select distinct registry_id, region, repository, manifest_digest, true as in_index
    from repository_links
    where is_entry
),
told as (
    from figures
    union all by name
    from below
    union all by name
    from entries
)
select
    registry_id,
    region,
    repository,
    manifest_digest,
    coalesce(bool_or(is_part), false) as is_part,
    coalesce(bool_or(in_index), false) as in_index,
    max(manifests) as manifests,
    max(manifests_unknown) as manifests_unknown,
    max(logical_bytes) as logical_bytes,
    max(blobs_unknown_size) as blobs_unknown_size
from told
group by registry_id, region, repository, manifest_digest
