-- view: The images that people mean by the word: those with a tag of their own, or that belong to no other image, each with all its parts.
-- like: images
-- column: kind : Its kind; NULL where the manifest is not in the store or could not be read.
-- column: in_index : Whether an index of the repository lists it; then ECR does not delete it alone.
-- column: manifests : How many manifests it consists of: itself, what is below it, and its referrers (signatures, SBOMs) without a tag of their own.
-- column: manifests_unknown : How many of them are not in the store, or could not be read.
-- column: logical_bytes : The distinct layers and configs of each of them, with the sizes that it gives, added up.
-- column: blobs_unknown_size : How many of these have no size (Docker schema 1).
with
known_manifests as (
    select manifest_digest, kind
    from all_manifests
    where kind <> 'unknown'
)
select
    registry_id,
    region,
    repository,
    manifest_digest,
    known_manifests.kind,
    coalesce(part_figures.in_index, false) as in_index,
    coalesce(part_figures.manifests, 1) as manifests,
    coalesce(part_figures.manifests_unknown, (known_manifests.kind is null)::bigint) as manifests_unknown,
    coalesce(part_figures.logical_bytes, bytes_by_manifest.bytes, 0) as logical_bytes,
    coalesce(part_figures.blobs_unknown_size, bytes_by_manifest.blobs_unknown_size, 0) as blobs_unknown_size
from images
left join part_figures using (registry_id, region, repository, manifest_digest)
left join known_manifests using (manifest_digest)
left join bytes_by_manifest using (manifest_digest)
where not coalesce(part_figures.is_part, false)
