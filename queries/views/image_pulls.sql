-- view: When each image was last pulled by others than this program, and last used, as far as listings tell.
-- like: images
-- column: is_own_pull : Whether last_pulled_at is this program's own fetch: a pull by others in the 24 hours after it may not show.
-- column: last_external_pull_at : last_pulled_at; where that is this program's own fetch, the pull time listed just before it. NULL: never pulled.
-- column: last_used_at : The newest of its push, its last_external_pull_at, and those of all manifests that are in an index with it.
-- column: listed_at : When the run started that listed it, UTC.
with
numbered_images as materialized (
    select
        run_id,
        registry_id,
        region,
        repository,
        manifest_digest,
        tags,
        pushed_at,
        last_pulled_at,
        status,
        row_number() over () as image_number
    from images
),
-- Five minutes: clocks that differ more are refused by AWS. A pull recorded further from our fetch is somebody else's,
-- and so is one that was listed before we fetched.
fetches as (
    select min(fetched_at) as first_fetched_at, max(fetched_at) as last_fetched_at
    from all_manifests
),
own_pulls as (
    select numbered_images.image_number, documents.pulled_before_fetch_at as pulled_before_at
    from numbered_images
    inner join all_manifests as documents using (registry_id, region, repository, manifest_digest)
    where
        -- Most were last pulled before our first fetch: these are not looked for.
        numbered_images.last_pulled_at >= (select first_fetched_at from fetches) - interval 5 minutes
        and numbered_images.last_pulled_at <= (select last_fetched_at from fetches) + interval 5 minutes
        and numbered_images.last_pulled_at >= documents.fetched_at - interval 5 minutes
        and numbered_images.last_pulled_at <= documents.fetched_at + interval 5 minutes
        and numbered_images.last_pulled_at is distinct from documents.pulled_before_fetch_at
),
pulls as materialized (
    select
        image_number,
        own_pulls.image_number is not null as is_own_pull,
        case
            when own_pulls.image_number is not null then own_pulls.pulled_before_at
            else numbered_images.last_pulled_at
        end as last_external_pull_at,
        -- A push of unknown time counts as just now.
        greatest(coalesce(numbered_images.pushed_at, runs.started_at), last_external_pull_at) as used_at,
        runs.started_at as listed_at
    from numbered_images
    left join runs using (run_id)
    left join own_pulls using (image_number)
),
-- An index that is not listed is below one that is, with all that is in it.
index_parts as (
    select image_number as index_number, registry_id, region, repository, index_contents.manifest_digest
    from numbered_images
    inner join index_contents on index_contents.index_digest = numbered_images.manifest_digest
),
part_numbers as materialized (
    select index_parts.index_number, numbered_images.image_number
    from numbered_images
    inner join index_parts using (registry_id, region, repository, manifest_digest)
    union
    select index_number, index_number as image_number
    from index_parts
),
index_uses as (
    select part_numbers.index_number, max(pulls.used_at) as used_at
    from part_numbers
    inner join pulls using (image_number)
    group by part_numbers.index_number
),
family_uses as (
    select part_numbers.image_number, max(index_uses.used_at) as used_at
    from part_numbers
    inner join index_uses using (index_number)
    group by part_numbers.image_number
)
select
    numbered_images.registry_id,
    numbered_images.region,
    numbered_images.repository,
    numbered_images.manifest_digest,
    numbered_images.tags,
    numbered_images.pushed_at,
    numbered_images.last_pulled_at,
    numbered_images.status,
    pulls.is_own_pull,
    pulls.last_external_pull_at,
    greatest(pulls.used_at, family_uses.used_at) as last_used_at,
    pulls.listed_at
from numbered_images
inner join pulls using (image_number)
left join family_uses using (image_number)
