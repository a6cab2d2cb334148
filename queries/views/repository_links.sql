-- view: Which manifests belong to another one of their repository: below an index, or as a referrer (signature, SBOM) of it.
-- like: repositories
-- column: holder_digest : The index, or the manifest that is referred to; the repository holds it, listed or below an index.
-- column: manifest_digest : The manifest that belongs to it.
-- column: is_entry : True below an index; false for a referrer, by its subject or by its tags (sha256-<hex>.sig and the like).
-- column: is_listed : Whether it is in images; a child may be absent, or hidden by a filter on tags.
-- column: is_named : Whether it has a tag of its own: one that is not like sha256-<hex>.sig, which names what it refers to.
with recursive
-- Files are opened once for all that follows.
entries as materialized (
    select index_digest, manifest_digest
    from all_index_entries
),
listed_images as materialized (
    select registry_id, region, repository, manifest_digest, tags, subject_digest
    from images
),
documents as (
    select manifest_digest, subject_digest
    from all_manifests
    where subject_digest is not null
),
referring_images as (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        listed_images.subject_digest as listed_subject,
        documents.subject_digest,
        -- An image refers to something by its tags only where it has no others.
        case
            when len(list_filter(listed_images.tags, lambda tag: not regexp_full_match(tag, 'sha256-[0-9a-f]{64}([.](sig|att|sbom))?'))) = 0
                then list_transform(listed_images.tags, lambda tag: 'sha256:' || tag[8:71])
        end as tagged_subjects
    from listed_images
    left join documents using (manifest_digest)
    where
        listed_images.subject_digest is not null
        or documents.subject_digest is not null
        or listed_images.tags[1] like 'sha256-%'
),
subjects as (
    select
        registry_id,
        region,
        repository,
        unnest(list_concat([listed_subject, subject_digest], tagged_subjects)) as holder_digest,
        manifest_digest
    from referring_images
),
referrers as materialized (
    select distinct registry_id, region, repository, holder_digest, manifest_digest
    from subjects
    where holder_digest <> manifest_digest
),
linked_digests as (
    select index_digest as manifest_digest
    from entries
    union all
    select manifest_digest
    from entries
    union all
    select holder_digest as manifest_digest
    from referrers
    union all
    select manifest_digest
    from referrers
),
-- All that the rest needs of images, most of which belong to nothing.
linked_images as materialized (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        len(list_filter(tags, lambda tag: not regexp_full_match(tag, 'sha256-[0-9a-f]{64}([.](sig|att|sbom))?'))) > 0 as is_named
    from listed_images
    semi join linked_digests using (manifest_digest)
),
index_digests as materialized (
    select distinct index_digest as manifest_digest
    from entries
),
nested_entries as materialized (
    select index_digest, manifest_digest
    from entries
    semi join index_digests using (manifest_digest)
),
held_indexes as (
    select registry_id, region, repository, manifest_digest
    from linked_images
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
    inner join entries on entries.index_digest = held_indexes.manifest_digest
    where held_indexes.manifest_digest <> entries.manifest_digest
),
held_manifests as (
    select registry_id, region, repository, manifest_digest as holder_digest
    from linked_images
    union all
    select registry_id, region, repository, manifest_digest as holder_digest
    from entry_links
),
links as (
    select registry_id, region, repository, holder_digest, manifest_digest, true as is_entry
    from entry_links
    union all
    select registry_id, region, repository, holder_digest, manifest_digest, false as is_entry
    from referrers
    semi join held_manifests using (registry_id, region, repository, holder_digest)
)
select
    registry_id,
    region,
    repository,
    links.holder_digest,
    manifest_digest,
    links.is_entry,
    linked_images.is_named is not null as is_listed,
    coalesce(linked_images.is_named, false) as is_named
from links
left join linked_images using (registry_id, region, repository, manifest_digest)
