-- question: How many bytes would deleting one image free, for each image by itself?
-- caveat: One row per image with a tag of its own, or that belongs to no other. What is below an index, and referrers (signatures, SBOMs) without a tag of their own, are part of it: logical_bytes and manifests count them all.
-- caveat: reclaimable_bytes are the blobs that come back if this image alone is deleted, with those of its parts that nothing else in the repository needs. exclusive_bytes are those of them that no other repository of the same account and region holds: they come back even if blob mounting is on.
-- caveat: The figures of several images do not add up. Two images that share a layer with nobody else free it only together: reclaimable answers for sets.
-- caveat: An image that an index in the repository lists has 0 while the index is there, as ECR does not delete it; in_index says so.
-- caveat: logical_bytes adds up the distinct layers and configs of each part, compressed, as it gives their sizes, without foreign (nondistributable) layers. Left out because unknown: blobs_unknown_size, and manifests_unknown of its parts.
-- caveat: repository_unknown counts the manifests of the repository whose contents are unknown, and which may refer to any blob: where it is not 0, the bytes to come back are an upper bound. unknown_elsewhere counts the images of unknown contents, and the repositories never listed, in the rest of the account and region: where it is not 0, exclusive_bytes is one.
-- parameter: repository glob = * : repositories to show
-- parameter: limit count = 20 : rows at most
-- empty: No image matches, or none is in the store yet; indexer run fills it.
select
    registry_id,
    region,
    repository,
    tags,
    manifest_digest,
    logical_bytes,
    reclaimable_bytes,
    exclusive_bytes,
    manifests,
    in_index,
    blobs_unknown_size,
    manifests_unknown,
    repository_unknown,
    unknown_elsewhere,
    pushed_at
from image_deletions(repository_glob := $repository, row_limit := $limit)
order by exclusive_bytes desc, reclaimable_bytes desc, registry_id, region, repository, manifest_digest
limit $limit
