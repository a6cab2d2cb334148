-- question: Which images did a tag name, and when did it move?
-- caveat: One row for each time that a tag named one image without a break, as the runs saw it: first_seen_at and last_seen_at are when these runs started. What came and went between two runs cannot show.
-- caveat: ended says how it ended: moved (the next listing saw the tag on another image), tag removed (the image stayed), image deleted, repository deleted. It is NULL where the tag names the image still, as far as the newest whole listing tells.
-- caveat: pushed_at is when the image was pushed, which may be long before the tag came to name it. With a single run, each tag has one row.
-- parameter: repository glob = * : repositories to look at
-- parameter: tag glob = * : tags to look at
-- parameter: limit count = null : rows at most
-- single: The store has a single run, so each tag has one row: moves show from the second indexer run on.
-- empty: No run saw a tag that matches in a repository that matches.
with
spans as materialized (
    select *
    from tag_spans
    where repository glob $repository and tag glob $tag
),
moves as (
    select distinct spans.registry_id, spans.region, spans.repository, spans.tag, spans.until_run_id
    from spans
    inner join spans as others
        on others.registry_id = spans.registry_id
        and others.region = spans.region
        and others.repository = spans.repository
        and others.tag = spans.tag
        and others.first_run_id <= spans.until_run_id
        and coalesce(others.until_run_id > spans.until_run_id, true)
),
deletions as (
    select registry_id, region, repository, run_id
    from repository_history
    where status = 'deleted'
),
later_images as (
    select registry_id, region, repository, run_id, manifest_digest
    from image_history
    where repository glob $repository and run_id in (select until_run_id from spans)
)
select
    spans.registry_id,
    spans.region,
    spans.repository,
    spans.tag,
    spans.manifest_digest,
    first_runs.started_at as first_seen_at,
    last_runs.started_at as last_seen_at,
    case
        when spans.until_run_id is null then null
        when deletions.run_id is not null then 'repository deleted'
        when moves.until_run_id is not null then 'moved'
        when later_images.run_id is not null then 'tag removed'
        else 'image deleted'
    end as ended,
    spans.pushed_at
from spans
inner join runs as first_runs on first_runs.run_id = spans.first_run_id
inner join runs as last_runs on last_runs.run_id = spans.last_run_id
left join deletions
    on deletions.registry_id = spans.registry_id
    and deletions.region = spans.region
    and deletions.repository = spans.repository
    and deletions.run_id = spans.until_run_id
left join moves
    on moves.registry_id = spans.registry_id
    and moves.region = spans.region
    and moves.repository = spans.repository
    and moves.tag = spans.tag
    and moves.until_run_id = spans.until_run_id
left join later_images
    on later_images.registry_id = spans.registry_id
    and later_images.region = spans.region
    and later_images.repository = spans.repository
    and later_images.run_id = spans.until_run_id
    and later_images.manifest_digest = spans.manifest_digest
order by spans.registry_id, spans.region, spans.repository, spans.tag, spans.first_run_id, spans.manifest_digest
limit $limit
