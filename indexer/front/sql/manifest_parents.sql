-- The indexes that list the manifest, and where these are listed as images themselves.
with
entries as (
    select *
    from index_entries
    where manifest_digest = $digest
)
select
    entries.index_digest,
    entries.position,
    entries.os,
    entries.architecture,
    entries.variant,
    entries.is_attestation,
    images.registry_id,
    images.region,
    images.repository,
    images.tags,
    images.pushed_at
from entries
left join images on images.manifest_digest = entries.index_digest
order by images.pushed_at desc nulls last, entries.index_digest, entries.position, images.registry_id, images.region, images.repository
