-- question: Which images have no tag, and does anything still need them?
-- caveat: is_orphan is true where no tagged image leads to it: no index that is tagged (or below such a one) lists it, and it is no referrer (signature, SBOM) of such an image. What is not an orphan must stay: most children of indexes have no tag.
-- caveat: indexes and subjects count what in its repository lists it, and what it refers to there, tagged or not.
-- caveat: bytes are the distinct layers and configs of this manifest alone, as it gives their sizes, compressed, without foreign (nondistributable) layers; an index has none of its own. Images share layers, so the rows do not add up: reclaimable -p untagged=true says what really comes back.
-- caveat: kind and bytes are NULL where the manifest is not in the store or could not be read; blobs_unknown_size says what bytes leaves out. repository_unknown counts the manifests of the repository that may need it, but whose contents are unknown.
-- parameter: repository glob = * : repositories to show
-- parameter: limit count = null : rows at most
-- empty: Every image that was looked at has a tag.
select
    registry_id,
    region,
    repository,
    manifest_digest,
    kind,
    bytes,
    blobs_unknown_size,
    is_orphan,
    indexes,
    subjects,
    pushed_at,
    status,
    repository_unknown
from untagged_images
where repository glob $repository
order by bytes desc nulls last, registry_id, region, repository, manifest_digest
limit $limit
