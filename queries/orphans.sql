-- question: Which untagged images does nothing need any longer?
-- caveat: An orphan has no tag, and no tagged image leads to it: no index that is tagged (or below such a one) lists it, and it is no referrer (signature, SBOM) of such an image. Children of an untagged index are orphans like the index; indexes counts the indexes in the repository that list it, all orphans too, and these must be deleted first.
-- caveat: subjects counts the manifests in the repository that it refers to, all orphans too. A referrer whose subject is gone is an orphan.
-- caveat: bytes are the distinct layers and configs of this manifest alone, as it gives their sizes, compressed, without foreign (nondistributable) layers; an index has none of its own. Images share layers, so the rows do not add up: reclaimable -p untagged=true says what really comes back.
-- caveat: kind and bytes are NULL where the manifest is not in the store or could not be read; blobs_unknown_size says what bytes leaves out. repository_unknown counts the manifests of the repository that may need it, but whose contents are unknown (archived, not fetched, not readable): where it is not 0, look before deleting.
-- caveat: Images that are pulled by digest need no tag: stale-images and image_pulls tell when.
-- parameter: repository glob = * : repositories to show
-- parameter: limit count = null : rows at most
-- empty: No image that was looked at is an orphan: each has a tag, or a tagged image leads to it.
select
    registry_id,
    region,
    repository,
    manifest_digest,
    kind,
    bytes,
    blobs_unknown_size,
    indexes,
    subjects,
    pushed_at,
    status,
    repository_unknown
from untagged_images
where is_orphan and repository glob $repository
order by bytes desc nulls last, registry_id, region, repository, manifest_digest
limit $limit
