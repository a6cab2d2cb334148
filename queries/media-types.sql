-- question: Which media types are in use, for manifests, configs and layers?
-- caveat: mentions counts how often it is mentioned (a manifest: once, by itself), documents the distinct digests. A blob that is mentioned under two media types counts in both rows, and may be both config and layer.
-- caveat: bytes counts each digest once: of manifests the documents, of configs and layers the compressed blobs; foreign (nondistributable) layers are included here. unknown_sizes says how many are left out of it.
-- caveat: media_type is NULL where neither the document nor its structure tells; artifact_type is given for manifests. Images whose manifest is not in the store cannot count; unfetched-images lists them.
-- empty: There is no manifest in the store yet; indexer run fills it.
with
mentions as (
    select 'manifest' as role, media_type, artifact_type, manifest_digest as digest, manifest_bytes as size
    from manifests
    union all
    select 'config' as role, media_type, null as artifact_type, config_digest as digest, size
    from configs
    union all
    select 'layer' as role, media_type, null as artifact_type, layer_digest as digest, size
    from layers
),
documents as (
    select role, media_type, artifact_type, digest, count(*) as mentions, max(size) as size
    from mentions
    group by role, media_type, artifact_type, digest
)
select
    role,
    media_type,
    artifact_type,
    sum(mentions)::bigint as mentions,
    count(*) as documents,
    capped(coalesce(sum(size), 0)) as bytes,
    count(*) filter (where size is null) as unknown_sizes
from documents
group by role, media_type, artifact_type
order by
    case role when 'manifest' then 1 when 'config' then 2 else 3 end,
    documents desc,
    media_type nulls last,
    artifact_type nulls last
