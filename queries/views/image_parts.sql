-- view: What images of several parts consist of: themselves, what is below them if they are indexes, and referrers (signatures, SBOMs).
-- column: image_digest : An image with a tag of its own, or one that belongs to no other, if it has parts or is one. Other images are not here.
-- column: manifest_digest : A manifest that is part of it, which it is itself too; one may be part of several.
-- column: goes : Whether this part would go if the image alone was deleted: nothing else in the repository needs it.
with recursive
links as materialized (
    select registry_id, region, repository, holder_digest, manifest_digest, is_entry, is_listed, is_named
    from repository_links
),
members as materialized (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        bool_or(is_entry) as is_entry,
        bool_or(is_listed) as is_listed,
        bool_or(is_named) as is_named
    from links
    group by registry_id, region, repository, manifest_digest
),
-- What is held, but not listed, may be hidden by a filter of config.yaml: it stays, and so does what it needs.
linked_holders as materialized (
    select distinct registry_id, region, repository, holder_digest as manifest_digest, true as is_listed
    from links
    anti join members
        on members.manifest_digest = links.holder_digest
        and members.repository = links.repository
        and members.region = links.region
        and members.registry_id = links.registry_id
    union all
    select registry_id, region, repository, manifest_digest, is_listed
    from members
    where is_named or not is_listed
),
contents as materialized (
    select links.registry_id, links.region, links.repository, links.holder_digest as image_digest, links.manifest_digest
    from links
    semi join linked_holders
        on linked_holders.manifest_digest = links.holder_digest
        and linked_holders.repository = links.repository
        and linked_holders.region = links.region
        and linked_holders.registry_id = links.registry_id
    union -- not union all: indexes that name each other must end
    select contents.registry_id, contents.region, contents.repository, contents.image_digest, links.manifest_digest
    from contents
    inner join links
        on links.holder_digest = contents.manifest_digest
        and links.repository = contents.repository
        and links.region = contents.region
        and links.registry_id = contents.registry_id
),
listed_holders as materialized (
    select registry_id, region, repository, manifest_digest
    from linked_holders
    where is_listed
),
-- What belongs to nothing listed but its own like, as only tags can make it (or a hidden manifest in between): each
-- counts as an image, so that none is lost, and nothing goes.
circles as (
    select members.registry_id, members.region, members.repository, members.manifest_digest
    from members
    anti join listed_holders using (registry_id, region, repository, manifest_digest)
    anti join (
        select contents.registry_id, contents.region, contents.repository, contents.manifest_digest
        from contents
        semi join listed_holders
            on listed_holders.manifest_digest = contents.image_digest
            and listed_holders.repository = contents.repository
            and listed_holders.region = contents.region
            and listed_holders.registry_id = contents.registry_id
    ) as listed_contents using (registry_id, region, repository, manifest_digest)
    where members.is_listed and not members.is_named
),
content_holders as (
    select registry_id, region, repository, manifest_digest, count(*) as holders
    from contents
    where image_digest <> manifest_digest
    group by registry_id, region, repository, manifest_digest
),
holder_parts as (
    select
        contents.registry_id,
        contents.region,
        contents.repository,
        contents.image_digest,
        contents.manifest_digest,
        content_holders.holders = 1 and own_holders.manifest_digest is null as is_alone
    from contents
    inner join content_holders using (registry_id, region, repository, manifest_digest)
    left join linked_holders as own_holders using (registry_id, region, repository, manifest_digest)
    where contents.image_digest <> contents.manifest_digest
    union all
    select registry_id, region, repository, manifest_digest as image_digest, manifest_digest, true as is_alone
    from linked_holders
)
select
    holder_parts.registry_id,
    holder_parts.region,
    holder_parts.repository,
    holder_parts.image_digest,
    holder_parts.manifest_digest,
    -- ECR does not delete what an index lists.
    holder_parts.is_alone and not coalesce(members.is_entry, false) as goes
from holder_parts
semi join listed_holders
    on listed_holders.manifest_digest = holder_parts.image_digest
    and listed_holders.repository = holder_parts.repository
    and listed_holders.region = holder_parts.region
    and listed_holders.registry_id = holder_parts.registry_id
left join members
    on members.manifest_digest = holder_parts.image_digest
    and members.repository = holder_parts.repository
    and members.region = holder_parts.region
    and members.registry_id = holder_parts.registry_id
union all
select registry_id, region, repository, manifest_digest as image_digest, manifest_digest, false as goes
from circles
