-- view: Which image each tag named, from which run to which: a row for each time without a break.
-- column: tag : The tag's name.
-- column: manifest_digest : The image that the tag named.
-- column: pushed_at : When that image was pushed to the repository, UTC, as the newest of these runs saw it.
-- column: first_run_id : The run that first saw it so.
-- column: last_run_id : The newest run that listed the repository and saw it so.
-- column: until_run_id : The run that found it otherwise; NULL where the tag names the image still.
with
sightings as (
    select
        image_history.registry_id,
        image_history.region,
        image_history.repository,
        unnest(image_history.tags) as tag,
        image_history.manifest_digest,
        image_history.pushed_at,
        image_history.run_id,
        listing_spans.until_run_id
    from image_history
    inner join listing_spans using (registry_id, region, repository, run_id)
),
marked_sightings as (
    select
        *,
        coalesce(lag(until_run_id) over same_image <> run_id, true)::integer as is_start
    from sightings
    window same_image as (partition by registry_id, region, repository, tag, manifest_digest order by run_id)
),
numbered_sightings as (
    select *, sum(is_start) over same_image as span_number
    from marked_sightings
    window same_image as (partition by registry_id, region, repository, tag, manifest_digest order by run_id)
)
select
    registry_id,
    region,
    repository,
    tag,
    manifest_digest,
    max_by(pushed_at, run_id) as pushed_at,
    min(run_id) as first_run_id,
    max(run_id) as last_run_id,
    case when bool_and(until_run_id is not null) then max(until_run_id) end as until_run_id
from numbered_sightings
group by registry_id, region, repository, tag, manifest_digest, span_number
