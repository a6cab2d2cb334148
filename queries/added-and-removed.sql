-- question: What came and what went between two runs?
-- caveat: What each repository held at a run is its newest whole listing up to that run. The first row is of all repositories together: its registry_id, region and repository are NULL, and it is there even if nothing changed. Below it is one row for each repository that changed.
-- caveat: images are pairs of repository and digest. layers_added and bytes_added count what no image in the repository had at the earlier run, bytes those of layers and configs (compressed, without foreign layers); in the row for all together, what nothing in the same account and region had. So the rows do not add up to it.
-- caveat: bytes_added minus bytes_removed is the change of unique_bytes. tags_moved counts tags that name another image than at the earlier run.
-- caveat: repository_change is appeared where the repository had no listing at the earlier run (new, or first listed since), gone where it was deleted since. not_relisted counts repositories that were not listed whole between the two runs, so that no change of theirs can show.
-- caveat: Left out because unknown: images_unknown (of the images added or removed: archived, not fetched or not readable) and blobs_unknown_size (Docker schema 1).
-- parameter: earlier text = null : id of the earlier run, or its beginning (20260131): the newest run with it; null for the run before the later one
-- parameter: later text = null : id of the later run, or its beginning; null for the newest run
-- parameter: repository glob = * : repositories to compare
-- total: registry_id, region, repository
-- empty: No repository that matches was listed whole by the later of the two runs.
-- single: The store has a single run, and it takes two to compare: ask again after the next indexer run.
with recursive
later_run as materialized (
    select max(run_id) as run_id
    from runs
    where starts_with(run_id, coalesce($later, ''))
),
earlier_run as materialized (
    select max(run_id) as run_id
    from runs
    where starts_with(run_id, coalesce($earlier, '')) and run_id < (select run_id from later_run)
),
listings as materialized (
    select
        registry_id,
        region,
        repository,
        listing_spans.run_id,
        dense_rank() over (order by registry_id, region) as registry_number,
        dense_rank() over (order by registry_id, region, repository) as repository_number,
        earlier_run.run_id >= listing_spans.run_id
            and coalesce(earlier_run.run_id < listing_spans.until_run_id, true) as is_earlier,
        later_run.run_id >= listing_spans.run_id
            and coalesce(later_run.run_id < listing_spans.until_run_id, true) as is_later
    from listing_spans
    cross join earlier_run
    cross join later_run
    where repository glob $repository
),
repository_changes as materialized (
    select
        registry_id,
        region,
        repository,
        registry_number,
        repository_number,
        bool_or(is_earlier and is_later) as is_same_listing,
        case
            when not bool_or(is_earlier) then 'appeared'
            when not bool_or(is_later) then 'gone'
        end as repository_change
    from listings
    group by registry_id, region, repository, registry_number, repository_number
    having bool_or(is_earlier or is_later)
),
listed_images as (
    select
        listings.registry_number,
        listings.repository_number,
        image_history.manifest_digest,
        image_history.tags,
        listings.is_earlier,
        listings.is_later
    from image_history
    inner join listings using (registry_id, region, repository, run_id)
    where listings.is_earlier or listings.is_later
),
images_of_both as materialized (
    select
        registry_number,
        repository_number,
        manifest_digest,
        bool_or(is_earlier) as was_there,
        bool_or(is_later) as is_there,
        any_value(tags) filter (where is_earlier) as earlier_tags,
        any_value(tags) filter (where is_later) as later_tags
    from listed_images
    group by registry_number, repository_number, manifest_digest
),
known_manifests as materialized (
    select manifest_digest
    from all_manifests
    where kind <> 'unknown'
),
listed_contents as (
    select entries.index_digest, entries.manifest_digest
    from all_index_entries as entries
    semi join images_of_both on images_of_both.manifest_digest = entries.index_digest
    union -- not union all: indexes that name each other must end
    select listed_contents.index_digest, entries.manifest_digest
    from listed_contents
    inner join all_index_entries as entries on entries.index_digest = listed_contents.manifest_digest
),
held_manifests as materialized (
    select
        registry_number,
        repository_number,
        manifest_digest,
        bool_or(was_there) as was_there,
        bool_or(is_there) as is_there
    from (
        select registry_number, repository_number, manifest_digest, was_there, is_there
        from images_of_both
        union all
        select
            images_of_both.registry_number,
            images_of_both.repository_number,
            listed_contents.manifest_digest,
            images_of_both.was_there,
            images_of_both.is_there
        from images_of_both
        inner join listed_contents on listed_contents.index_digest = images_of_both.manifest_digest
    )
    semi join known_manifests using (manifest_digest)
    group by registry_number, repository_number, manifest_digest
),
changed_manifests as materialized (
    select distinct manifest_digest
    from held_manifests
    where was_there <> is_there
),
-- Only what a changed manifest needs can have come or gone.
touched_blobs as materialized (
    select blob_digest, row_number() over () as blob_number
    from (
        select distinct blob_digest
        from all_blob_references
        semi join changed_manifests using (manifest_digest)
    )
),
touched_references as materialized (
    select
        mentions.manifest_digest,
        touched_blobs.blob_number,
        mentions.size,
        mentions.is_stored,
        mentions.is_layer
    from all_blob_references as mentions
    inner join touched_blobs using (blob_digest)
),
repository_blobs as materialized (
    select
        held_manifests.registry_number,
        held_manifests.repository_number,
        touched_references.blob_number,
        bool_or(held_manifests.was_there) as was_there,
        bool_or(held_manifests.is_there) as is_there,
        max(touched_references.size) as size,
        bool_or(touched_references.is_stored) as is_stored,
        bool_or(touched_references.is_layer) as is_layer
    from touched_references
    inner join held_manifests using (manifest_digest)
    group by held_manifests.registry_number, held_manifests.repository_number, touched_references.blob_number
),
-- The same in every row that counts a blob.
sized_blobs as (
    select
        blob_number,
        max(size) as size,
        bool_or(is_stored) as is_stored,
        bool_or(is_layer) as is_layer
    from repository_blobs
    group by blob_number
),
changed_blobs as (
    select repository_number, blob_number, was_there, is_there
    from repository_blobs
    where was_there <> is_there
    union all
    select null as repository_number, blob_number, bool_or(was_there) as was_there, bool_or(is_there) as is_there
    from repository_blobs
    group by registry_number, blob_number
    having bool_or(was_there) <> bool_or(is_there)
),
blob_figures as (
    select
        repository_number,
        count(*) filter (where is_there and is_layer) as layers_added,
        count(*) filter (where was_there and is_layer) as layers_removed,
        capped(coalesce(sum(size) filter (where is_there and is_stored), 0)) as bytes_added,
        capped(coalesce(sum(size) filter (where was_there and is_stored), 0)) as bytes_removed,
        count(*) filter (where size is null and is_stored) as blobs_unknown_size
    from changed_blobs
    inner join sized_blobs using (blob_number)
    group by repository_number
),
image_figures as (
    select
        repository_number,
        count(*) filter (where is_there) as images_added,
        count(*) filter (where was_there) as images_removed,
        count(*) filter (where known_manifests.manifest_digest is null) as images_unknown
    from images_of_both
    left join known_manifests using (manifest_digest)
    where was_there <> is_there
    group by grouping sets ((repository_number), ())
),
-- A tag that moved is on other images than before: most images have the same tags as before.
retagged_images as (
    select repository_number, manifest_digest, earlier_tags, later_tags
    from images_of_both
    where earlier_tags is distinct from later_tags
),
tags_of_both as (
    select
        repository_number,
        tag,
        max(manifest_digest) filter (where is_earlier) <> max(manifest_digest) filter (where not is_earlier) as is_moved
    from (
        select repository_number, unnest(earlier_tags) as tag, manifest_digest, true as is_earlier
        from retagged_images
        union all
        select repository_number, unnest(later_tags) as tag, manifest_digest, false as is_earlier
        from retagged_images
    )
    group by repository_number, tag
),
tag_figures as (
    select repository_number, count(*) as tags_moved
    from tags_of_both
    where is_moved
    group by grouping sets ((repository_number), ())
),
rows_to_show as (
    select
        registry_id,
        region,
        repository,
        repository_number,
        repository_change,
        is_same_listing::bigint as not_relisted
    from repository_changes
    union all
    select
        null as registry_id,
        null as region,
        null as repository,
        null as repository_number,
        null as repository_change,
        (select count(*) from repository_changes where is_same_listing) as not_relisted
)
select
    rows_to_show.registry_id,
    rows_to_show.region,
    rows_to_show.repository,
    rows_to_show.repository_change,
    coalesce(image_figures.images_added, 0) as images_added,
    coalesce(image_figures.images_removed, 0) as images_removed,
    coalesce(tag_figures.tags_moved, 0) as tags_moved,
    coalesce(blob_figures.layers_added, 0) as layers_added,
    coalesce(blob_figures.layers_removed, 0) as layers_removed,
    coalesce(blob_figures.bytes_added, 0) as bytes_added,
    coalesce(blob_figures.bytes_removed, 0) as bytes_removed,
    coalesce(image_figures.images_unknown, 0) as images_unknown,
    coalesce(blob_figures.blobs_unknown_size, 0) as blobs_unknown_size,
    rows_to_show.not_relisted,
    earlier_run.run_id as earlier_run_id,
    later_run.run_id as later_run_id
from rows_to_show
cross join earlier_run
cross join later_run
left join image_figures on image_figures.repository_number is not distinct from rows_to_show.repository_number
left join tag_figures on tag_figures.repository_number is not distinct from rows_to_show.repository_number
left join blob_figures on blob_figures.repository_number is not distinct from rows_to_show.repository_number
where
    earlier_run.run_id is not null
    -- Not exists: DuckDB 2.0 can wait forever for the rest of rows that others read too.
    and (select count(*) from repository_changes) > 0
    and (
        rows_to_show.repository is null
        or rows_to_show.repository_change is not null
        or image_figures.repository_number is not null
        or tag_figures.repository_number is not null
    )
order by rows_to_show.repository_number nulls first
