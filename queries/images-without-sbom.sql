-- question: Which images have no SBOM, a list of the software in them?
-- caveat: An SBOM (SPDX, CycloneDX or Syft) is looked for in the image's own repository: with the image as its subject, under cosign's tags (sha256-<hex>.sbom, or .att with an SBOM in it), or in an attestation in an index, as BuildKit writes it. What is in it is not checked.
-- caveat: An index has one if it has its own, or if each of its images has one; platforms_without names those that do not, unknown where no platform is given. Images that only are part of an index do not show; one that has a tag too shows unless it or such an index has an SBOM of its own. Signatures, SBOMs and the like do not show, nor do artifacts such as charts.
-- caveat: unclear_attestations counts attestations about the image, or about those in the index, that do not tell what they hold or are not in the store: an SBOM may be among them. A Sigstore bundle without annotations is one of these.
-- caveat: kind is NULL for an image whose manifest is not in the store, or not readable.
-- parameter: repository glob = * : repositories to show
-- parameter: untagged boolean = false : whether images without a tag show too
-- parameter: limit count = null : rows at most
-- empty: Every image that was looked at has an SBOM.
with
statements as materialized (
    select registry_id, region, repository, subject_digest, manifest_digest, is_sbom, is_unclear
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
with_sbom as materialized (
    select distinct registry_id, region, repository, subject_digest as manifest_digest
    from statements
    where is_sbom
),
-- What is in an index has an SBOM where the index as a whole has one.
covered as materialized (
    from with_sbom
    union
    select contents.registry_id, contents.region, contents.repository, contents.manifest_digest
    from contents
    semi join with_sbom
        on with_sbom.manifest_digest = contents.index_digest
        and with_sbom.repository = contents.repository
        and with_sbom.region = contents.region
        and with_sbom.registry_id = contents.registry_id
),
index_digests as (
    select distinct index_digest as manifest_digest
    from all_index_entries
),
attestation_digests as (
    select manifest_digest
    from all_index_entries
    group by manifest_digest
    having bool_and(is_attestation)
),
platform_lists as (
    select manifest_digest, list(platform) as platforms
    from manifest_platforms
    group by manifest_digest
),
index_images as materialized (
    select contents.*, covered.manifest_digest is not null as is_covered
    from contents
    anti join index_digests using (manifest_digest)
    anti join attestation_digests using (manifest_digest)
    anti join (select manifest_digest from all_manifests where kind in ('artifact', 'attestation')) as others
        using (manifest_digest)
    left join covered using (registry_id, region, repository, manifest_digest)
),
uncovered_platforms as (
    select
        registry_id,
        region,
        repository,
        index_digest as manifest_digest,
        list_sort(list_distinct(flatten(list(coalesce(platform_lists.platforms, ['unknown']))))) as platforms_without
    from index_images
    left join platform_lists on platform_lists.manifest_digest = index_images.manifest_digest
    where not is_covered
    group by registry_id, region, repository, index_digest
),
covered_indexes as (
    select registry_id, region, repository, index_digest as manifest_digest
    from index_images
    group by registry_id, region, repository, index_digest
    having bool_and(is_covered)
),
untagged_parts as (
    select registry_id, region, repository, manifest_digest
    from looked_at
    semi join contents using (registry_id, region, repository, manifest_digest)
    where len(looked_at.tags) = 0
),
uncovered as materialized (
    select *
    from looked_at
    anti join covered using (registry_id, region, repository, manifest_digest)
    anti join covered_indexes using (registry_id, region, repository, manifest_digest)
    anti join statements using (registry_id, region, repository, manifest_digest)
    anti join untagged_parts using (registry_id, region, repository, manifest_digest)
),
uncovered_parts as (
    select registry_id, region, repository, manifest_digest as image_digest, manifest_digest
    from uncovered
    union
    select registry_id, region, repository, contents.index_digest as image_digest, contents.manifest_digest
    from contents
),
unclear_statements as (
    select
        statements.registry_id,
        statements.region,
        statements.repository,
        uncovered_parts.image_digest as manifest_digest,
        count(distinct statements.manifest_digest) as unclear_attestations
    from statements
    inner join uncovered_parts
        on uncovered_parts.manifest_digest = statements.subject_digest
        and uncovered_parts.repository = statements.repository
        and uncovered_parts.region = statements.region
        and uncovered_parts.registry_id = statements.registry_id
    where statements.is_unclear
    group by statements.registry_id, statements.region, statements.repository, uncovered_parts.image_digest
)
select
    registry_id,
    region,
    repository,
    uncovered.tags,
    manifest_digest,
    uncovered.kind,
    coalesce(uncovered_platforms.platforms_without, []) as platforms_without,
    coalesce(unclear_statements.unclear_attestations, 0) as unclear_attestations,
    uncovered.pushed_at
from uncovered
left join uncovered_platforms using (registry_id, region, repository, manifest_digest)
left join unclear_statements using (registry_id, region, repository, manifest_digest)
order by registry_id, region, repository, uncovered.pushed_at desc nulls last, manifest_digest
limit $limit
