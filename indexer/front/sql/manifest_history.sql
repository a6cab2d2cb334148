-- Where the digest was listed as an image once, and is no longer.
select
    registry_id,
    region,
    repository,
    max_by(tags, run_id) as tags,
    max(runs.started_at) as last_seen_at
from image_history
inner join runs using (run_id)
where
    manifest_digest = $digest
    and not exists (
        from images
        where
            images.manifest_digest = $digest
            and images.registry_id = image_history.registry_id
            and images.region = image_history.region
            and images.repository = image_history.repository
    )
group by registry_id, region, repository
order by last_seen_at desc, registry_id, region, repository
