-- view: What each repository holds: its images, and the manifests below its indexes. One row per repository and digest.
-- like: repositories
-- column: manifest_digest : A manifest that the repository holds; need not be in the store.
-- column: is_listed : Whether it is in images; a child may be absent, or hidden by a filter on tags.
-- column: is_known : Whether it is in the store and could be flattened, so that its blobs are known.
-- column: kind : Its kind; NULL where it is not in the store.
with
listed_images as (
    select registry_id, region, repository, manifest_digest
    from images
),
children as materialized (
    select distinct
        listed_images.registry_id,
        listed_images.region,
        listed_images.repository,
        index_contents.manifest_digest
    from listed_images
    inner join index_contents on index_contents.index_digest = listed_images.manifest_digest
),
-- Most images are no children; the few that are fit in memory.
listed_children as (
    select registry_id, region, repository, manifest_digest
    from listed_images
    semi join (select distinct manifest_digest from children) as child_digests using (manifest_digest)
),
held_manifests as (
    select *, true as is_listed
    from listed_images
    union all
    select *, false as is_listed
    from children
    anti join listed_children using (registry_id, region, repository, manifest_digest)
)
select
    held_manifests.registry_id,
    held_manifests.region,
    held_manifests.repository,
    manifest_digest,
    held_manifests.is_listed,
    coalesce(all_manifests.kind <> 'unknown', false) as is_known,
    all_manifests.kind
from held_manifests
left join all_manifests using (manifest_digest)
