-- question: How many bytes does each team or path prefix hold, and how many of them only it?
-- caveat: prefix is the first depth parts of the repository's name; a name with fewer parts is its own prefix, together with the repositories below it. depth = 0 makes one row of each account and region. A prefix never spans accounts or regions.
-- caveat: Bytes are compressed, of layers and configs; foreign (nondistributable) layers are left out. A blob whose manifests disagree on its size counts with the largest.
-- caveat: logical_bytes adds up the distinct blobs of each distinct manifest, children of indexes included; unique_bytes counts each blob once for the prefix, dedup_ratio is logical over unique. exclusive_bytes are the blobs that no repository outside of the prefix holds in the same account and region, shared_bytes the rest of unique_bytes: neither is the sum over the prefix's repositories, and shared bytes must not be added up over prefixes.
-- caveat: per_repository_unique_bytes counts each blob once per repository: what is stored if no blob is mounted.
-- caveat: Left out because unknown: images_unknown (archived, not fetched or not readable), children_unknown (listed by an index, but not in the store), blobs_unknown_size (Docker schema 1), repositories_unknown (never listed whole). unknown_elsewhere counts the images of unknown contents, and the repositories never listed, in the rest of the account and region: where it is not 0, they may hold the same blobs, and exclusive_bytes is an upper bound.
-- parameter: depth count = 1 : how many parts of the name, which are joined by /
-- parameter: prefix glob = * : prefixes to show; all of them count for exclusive and shared bytes
-- parameter: limit count = null : rows at most
-- empty: No prefix of this depth matches; without prefix=... all of them show.
with
named_places as (
    select
        registry_id,
        region,
        repository,
        listed_run_id,
        array_to_string(string_split(repository, '/')[1:$depth], '/') as prefix
    from repositories
),
places as materialized (
    select
        *,
        dense_rank() over (order by registry_id, region) as registry_number,
        dense_rank() over (order by registry_id, region, prefix) as prefix_number,
        -- Of 32 bits: a number of 64 for each of so many blobs takes time.
        (row_number() over (order by registry_id, region, repository))::integer as repository_number
    from named_places
),
held_manifests as materialized (
    select
        places.prefix_number,
        places.repository_number,
        held.manifest_digest,
        held.is_listed,
        held.is_known
    from repository_manifests as held
    inner join places using (registry_id, region, repository)
),
-- What several repositories of a prefix hold is to count once in it: in the first of them.
shared_manifests as (
    select prefix_number, manifest_digest, min(repository_number) as first_repository_number
    from held_manifests
    where is_known
    group by prefix_number, manifest_digest
    having count(*) > 1
),
known_manifests as materialized (
    select
        prefix_number,
        held_manifests.repository_number,
        manifest_digest,
        coalesce(held_manifests.repository_number = shared_manifests.first_repository_number, true) as is_first
    from held_manifests
    left join shared_manifests using (prefix_number, manifest_digest)
    where held_manifests.is_known
),
manifest_figures as (
    select prefix_number, count(*) as manifests
    from known_manifests
    where is_first
    group by prefix_number
),
-- Most blobs are in one repository: of these only the sums are of interest.
blobs_of_prefixes as (
    select
        case when min(known_manifests.repository_number) = max(known_manifests.repository_number)
            then min(known_manifests.repository_number)
        end as repository_number,
        case when min(known_manifests.repository_number) < max(known_manifests.repository_number)
            then blob_digest
        end as shared_digest,
        count(*) filter (where known_manifests.is_first and not mentions.is_repeat) as manifests,
        max(mentions.size) as size
    from all_blob_references as mentions
    inner join known_manifests using (manifest_digest)
    group by blob_digest
    having bool_or(mentions.is_stored)
),
blob_bytes as materialized (
    select
        repository_number,
        shared_digest,
        max(size) as largest_size,
        sum(size::hugeint * manifests) as logical_bytes,
        sum(size) as unique_bytes,
        count(*) filter (where size is null) as blobs_unknown_size
    from blobs_of_prefixes
    group by repository_number, shared_digest
),
shared_digests as materialized (
    select shared_digest, row_number() over () as blob_number, largest_size
    from blob_bytes
    where shared_digest is not null
),
shared_mentions as (
    select
        -- Of both: so that these are joined before the manifests are.
        case when shared_digests.blob_number > 0 then mentions.manifest_digest end as manifest_digest,
        shared_digests.blob_number,
        shared_digests.largest_size,
        mentions.is_repeat
    from all_blob_references as mentions
    inner join shared_digests on shared_digests.shared_digest = mentions.blob_digest
),
held_blobs as (
    select
        known_manifests.repository_number,
        shared_mentions.blob_number,
        any_value(shared_mentions.largest_size) as size,
        count(*) filter (where known_manifests.is_first and not shared_mentions.is_repeat) as manifests
    from shared_mentions
    inner join known_manifests using (manifest_digest)
    group by known_manifests.repository_number, shared_mentions.blob_number
),
prefix_blobs as materialized (
    select
        places.registry_number,
        places.prefix_number,
        held_blobs.blob_number,
        any_value(held_blobs.size) as size,
        count(*) as repositories,
        sum(held_blobs.manifests)::bigint as manifests
    from held_blobs
    inner join places using (repository_number)
    group by places.registry_number, places.prefix_number, held_blobs.blob_number
),
blob_holders as (
    select registry_number, blob_number, count(*) as prefixes
    from prefix_blobs
    group by registry_number, blob_number
),
all_bytes as (
    select
        prefix_number,
        logical_bytes,
        unique_bytes,
        unique_bytes as exclusive_bytes,
        unique_bytes as per_repository_unique_bytes,
        blobs_unknown_size
    from blob_bytes
    inner join places using (repository_number)
    union all
    select
        prefix_number,
        sum(size::hugeint * manifests) as logical_bytes,
        sum(size) as unique_bytes,
        sum(size) filter (where prefixes = 1) as exclusive_bytes,
        sum(size::hugeint * repositories) as per_repository_unique_bytes,
        count(*) filter (where size is null) as blobs_unknown_size
    from prefix_blobs
    inner join blob_holders using (registry_number, blob_number)
    group by prefix_number
),
blob_figures as (
    select
        prefix_number,
        sum(logical_bytes) as logical_bytes,
        sum(unique_bytes) as unique_bytes,
        sum(exclusive_bytes) as exclusive_bytes,
        sum(per_repository_unique_bytes) as per_repository_unique_bytes,
        sum(blobs_unknown_size)::bigint as blobs_unknown_size
    from all_bytes
    group by prefix_number
),
image_figures as (
    select
        prefix_number,
        count(*) filter (where is_listed) as images,
        count(*) filter (where is_listed and not is_known) as images_unknown,
        count(distinct manifest_digest) filter (where not is_listed and not is_known) as children_unknown
    from held_manifests
    group by prefix_number
),
prefixes as (
    select
        prefix_number,
        registry_id,
        region,
        prefix,
        registry_number,
        count(*) as repositories,
        count(*) filter (where listed_run_id is null) as repositories_unknown
    from places
    group by prefix_number, registry_id, region, prefix, registry_number
),
doubts as (
    select
        prefix_number,
        coalesce(images_unknown, 0) + repositories_unknown as unknown_here,
        sum(unknown_here) over (partition by registry_number) - unknown_here as unknown_elsewhere
    from prefixes
    left join image_figures using (prefix_number)
)
select
    prefixes.registry_id,
    prefixes.region,
    prefixes.prefix,
    prefixes.repositories,
    coalesce(image_figures.images, 0) as images,
    coalesce(manifest_figures.manifests, 0) as manifests,
    capped(coalesce(blob_figures.logical_bytes, 0)) as logical_bytes,
    capped(coalesce(blob_figures.unique_bytes, 0)) as unique_bytes,
    capped(coalesce(blob_figures.exclusive_bytes, 0)) as exclusive_bytes,
    capped(coalesce(blob_figures.unique_bytes - coalesce(blob_figures.exclusive_bytes, 0), 0)) as shared_bytes,
    round(blob_figures.logical_bytes / nullif(blob_figures.unique_bytes, 0), 2) as dedup_ratio,
    capped(coalesce(blob_figures.per_repository_unique_bytes, 0)) as per_repository_unique_bytes,
    coalesce(image_figures.images_unknown, 0) as images_unknown,
    coalesce(image_figures.children_unknown, 0) as children_unknown,
    coalesce(blob_figures.blobs_unknown_size, 0) as blobs_unknown_size,
    prefixes.repositories_unknown,
    doubts.unknown_elsewhere::bigint as unknown_elsewhere
from prefixes
inner join doubts using (prefix_number)
left join image_figures using (prefix_number)
left join manifest_figures using (prefix_number)
left join blob_figures using (prefix_number)
where prefixes.prefix glob $prefix
order by unique_bytes desc, prefixes.registry_id, prefixes.region, prefixes.prefix
limit $limit
