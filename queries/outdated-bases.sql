-- question: Which images stand on a base whose tag has moved on to another image since?
-- caveat: The tag of another repository named the base of the image (or an index with it) in some run, and names something else now; nothing that it names now is below the image, or is the image. It is told from what runs saw: a tag that moved twice between two runs moved once, and with a single run nothing can be told.
-- caveat: The base is the nearest one, by layers, that a tag of another repository ever named (see base-images for how bases are found, and what platform_assumed means). Tags that are gone, or never moved, say nothing; nor do tags of repositories with the same name as the image's own, as these are its own builds or copies of them.
-- caveat: One row per repository, image and place that the tags moved to: base_tags are those tags, was_digest and now_digest what they named and name, last_seen_at when the newest run started that saw one of them name was_digest. A tag may also have moved back to something older.
-- caveat: Children of indexes have rows of their own; tags are the image's own and those of the indexes it is in. Images without any such tag show only with untagged = true. Images whose manifest is not in the store cannot show; unfetched-images lists them.
-- parameter: repository glob = * : repositories whose images to show
-- parameter: base glob = * : repositories of bases to look at
-- parameter: untagged boolean = false : whether images without a tag show too
-- parameter: limit count = null : rows at most
-- empty: No image was seen to stand on a base whose tag moved between the runs in the store.
-- single: The store has a single run, and it takes two, one before and one after a tag moved: ask again after the next indexer run.
with
image_steps as materialized (
    select manifest_digest, stack_number, step, platforms
    from image_stacks
),
bases as materialized (
    select manifest_digest, stack_number, platforms
    from image_steps
    where step = 0
),
base_holders as materialized (
    select manifest_digest as holder_digest, stack_number, platforms
    from bases
    union
    select index_contents.index_digest as holder_digest, bases.stack_number, bases.platforms
    from index_contents
    inner join bases using (manifest_digest)
),
-- What tags ever led to bases.
namings as materialized (
    select
        registry_id,
        region,
        repository,
        unnest(tags) as tag,
        manifest_digest as holder_digest,
        run_id
    from image_history
    semi join base_holders on base_holders.holder_digest = image_history.manifest_digest
    where repository glob $base
),
names as materialized (
    select registry_id, region, repository, tag, holder_digest, max(run_id) as last_run_id
    from namings
    group by registry_id, region, repository, tag, holder_digest
),
moved_names as materialized (
    select
        registry_id,
        region,
        repository,
        tag,
        names.holder_digest as was_digest,
        tags.manifest_digest as now_digest,
        names.last_run_id
    from names
    inner join tags using (registry_id, region, repository, tag)
    where tags.manifest_digest <> names.holder_digest
),
named_stacks as materialized (
    select base_holders.stack_number, min(names.repository) as first_repository, max(names.repository) as last_repository
    from names
    inner join base_holders using (holder_digest)
    group by base_holders.stack_number
),
moves as materialized (
    select
        base_holders.stack_number,
        base_holders.platforms,
        moved_names.registry_id,
        moved_names.region,
        moved_names.repository,
        moved_names.was_digest,
        moved_names.now_digest,
        list(moved_names.tag order by moved_names.tag) as tags,
        max(moved_names.last_run_id) as last_run_id
    from moved_names
    inner join base_holders on base_holders.holder_digest = moved_names.was_digest
    group by
        base_holders.stack_number,
        base_holders.platforms,
        moved_names.registry_id,
        moved_names.region,
        moved_names.repository,
        moved_names.was_digest,
        moved_names.now_digest
),
-- Few images stand on what a tag has left: the rest is about them alone.
left_steps as materialized (
    select manifest_digest, stack_number, step, platforms
    from image_steps
    where step > 0 and stack_number in (select stack_number from moves)
),
image_holders as (
    select distinct manifest_digest, manifest_digest as holder_digest
    from left_steps
    union all
    select index_contents.manifest_digest, index_contents.index_digest as holder_digest
    from index_contents
    semi join left_steps using (manifest_digest)
),
-- Found first and grouped then: all images at once would be grouped otherwise.
listings as materialized (
    select images.registry_id, images.region, images.repository, image_holders.manifest_digest, images.tags, images.pushed_at
    from images
    inner join image_holders on image_holders.holder_digest = images.manifest_digest
    where images.repository glob $repository
),
looked_at as materialized (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        list_sort(list_distinct(flatten(list(tags)))) as tags,
        max(pushed_at) as pushed_at
    from listings
    group by registry_id, region, repository, manifest_digest
    having $untagged or bool_or(len(listings.tags) > 0)
),
named_steps as (
    select image_steps.manifest_digest, image_steps.step, named_stacks.first_repository, named_stacks.last_repository
    from image_steps
    semi join left_steps using (manifest_digest)
    inner join named_stacks using (stack_number)
    where image_steps.step > 0
),
nearest_steps as (
    select looked_at.registry_id, looked_at.region, looked_at.repository, manifest_digest, min(named_steps.step) as step
    from looked_at
    inner join named_steps using (manifest_digest)
    where named_steps.first_repository <> looked_at.repository or named_steps.last_repository <> looked_at.repository
    group by looked_at.registry_id, looked_at.region, looked_at.repository, manifest_digest
),
candidates as materialized (
    select
        nearest_steps.registry_id,
        nearest_steps.region,
        nearest_steps.repository,
        manifest_digest,
        any_value(left_steps.platforms) as platforms,
        moves.registry_id as base_registry_id,
        moves.region as base_region,
        moves.repository as base_repository,
        moves.was_digest,
        moves.now_digest,
        any_value(moves.tags) as base_tags,
        any_value(moves.last_run_id) as last_run_id,
        bool_and(left_steps.platforms is null or moves.platforms is null) as platform_assumed
    from nearest_steps
    inner join left_steps using (manifest_digest, step)
    inner join moves on moves.stack_number = left_steps.stack_number
    where
        moves.repository <> nearest_steps.repository
        and coalesce(list_has_any(left_steps.platforms, moves.platforms), true)
    group by
        nearest_steps.registry_id,
        nearest_steps.region,
        nearest_steps.repository,
        manifest_digest,
        moves.registry_id,
        moves.region,
        moves.repository,
        moves.was_digest,
        moves.now_digest
),
-- Where the tag now leads to: the digest itself, or what is below it.
targets as (
    select distinct now_digest, now_digest as manifest_digest
    from candidates
    union
    select index_contents.index_digest as now_digest, index_contents.manifest_digest
    from index_contents
    where index_contents.index_digest in (select now_digest from candidates)
),
target_stacks as (
    select targets.now_digest, bases.stack_number
    from targets
    inner join bases using (manifest_digest)
),
-- The image stands on what the tag names now, or is it.
up_to_date as (
    select distinct image_steps.manifest_digest, target_stacks.now_digest
    from image_steps
    semi join left_steps on left_steps.manifest_digest = image_steps.manifest_digest
    inner join target_stacks using (stack_number)
    where image_steps.step > 0
    union
    select manifest_digest, now_digest
    from targets
),
outdated as materialized (
    select *
    from candidates
    anti join up_to_date using (manifest_digest, now_digest)
)
select
    registry_id,
    region,
    repository,
    looked_at.tags,
    manifest_digest,
    outdated.platforms,
    looked_at.pushed_at,
    outdated.base_registry_id,
    outdated.base_region,
    outdated.base_repository,
    outdated.base_tags,
    outdated.was_digest,
    outdated.now_digest,
    runs.started_at as last_seen_at,
    outdated.platform_assumed
from outdated
inner join looked_at using (registry_id, region, repository, manifest_digest)
inner join runs on runs.run_id = outdated.last_run_id
order by
    registry_id,
    region,
    repository,
    looked_at.pushed_at desc nulls last,
    manifest_digest,
    outdated.base_registry_id,
    outdated.base_region,
    outdated.base_repository,
    outdated.now_digest,
    outdated.was_digest
limit $limit
