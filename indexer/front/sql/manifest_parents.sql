-- The indexes that list the manifest, and where these are listed as images themselves.
with recursive
entries as materialized (
    select *
    from all_index_entries
    where manifest_digest = $digest
),
-- The few rows first, what is held after: the view index_entries would ask that of everything stored.
holders as (
    select index_digest, index_digest as holder_digest
    from entries
    union -- not union all: indexes that name each other must end
    select holders.index_digest, above.index_digest as holder_digest
    from holders
    inner join all_index_entries as above on above.manifest_digest = holders.holder_digest
),
-- Out of a list DuckDB takes them for few, and holds them in memory and not all images.
holder_digests as (
    select unnest(list(distinct holder_digest)) as manifest_digest
    from holders
),
holding_images as materialized (
    select registry_id, region, repository, tags, manifest_digest, pushed_at
    from images
    semi join holder_digests using (manifest_digest)
),
held_indexes as (
    select holders.index_digest
    from holders
    semi join holding_images on holding_images.manifest_digest = holders.holder_digest
)
select
    entries.index_digest,
    entries.position,
    entries.os,
    entries.architecture,
    entries.variant,
    entries.is_attestation,
    holding_images.registry_id,
    holding_images.region,
    holding_images.repository,
    holding_images.tags,
    holding_images.pushed_at
from entries
semi join held_indexes using (index_digest)
left join holding_images on holding_images.manifest_digest = entries.index_digest
order by
    holding_images.pushed_at desc nulls last,
    entries.index_digest,
    entries.position,
    holding_images.registry_id,
    holding_images.region,
    holding_images.repository
