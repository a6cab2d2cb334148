-- question: What is below an index, and which signatures, SBOMs and attestations belong to it?
-- caveat: One row per mention, each below what it belongs to; depth and tree show the nesting. Any digest may be asked for: an image has no children, but may have attachments.
-- caveat: relation is child (an entry of the index), attestation (an entry too, about the manifest in about_digest), referrer (a manifest with it as its subject) or tag (a manifest with cosign's tag for it, sha256-<hex>.sig and the like, in any repository). A manifest that contains itself is shown, not entered again.
-- caveat: repositories counts those that list the manifest now; the tree itself is over everything ever stored. kind is NULL for what is not in the store: a child that is missing, or was never fetched.
-- caveat: document_bytes is the size of the document alone; layer_bytes adds up its layers, compressed, NULL where a size is not known. Layers may be shared: the rows do not add up.
-- parameter: digest digest : the index, or another manifest
-- parameter: depth count = 8 : how many levels to show
-- empty: No manifest that the store knows has this digest, and nothing belongs to it.
with recursive
-- DuckDB knows of each of these conditions while it reads, and then reads the other columns of few images; joined with or, it
-- would read all of them.
named_subjects as (
    select manifest_digest, unnest(tags) as tag
    from images
    where contains(tags::varchar, 'sha256-')
),
attachments as materialized (
    select subject_digest as holder_digest, manifest_digest, 'referrer' as relation
    from all_manifests
    where subject_digest is not null
    union
    select subject_digest as holder_digest, manifest_digest, 'referrer' as relation
    from images
    where subject_digest is not null
    union
    select 'sha256:' || tag[8:71] as holder_digest, manifest_digest, 'tag' as relation
    from named_subjects
    where regexp_full_match(tag, 'sha256-[0-9a-f]{64}[.](sig|att|sbom)')
),
nodes as (
    select
        0 as depth,
        null::varchar as parent_digest,
        $digest as manifest_digest,
        'asked' as relation,
        null::integer as position,
        [$digest] as path,
        ['0'] as place
    union all
    select
        nodes.depth + 1 as depth,
        nodes.manifest_digest as parent_digest,
        mentions.manifest_digest,
        mentions.relation,
        mentions.position,
        list_append(nodes.path, mentions.manifest_digest) as path,
        list_append(nodes.place, mentions.place) as place
    from nodes
    inner join (
        select
            index_digest as holder_digest,
            manifest_digest,
            case when is_attestation then 'attestation' else 'child' end as relation,
            position,
            '0' || lpad(position::varchar, 10, '0') as place
        from all_index_entries
        union all
        select holder_digest, manifest_digest, relation, null as position, '1' || relation || manifest_digest as place
        from attachments
    ) as mentions on mentions.holder_digest = nodes.manifest_digest
    where nodes.depth < $depth and not list_contains(nodes.path[:-2], nodes.manifest_digest)
),
-- The limit, which no tree reaches, tells DuckDB that these are few: it then reads only the row groups that may have them.
node_digests as materialized (
    select distinct manifest_digest
    from nodes
    limit 100000
),
documents as (
    select manifest_digest, kind, coalesce(artifact_type, config_media_type) as content_type, layer_count, layer_bytes, manifest_bytes
    from all_manifests
    semi join node_digests using (manifest_digest)
),
listings as (
    select manifest_digest, count(*) as repositories
    from images
    semi join node_digests using (manifest_digest)
    group by manifest_digest
),
entries as (
    select
        entries.index_digest,
        entries.position,
        entries.annotations['vnd.docker.reference.digest'] as about_digest,
        entries.artifact_type,
        entry_platforms.platform
    from all_index_entries as entries
    semi join node_digests on node_digests.manifest_digest = entries.index_digest
    left join entry_platforms
        on entry_platforms.index_digest = entries.index_digest and entry_platforms.position = entries.position
)
select
    nodes.depth,
    repeat('  ', nodes.depth) || nodes.relation || coalesce(' ' || entries.platform, '') as tree,
    nodes.manifest_digest,
    documents.kind,
    entries.platform,
    coalesce(documents.content_type, entries.artifact_type) as content_type,
    entries.about_digest,
    documents.layer_count as layers,
    documents.layer_bytes,
    documents.manifest_bytes as document_bytes,
    coalesce(listings.repositories, 0) as repositories,
    nodes.parent_digest
from nodes
left join documents on documents.manifest_digest = nodes.manifest_digest
left join listings on listings.manifest_digest = nodes.manifest_digest
left join entries on entries.index_digest = nodes.parent_digest and entries.position = nodes.position
where exists (from nodes where depth > 0) or documents.manifest_digest is not null or listings.manifest_digest is not null
order by nodes.place
