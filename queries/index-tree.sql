-- question: What is below an index, and which signatures, SBOMs and attestations belong to it?
-- caveat: One row per mention, each below what it belongs to; depth and tree show the nesting. Any digest may be asked for: an image has no children, but may have attachments.
-- caveat: relation is child (an entry of the index), attestation (an entry too, about the manifest in about_digest), referrer (a manifest with it as its subject) or tag (a manifest with cosign's tag for it, sha256-<hex>.sig and the like, in any repository). What is below a manifest is shown once, where the manifest stands least deep (the first of such places).
-- caveat: repositories counts those that list the manifest now; the tree itself is over everything ever stored. kind is NULL for what is not in the store: a child that is missing, or was never fetched.
-- caveat: document_bytes is the size of the document alone; layer_bytes adds up its layers, compressed, NULL where a size is not known. Layers may be shared: the rows do not add up.
-- caveat: below says of a row that there is more below it than is shown there: shown elsewhere (below another mention of the manifest; also where it contains itself), or too deep (further down than depth). It is NULL where all of it is shown, or there is nothing.
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
mentions as not materialized (
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
),
-- Each manifest once, where it stands least deep, however many mention it: a few indexes that name each other with many
-- entries each would be many times as many rows with every level.
reached(manifest_digest, depth, place) using key (manifest_digest) as (
    select $digest as manifest_digest, 0 as depth, ['0'] as place
    union
    select mentions.manifest_digest, any_value(reached.depth) + 1 as depth, min(list_append(reached.place, mentions.place)) as place
    from reached
    inner join mentions on mentions.holder_digest = reached.manifest_digest
    where
        reached.depth < $depth
        -- Out of a list DuckDB takes them for few: it then reads only the row groups that may have them. So below.
        and mentions.holder_digest in (select unnest(list(manifest_digest)) from reached)
        and mentions.manifest_digest not in (select manifest_digest from recurring.reached)
    group by mentions.manifest_digest
),
reached_digests as (
    select unnest(list(manifest_digest)) as manifest_digest
    from reached
),
links as materialized (
    select
        reached.depth + 1 as depth,
        mentions.holder_digest as parent_digest,
        mentions.manifest_digest,
        mentions.relation,
        mentions.position,
        list_append(reached.place, mentions.place) as place
    from mentions
    inner join reached on reached.manifest_digest = mentions.holder_digest
    where mentions.holder_digest in (select manifest_digest from reached_digests)
),
nodes as (
    select
        0 as depth,
        null::varchar as parent_digest,
        $digest as manifest_digest,
        'asked' as relation,
        null::integer as position,
        ['0'] as place
    union all
    select *
    from links
    where depth <= $depth
),
documents as (
    select manifest_digest, kind, coalesce(artifact_type, config_media_type) as content_type, layer_count, layer_bytes, manifest_bytes
    from all_manifests
    semi join reached_digests using (manifest_digest)
),
listings as (
    select manifest_digest, count(*) as repositories
    from images
    semi join reached_digests using (manifest_digest)
    group by manifest_digest
),
entries as (
    select index_digest, position, annotations['vnd.docker.reference.digest'] as about_digest, artifact_type
    from all_index_entries
    where index_digest in (select manifest_digest from reached_digests)
),
platforms as (
    select index_digest, position, platform
    from entry_platforms
    where index_digest in (select manifest_digest from reached_digests)
)
select
    nodes.depth,
    repeat('  ', nodes.depth) || nodes.relation || coalesce(' ' || platforms.platform, '') as tree,
    nodes.manifest_digest,
    documents.kind,
    platforms.platform,
    coalesce(documents.content_type, entries.artifact_type) as content_type,
    entries.about_digest,
    documents.layer_count as layers,
    documents.layer_bytes,
    documents.manifest_bytes as document_bytes,
    coalesce(listings.repositories, 0) as repositories,
    case
        when not nodes.has_below then null
        when reached.depth = $depth then 'too deep'
        when nodes.place <> reached.place then 'shown elsewhere'
    end as below,
    nodes.parent_digest
from (
    select *, manifest_digest in (select parent_digest from links) as has_below
    from nodes
) as nodes
inner join reached on reached.manifest_digest = nodes.manifest_digest
left join documents on documents.manifest_digest = nodes.manifest_digest
left join listings on listings.manifest_digest = nodes.manifest_digest
left join entries on entries.index_digest = nodes.parent_digest and entries.position = nodes.position
left join platforms on platforms.index_digest = nodes.parent_digest and platforms.position = nodes.position
where nodes.depth > 0 or nodes.has_below or documents.manifest_digest is not null or listings.manifest_digest is not null
order by nodes.place
