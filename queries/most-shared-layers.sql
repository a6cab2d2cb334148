-- question: Which layers are used by the most images?
-- caveat: manifests counts distinct digests of images (Docker schema 1 too), children of indexes included, in the repositories looked at; a layer that an image repeats counts once. Attestations and artifacts count only with artifacts = true.
-- caveat: repositories counts the repositories that hold one of these manifests.
-- caveat: bytes_saved is size times (manifests - 1), added up over accounts and regions: what would be stored more if no two manifests of a registry could share the layer. 0 for foreign (nondistributable) layers, which ECR does not store; NULL where the size is unknown.
-- caveat: Images whose manifest is not in the store cannot count; unfetched-images lists them.
-- parameter: limit count = 20 : rows at most
-- parameter: repository glob = * : repositories to look at
-- parameter: artifacts boolean = false : whether attestations and artifacts count too
-- empty: No image that was looked at has a layer.
with
looked_at as materialized (
    select registry_id, region, repository, manifest_digest
    from repository_manifests
    where is_known and repository glob $repository and (kind in ('image', 'schema1') or $artifacts)
),
registry_manifests as (
    select registry_id, region, manifest_digest
    from looked_at
    group by registry_id, region, manifest_digest
),
layer_manifests as materialized (
    select layer_digest, manifest_digest
    from layers
    semi join looked_at using (manifest_digest)
    where not repeated
),
users as (
    select layer_digest, count(*) as manifests
    from layer_manifests
    group by layer_digest
),
most_shared as materialized (
    select users.layer_digest, users.manifests, blobs.size, blobs.is_stored
    from users
    inner join blobs on blobs.blob_digest = users.layer_digest
    order by users.manifests desc, blobs.size desc nulls last, users.layer_digest
    limit $limit
),
most_shared_manifests as materialized (
    select layer_digest, manifest_digest
    from layer_manifests
    semi join most_shared using (layer_digest)
),
repository_counts as (
    select layer_digest, count(distinct (registry_id, region, repository)) as repositories
    from most_shared_manifests
    inner join looked_at using (manifest_digest)
    group by layer_digest
),
registry_counts as (
    select
        layer_digest,
        count(*) as uses,
        count(distinct (registry_id, region)) as registries
    from most_shared_manifests
    inner join registry_manifests using (manifest_digest)
    group by layer_digest
)
select
    layer_digest,
    most_shared.size,
    most_shared.manifests,
    repository_counts.repositories,
    case when most_shared.is_stored then capped(most_shared.size::hugeint * (uses - registries)) else 0 end as bytes_saved
from most_shared
inner join repository_counts using (layer_digest)
inner join registry_counts using (layer_digest)
order by most_shared.manifests desc, most_shared.size desc nulls last, layer_digest
