-- question: How much could blob mounting save, and which repositories gain?
-- caveat: One row per account, region and encryption key, whose repository is NULL, and below it the repositories that gain most. Blobs are shared only within one account, region, encryption type and key.
-- caveat: stored_bytes_high is what is stored if no blob is mounted: each blob once per repository. stored_bytes_low counts each once per account, region and key. bytes_saved is the difference: the most that mounting can save. No call of ECR says which blobs are mounted: where mounting is on already, a part of it is saved already.
-- caveat: Turning mounting on changes nothing that is stored: ECR mounts a blob when it is pushed anew, by a client that asks for it (mounting parameters) and that may read the repository it is mounted from. The saving comes as images are replaced.
-- caveat: Of a repository, shared_bytes are its blobs that others in the same row above hold too, and bytes_saved its part of the saving: a blob that n repositories hold counts size times (n - 1) / n in each, so the parts add up but for rounding. repositories_sharing counts those that hold a blob which another one holds.
-- caveat: Repositories of pull-through caches cannot share. They are not told apart unless pull_through names them; then they are left out, pull_through_repositories says how many.
-- caveat: Bytes are compressed, of layers and configs, without foreign (nondistributable) layers; what is foreign in one manifest and not in another counts as stored, in every repository that has it. images_unknown (archived, not fetched or not readable) and blobs_unknown_size say what is left out. cost_saved is bytes_saved a month at price_per_gb_month, for GB of 10^9 bytes, rounded to 2 digits.
-- parameter: repositories count = 3 : how many repositories to show for each key, those that gain most
-- parameter: price_per_gb_month number = 0.10 : price of a GB (10^9 bytes) stored for a month
-- parameter: pull_through text = null : repositories of pull-through caches, as patterns with commas between, such as docker-hub/*,quay/*
-- total: repository
-- empty: The store holds no repository that could share, or none yet; indexer run fills it.
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
        encryption_type,
        kms_key,
        coalesce(is_pull_through, false) as is_pull_through,
        dense_rank() over (order by registry_id, region, encryption_type, kms_key) as pool_number,
        row_number() over (order by registry_id, region, repository) as repository_number
    from repositories
    left join pull_through_caches using (repository)
),
held_manifests as (
    select places.repository_number, held.is_listed, held.is_known
    from repository_manifests as held
    inner join places using (registry_id, region, repository)
),
held_blobs as materialized (
    select
        places.pool_number,
        places.repository_number,
        held.blob_number,
        held.unique_bytes,
        held.blobs_unknown_size
    from blobs_by_repository as held
    inner join places using (registry_id, region, repository)
    where not places.is_pull_through and held.blobs_stored > 0
),
shared_blobs as materialized (
    select
        pool_number,
        blob_number,
        any_value(unique_bytes) as bytes,
        any_value(blobs_unknown_size) as blobs_unknown_size,
        count(*) as holders
    from held_blobs
    where blob_number is not null
    group by pool_number, blob_number
    having count(*) > 1
),
blob_figures as materialized (
    select
        held_blobs.pool_number,
        held_blobs.repository_number,
        sum(held_blobs.unique_bytes) as stored_bytes_high,
        sum(held_blobs.unique_bytes) filter (where holders is not null) as shared_bytes,
        -- in whole bytes for each blob: sums of fractions depend on their order
        sum(held_blobs.unique_bytes * (holders - 1) // holders) as bytes_saved,
        count(holders) > 0 as is_sharing,
        sum(held_blobs.blobs_unknown_size)::bigint as blobs_unknown_size
    from held_blobs
    left join shared_blobs using (pool_number, blob_number)
    group by held_blobs.pool_number, held_blobs.repository_number
),
shared_figures as (
    select
        pool_number,
        sum(bytes) as shared_bytes,
        sum(bytes * (holders - 1)) as bytes_saved,
        sum(blobs_unknown_size * (holders - 1)) as unknown_repeats
    from shared_blobs
    group by pool_number
),
pool_bytes as (
    select
        pool_number,
        sum(blob_figures.stored_bytes_high) as stored_bytes_high,
        any_value(shared_figures.shared_bytes) as shared_bytes,
        coalesce(any_value(shared_figures.bytes_saved), 0) as bytes_saved,
        sum(blob_figures.blobs_unknown_size) - coalesce(any_value(shared_figures.unknown_repeats), 0) as blobs_unknown_size
    from blob_figures
    left join shared_figures using (pool_number)
    group by pool_number
),
image_figures as materialized (
    select repository_number, count(*) filter (where is_listed and not is_known) as images_unknown
    from held_manifests
    group by repository_number
),
pools as (
    select
        places.registry_id,
        places.region,
        places.encryption_type,
        places.kms_key,
        places.pool_number,
        count(*) filter (where not places.is_pull_through) as repositories,
        count(*) filter (where blob_figures.is_sharing) as repositories_sharing,
        count(*) filter (where places.is_pull_through) as pull_through_repositories,
        sum(image_figures.images_unknown) as images_unknown
    from places
    left join image_figures using (repository_number)
    left join blob_figures using (repository_number)
    group by places.registry_id, places.region, places.encryption_type, places.kms_key, places.pool_number
),
pool_figures as (
    select
        pool_number,
        null::varchar as repository,
        repositories,
        repositories_sharing,
        pull_through_repositories,
        stored_bytes_high,
        stored_bytes_high - bytes_saved as stored_bytes_low,
        shared_bytes,
        coalesce(bytes_saved, 0) as bytes_saved,
        images_unknown,
        blobs_unknown_size
    from pools
    left join pool_bytes using (pool_number)
),
repository_figures as (
    select
        blob_figures.pool_number,
        places.repository,
        1 as repositories,
        1 as repositories_sharing,
        0 as pull_through_repositories,
        stored_bytes_high,
        null as stored_bytes_low,
        shared_bytes,
        coalesce(bytes_saved, 0) as bytes_saved,
        images_unknown,
        blobs_unknown_size
    from blob_figures
    inner join places using (repository_number)
    inner join image_figures using (repository_number)
    where is_sharing
    qualify row_number() over (
        partition by blob_figures.pool_number
        order by coalesce(bytes_saved, 0) desc, places.repository
    ) <= $repositories
),
figures as (
    select *, bytes_saved / 1e9 * $price_per_gb_month as cost_saved
    from (from pool_figures union all from repository_figures)
)
select
    pools.registry_id,
    pools.region,
    pools.encryption_type,
    pools.kms_key,
    figures.repository,
    figures.repositories,
    figures.repositories_sharing,
    capped(coalesce(figures.stored_bytes_high, 0)) as stored_bytes_high,
    case when figures.repository is null then capped(coalesce(figures.stored_bytes_low, 0)) end as stored_bytes_low,
    capped(coalesce(figures.shared_bytes, 0)) as shared_bytes,
    capped(coalesce(figures.bytes_saved, 0)) as bytes_saved,
    round(figures.cost_saved, 2)::double as cost_saved,
    coalesce(figures.images_unknown, 0)::bigint as images_unknown,
    coalesce(figures.blobs_unknown_size, 0)::bigint as blobs_unknown_size,
    figures.pull_through_repositories
from figures
inner join pools using (pool_number)
order by pools.registry_id, pools.region, pools.encryption_type, pools.kms_key, figures.repository is not null, figures.bytes_saved desc, figures.repository
