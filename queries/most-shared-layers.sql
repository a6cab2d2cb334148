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
-- What is looked at is held, so all layers may be read. Filtered beforehand they would be taken for fewer than the
-- manifests, and be what is kept in memory to find these.
users as materialized (
    select layer_digest, count(*) filter (where not repeated) as manifests
    from all_layers
    semi join looked_at using (manifest_digest)
    group by layer_digest
),
-- Sizes, which decide between layers of as many users, are looked up for those that can show alone.
candidates as materialized (
    select layer_digest, manifests
    from users
    where manifests >= (select min(manifests) from (select manifests from users order by manifests desc limit $limit))
),
candidate_blobs as (
    select blob_digest as layer_digest, max(size) as size, bool_or(is_stored) as is_stored
    from blob_references
    semi join candidates on candidates.layer_digest = blob_references.blob_digest
    group by blob_digest
),
most_shared as materialized (
    select
        layer_digest,
        candidates.manifests,
        candidate_blobs.size,
        candidate_blobs.is_stored,
        row_number() over (order by candidates.manifests desc, candidate_blobs.size desc nulls last, layer_digest) as place
    from candidates
    inner join candidate_blobs using (layer_digest)
    order by place
    limit $limit
),
-- Found before they are joined: all layers of what is looked at would be joined otherwise.
most_shared_manifests as materialized (
    select most_shared.place, all_layers.manifest_digest
    from all_layers
    inner join most_shared using (layer_digest)
    where not all_layers.repeated
),
repository_counts as (
    select place, count(*) as repositories
    from (
        select distinct most_shared_manifests.place, looked_at.registry_id, looked_at.region, looked_at.repository
        from most_shared_manifests
        inner join looked_at using (manifest_digest)
    )
    group by place
),
registry_counts as (
    select place, sum(uses - 1) as uses_saved
    from (
        select most_shared_manifests.place, looked_at_once.registry_id, looked_at_once.region, count(*) as uses
        from most_shared_manifests
        inner join (select distinct registry_id, region, manifest_digest from looked_at) as looked_at_once using (manifest_digest)
        group by most_shared_manifests.place, looked_at_once.registry_id, looked_at_once.region
    )
    group by place
)
select
    most_shared.layer_digest,
    most_shared.size,
    most_shared.manifests,
    repository_counts.repositories,
    case when most_shared.is_stored then capped(most_shared.size::hugeint * uses_saved) else 0 end as bytes_saved
from most_shared
inner join repository_counts using (place)
inner join registry_counts using (place)
order by place
