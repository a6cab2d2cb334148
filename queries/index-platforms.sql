-- question: Which platforms does each tag cover, and is any of them missing?
-- caveat: One row per tag that names an index. platforms are those its entries give, nested indexes included, as os/architecture and /variant where it matters. children counts the manifests it lists, attestations those of them that are attestations, and without_platform the other ones that have no platform and are no index either.
-- caveat: children_missing counts the children that the repository does not list: a pull for platforms_missing fails. Where config.yaml filters images, what it leaves out looks the same. children_not_stored counts those that are not in the store, whose layers no figure knows.
-- caveat: With singles = true, tags that name a single image show too; its platform is what indexes anywhere give it, and unknown (none) where none lists it.
-- caveat: An index that is not in the store cannot show; unfetched-images lists it.
-- parameter: repository glob = * : repositories to show
-- parameter: tag glob = * : tags to show
-- parameter: missing boolean = false : whether only tags with missing children show
-- parameter: singles boolean = false : whether tags of single images show too
-- parameter: limit count = null : rows at most
-- empty: No tag that was looked at names an index that is in the store, or, with missing = true, none has missing children.
with
looked_at as materialized (
    select tags.registry_id, tags.region, tags.repository, tags.tag, manifest_digest, documents.kind
    from tags
    inner join all_manifests as documents using (manifest_digest)
    where
        tags.repository glob $repository
        and tags.tag glob $tag
        and (documents.kind = 'index' or ($singles and documents.kind in ('image', 'schema1')))
),
indexes as materialized (
    select distinct registry_id, region, repository, manifest_digest as index_digest
    from looked_at
    where kind = 'index'
),
parts as (
    select distinct index_digest, index_digest as part_digest
    from indexes
    union all
    select index_contents.index_digest, index_contents.manifest_digest as part_digest
    from index_contents
    semi join indexes using (index_digest)
),
-- A child that is listed twice is one child, with the platforms of both entries.
children as materialized (
    select
        parts.index_digest,
        entries.manifest_digest,
        bool_and(entries.is_attestation) as is_attestation,
        coalesce(
            list_sort(list(distinct entry_platforms.platform) filter (where entry_platforms.platform is not null)), []
        ) as platforms
    from parts
    inner join all_index_entries as entries on entries.index_digest = parts.part_digest
    left join entry_platforms
        on entry_platforms.index_digest = entries.index_digest and entry_platforms.position = entries.position
    where entries.manifest_digest <> parts.index_digest
    group by parts.index_digest, entries.manifest_digest
),
documents_of_children as (
    select manifest_digest, kind
    from all_manifests
    semi join children using (manifest_digest)
),
index_figures as (
    select
        indexes.registry_id,
        indexes.region,
        indexes.repository,
        index_digest,
        list_sort(list_distinct(flatten(list(children.platforms)))) as platforms,
        count(*) as children,
        count(*) filter (where children.is_attestation) as attestations,
        count(*) filter (
            where not children.is_attestation
            and len(children.platforms) = 0
            and documents_of_children.kind is distinct from 'index'
        ) as without_platform,
        count(*) filter (where images.manifest_digest is null) as children_missing,
        list_sort(list_distinct(flatten(
            list(children.platforms) filter (where images.manifest_digest is null)
        ))) as platforms_missing,
        count(*) filter (where documents_of_children.manifest_digest is null) as children_not_stored
    from indexes
    inner join children using (index_digest)
    left join documents_of_children using (manifest_digest)
    left join images
        on images.manifest_digest = children.manifest_digest
        and images.repository = indexes.repository
        and images.region = indexes.region
        and images.registry_id = indexes.registry_id
    group by indexes.registry_id, indexes.region, indexes.repository, index_digest
),
single_platforms as (
    select manifest_digest, list(platform order by platform) as platforms
    from manifest_platforms
    semi join looked_at using (manifest_digest)
    group by manifest_digest
)
select
    looked_at.registry_id,
    looked_at.region,
    looked_at.repository,
    looked_at.tag,
    looked_at.manifest_digest,
    looked_at.kind,
    coalesce(index_figures.platforms, single_platforms.platforms, []) as platforms,
    coalesce(index_figures.platforms_missing, []) as platforms_missing,
    coalesce(index_figures.children, 0) as children,
    coalesce(index_figures.attestations, 0) as attestations,
    coalesce(index_figures.without_platform, 0) as without_platform,
    coalesce(index_figures.children_missing, 0) as children_missing,
    coalesce(index_figures.children_not_stored, 0) as children_not_stored
from looked_at
left join index_figures
    on index_figures.index_digest = looked_at.manifest_digest
    and index_figures.repository = looked_at.repository
    and index_figures.region = looked_at.region
    and index_figures.registry_id = looked_at.registry_id
left join single_platforms on single_platforms.manifest_digest = looked_at.manifest_digest and looked_at.kind <> 'index'
where not $missing or index_figures.children_missing > 0
order by looked_at.registry_id, looked_at.region, looked_at.repository, looked_at.tag
limit $limit
