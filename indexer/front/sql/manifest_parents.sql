-- The indexes that list the manifest, and where these are listed as images themselves.
with
entries as materialized (
    select *
    from all_index_entries
    where manifest_digest = $digest
),
-- The few rows first, what is held after: the view index_entries would ask that of everything stored.
holding as materialized (
    select *
    from holding_images((select list(distinct index_digest) from entries))
),
listed_indexes as (
    select *
    from holding
    where image_digest = manifest_digest
)
select
    entries.index_digest,
    entries.position,
    entries.os,
    entries.architecture,
    entries.variant,
    entries.is_attestation,
    listed_indexes.registry_id,
    listed_indexes.region,
    listed_indexes.repository,
    listed_indexes.tags,
    listed_indexes.pushed_at::timestamp as pushed_at
from entries
left join listed_indexes on listed_indexes.image_digest = entries.index_digest
where entries.index_digest in (select manifest_digest from holding)
order by
    listed_indexes.pushed_at desc nulls last,
    entries.index_digest,
    entries.position,
    listed_indexes.registry_id,
    listed_indexes.region,
    listed_indexes.repository
