-- question: Which tags move to other images, and how often?
-- caveat: moves counts how often a run saw the tag on another image than the last run that saw it at all, so a tag that was removed and came back with another image moved once. At most one move shows between two runs: the figures are lower bounds.
-- caveat: listings is how many whole listings of the repository there are to compare; images is how many different images the tag named. last_moved_at is when the run started that saw the last move.
-- caveat: tag_mutability is the repository's setting in the newest run: an IMMUTABLE tag moves only where the image was deleted and the tag pushed again. manifest_digest is NULL where the tag is gone.
-- parameter: repository glob = * : repositories to look at
-- parameter: tag glob = * : tags to look at
-- parameter: limit count = 20 : rows at most
-- empty: No tag that matches moved between the runs in the store.
-- single: The store has a single run, and a move takes two to show: ask again after the next indexer run.
with
spans as materialized (
    select *
    from tag_spans
    where repository glob $repository and tag glob $tag
),
-- Few: most tags name one image for ever.
moving_tags as (
    select registry_id, region, repository, tag
    from spans
    group by registry_id, region, repository, tag
    having min(manifest_digest) <> max(manifest_digest)
),
ordered_spans as (
    select
        registry_id,
        region,
        repository,
        tag,
        manifest_digest,
        first_run_id,
        until_run_id,
        lag(manifest_digest) over (
            partition by registry_id, region, repository, tag
            order by first_run_id, manifest_digest
        ) <> manifest_digest as is_move
    from spans
    semi join moving_tags using (registry_id, region, repository, tag)
),
moved_tags as (
    select
        registry_id,
        region,
        repository,
        tag,
        count(*) filter (where is_move) as moves,
        count(distinct manifest_digest) as images,
        max(first_run_id) filter (where is_move) as last_move_run_id,
        max(manifest_digest) filter (where until_run_id is null) as manifest_digest
    from ordered_spans
    group by registry_id, region, repository, tag
),
listing_counts as (
    select registry_id, region, repository, count(*) as listings
    from listing_spans
    group by registry_id, region, repository
),
newest_settings as (
    select registry_id, region, repository, max_by(tag_mutability, run_id) as tag_mutability
    from repository_history
    group by registry_id, region, repository
)
select
    moved_tags.registry_id,
    moved_tags.region,
    moved_tags.repository,
    moved_tags.tag,
    moved_tags.moves,
    moved_tags.images,
    listing_counts.listings,
    runs.started_at as last_moved_at,
    moved_tags.manifest_digest,
    newest_settings.tag_mutability
from moved_tags
inner join listing_counts using (registry_id, region, repository)
inner join newest_settings using (registry_id, region, repository)
inner join runs on runs.run_id = moved_tags.last_move_run_id
order by
    moved_tags.moves desc,
    last_moved_at desc,
    moved_tags.registry_id,
    moved_tags.region,
    moved_tags.repository,
    moved_tags.tag
limit $limit
