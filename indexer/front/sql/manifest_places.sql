-- The places that ever listed the digest: is_current where they do now, and the last run that saw it there.
select
    registry_id,
    region,
    repository,
    max(image_history.run_id) as run_id,
    coalesce(bool_or(image_history.run_id = last_listings.run_id), false) as is_current
from image_history
left join last_listings using (registry_id, region, repository)
where image_history.manifest_digest = $digest
group by registry_id, region, repository
