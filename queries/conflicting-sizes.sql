-- question: Which digests are said to have different sizes, and who says what?
-- caveat: A digest has one content, so one size: all but one of the sizes are wrong, or the digest is. One row for each digest, size and role in which it is claimed: layer, config, index entry (a manifest, by an index that lists it), document (a manifest, as its own text measures). Unknown sizes claim nothing.
-- caveat: manifests is how many manifests or indexes claim it; manifest_digest and repository are an example of these. The other queries count the largest size that a manifest claims for a layer or config.
-- parameter: limit count = 100 : rows at most, the largest differences first
-- empty: No digest has two sizes: everything that repositories hold agrees.
with
sized_blobs as (
    select layer_digest as digest, min(size) as low, max(size) as high
    from layers
    group by layer_digest
    union all
    select config_digest as digest, min(size) as low, max(size) as high
    from configs
    group by config_digest
    union all
    select manifest_digest as digest, min(size) as low, max(size) as high
    from index_entries
    group by manifest_digest
    union all
    select manifest_digest as digest, manifest_bytes as low, manifest_bytes as high
    from manifests
    where manifest_digest in (select manifest_digest from index_entries)
),
conflicts as materialized (
    select digest, max(high) - min(low) as difference
    from sized_blobs
    group by digest
    having min(low) <> max(high)
),
claims as (
    select layer_digest as digest, 'layer' as claimed_as, size, manifest_digest
    from layers
    where layer_digest in (select digest from conflicts)
    union all
    select config_digest as digest, 'config' as claimed_as, size, manifest_digest
    from configs
    where config_digest in (select digest from conflicts)
    union all
    select manifest_digest as digest, 'index entry' as claimed_as, size, index_digest as manifest_digest
    from index_entries
    where manifest_digest in (select digest from conflicts)
    union all
    select manifest_digest as digest, 'document' as claimed_as, manifest_bytes as size, manifest_digest
    from manifests
    where manifest_digest in (select digest from conflicts)
),
claim_figures as materialized (
    select
        digest,
        claimed_as,
        size,
        count(distinct manifest_digest) as manifests,
        min(manifest_digest) as manifest_digest
    from claims
    where size is not null
    group by digest, claimed_as, size
),
example_homes as (
    select manifest_digest, min_by((registry_id, region, repository), (registry_id, region, repository)) as home
    from repository_manifests
    where manifest_digest in (select manifest_digest from claim_figures)
    group by manifest_digest
)
select
    claim_figures.digest,
    claim_figures.size,
    claim_figures.claimed_as,
    claim_figures.manifests,
    claim_figures.manifest_digest,
    example_homes.home[1] as registry_id,
    example_homes.home[2] as region,
    example_homes.home[3] as repository
from claim_figures
inner join conflicts using (digest)
left join example_homes using (manifest_digest)
order by conflicts.difference desc, claim_figures.digest, claim_figures.size desc, claim_figures.claimed_as
limit $limit
