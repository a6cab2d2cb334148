-- question: How many bytes are in each registry, and how much do shared layers save?
-- caveat: The first row is of all accounts and regions together: its registry_id and region are NULL. Below it is one row per account and region. Registries share no storage, so its figures are the sums of theirs.
-- caveat: Bytes are compressed, of layers and configs; foreign (nondistributable) layers are left out, as ECR does not store them. A blob whose manifests disagree on its size counts with the largest.
-- caveat: images are pairs of repository and digest; manifests are distinct digests, children of indexes included. logical_bytes adds up the distinct blobs of each manifest, unique_bytes counts each blob once per registry, dedup_ratio is logical over unique.
-- caveat: What is stored lies between stored_bytes_low (each blob once per registry and encryption key, if blob mounting is on everywhere) and stored_bytes_high (once per repository, the same as per_repository_unique_bytes). Pull-through caches cannot share; they are not told apart, unless pull_through names them.
-- caveat: cost_low and cost_high are what these bytes cost a month at price_per_gb_month, in its currency, for GB of 10^9 bytes, rounded to 2 digits after adding up. Archived images, transfer and replication have prices of their own.
-- caveat: listed_layer_bytes adds up every layer of every manifest, repeated and foreign ones each time, as tools do that know nothing of sharing; manifests with a layer of unknown size are left out of it.
-- caveat: Left out because unknown: images_unknown (archived, not fetched or not readable), children_unknown (listed by an index, but not in the store), blobs_unknown_size (Docker schema 1), repositories_unknown (never listed whole).
-- caveat: repositories_stale counts those that the newest run over their region did not list whole: they failed, or config.yaml no longer covers them. They show as last listed; oldest_listed_at is when the run started that listed the oldest of all.
-- parameter: price_per_gb_month number = 0.10 : price of a GB (10^9 bytes) stored for a month
-- parameter: pull_through text = null : repositories of pull-through caches, as patterns with commas between, such as docker-hub/*,quay/*
-- total: registry_id, region
-- empty: The store holds no repository yet; indexer run fills it.
with
pull_through_caches as (
    select distinct repositories.repository, true as is_pull_through
    from repositories
    inner join (select trim(unnest(string_split($pull_through, ','))) as pattern) as patterns
        on repositories.repository glob patterns.pattern
),
places as materialized (
    select
        registry_id,
        region,
        repository,
        listed_run_id,
        listed_at,
        dense_rank() over (order by registry_id, region) as registry_number,
        -- within these, blob mounting can share
        dense_rank() over (
            order by registry_id, region, encryption_type, kms_key, case when is_pull_through then repository end
        ) as pool_number,
        -- Of 32 bits: a number of 64 for each of so many blobs takes time.
        (row_number() over (order by registry_id, region, repository))::integer as repository_number
    from repositories
    left join pull_through_caches using (repository)
),
held_manifests as materialized (
    select
        places.registry_number,
        places.repository_number,
        repository_manifests.manifest_digest,
        repository_manifests.is_listed,
        repository_manifests.is_known
    from repository_manifests
    inner join places using (registry_id, region, repository)
),
-- What several repositories of a registry hold is to count once in it: in the first of them.
shared_manifests as (
    select registry_number, manifest_digest, min(repository_number) as first_repository_number
    from held_manifests
    where is_known
    group by registry_number, manifest_digest
    having count(*) > 1
),
known_manifests as materialized (
    select
        registry_number,
        held_manifests.repository_number,
        manifest_digest,
        coalesce(held_manifests.repository_number = shared_manifests.first_repository_number, true) as is_first
    from held_manifests
    left join shared_manifests using (registry_number, manifest_digest)
    where held_manifests.is_known
),
manifest_figures as (
    select
        known_manifests.registry_number,
        count(*) as manifests,
        sum(all_manifests.layer_bytes) as listed_layer_bytes
    from known_manifests
    inner join all_manifests using (manifest_digest)
    where known_manifests.is_first
    group by known_manifests.registry_number
),
-- Most blobs are in one repository: of these only the sums are of interest.
blobs_of_registries as (
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
    from blobs_of_registries
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
pool_blobs as (
    select
        places.registry_number,
        places.pool_number,
        held_blobs.blob_number,
        any_value(held_blobs.size) as size,
        count(*) as repositories,
        sum(held_blobs.manifests)::bigint as manifests
    from held_blobs
    inner join places using (repository_number)
    group by places.registry_number, places.pool_number, held_blobs.blob_number
),
registry_blobs as (
    select
        registry_number,
        blob_number,
        any_value(size) as size,
        count(*) as pools,
        sum(repositories)::bigint as repositories,
        sum(manifests)::bigint as manifests
    from pool_blobs
    group by registry_number, blob_number
),
all_bytes as (
    select
        registry_number,
        logical_bytes,
        unique_bytes,
        unique_bytes as stored_bytes_low,
        unique_bytes as stored_bytes_high,
        blobs_unknown_size
    from blob_bytes
    inner join places using (repository_number)
    union all
    select
        registry_number,
        sum(size::hugeint * manifests) as logical_bytes,
        sum(size) as unique_bytes,
        sum(size::hugeint * pools) as stored_bytes_low,
        sum(size::hugeint * repositories) as stored_bytes_high,
        count(*) filter (where size is null) as blobs_unknown_size
    from registry_blobs
    group by registry_number
),
blob_figures as (
    select
        registry_number,
        sum(logical_bytes) as logical_bytes,
        sum(unique_bytes) as unique_bytes,
        sum(stored_bytes_low) as stored_bytes_low,
        sum(stored_bytes_high) as stored_bytes_high,
        sum(blobs_unknown_size)::bigint as blobs_unknown_size
    from all_bytes
    group by registry_number
),
image_figures as (
    select
        registry_number,
        count(*) filter (where is_listed) as images,
        count(*) filter (where is_listed and not is_known) as images_unknown
    from held_manifests
    group by registry_number
),
unknown_children as (
    select registry_number, count(distinct manifest_digest) as children_unknown
    from held_manifests
    where not is_listed and not is_known
    group by registry_number
),
registries as (
    select
        registry_id,
        region,
        registry_number,
        count(*) as repositories,
        count(*) filter (where listed_run_id is null) as repositories_unknown,
        count(stale_repositories.repository) as repositories_stale,
        min(places.listed_at) as oldest_listed_at
    from places
    left join stale_repositories using (registry_id, region, repository)
    group by registry_id, region, registry_number
),
figures as (
    select
        *,
        stored_bytes_low / 1e9 * $price_per_gb_month as cost_low,
        stored_bytes_high / 1e9 * $price_per_gb_month as cost_high
    from registries
    left join image_figures using (registry_number)
    left join unknown_children using (registry_number)
    left join manifest_figures using (registry_number)
    left join blob_figures using (registry_number)
)
select
    registry_id,
    region,
    sum(repositories)::bigint as repositories,
    coalesce(sum(images), 0)::bigint as images,
    coalesce(sum(manifests), 0)::bigint as manifests,
    capped(coalesce(sum(logical_bytes), 0)) as logical_bytes,
    capped(coalesce(sum(unique_bytes), 0)) as unique_bytes,
    capped(coalesce(sum(stored_bytes_high), 0)) as per_repository_unique_bytes,
    capped(coalesce(sum(stored_bytes_low), 0)) as stored_bytes_low,
    capped(coalesce(sum(stored_bytes_high), 0)) as stored_bytes_high,
    round(coalesce(sum(cost_low), 0), 2)::double as cost_low,
    round(coalesce(sum(cost_high), 0), 2)::double as cost_high,
    round(sum(logical_bytes) / nullif(sum(unique_bytes), 0), 2) as dedup_ratio,
    capped(coalesce(sum(listed_layer_bytes), 0)) as listed_layer_bytes,
    coalesce(sum(images_unknown), 0)::bigint as images_unknown,
    coalesce(sum(children_unknown), 0)::bigint as children_unknown,
    coalesce(sum(blobs_unknown_size), 0)::bigint as blobs_unknown_size,
    sum(repositories_unknown)::bigint as repositories_unknown,
    sum(repositories_stale)::bigint as repositories_stale,
    min(oldest_listed_at) as oldest_listed_at
from figures
group by grouping sets ((registry_id, region), ())
having count(*) > 0
order by registry_id is not null, registry_id, region
