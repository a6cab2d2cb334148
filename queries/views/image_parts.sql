-- view: What images of several parts consist of: themselves, what is below them if they are indexes, and referrers (signatures, SBOMs).
-- like: images
-- column: image_digest : An image with a tag of its own, or one that belongs to no other, if it has parts or is one. Other images are not here.
-- column: manifest_digest : A manifest that is part of it, which it is itself too; one may be part of several.
-- column: goes : Whether this part would go if the image alone was deleted: nothing else in the repository needs it.
with recursive
-- Numbers in place of repositories, and then of digests.
homes as materialized (
    select row_number() over () as home, registry_id, region, repository
    from (select distinct registry_id, region, repository from repository_links)
),
named_links as materialized (
    select home, holder_digest, manifest_digest, is_entry, is_listed, is_named
    from repository_links
    inner join homes using (registry_id, region, repository)
),
ends as (
    select home, manifest_digest, true as is_member, is_entry, is_listed, is_named
    from named_links
    union all
    -- What belongs to nothing is held because it is listed.
    select home, holder_digest, false as is_member, false as is_entry, false as is_listed, false as is_named
    from named_links
),
nodes as materialized (
    select
        home,
        manifest_digest,
        row_number() over () as node,
        bool_or(is_entry) as is_entry,
        not bool_or(is_member) or bool_or(is_listed) as is_listed,
        not bool_or(is_member) or bool_or(is_named) as is_named
    from ends
    group by home, manifest_digest
),
links as materialized (
    select holders.node as holder, members.node as member
    from named_links
    inner join nodes as holders
        on holders.manifest_digest = named_links.holder_digest and holders.home = named_links.home
    inner join nodes as members
        on members.manifest_digest = named_links.manifest_digest and members.home = named_links.home
),
-- What is held, but not listed, may be hidden by a filter of config.yaml: it stays, and so does what it needs.
tops as materialized (
    select node as top, home, manifest_digest, is_entry, is_listed
    from nodes
    where is_named or not is_listed
),
-- Most parts hold nothing themselves, and need not be followed.
inner_links as materialized (
    select holder, member
    from links
    semi join (select holder as member from links) as holders using (member)
),
reached as (
    select top, top as holder
    from tops
    union -- not union all: indexes that name each other must end
    select reached.top, inner_links.member
    from reached
    inner join inner_links on inner_links.holder = reached.holder
),
contents as materialized (
    select distinct top, member
    from reached
    inner join links using (holder)
    where top <> member
),
-- Of how many tops something is a part, and whether any of these is listed.
members as (
    select contents.member as node, count(*) as tops, bool_or(tops.is_listed) as is_shown
    from contents
    inner join tops using (top)
    group by contents.member
),
parts as materialized (
    select
        node,
        home,
        manifest_digest,
        -- What goes with a top: parts of it alone that are none themselves.
        is_listed and not is_named and members.tops = 1 as is_alone,
        -- What belongs to nothing listed but its own like, as only tags can make it (or a hidden manifest in between):
        -- each counts as an image, so that none is lost, and nothing goes.
        is_listed and not is_named and members.is_shown is distinct from true as is_circle
    from nodes
    left join members using (node)
),
found_parts as (
    select home, manifest_digest as image_digest, manifest_digest, not is_entry as goes
    from tops
    where is_listed
    union all
    select
        tops.home,
        tops.manifest_digest as image_digest,
        parts.manifest_digest,
        -- ECR does not delete what an index lists.
        parts.is_alone and not tops.is_entry as goes
    from contents
    inner join tops on tops.top = contents.top and tops.is_listed
    inner join parts on parts.node = contents.member
    union all
    select home, manifest_digest as image_digest, manifest_digest, false as goes
    from parts
    where is_circle
)
select registry_id, region, repository, image_digest, manifest_digest, goes
from found_parts
inner join homes using (home)
