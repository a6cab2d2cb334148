-- macro: The images of which a signature or an SBOM is expected: artifacts such as charts, and attestations, are none.
-- parameter: repository_glob glob = * : repositories to look at
-- parameter: with_untagged boolean = false : whether images without a tag are given too
-- column: kind : Its kind; NULL where the manifest is not in the store or could not be read: it may be an image.
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
    images.repository glob $repository_glob
    and (len(images.tags) > 0 or $with_untagged)
    and coalesce(documents.kind, 'unknown') in ('image', 'index', 'schema1', 'unknown')
