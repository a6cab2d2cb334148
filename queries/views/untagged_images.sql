-- view: The images without a tag, their bytes, and whether anything that has one needs them.
-- like: images
-- column: kind : Its kind; NULL where the manifest is not in the store or could not be read.
-- column: indexes : Indexes in the repository that list it.
-- column: subjects : Manifests in the repository that it refers to, as signatures and SBOMs do.
-- column: bytes : The distinct layers and configs of this manifest alone, with the sizes that it gives; NULL where its kind is.
-- column: blobs_unknown_size : How many of them bytes leaves out.
-- column: repository_unknown : How many manifests of the repository may need it, but have unknown contents.
-- column: is_orphan : True where no tagged image leads to it, neither as an index nor as what it refers to.
with recursive
untagged as (
    select registry_id, region, repository, manifest_digest, media_type, image_size, pushed_at, last_pulled_at, status
    from images
    where len(tags) = 0
),
links as materialized (
    select registry_id, region, repository, holder_digest, manifest_digest, is_entry, is_listed
    from repository_links
),
-- Held, but not listed: a filter of config.yaml hides it, or it does not exist. It may have a tag.
needing as (
    select images.registry_id, images.region, images.repository, images.manifest_digest
    from images
    inner join (select distinct registry_id, region, repository, holder_digest as manifest_digest from links) as holders
        using (registry_id, region, repository, manifest_digest)
    where len(images.tags) > 0
    union
    select registry_id, region, repository, manifest_digest
    from links
    where not is_listed
),
needed as (
    select links.registry_id, links.region, links.repository, links.manifest_digest
    from links
    semi join needing
        on needing.manifest_digest = links.holder_digest
        and needing.repository = links.repository
        and needing.region = links.region
        and needing.registry_id = links.registry_id
    union -- not union all: indexes that name each other must end
    select links.registry_id, links.region, links.repository, links.manifest_digest
    from needed
    inner join links
        on links.holder_digest = needed.manifest_digest
        and links.repository = needed.repository
        and links.region = needed.region
        and links.registry_id = needed.registry_id
),
holders as (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        count(*) filter (where is_entry) as indexes,
        count(*) filter (where not is_entry) as subjects
    from links
    group by registry_id, region, repository, manifest_digest
),
readable as (
    select manifest_digest, kind
    from all_manifests
    where kind <> 'unknown'
)
select
    untagged.*,
    readable.kind,
    case when readable.kind is not null then coalesce(manifest_bytes.bytes, 0) end as bytes,
    coalesce(manifest_bytes.blobs_unknown_size, 0) as blobs_unknown_size,
    coalesce(holders.indexes, 0) as indexes,
    coalesce(holders.subjects, 0) as subjects,
    needed.manifest_digest is null as is_orphan,
    coalesce(unknown_contents.manifests_unknown, 0) as repository_unknown
from untagged
left join readable using (manifest_digest)
left join holders using (registry_id, region, repository, manifest_digest)
left join needed using (registry_id, region, repository, manifest_digest)
left join manifest_bytes using (manifest_digest)
left join unknown_contents using (registry_id, region, repository)
