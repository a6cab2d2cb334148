-- macro: What deleting single images would free, of those that free most. The figures of several images do not add up.
-- parameter: repository_glob glob = * : repositories whose images to give; all of them count as holders of blobs
-- parameter: tag_glob glob = null : only images that have such a tag
-- parameter: by_tag boolean = false : whether one tag is deleted and not the image: then an image with several tags frees nothing
-- parameter: row_limit count = null : only images whose exclusive bytes are among the this many largest, ties included; NULL for all
-- column: reclaimable_bytes : The blobs that come back if this image alone is deleted, with those of its parts that nothing else in the repository needs.
-- column: exclusive_bytes : Those of them that no other repository of the same account and region holds.
-- column: manifests : How many manifests it consists of: itself, what is below it, and its referrers (signatures, SBOMs) without a tag of their own.
-- column: in_index : Whether an index of the repository lists it; then ECR does not delete it alone.
-- column: logical_bytes : The distinct layers and configs of each of its manifests, with the sizes that it gives, added up.
-- column: blobs_unknown_size : How many of these have no size (Docker schema 1).
-- column: manifests_unknown : How many of its manifests are not in the store, or could not be read.
-- column: repository_unknown : Manifests of the repository whose contents are unknown: where it is not 0, the bytes to come back are an upper bound.
-- column: unknown_elsewhere : Images of unknown contents in the account and region's other repositories, and repositories there that were never listed whole: where it is not 0, exclusive_bytes is an upper bound.
with
places as materialized (
    select
        registry_id,
        region,
        repository,
        listed_run_id,
        dense_rank() over (order by registry_id, region) as registry_number,
        row_number() over (order by registry_id, region, repository) as repository_number
    from repositories
),
listed as (
    select
        places.registry_number,
        places.repository_number,
        images.manifest_digest,
        true as is_listed,
        images.repository glob $repository_glob
            and ($tag_glob is null or len(list_filter(images.tags, lambda tag: tag glob $tag_glob)) > 0) as is_asked,
        not $by_tag or len(images.tags) = 1 as is_deleted
    from images
    inner join places using (registry_id, region, repository)
),
-- What is below an index, but not listed.
unlisted as (
    select distinct places.registry_number, places.repository_number, repository_links.manifest_digest, false as is_listed
    from repository_links
    inner join places using (registry_id, region, repository)
    where not repository_links.is_listed and repository_links.is_entry
),
known_digests as (
    select manifest_digest
    from all_manifests
    where kind <> 'unknown'
),
held_manifests as materialized (
    select
        *,
        manifest_digest in (select manifest_digest from known_digests) as is_known,
        row_number() over () as held_number
    from (from listed union all by name from unlisted)
),
parts as materialized (
    select images.held_number as image_number, members.held_number, members.manifest_digest, members.is_known, image_parts.goes
    from image_parts
    inner join places using (registry_id, region, repository)
    inner join held_manifests as images
        on images.manifest_digest = image_parts.image_digest
        and images.repository_number = places.repository_number
    inner join held_manifests as members
        on members.manifest_digest = image_parts.manifest_digest
        and members.repository_number = places.repository_number
),
-- What goes with an image goes with no other one.
part_owners as materialized (
    select held_number, coalesce(max(image_number) filter (where goes), 0) as owner_number
    from parts
    group by held_number
),
-- The image with which each goes, after the number of the registry; 0 for what does not go with a single one.
owned_manifests as not materialized (
    select
        held_manifests.repository_number,
        held_manifests.manifest_digest,
        coalesce(part_owners.owner_number, case when held_manifests.is_listed then held_number else 0 end) as image_number,
        held_manifests.registry_number << 32 | image_number as owner,
        -- Of 64 bits one half has the image: the upper one in the first registry, the lower one in the second. In the other
        -- half, owner_bits has none and filled_bits has all: what several have in common is then what they have together
        -- in just those halves in which there is a single image.
        case when held_manifests.registry_number % 2 = 1 then image_number << 32 else image_number end::ubigint as owner_bits,
        case
            when held_manifests.registry_number % 2 = 1 then owner_bits | 4294967295::ubigint
            else owner_bits | 18446744069414584320::ubigint
        end as filled_bits,
        -- A bit for each registry; all that come after the 61st share one.
        (1::bigint << least(held_manifests.registry_number, 62)::integer)::ubigint as registry_bit
    from held_manifests
    left join part_owners using (held_number)
    where held_manifests.is_known
),
-- To find the images that free most, what each frees is worked out of hashes of digests, 64 bits: the whole takes a tenth less.
-- Should two blobs have one hash (with three million blobs a chance of one in four millions), an image that has one of them may
-- be taken for one that frees less or more. What shows is worked out of digests, below.
-- Most blobs have one owner in the whole store, and many one in each of two registries: that is known after one look. What is in
-- more registries, or is only a foreign layer in one, is to be looked at again. Each further figure of so many blobs takes time:
-- with the least and the largest owner, seven in place of four, the whole took an eighth more.
blob_owners as (
    select
        bit_and(owned_manifests.filled_bits) as common_bits,
        bit_or(owned_manifests.owner_bits) as all_bits,
        -- The lowest bit, which no registry has: somewhere it is stored. The highest: somewhere it is a foreign layer.
        bit_or(owned_manifests.registry_bit | case when mentions.is_stored then 1::ubigint else 9223372036854775808::ubigint end) as flags,
        hash(blob_digest) as blob_hash,
        max(mentions.size) as size
    from all_blob_references as mentions
    inner join owned_manifests using (manifest_digest)
    group by blob_hash
    having (flags & 1) = 1
),
sorted_owners as (
    select
        -- In the halves of one number: a key of two columns takes less time than one of three.
        case when not is_between and even_bits = (common_bits & 4294967295) then even_bits else 0 end
        | case when not is_between and odd_bits = (common_bits >> 32) then odd_bits << 32 else 0 end as owners,
        case when is_between then blob_hash end as scattered_hash,
        size
    from (
        select
            *,
            all_bits & 4294967295 as even_bits,
            all_bits >> 32 as odd_bits,
            flags & 9223372036854775806 as registry_bits,
            registry_bits >= 4611686018427387904
                or (bit_count(registry_bits) > 1 and (registry_bits > 6 or flags > 9223372036854775807)) as is_between
        from blob_owners
    )
),
owner_bytes as materialized (
    select owners, scattered_hash, sum(size) as bytes
    from sorted_owners
    group by owners, scattered_hash
),
scattered_hashes as materialized (
    select scattered_hash, row_number() over () as blob_number, bytes
    from owner_bytes
    where scattered_hash is not null
),
scattered_mentions as (
    select
        -- Of both: so that these are joined before the manifests are. DuckDB has guessed another order, with all mentions in
        -- memory.
        case when scattered_hashes.blob_number > 0 then mentions.manifest_digest end as manifest_digest,
        mentions.is_stored,
        scattered_hashes.blob_number,
        scattered_hashes.bytes
    from all_blob_references as mentions
    inner join scattered_hashes on scattered_hashes.scattered_hash = hash(mentions.blob_digest)
),
scattered_blobs as (
    select min(owned_manifests.owner) as owner, any_value(scattered_mentions.bytes) as bytes
    from scattered_mentions
    inner join owned_manifests using (manifest_digest)
    group by owned_manifests.owner >> 32, scattered_mentions.blob_number
    having min(owned_manifests.owner) = max(owned_manifests.owner) and bool_or(scattered_mentions.is_stored)
),
found_figures as (
    select held_number, sum(bytes) as bytes
    from (
        select (owners & 4294967295)::bigint as held_number, bytes
        from owner_bytes
        where (owners & 4294967295) <> 0
        union all
        select (owners >> 32)::bigint as held_number, bytes
        from owner_bytes
        where (owners >> 32) <> 0
        union all
        select owner & 4294967295 as held_number, bytes
        from scattered_blobs
    )
    group by held_number
),
-- What is part of others only is no image of its own.
parts_of_others as (
    select held_number from parts
    except
    select held_number from parts where held_number = image_number
),
image_figures as materialized (
    select
        held_number,
        case when held_manifests.is_deleted then coalesce(found_figures.bytes, 0) else 0 end as found_bytes
    from held_manifests
    anti join parts_of_others using (held_number)
    left join found_figures using (held_number)
    where held_manifests.is_listed and held_manifests.is_asked
),
largest_figures as (
    select found_bytes
    from image_figures
    order by found_bytes desc
    limit $row_limit
),
shown_images as materialized (
    select
        held_manifests.repository_number,
        held_manifests.manifest_digest,
        held_number,
        held_manifests.is_deleted
    from held_manifests
    inner join image_figures using (held_number)
    where image_figures.found_bytes >= (select min(found_bytes) from largest_figures)
),
-- From here on, all is about these.
shown_parts as materialized (
    select shown_images.held_number, parts.manifest_digest, parts.is_known
    from shown_images
    inner join parts on parts.image_number = shown_images.held_number
    union
    select held_number, manifest_digest, is_known
    from shown_images
    inner join held_manifests using (held_number, manifest_digest)
),
shown_contents as materialized (
    select manifest_digest, blob_digest, size, is_stored, is_repeat
    from all_blob_references
    semi join shown_parts using (manifest_digest)
),
-- With one that is no digest DuckDB sees a wide range of texts, and looks for these in a Bloom filter while it reads: it then
-- passes on a tenth of the rows. Of texts that all begin alike it takes the first eight characters, which sort nothing out.
shown_blobs as materialized (
    select blob_digest, row_number() over () as blob_number
    from (
        select distinct blob_digest from shown_contents
        union all
        select '' as blob_digest
    )
),
-- All mentions of their blobs.
shown_references as (
    select
        case when shown_blobs.blob_number > 0 then mentions.manifest_digest end as manifest_digest, -- as above
        shown_blobs.blob_number,
        mentions.size,
        mentions.is_stored
    from all_blob_references as mentions
    inner join shown_blobs using (blob_digest)
),
shown_mentions as materialized (
    select
        owned_manifests.repository_number,
        owned_manifests.owner,
        shown_references.blob_number,
        shown_references.size,
        shown_references.is_stored
    from shown_references
    inner join owned_manifests using (manifest_digest)
),
blob_sizes as materialized (
    select blob_number, max(size) as size
    from shown_mentions
    group by blob_number
),
-- A blob that the repository has only as a foreign layer is not stored there.
freed_blobs as (
    select min(owner) & 4294967295 as held_number, blob_number
    from shown_mentions
    semi join shown_images using (repository_number)
    group by repository_number, blob_number
    having min(owner) = max(owner) and bool_or(is_stored)
),
reclaimable_figures as (
    select freed_blobs.held_number, sum(blob_sizes.size) as bytes
    from freed_blobs
    inner join blob_sizes using (blob_number)
    group by freed_blobs.held_number
),
exclusive_blobs as (
    select min(owner) & 4294967295 as held_number, blob_number
    from shown_mentions
    group by owner >> 32, blob_number
    having min(owner) = max(owner) and bool_or(is_stored)
),
exclusive_figures as (
    select exclusive_blobs.held_number, sum(blob_sizes.size) as bytes
    from exclusive_blobs
    inner join blob_sizes using (blob_number)
    group by exclusive_blobs.held_number
),
-- Out of a list DuckDB takes them for few, and reads only the row groups that may have them.
shown_digests as (
    select unnest(list(distinct manifest_digest)) as manifest_digest
    from shown_images
),
shown_listings as materialized (
    select registry_id, region, repository, manifest_digest, tags, pushed_at
    from images
    semi join shown_digests using (manifest_digest)
),
part_bytes as (
    select manifest_digest, capped(coalesce(sum(size), 0)) as bytes, count(*) filter (where size is null) as blobs_unknown_size
    from shown_contents
    where is_stored and not is_repeat
    group by manifest_digest
),
shown_figures as (
    select
        shown_parts.held_number,
        count(*) as manifests,
        count(*) filter (where not shown_parts.is_known) as manifests_unknown,
        sum(part_bytes.bytes) as logical_bytes,
        coalesce(sum(part_bytes.blobs_unknown_size), 0)::bigint as blobs_unknown_size
    from shown_parts
    left join part_bytes using (manifest_digest)
    group by shown_parts.held_number
),
entries as (
    select distinct places.repository_number, repository_links.manifest_digest, true as in_index
    from repository_links
    inner join places using (registry_id, region, repository)
    where repository_links.is_entry
),
unknown_figures as (
    select
        repository_number,
        count(*) as repository_unknown,
        count(*) filter (where is_listed) as images_unknown
    from held_manifests
    where not is_known
    group by repository_number
),
doubts as (
    select
        *,
        coalesce(images_unknown, 0) + (listed_run_id is null)::integer as unknown_here,
        sum(unknown_here) over (partition by registry_number) - unknown_here as unknown_elsewhere
    from places
    left join unknown_figures using (repository_number)
)
select
    doubts.registry_id,
    doubts.region,
    doubts.repository,
    images.tags,
    shown_images.manifest_digest,
    capped(coalesce(shown_figures.logical_bytes, 0)) as logical_bytes,
    case when shown_images.is_deleted then capped(coalesce(reclaimable_figures.bytes, 0)) else 0 end as reclaimable_bytes,
    case when shown_images.is_deleted then capped(coalesce(exclusive_figures.bytes, 0)) else 0 end as exclusive_bytes,
    shown_figures.manifests,
    coalesce(entries.in_index, false) as in_index,
    shown_figures.blobs_unknown_size,
    shown_figures.manifests_unknown,
    coalesce(doubts.repository_unknown, 0) as repository_unknown,
    doubts.unknown_elsewhere::bigint as unknown_elsewhere,
    images.pushed_at
from shown_images
inner join doubts using (repository_number)
inner join shown_figures using (held_number)
left join reclaimable_figures using (held_number)
left join exclusive_figures using (held_number)
left join entries
    on entries.repository_number = shown_images.repository_number and entries.manifest_digest = shown_images.manifest_digest
inner join shown_listings as images
    on images.manifest_digest = shown_images.manifest_digest
    and images.repository = doubts.repository
    and images.region = doubts.region
    and images.registry_id = doubts.registry_id
