-- Where the digest is listed as an image now.
select
    registry_id,
    region,
    repository,
    tags,
    media_type,
    artifact_type,
    image_size,
    pushed_at::timestamp as pushed_at,
    last_pulled_at::timestamp as last_pulled_at,
    status,
    subject_digest
from images
where manifest_digest = $digest
order by registry_id, region, repository
