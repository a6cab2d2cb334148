-- macro: The images that hold any of the digests: those that are one themselves, and the indexes above them. One row per digest and image.
-- parameter: digests digest : a list of digests of manifests
-- column: manifest_digest : The digest that is held.
-- column: image_digest : The image that holds it: itself, or an index above it.
with recursive
holders as (
    select digest as manifest_digest, digest as image_digest
    from (select unnest($digests) as digest) -- once: a list asked for twice need not be in the same order
    union -- not union all: indexes that name each other must end
    select holders.manifest_digest, all_index_entries.index_digest as image_digest
    from holders
    inner join all_index_entries on all_index_entries.manifest_digest = holders.image_digest
    -- Out of a list DuckDB takes them for few: it reads only the entries that may name one, and none where there are none.
    where all_index_entries.manifest_digest in (select unnest(list(image_digest)) from holders)
),
-- The few first, what is listed after, for the same reason: these are held in memory, and not all images.
holder_digests as (
    select unnest(list(distinct image_digest)) as image_digest
    from holders
),
listed_holders as (
    select
        images.manifest_digest as image_digest,
        images.registry_id,
        images.region,
        images.repository,
        images.tags,
        images.pushed_at,
        images.status
    from images
    semi join holder_digests on holder_digests.image_digest = images.manifest_digest
)
select
    holders.manifest_digest,
    image_digest,
    listed_holders.registry_id,
    listed_holders.region,
    listed_holders.repository,
    listed_holders.tags,
    listed_holders.pushed_at,
    listed_holders.status
from holders
inner join listed_holders using (image_digest)
