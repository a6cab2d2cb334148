-- view: Which manifests belong to another one of their repository: below an index, or as a referrer (signature, SBOM) of it.
-- column: holder_digest : The index, or the manifest that is referred to; the repository holds it, listed or below an index.
-- column: manifest_digest : The manifest that belongs to it.
-- column: is_entry : True below an index; false for a referrer, by its subject or by its tags (sha256-<hex>.sig and the like).
-- column: is_listed : Whether it is in images; a child may be absent, or hidden by a filter on tags.
-- column: is_named : Whether it has a tag of its own: one that is not like sha256-<hex>.sig, which names what it refers to.
with recursive
index_digests as materialized (
    select distinct index_digest as manifest_digest
    from all_index_entries
),
nested_entries as materialized (
    select index_digest, manifest_digest
    from all_index_entries
    semi join index_digests using (manifest_digest)
),
held_indexes as (
    select registry_id, region, repository, manifest_digest
    from images
    semi join index_digests using (manifest_digest)
    union -- not union all: indexes that name each other must end
    select held_indexes.registry_id, held_indexes.region, held_indexes.repository, nested_entries.manifest_digest
    from held_indexes
    inner join nested_entries on nested_entries.index_digest = held_indexes.manifest_digest
),
entry_links as materialized (
    select distinct
        held_indexes.registry_id,
        held_indexes.region,
        held_indexes.repository,
        held_indexes.manifest_digest as holder_digest,
        entries.manifest_digest
    from held_indexes
    inner join all_index_entries as entries on entries.index_digest = held_indexes.manifest_digest
),
-- An image refers to something by its tags only where it has no others.
referring_tags as (
    select registry_id, region, repository, manifest_digest, tags
    from images
    where
        tags[1] like 'sha256-%'
        and len(list_filter(tags, lambda tag: not regexp_full_match(tag, 'sha256-[0-9a-f]{64}([.](sig|att|sbom))?'))) = 0
),
documents as (
    select manifest_digest, subject_digest
    from all_manifests
    where subject_digest is not null
),
referrers as materialized (
    select registry_id, region, repository, subject_digest as holder_digest, manifest_digest
    from images
    where subject_digest is not null
    union
    select images.registry_id, images.region, images.repository, documents.subject_digest as holder_digest, manifest_digest
    from images
    inner join documents using (manifest_digest)
    union
    select registry_id, region, repository, 'sha256:' || unnest(tags)[8:71] as holder_digest, manifest_digest
    from referring_tags
),
held_subjects as (
    select images.registry_id, images.region, images.repository, images.manifest_digest as holder_digest
    from images
    inner join (select distinct registry_id, region, repository, holder_digest from referrers) as subjects
        on subjects.holder_digest = images.manifest_digest
        and subjects.repository = images.repository
        and subjects.region = images.region
        and subjects.registry_id = images.registry_id
    union
    select registry_id, region, repository, manifest_digest as holder_digest
    from entry_links
),
links as materialized (
    select registry_id, region, repository, holder_digest, manifest_digest, true as is_entry
    from entry_links
    where holder_digest <> manifest_digest
    union all
    select registry_id, region, repository, holder_digest, manifest_digest, false as is_entry
    from referrers
    semi join held_subjects using (registry_id, region, repository, holder_digest)
    where holder_digest <> manifest_digest
),
listed_members as (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        len(list_filter(tags, lambda tag: not regexp_full_match(tag, 'sha256-[0-9a-f]{64}([.](sig|att|sbom))?'))) > 0 as is_named
    from images
    inner join (select distinct registry_id, region, repository, manifest_digest from links) as members
        using (registry_id, region, repository, manifest_digest)
)
select
    registry_id,
    region,
    repository,
    links.holder_digest,
    manifest_digest,
    links.is_entry,
    listed_members.is_named is not null as is_listed,
    coalesce(listed_members.is_named, false) as is_named
from links
left join listed_members using (registry_id, region, repository, manifest_digest)
