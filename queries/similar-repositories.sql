-- question: Which repositories hold nearly the same layers?
-- caveat: similarity is shared_bytes over all_bytes: what both have, over what either has, each layer and config once (the Jaccard index by bytes); 1 means the same content. Compressed bytes, children of indexes included, within one account and region; foreign (nondistributable) layers are left out.
-- caveat: Each pair shows once, in the order of names. Pairs that share no byte do not show, nor do those that have nothing in common but blobs held by more than widespread repositories; these blobs count for all other pairs.
-- caveat: Left out because unknown: images_unknown counts, for both together, the manifests not in the store or not readable; a blob of unknown size counts as no bytes.
-- parameter: repository glob = * : at least one of the two must match
-- parameter: widespread count = 500 : blobs held by more repositories than this do not make a pair
-- parameter: limit count = 20 : rows at most
-- empty: No two repositories of an account and region that were looked at share a byte.
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        dense_rank() over (order by registry_id, region) as registry_number,
        row_number() over (order by registry_id, region, repository) as repository_number,
        repository glob $repository as is_asked
    from repositories
),
held_manifests as materialized (
    select places.repository_number, manifest_digest, is_known
    from repository_manifests
    inner join places using (registry_id, region, repository)
),
repository_blobs as materialized (
    select
        held_manifests.repository_number,
        mentions.blob_digest,
        max(mentions.size) as size,
        bool_or(mentions.is_stored) as is_stored
    from all_blob_references as mentions
    inner join held_manifests using (manifest_digest)
    where held_manifests.is_known
    group by held_manifests.repository_number, mentions.blob_digest
),
-- What one repository alone holds makes no pair: that is most, and one row for each repository.
blob_bytes as (
    select
        case when count(*) > 1 then blob_digest end as shared_digest,
        case when count(*) = 1 then min(repository_number) end as only_number,
        max(size) as size
    from repository_blobs
    group by blob_digest
    having bool_or(is_stored) and max(size) > 0
),
held_bytes as materialized (
    select shared_digest, only_number, sum(size) as bytes
    from blob_bytes
    group by shared_digest, only_number
),
blob_holders as (
    select blob_digest, list_sort(list(repository_number)) as holders
    from repository_blobs
    semi join held_bytes on held_bytes.shared_digest = repository_blobs.blob_digest
    group by blob_digest
),
-- The index from what is shared to who shares it: blobs with the same holders are one row.
holder_sets as (
    select blob_holders.holders, row_number() over () as set_number, sum(held_bytes.bytes) as bytes
    from blob_holders
    inner join held_bytes on held_bytes.shared_digest = blob_holders.blob_digest
    group by blob_holders.holders
),
holders as (
    select set_number, bytes, unnest(holders) as repository_number
    from holder_sets
),
set_members as materialized (
    select
        holders.set_number,
        holders.bytes,
        repository_number,
        places.registry_number,
        count(*) over (partition by holders.set_number, places.registry_number) > $widespread as is_widespread
    from holders
    inner join places using (repository_number)
),
repository_bytes as (
    select repository_number, sum(bytes) as bytes
    from (
        select repository_number, bytes
        from set_members
        union all
        select only_number as repository_number, bytes
        from held_bytes
        where only_number is not null
    )
    group by repository_number
),
pairs as materialized (
    select
        members.repository_number,
        others.repository_number as other_number,
        sum(members.bytes) as bytes
    from set_members as members
    inner join set_members as others
        on others.set_number = members.set_number
        and others.registry_number = members.registry_number
        and others.repository_number > members.repository_number
    inner join places on places.repository_number = members.repository_number
    inner join places as other_places on other_places.repository_number = others.repository_number
    where not members.is_widespread and (places.is_asked or other_places.is_asked)
    group by members.repository_number, others.repository_number
),
widespread_members as materialized (
    select set_number, repository_number, bytes
    from set_members
    where is_widespread
),
widespread_bytes as (
    select pairs.repository_number, pairs.other_number, sum(members.bytes) as bytes
    from pairs
    inner join widespread_members as members on members.repository_number = pairs.repository_number
    inner join widespread_members as others
        on others.repository_number = pairs.other_number and others.set_number = members.set_number
    group by pairs.repository_number, pairs.other_number
),
unknown_manifests as (
    select repository_number, count(*) as manifests
    from held_manifests
    where not is_known
    group by repository_number
),
figures as (
    select
        pairs.repository_number,
        other_number,
        pairs.bytes + coalesce(widespread_bytes.bytes, 0) as shared_bytes,
        own.bytes as own_bytes,
        other.bytes as other_bytes,
        own.bytes + other.bytes - shared_bytes as all_bytes
    from pairs
    left join widespread_bytes using (repository_number, other_number)
    inner join repository_bytes as own on own.repository_number = pairs.repository_number
    inner join repository_bytes as other on other.repository_number = other_number
)
select
    places.registry_id,
    places.region,
    places.repository,
    other_places.repository as other_repository,
    round(figures.shared_bytes / figures.all_bytes, 3) as similarity,
    capped(figures.shared_bytes) as shared_bytes,
    capped(figures.all_bytes) as all_bytes,
    capped(figures.own_bytes) as repository_bytes,
    capped(figures.other_bytes) as other_bytes,
    coalesce(unknown_manifests.manifests, 0) + coalesce(other_unknown.manifests, 0) as images_unknown
from figures
inner join places using (repository_number)
inner join places as other_places on other_places.repository_number = figures.other_number
left join unknown_manifests using (repository_number)
left join unknown_manifests as other_unknown on other_unknown.repository_number = figures.other_number
order by
    figures.shared_bytes / figures.all_bytes desc,
    figures.shared_bytes desc,
    places.registry_id,
    places.region,
    places.repository,
    other_places.repository
limit $limit
