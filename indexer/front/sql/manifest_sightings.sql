-- Where the digest is listed as an image now (last_seen_at is NULL), and where it was once, and is no longer.
with
sightings as materialized (
    select image_history.*, last_listings.run_id is not null as is_current
    from image_history
    left join last_listings using (registry_id, region, repository, run_id)
    where image_history.manifest_digest = $digest
),
former_images as (
    select
        sightings.registry_id,
        sightings.region,
        sightings.repository,
        max_by(sightings.tags, run_id) as tags,
        max(runs.started_at) as last_seen_at
    from sightings
    inner join runs using (run_id)
    group by sightings.registry_id, sightings.region, sightings.repository
    having not bool_or(sightings.is_current)
),
told as (
    select * exclude (run_id, manifest_digest, is_current)
    from sightings
    where is_current
    union all by name
    from former_images
)
select
    registry_id,
    region,
    repository,
    tags,
    media_type,
    artifact_type,
    image_size,
    pushed_at,
    last_pulled_at,
    status,
    subject_digest,
    last_seen_at
from told
order by last_seen_at desc nulls first, registry_id, region, repository
