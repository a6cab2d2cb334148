-- view: What images of several parts consist of: themselves, what is below them if they are indexes, and referrers (signatures, SBOMs).
-- like: images
-- column: image_digest : An image with a tag of its own, or one that belongs to no other, if it has parts or is one. Other images are not here.
-- column: manifest_digest : A manifest that is part of it, which it is itself too; one may be part of several.
-- column: goes : Whether this part would go if the image alone was deleted: nothing else in the repository needs it.
with recursive
ends as (
    select registry_id, region, repository, manifest_digest, true as is_member, is_entry, is_listed, is_named
    from repository_links
    union all
    -- What belongs to nothing is held because it is listed.
    select registry_id, region, repository, holder_digest, false as is_member, false as is_entry, false as is_listed, false as is_named
    from repository_links
),
-- Numbers in place of digests, from here on.
nodes as materialized (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        row_number() over () as node,
        bool_or(is_entry) as is_entry,
        not bool_or(is_member) or bool_or(is_listed) as is_listed,
        not bool_or(is_member) or bool_or(is_named) as is_named
    from ends
    group by registry_id, region, repository, manifest_digest
),
links as materialized (
    select holders.node as holder, members.node as member
    from repository_links as links
    inner join nodes as holders
        on holders.manifest_digest = links.holder_digest
        and holders.repository = links.repository
        and holders.region = links.region
        and holders.registry_id = links.registry_id
    inner join nodes as members
        on members.manifest_digest = links.manifest_digest
        and members.repository = links.repository
        and members.region = links.region
        and members.registry_id = links.registry_id
),
-- What is held, but not listed, may be hidden by a filter of config.yaml: it stays, and so does what it needs.
tops as materialized (
    select node as top, is_listed
    from nodes
    where is_named or not is_listed
),
contents as materialized (
    select holder as top, member
    from links
    semi join tops on tops.top = links.holder
    union -- not union all: indexes that name each other must end
    select contents.top, links.member
    from contents
    inner join links on links.holder = contents.member
),
listed_tops as (
    select top
    from tops
    where is_listed
),
-- What belongs to nothing listed but its own like, as only tags can make it (or a hidden manifest in between): each
-- counts as an image, so that none is lost, and nothing goes.
circles as (
    select node as top
    from nodes
    anti join (select member as node from contents semi join listed_tops using (top)) as listed_contents using (node)
    where is_listed and not is_named
),
-- What goes with a top: parts of it alone that are none themselves.
parts_of_one as (
    select member
    from contents
    where top <> member
    group by member
    having count(*) = 1 and member not in (select top from tops)
),
parts as (
    select top, member, member in (select member from parts_of_one) as is_alone
    from contents
    where top <> member
    union all
    select top, top as member, true as is_alone
    from tops
),
found_parts as (
    select parts.*
    from parts
    semi join listed_tops using (top)
    union all
    select top, top as member, false as is_alone
    from circles
)
select
    images.registry_id,
    images.region,
    images.repository,
    images.manifest_digest as image_digest,
    members.manifest_digest,
    -- ECR does not delete what an index lists.
    found_parts.is_alone and not images.is_entry as goes
from found_parts
inner join nodes as images on images.node = found_parts.top
inner join nodes as members on members.node = found_parts.member
