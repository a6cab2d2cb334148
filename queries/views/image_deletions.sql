-- view: What deleting each of whole_images by itself would free. The figures of several images do not add up.
-- column: reclaimable_bytes : The blobs that come back if this image alone is deleted, with those of its parts that nothing else in the repository needs.
-- column: exclusive_bytes : Those of them that no other repository of the same account and region holds.
-- column: repository_unknown : Manifests of the repository whose contents are unknown: where it is not 0, both figures are upper bounds.
-- column: unknown_elsewhere : Images of unknown contents in the account and region's other repositories, and repositories there that were never listed whole: where it is not 0, exclusive_bytes is an upper bound.
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        listed_run_id,
        dense_rank() over (order by registry_id, region) as registry_number,
        row_number() over (order by registry_id, region, repository) as repository_number
    from repositories
),
held_manifests as materialized (
    select
        places.repository_number,
        held.manifest_digest,
        held.is_listed,
        held.is_known,
        row_number() over () as held_number
    from repository_manifests as held
    inner join places using (registry_id, region, repository)
),
parts as materialized (
    select
        images.held_number as image_number,
        members.held_number,
        members.is_known,
        members.manifest_digest,
        image_parts.goes
    from image_parts
    inner join places using (registry_id, region, repository)
    inner join held_manifests as images
        on images.manifest_digest = image_parts.image_digest
        and images.repository_number = places.repository_number
    inner join held_manifests as members
        on members.manifest_digest = image_parts.manifest_digest
        and members.repository_number = places.repository_number
),
-- What goes with an image goes with no other one.
part_owners as (
    select held_number, coalesce(max(image_number) filter (where goes), 0) as owner_number
    from parts
    group by held_number
),
-- 0: nothing that goes alone. What is not listed has no other number.
owned_manifests as materialized (
    select
        repository_number,
        manifest_digest,
        is_known,
        coalesce(part_owners.owner_number, case when is_listed then held_number else 0 end) as owner_number
    from held_manifests
    left join part_owners using (held_number)
),
shown_images as (
    select repository_number, manifest_digest, held_number
    from held_manifests
    where is_listed and held_number not in (select held_number from parts where held_number <> image_number)
    union
    select held_manifests.repository_number, held_manifests.manifest_digest, held_manifests.held_number
    from held_manifests
    inner join parts using (held_number)
    where parts.image_number = held_number
),
-- What one repository alone holds needs no comparison with others: that is most, and one row for each owner.
blob_bytes as (
    select
        case when min(repository_number) < max(repository_number) then blob_digest end as shared_digest,
        case
            when min(repository_number) = max(repository_number) and min(owner_number) = max(owner_number)
                then min(owner_number)
        end as owner_number,
        max(mentions.size) as size
    from all_blob_references as mentions
    inner join owned_manifests using (manifest_digest)
    where owned_manifests.is_known
    group by blob_digest
    having bool_or(mentions.is_stored)
),
held_bytes as materialized (
    select shared_digest, owner_number, sum(size) as bytes
    from blob_bytes
    where shared_digest is not null or owner_number > 0
    group by shared_digest, owner_number
),
shared_mentions as (
    select manifest_digest, mentions.blob_digest, mentions.is_stored, held_bytes.bytes
    from all_blob_references as mentions
    inner join held_bytes on held_bytes.shared_digest = mentions.blob_digest
),
shared_blobs as materialized (
    select
        places.registry_number,
        shared_mentions.blob_digest,
        any_value(shared_mentions.bytes) as bytes,
        min(owned_manifests.owner_number) as owner_number,
        -- A blob that the repository has only as a foreign layer is not stored there.
        min(owned_manifests.owner_number) = max(owned_manifests.owner_number) and bool_or(shared_mentions.is_stored) as is_freed
    from shared_mentions
    inner join owned_manifests using (manifest_digest)
    inner join places using (repository_number)
    where owned_manifests.is_known
    group by repository_number, places.registry_number, shared_mentions.blob_digest
),
blob_holders as (
    select registry_number, blob_digest, count(*) as repositories
    from shared_blobs
    group by registry_number, blob_digest
),
freed_blobs as (
    select owner_number, bytes, true as is_exclusive
    from held_bytes
    where owner_number is not null
    union all
    select shared_blobs.owner_number, shared_blobs.bytes, blob_holders.repositories = 1 as is_exclusive
    from shared_blobs
    inner join blob_holders using (registry_number, blob_digest)
    where shared_blobs.is_freed
),
freed_bytes as (
    select
        owner_number as held_number,
        sum(bytes) as reclaimable_bytes,
        sum(bytes) filter (where is_exclusive) as exclusive_bytes
    from freed_blobs
    group by owner_number
),
unknown_figures as (
    select
        repository_number,
        count(*) as repository_unknown,
        count(*) filter (where is_listed) as images_unknown
    from held_manifests
    where not is_known
    group by repository_number
),
doubts as (
    select
        *,
        coalesce(images_unknown, 0) + (listed_run_id is null)::integer as unknown_here,
        sum(unknown_here) over (partition by registry_number) - unknown_here as unknown_elsewhere
    from places
    left join unknown_figures using (repository_number)
)
select
    doubts.registry_id,
    doubts.region,
    doubts.repository,
    shown_images.manifest_digest,
    capped(coalesce(freed_bytes.reclaimable_bytes, 0)) as reclaimable_bytes,
    capped(coalesce(freed_bytes.exclusive_bytes, 0)) as exclusive_bytes,
    coalesce(doubts.repository_unknown, 0) as repository_unknown,
    doubts.unknown_elsewhere::bigint as unknown_elsewhere
from shown_images
inner join doubts using (repository_number)
left join freed_bytes using (held_number)
