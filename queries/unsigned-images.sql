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
    select registry_id, region, repository, manifest_digest, tags, pushed_at, kind
    from subject_images(repository_glob := $repository, with_untagged := $untagged)
),
contents as materialized (
    select registry_id, region, repository, index_digest, manifest_digest
    from repository_contents
),
signed as (
    select registry_id, region, repository, subject_digest as manifest_digest
    from statements
    where is_signature
    union
    select contents.registry_id, contents.region, contents.repository, contents.manifest_digest
    from contents
    inner join statements
        on statements.subject_digest = contents.index_digest
        and statements.repository = contents.repository
        and statements.region = contents.region
        and statements.registry_id = contents.registry_id
    where statements.is_signature
),
untagged_parts as (
    select looked_at.registry_id, looked_at.region, looked_at.repository, looked_at.manifest_digest
    from looked_at
    semi join contents using (registry_id, region, repository, manifest_digest)
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
