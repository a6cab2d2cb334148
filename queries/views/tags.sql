-- view: The tags each repository holds: one row per tag.
-- like: images
-- column: tag : The tag's name.
-- column: manifest_digest : The image that the tag names.
select
    run_id,
    registry_id,
    region,
    repository,
    unnest(tags) as tag,
    manifest_digest,
    media_type,
    pushed_at,
    last_pulled_at,
    status
from images
