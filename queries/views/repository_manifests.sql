-- view: What each repository holds: its images, and the manifests below its indexes. One row per repository and digest.
-- column: is_listed : Whether it is in images; a child may be absent, or hidden by a filter on tags.
-- column: is_known : Whether it is in the store and could be flattened, so that its blobs are known.
-- column: kind : Its kind; NULL where it is not in the store.
with recursive
listed_images as (
    select registry_id, region, repository, manifest_digest
    from images
),
index_digests as (
    select distinct index_digest as manifest_digest
    from all_index_entries
),
held_indexes as (
    select *
    from listed_images
    semi join index_digests using (manifest_digest)
    union -- not union all: indexes that name each other must end
    select held_indexes.registry_id, held_indexes.region, held_indexes.repository, entries.manifest_digest
    from held_indexes
    inner join all_index_entries as entries on entries.index_digest = held_indexes.manifest_digest
    semi join index_digests on index_digests.manifest_digest = entries.manifest_digest
),
children as (
    select distinct held_indexes.registry_id, held_indexes.region, held_indexes.repository, entries.manifest_digest
    from held_indexes
    inner join all_index_entries as entries on entries.index_digest = held_indexes.manifest_digest
),
held_manifests as (
    select *, true as is_listed
    from listed_images
    union all
    select *, false as is_listed
    from children
    anti join listed_images using (registry_id, region, repository, manifest_digest)
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
