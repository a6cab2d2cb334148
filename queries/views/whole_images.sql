-- view: The images that people mean by the word: those with a tag of their own, or that belong to no other image, each with all its parts.
-- like: images
-- column: kind : Its kind; NULL where the manifest is not in the store or could not be read.
-- column: in_index : Whether an index of the repository lists it; then ECR does not delete it alone.
-- column: manifests : How many manifests it consists of: itself, what is below it, and its referrers (signatures, SBOMs) without a tag of their own.
-- column: manifests_unknown : How many of them are not in the store, or could not be read.
-- column: logical_bytes : The distinct layers and configs of each of them, with the sizes that it gives, added up.
-- column: blobs_unknown_size : How many of these have no size (Docker schema 1).
with
parts as materialized (
    select registry_id, region, repository, image_digest, manifest_digest
    from image_parts
),
-- What is part of others only.
below as (
    select registry_id, region, repository, manifest_digest
    from parts
    except
    select registry_id, region, repository, image_digest as manifest_digest
    from parts
),
entries as (
    select distinct registry_id, region, repository, manifest_digest
    from repository_links
    where is_entry
),
documents as materialized (
    select
        manifest_digest,
        all_manifests.kind,
        0 as manifests_unknown,
        coalesce(manifest_bytes.bytes, 0) as logical_bytes,
        coalesce(manifest_bytes.blobs_unknown_size, 0) as blobs_unknown_size
    from all_manifests
    left join manifest_bytes using (manifest_digest)
    where all_manifests.kind <> 'unknown'
),
figures as (
    select
        registry_id,
        region,
        repository,
        image_digest as manifest_digest,
        count(*) as manifests,
        sum(coalesce(documents.manifests_unknown, 1))::bigint as manifests_unknown,
        capped(coalesce(sum(documents.logical_bytes), 0)) as logical_bytes,
        coalesce(sum(documents.blobs_unknown_size), 0)::bigint as blobs_unknown_size
    from (
        from parts
        union
        select registry_id, region, repository, image_digest, image_digest as manifest_digest
        from parts
    )
    left join documents using (manifest_digest)
    group by registry_id, region, repository, image_digest
)
select
    registry_id,
    region,
    repository,
    manifest_digest,
    documents.kind,
    entries.manifest_digest is not null as in_index,
    coalesce(figures.manifests, 1) as manifests,
    coalesce(figures.manifests_unknown, documents.manifests_unknown, 1) as manifests_unknown,
    coalesce(figures.logical_bytes, documents.logical_bytes, 0) as logical_bytes,
    coalesce(figures.blobs_unknown_size, documents.blobs_unknown_size, 0) as blobs_unknown_size
from images
anti join below using (registry_id, region, repository, manifest_digest)
left join figures using (registry_id, region, repository, manifest_digest)
left join entries using (registry_id, region, repository, manifest_digest)
left join documents using (manifest_digest)
