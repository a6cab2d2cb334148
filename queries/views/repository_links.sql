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
documents as materialized (
    select manifest_digest, subject_digest
    from all_manifests
    where subject_digest is not null
),
index_digests as materialized (
    select distinct index_digest as manifest_digest
    from entries
),
-- What may be linked, as far as it is known before images are read.
linked_digests as materialized (
    select manifest_digest
    from index_digests
    union all
    select manifest_digest
    from entries
    union all
    select manifest_digest
    from documents
    union all
    select subject_digest as manifest_digest
    from documents
),
-- All that the rest needs of images, most of which belong to nothing. Few have tags to look through.
found_images as materialized (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        subject_digest,
        tags,
        case
            when tags[1] like 'sha256-%'
                then len(list_filter(tags, lambda tag: not regexp_full_match(tag, 'sha256-[0-9a-f]{64}([.](sig|att|sbom))?'))) > 0
            else len(tags) > 0
        end as is_named
    from images
    where
        manifest_digest in (select manifest_digest from linked_digests)
        or subject_digest is not null
        or tags[1] like 'sha256-%'
),
-- Numbers in place of repositories, from here on.
homes as materialized (
    select row_number() over () as home, registry_id, region, repository
    from (select distinct registry_id, region, repository from found_images)
),
linked_images as materialized (
    select home, manifest_digest, subject_digest, tags, is_named
    from found_images
    inner join homes using (registry_id, region, repository)
),
subjects as (
    select
        home,
        -- An image refers to something by its tags only where it has no others.
        unnest(
            list_concat(
                [linked_images.subject_digest, documents.subject_digest],
                case when not is_named then list_transform(tags, lambda tag: 'sha256:' || tag[8:71]) end
            )
        ) as holder_digest,
        manifest_digest,
        is_named
    from linked_images
    left join documents using (manifest_digest)
    where
        linked_images.subject_digest is not null
        or documents.subject_digest is not null
        or tags[1] like 'sha256-%'
),
referrers as materialized (
    select distinct home, holder_digest, manifest_digest, is_named
    from subjects
    where holder_digest <> manifest_digest
),
nested_entries as materialized (
    select index_digest, manifest_digest
    from entries
    semi join index_digests using (manifest_digest)
),
held_indexes as (
    select home, manifest_digest
    from linked_images
    semi join index_digests using (manifest_digest)
    union -- not union all: indexes that name each other must end
    select held_indexes.home, nested_entries.manifest_digest
    from held_indexes
    inner join nested_entries on nested_entries.index_digest = held_indexes.manifest_digest
),
entry_links as (
    select distinct held_indexes.home, held_indexes.manifest_digest as holder_digest, entries.manifest_digest
    from held_indexes
    inner join entries on entries.index_digest = held_indexes.manifest_digest
    where held_indexes.manifest_digest <> entries.manifest_digest
),
held_entries as materialized (
    select
        home,
        entry_links.holder_digest,
        manifest_digest,
        linked_images.is_named is not null as is_listed,
        coalesce(linked_images.is_named, false) as is_named
    from entry_links
    left join linked_images using (home, manifest_digest)
),
-- Those of which only a listing or a tag tells: mostly none, and then images are not read again.
other_holders as (
    select holder_digest as manifest_digest
    from referrers
    anti join linked_digests on linked_digests.manifest_digest = referrers.holder_digest
),
held_manifests as (
    select home, manifest_digest as holder_digest
    from linked_images
    union all
    select home, manifest_digest as holder_digest
    from images
    semi join other_holders using (manifest_digest)
    inner join homes using (registry_id, region, repository)
    union all
    select home, manifest_digest as holder_digest
    from held_entries
    where not is_listed
),
links as (
    select home, holder_digest, manifest_digest, true as is_entry, is_listed, is_named
    from held_entries
    union all
    select
        home,
        holder_digest,
        manifest_digest,
        false as is_entry,
        is_named is not null as is_listed,
        coalesce(is_named, false) as is_named
    from referrers
    semi join held_manifests using (home, holder_digest)
)
select registry_id, region, repository, holder_digest, manifest_digest, is_entry, is_listed, is_named
from links
inner join homes using (home)
