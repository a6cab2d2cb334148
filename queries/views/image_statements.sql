-- view: What manifests say about others of their repository: signatures, SBOMs and other attestations, by how they name them.
-- like: images
-- column: subject_digest : The manifest it is about; need not be in the repository.
-- column: manifest_digest : The signature, SBOM or attestation; an attestation in an index need not be listed, nor in the store.
-- column: found_by : subject (the member of a manifest), tag (cosign's sha256-<hex>.sig, .att or .sbom), or entry (of an index, as BuildKit writes it).
-- column: statement_type : Its artifactType, or the media type of its config, as the document or else ECR says.
-- column: predicate_types : What its in-toto statements are about, as its annotations tell; NULL where they do not.
-- column: is_signature : Whether it is a signature of its subject. A Sigstore bundle counts unless it is annotated as something else.
-- column: is_sbom : Whether it is a list of the software in its subject: SPDX, CycloneDX or Syft.
-- column: is_unclear : True for an attestation that does not tell what it is about, or is not in the store.
with
listed_images as materialized (
    select registry_id, region, repository, manifest_digest, tags, artifact_type, subject_digest
    from images
),
subjects as (
    select manifest_digest, subject_digest
    from all_manifests
    where subject_digest is not null
),
by_subject as (
    select
        registry_id,
        region,
        repository,
        coalesce(subjects.subject_digest, listed_images.subject_digest) as subject_digest,
        manifest_digest,
        'subject' as found_by,
        null as suffix
    from listed_images
    left join subjects using (manifest_digest)
    where subjects.subject_digest is not null or listed_images.subject_digest is not null
),
tags_of_subjects as (
    select
        registry_id,
        region,
        repository,
        manifest_digest,
        unnest(list_filter(tags, lambda tag: regexp_full_match(tag, 'sha256-[0-9a-f]{64}[.](sig|att|sbom)'))) as tag
    from listed_images
    where len(tags) > 0
),
by_tag as (
    select
        registry_id,
        region,
        repository,
        'sha256:' || tag[8:71] as subject_digest,
        manifest_digest,
        'tag' as found_by,
        tag[73:] as suffix
    from tags_of_subjects
),
attestation_entries as materialized (
    select index_digest, manifest_digest, annotations['vnd.docker.reference.digest'] as subject_digest
    from all_index_entries
    where is_attestation and annotations['vnd.docker.reference.digest'] is not null
),
attested_indexes as (
    select distinct index_digest as holder_digest, index_digest
    from attestation_entries
    union
    select index_contents.index_digest as holder_digest, attestation_entries.index_digest
    from index_contents
    inner join attestation_entries on attestation_entries.index_digest = index_contents.manifest_digest
),
by_entry as (
    select distinct
        listed_images.registry_id,
        listed_images.region,
        listed_images.repository,
        attestation_entries.subject_digest,
        attestation_entries.manifest_digest,
        'entry' as found_by,
        null as suffix
    from listed_images
    inner join attested_indexes on attested_indexes.holder_digest = listed_images.manifest_digest
    inner join attestation_entries using (index_digest)
),
statements as materialized (
    from by_subject
    union all
    from by_tag
    union all
    from by_entry
),
documents as (
    select manifest_digest, kind, artifact_type, config_media_type, annotations
    from all_manifests
    semi join statements using (manifest_digest)
),
layer_predicates as (
    select
        manifest_digest,
        list(distinct coalesce(annotations['in-toto.io/predicate-type'], annotations['predicateType'])) as predicate_types
    from all_layers
    semi join statements using (manifest_digest)
    where coalesce(annotations['in-toto.io/predicate-type'], annotations['predicateType']) is not null
    group by manifest_digest
),
listed_types as (
    select manifest_digest, min(artifact_type) as artifact_type
    from listed_images
    semi join statements using (manifest_digest)
    group by manifest_digest
),
described as (
    select
        statements.*,
        documents.kind,
        coalesce(documents.artifact_type, documents.config_media_type, listed_types.artifact_type) as statement_type,
        lower(coalesce(statement_type, '')) as lower_type,
        coalesce(
            layer_predicates.predicate_types,
            case
                when documents.annotations['dev.sigstore.bundle.predicateType'] is not null
                    then [documents.annotations['dev.sigstore.bundle.predicateType']]
            end
        ) as predicate_types,
        lower_type like 'application/vnd.dev.sigstore.bundle%' as is_bundle
    from statements
    left join documents using (manifest_digest)
    left join listed_types using (manifest_digest)
    left join layer_predicates using (manifest_digest)
)
select
    registry_id,
    region,
    repository,
    subject_digest,
    manifest_digest,
    found_by,
    statement_type,
    predicate_types,
    coalesce(
        suffix = 'sig'
        or lower_type in (
            'application/vnd.cncf.notary.signature',
            'application/vnd.cncf.notary.v2.signature',
            'application/vnd.dev.cosign.artifact.sig.v1+json',
            'application/vnd.dev.cosign.simplesigning.v1+json'
        )
        or (
            is_bundle
            and (
                predicate_types is null
                or len(list_filter(predicate_types, lambda type: type like 'https://sigstore.dev/cosign/sign/%')) > 0
            )
        ),
        false
    ) as is_signature,
    coalesce(
        suffix = 'sbom'
        or regexp_matches(lower_type, 'spdx|cyclonedx|syft|[./+-]sbom')
        or len(list_filter(predicate_types, lambda type: regexp_matches(lower(type), '(spdx|cyclonedx|syft)'))) > 0,
        false
    ) as is_sbom,
    coalesce(
        predicate_types is null
        and not is_sbom
        and (
            coalesce(kind = 'unknown', true) and not is_signature
            or suffix = 'att'
            or found_by = 'entry'
            or is_bundle
            or kind = 'attestation'
        ),
        false
    ) as is_unclear
from described
