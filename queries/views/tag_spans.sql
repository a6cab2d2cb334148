-- view: Which image each tag named, from which run to which: a row for each time without a break.
-- like: repositories
-- column: tag : The tag's name.
-- column: manifest_digest : The image that the tag named.
-- column: pushed_at : When that image was pushed to the repository, UTC, as the newest of these runs saw it.
-- column: first_run_id : The run that first saw it so.
-- column: last_run_id : The newest run that listed the repository and saw it so.
-- column: until_run_id : The run that found it otherwise; NULL where the tag names the image still.
with
-- Small, and not to be aggregated before the join.
listings as materialized (
    select registry_id, region, repository, run_id, until_run_id, listing_number
    from listing_spans
),
-- Mostly an image is seen with the same tags night after night: these become one row before anything is compared.
sightings as (
    select
        registry_id,
        region,
        repository,
        image_history.manifest_digest,
        image_history.tags,
        image_history.pushed_at,
        min(listings.listing_number) as first_number,
        max(listings.listing_number) as last_number,
        list(listings.listing_number) as numbers
    from image_history
    inner join listings using (registry_id, region, repository, run_id)
    where len(image_history.tags) > 0
    group by registry_id, region, repository, image_history.manifest_digest, image_history.tags, image_history.pushed_at
),
-- In one piece where no listing in between saw it otherwise.
pieces as (
    select
        registry_id,
        region,
        repository,
        tags,
        manifest_digest,
        pushed_at,
        unnest(
            case
                when last_number - first_number + 1 = len(numbers)
                    then [{'first_number': first_number, 'last_number': last_number}]
                else list_transform(numbers, lambda number: {'first_number': number, 'last_number': number})
            end,
            max_depth := 2
        )
    from sightings
),
tag_pieces as (
    select registry_id, region, repository, unnest(tags) as tag, manifest_digest, pushed_at, first_number, last_number
    from pieces
),
marked_pieces as (
    select *, coalesce(lag(last_number) over same_image + 1 <> first_number, true)::integer as is_start
    from tag_pieces
    window same_image as (partition by registry_id, region, repository, tag, manifest_digest order by first_number)
),
numbered_pieces as (
    select *, sum(is_start) over same_image as span_number
    from marked_pieces
    window same_image as (partition by registry_id, region, repository, tag, manifest_digest order by first_number)
),
spans as (
    select
        registry_id,
        region,
        repository,
        tag,
        manifest_digest,
        max_by(pushed_at, last_number) as pushed_at,
        min(first_number) as first_number,
        max(last_number) as last_number
    from numbered_pieces
    group by registry_id, region, repository, tag, manifest_digest, span_number
)
select
    spans.registry_id,
    spans.region,
    spans.repository,
    spans.tag,
    spans.manifest_digest,
    spans.pushed_at,
    first_listings.run_id as first_run_id,
    last_listings.run_id as last_run_id,
    last_listings.until_run_id
from spans
inner join listings as first_listings
    on first_listings.registry_id = spans.registry_id
    and first_listings.region = spans.region
    and first_listings.repository = spans.repository
    and first_listings.listing_number = spans.first_number
inner join listings as last_listings
    on last_listings.registry_id = spans.registry_id
    and last_listings.region = spans.region
    and last_listings.repository = spans.repository
    and last_listings.listing_number = spans.last_number
