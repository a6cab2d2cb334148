-- question: Which images have no signature?
-- caveat: A signature is looked for in the image's own repository, where tools put it: a Notation or cosign signature, or a Sigstore bundle, with the image as its subject, or cosign's tag sha256-<hex>.sig. Bundles count unless annotated as another attestation. Whether a signature is valid, or whose it is, is not checked. Attestations in an index, as BuildKit writes them, are not signed.
-- caveat: Of an index, its own signature counts. Images that only are part of an index do not show; one that has a tag too shows unless it or such an index is signed. What says something about another manifest (signatures, SBOMs) does not show, nor do artifacts such as charts.
-- caveat: signed_elsewhere: another repository, of any account, has a signature of the same digest. referrers counts what else is attached to the image (SBOMs and other attestations).
-- caveat: kind is NULL for an image whose manifest is not in the store, or not readable; its signatures are found all the same, as ECR lists the subject of each, except where its listing does not tell what it is.
-- parameter: repository glob = * : repositories to show
-- parameter: untagged boolean = false : whether images without a tag show too
-- parameter: limit count = null : rows at most
-- empty: Every image that was looked at has a signature.
with
statements as materialized (
    select registry_id, region, repository, subject_digest, manifest_digest, is_signature
    from image_statements
),
looked_at as materialized (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        images.tags,
        images.pushed_at,
        nullif(documents.kind, 'unknown') as kind
    from images
    left join (select manifest_digest, kind from all_manifests) as documents using (manifest_digest)
    where
        images.repository glob $repository
        and (len(images.tags) > 0 or $untagged)
        and coalesce(documents.kind, 'unknown') in ('image', 'index', 'schema1', 'unknown')
),
held_contents as materialized (
    select looked_at.registry_id, looked_at.region, looked_at.repository, index_digest, index_contents.manifest_digest
    from index_contents
    inner join images as looked_at on looked_at.manifest_digest = index_contents.index_digest
),
signed as (
    select registry_id, region, repository, subject_digest as manifest_digest
    from statements
    where is_signature
    union
    select held_contents.registry_id, held_contents.region, held_contents.repository, held_contents.manifest_digest
    from held_contents
    inner join statements
        on statements.subject_digest = held_contents.index_digest
        and statements.repository = held_contents.repository
        and statements.region = held_contents.region
        and statements.registry_id = held_contents.registry_id
    where statements.is_signature
),
untagged_parts as (
    select looked_at.registry_id, looked_at.region, looked_at.repository, looked_at.manifest_digest
    from looked_at
    semi join held_contents using (registry_id, region, repository, manifest_digest)
    where len(looked_at.tags) = 0
),
unsigned as (
    select *
    from looked_at
    anti join signed using (registry_id, region, repository, manifest_digest)
    anti join statements using (registry_id, region, repository, manifest_digest)
    anti join untagged_parts using (registry_id, region, repository, manifest_digest)
),
elsewhere as (
    select distinct subject_digest as manifest_digest
    from statements
    where is_signature
),
referrer_counts as (
    select registry_id, region, repository, subject_digest as manifest_digest, count(distinct manifest_digest) as referrers
    from statements
    group by registry_id, region, repository, subject_digest
)
select
    unsigned.registry_id,
    unsigned.region,
    unsigned.repository,
    unsigned.tags,
    unsigned.manifest_digest,
    unsigned.kind,
    unsigned.pushed_at,
    coalesce(referrer_counts.referrers, 0) as referrers,
    unsigned.manifest_digest in (select manifest_digest from elsewhere) as signed_elsewhere
from unsigned
left join referrer_counts
    on referrer_counts.manifest_digest = unsigned.manifest_digest
    and referrer_counts.repository = unsigned.repository
    and referrer_counts.region = unsigned.region
    and referrer_counts.registry_id = unsigned.registry_id
order by unsigned.registry_id, unsigned.region, unsigned.repository, unsigned.pushed_at desc nulls last, unsigned.manifest_digest
limit $limit
