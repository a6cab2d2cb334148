-- macro: The images that a deletion would remove: those chosen by all parameters, and what goes with them, without what must stay.
-- parameter: repository_glob glob = * : repositories to delete from
-- parameter: only_untagged boolean = true : whether only images without a tag are chosen
-- parameter: keep_tag_glob glob = null : images with a tag that matches are kept; needs only_untagged := false
-- parameter: newest_kept integer = 0 : how many to keep in each repository, the newest pushed of those that the parameters above leave; what is below an index, and referrers, do not count
-- parameter: before timestamp = null : only images pushed before are chosen
-- parameter: unused_since timestamp = null : only images neither pulled nor pushed since are chosen
-- parameter: take_referrers boolean = true : whether referrers of deleted images are deleted with them
-- parameter: with_kept boolean = false : whether what stays shows too, and what is below an index without being listed
-- column: is_listed : Whether it is in images.
-- column: is_deleted : Whether it would be removed; always, unless with_kept asks for the others too.
-- column: is_chosen : Whether the parameters choose it; otherwise it goes only because it refers to an image that goes.
-- column: is_in_doubt : With unused_since, whether its newest recorded pull is this program's own fetch: a pull by others in the 24 hours after it may not show.
with recursive
places as materialized (
    select
        registry_id,
        region,
        repository,
        row_number() over (order by registry_id, region, repository) as repository_number
    from repositories
),
-- Of the two, the one that is not needed is not read at all.
looked_at as (
    select registry_id, region, repository, manifest_digest, tags, pushed_at, last_used_at, is_own_pull
    from image_pulls
    where $unused_since is not null
    union all
    select registry_id, region, repository, manifest_digest, tags, pushed_at, null as last_used_at, false as is_own_pull
    from images
    where $unused_since is null
),
listed as (
    select
        places.repository_number,
        manifest_digest,
        true as is_listed,
        repository glob $repository_glob as is_looked_at,
        looked_at.pushed_at,
        looked_at.last_used_at,
        looked_at.is_own_pull,
        len(looked_at.tags) = 0 as is_untagged,
        case
            when $keep_tag_glob is null then false
            when $only_untagged then error('keep_tags keeps tagged images, and untagged=true deletes none: give untagged=false with it')
            else len(list_filter(looked_at.tags, lambda tag: tag glob $keep_tag_glob)) > 0
        end as has_kept_tag
    from looked_at
    inner join places using (registry_id, region, repository)
),
-- What is below an index, but not listed.
unlisted as (
    select distinct places.repository_number, repository_links.manifest_digest, false as is_listed, false as is_looked_at
    from repository_links
    inner join places using (registry_id, region, repository)
    where not repository_links.is_listed and repository_links.is_entry
),
held_manifests as materialized (
    select *, row_number() over () as held_number
    from (from listed union all by name from unlisted)
),
links as materialized (
    select
        holders.held_number as holder_number,
        members.held_number as member_number,
        repository_links.is_entry,
        repository_links.is_named
    from repository_links
    inner join places using (registry_id, region, repository)
    inner join held_manifests as holders
        on holders.manifest_digest = repository_links.holder_digest
        and holders.repository_number = places.repository_number
    inner join held_manifests as members
        on members.manifest_digest = repository_links.manifest_digest
        and members.repository_number = places.repository_number
),
in_scope as materialized (
    select held_number, repository_number, manifest_digest, pushed_at, last_used_at
    from held_manifests
    where is_looked_at and not has_kept_tag and (is_untagged or not $only_untagged)
),
newest as (
    select held_number
    from in_scope
    where $newest_kept > 0 and held_number not in (select member_number from links)
    -- A push of unknown time counts as the newest.
    qualify row_number() over (partition by repository_number order by pushed_at desc nulls first, manifest_digest) <= $newest_kept
),
chosen as materialized (
    select held_number
    from in_scope
    anti join newest using (held_number)
    where
        ($before is null or coalesce(pushed_at < $before, false))
        and ($unused_since is null or last_used_at < $unused_since)
),
referrers as materialized (
    select links.holder_number, links.member_number
    from links
    inner join held_manifests as members on members.held_number = links.member_number
    where not links.is_entry and not links.is_named and members.is_looked_at and not members.has_kept_tag and $take_referrers
),
going_with as (
    select referrers.member_number as held_number
    from referrers
    semi join chosen on chosen.held_number = referrers.holder_number
    union -- not union all: what refers to each other must end
    select referrers.member_number as held_number
    from going_with
    inner join referrers on referrers.holder_number = going_with.held_number
),
going as materialized (
    select held_number from chosen
    union
    select held_number from going_with
),
-- Children of an index that stays, and referrers of what stays.
needed as (
    select links.member_number as held_number
    from links
    anti join going on going.held_number = links.holder_number
    union -- not union all: indexes that name each other must end
    select links.member_number as held_number
    from needed
    inner join links on links.holder_number = needed.held_number
),
deleted as materialized (
    select held_number
    from going
    anti join needed using (held_number)
),
-- Asked for with in, and not joined: after a join with the result of a recursion, DuckDB takes the rows for many times as many.
flags as (
    select
        *,
        held_number in (select held_number from deleted) as is_deleted,
        held_number in (select held_number from chosen) as would_go
    from held_manifests
)
select
    places.registry_id,
    places.region,
    places.repository,
    flags.manifest_digest,
    flags.is_listed,
    flags.is_deleted,
    case when flags.is_deleted then flags.would_go end as is_chosen,
    case when flags.is_deleted then flags.is_own_pull end as is_in_doubt
from flags
inner join places using (repository_number)
where flags.is_deleted or $with_kept
