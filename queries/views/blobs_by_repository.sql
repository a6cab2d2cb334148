-- view: The blobs of each repository: one row for each that another repository holds too, and one for all others together.
-- like: repositories
-- column: blob_number : A number for the blob, the same in every repository, as long as nothing is added to the store; NULL for all that no other repository in the store holds.
-- column: logical_bytes : Bytes of the stored blobs, times the manifests of the repository that have them; NULL where none is known.
-- column: unique_bytes : Bytes of the stored blobs, the largest size that any manifest held gives each.
-- column: config_bytes : The part of unique_bytes in configs that are no layers.
-- column: foreign_bytes : Bytes of layers that every manifest calls foreign: they are stored nowhere. What only some call so counts as stored, here too.
-- column: blobs_stored : How many of the blobs are stored in some repository.
-- column: blobs_unknown_size : How many of these have no size (Docker schema 1).
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        -- Of 32 bits: a number of 64 for each of so many blobs takes time.
        (row_number() over (order by registry_id, region, repository))::integer as repository_number
    from repositories
),
known_manifests as materialized (
    select places.repository_number, repository_manifests.manifest_digest
    from repository_manifests
    inner join places using (registry_id, region, repository)
    where repository_manifests.is_known
),
-- Most blobs are in one repository: of these only the sums are of interest.
blobs_of_repositories as (
    select
        case when min(known_manifests.repository_number) = max(known_manifests.repository_number)
            then min(known_manifests.repository_number)
        end as repository_number,
        case when min(known_manifests.repository_number) < max(known_manifests.repository_number)
            then blob_digest
        end as shared_digest,
        count(*) filter (where not mentions.is_repeat) as manifests,
        max(mentions.size) as size,
        bool_or(mentions.is_stored) as is_stored,
        bool_or(mentions.is_layer) as is_layer
    from all_blob_references as mentions
    inner join known_manifests using (manifest_digest)
    group by blob_digest
),
sums as materialized (
    select
        repository_number,
        shared_digest,
        sum(size::hugeint * manifests) filter (where is_stored) as logical_bytes,
        sum(size) filter (where is_stored) as unique_bytes,
        sum(size) filter (where is_stored and not is_layer) as config_bytes,
        sum(size) filter (where not is_stored) as foreign_bytes,
        count(*) filter (where is_stored) as blobs_stored,
        count(*) filter (where is_stored and size is null) as blobs_unknown_size
    from blobs_of_repositories
    group by repository_number, shared_digest
),
shared_blobs as materialized (
    select
        shared_digest,
        -- In an order, so that whoever reads the view twice in one statement finds the same numbers.
        row_number() over (order by shared_digest) as blob_number,
        unique_bytes,
        config_bytes,
        foreign_bytes,
        blobs_stored,
        blobs_unknown_size
    from sums
    where shared_digest is not null
),
-- By themselves, as DuckDB keeps in memory what it takes for smaller: it has chosen all mentions before.
shared_digests as materialized (
    select shared_digest, blob_number
    from shared_blobs
),
shared_mentions as (
    select
        -- Of both: so that these are joined before the manifests are.
        case when shared_digests.blob_number > 0 then mentions.manifest_digest end as manifest_digest,
        shared_digests.blob_number,
        mentions.is_repeat
    from all_blob_references as mentions
    inner join shared_digests on shared_digests.shared_digest = mentions.blob_digest
),
holdings as (
    select
        known_manifests.repository_number,
        shared_mentions.blob_number,
        count(*) filter (where not shared_mentions.is_repeat) as manifests
    from shared_mentions
    inner join known_manifests using (manifest_digest)
    group by known_manifests.repository_number, shared_mentions.blob_number
),
figures as (
    select
        repository_number,
        null as blob_number,
        logical_bytes,
        unique_bytes,
        config_bytes,
        foreign_bytes,
        blobs_stored,
        blobs_unknown_size
    from sums
    where repository_number is not null
    union all
    select
        holdings.repository_number,
        blob_number,
        shared_blobs.unique_bytes::hugeint * holdings.manifests as logical_bytes,
        shared_blobs.unique_bytes,
        shared_blobs.config_bytes,
        shared_blobs.foreign_bytes,
        shared_blobs.blobs_stored,
        shared_blobs.blobs_unknown_size
    from holdings
    inner join shared_blobs using (blob_number)
)
select
    places.registry_id,
    places.region,
    places.repository,
    figures.blob_number,
    figures.logical_bytes,
    figures.unique_bytes,
    figures.config_bytes,
    figures.foreign_bytes,
    figures.blobs_stored,
    figures.blobs_unknown_size
from figures
inner join places using (repository_number)
