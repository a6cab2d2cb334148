-- question: How many bytes do two repositories, or two groups of repositories, have in common?
-- caveat: One row per account and region that has repositories on both sides, as registries share no storage. A repository that matches both patterns is on both sides; repositories_in_both counts these.
-- caveat: first_bytes and second_bytes count each layer and config of a side once, compressed, children of indexes included; shared_bytes counts each that both sides have once. Foreign (nondistributable) layers are left out, as ECR does not store them. The shares are of first_bytes and of second_bytes.
-- caveat: Shared bytes are stored twice all the same, once per repository, unless blob mounting is on.
-- caveat: Left out because unknown: images_unknown (archived, not fetched or not readable, children of indexes that are not in the store included), shared_unknown_size (blobs that both have, of unknown size).
-- parameter: first glob : repositories of the one side
-- parameter: second glob : repositories of the other side
-- empty: No account and region has repositories that match the first pattern and others, or the same, that match the second.
with
sides as materialized (
    select
        registry_id,
        region,
        repository,
        repository glob $first as is_first,
        repository glob $second as is_second
    from repositories
    where repository glob $first or repository glob $second
),
side_figures as (
    select
        registry_id,
        region,
        count(*) filter (where is_first) as first_repositories,
        count(*) filter (where is_second) as second_repositories,
        count(*) filter (where is_first and is_second) as repositories_in_both
    from sides
    group by registry_id, region
    having bool_or(is_first) and bool_or(is_second)
),
held_manifests as materialized (
    select
        registry_id,
        region,
        manifest_digest,
        bool_or(sides.is_first) as is_first,
        bool_or(sides.is_second) as is_second,
        bool_or(is_known) as is_known,
        count(*) as holders
    from repository_manifests
    inner join sides using (registry_id, region, repository)
    group by registry_id, region, manifest_digest
),
unknown_figures as (
    select registry_id, region, sum(holders)::bigint as images_unknown
    from held_manifests
    where not is_known
    group by registry_id, region
),
side_blobs as materialized (
    select
        held_manifests.registry_id,
        held_manifests.region,
        blob_digest,
        bool_or(held_manifests.is_first) as is_first,
        bool_or(held_manifests.is_second) as is_second
    from blob_references
    inner join held_manifests using (manifest_digest)
    where held_manifests.is_known
    group by held_manifests.registry_id, held_manifests.region, blob_digest
),
-- What a blob's size is, and whether it is stored, all manifests that mention it say together.
sizes as (
    select blob_digest, max(size) as size
    from blob_references
    semi join side_blobs using (blob_digest)
    group by blob_digest
    having bool_or(is_stored)
),
figures as (
    select
        side_blobs.registry_id,
        side_blobs.region,
        coalesce(sum(sizes.size) filter (where is_first), 0) as first_bytes,
        coalesce(sum(sizes.size) filter (where is_second), 0) as second_bytes,
        coalesce(sum(sizes.size) filter (where is_first and is_second), 0) as shared_bytes,
        count(*) filter (where is_first and is_second) as shared_blobs,
        count(*) filter (where is_first and is_second and sizes.size is null) as shared_unknown_size
    from side_blobs
    inner join sizes using (blob_digest)
    group by side_blobs.registry_id, side_blobs.region
)
select
    registry_id,
    region,
    side_figures.first_repositories,
    side_figures.second_repositories,
    side_figures.repositories_in_both,
    capped(coalesce(figures.first_bytes, 0)) as first_bytes,
    capped(coalesce(figures.second_bytes, 0)) as second_bytes,
    capped(coalesce(figures.shared_bytes, 0)) as shared_bytes,
    round(figures.shared_bytes / nullif(figures.first_bytes, 0), 3) as share_of_first,
    round(figures.shared_bytes / nullif(figures.second_bytes, 0), 3) as share_of_second,
    coalesce(figures.shared_blobs, 0) as shared_blobs,
    coalesce(figures.shared_unknown_size, 0) as shared_unknown_size,
    coalesce(unknown_figures.images_unknown, 0) as images_unknown
from side_figures
left join figures using (registry_id, region)
left join unknown_figures using (registry_id, region)
order by registry_id, region
