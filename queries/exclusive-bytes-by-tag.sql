-- question: How many bytes would deleting one tag free, for each tag by itself?
-- caveat: Deleting the last tag of an image deletes the image; where it has other tags, other_tags counts them, and nothing comes back. Tags such as sha256-<hex>.sig of a manifest that the image's repository holds are part of that image and have no row.
-- caveat: What is below an index, and referrers (signatures, SBOMs) without a tag of their own, are part of the image: logical_bytes and manifests count them all.
-- caveat: reclaimable_bytes are the blobs that come back if this tag alone is deleted, with those parts of its image that nothing else in the repository needs. exclusive_bytes are those of them that no other repository of the same account and region holds: they come back even if blob mounting is on.
-- caveat: The figures of several tags do not add up. Two images that share a layer with nobody else free it only together: reclaimable answers for sets.
-- caveat: An image that an index in the repository lists has 0 while the index is there, as ECR does not delete it; in_index says so.
-- caveat: logical_bytes adds up the distinct layers and configs of each part, compressed, as it gives their sizes, without foreign (nondistributable) layers. Left out because unknown: blobs_unknown_size, and manifests_unknown of its parts.
-- caveat: repository_unknown counts the manifests of the repository whose contents are unknown, and which may refer to any blob: where it is not 0, the bytes to come back are an upper bound. unknown_elsewhere counts the images of unknown contents, and the repositories never listed, in the rest of the account and region: where it is not 0, exclusive_bytes is one.
-- parameter: repository glob = * : repositories to show
-- parameter: tag glob = * : tags to show
-- parameter: limit count = 20 : rows at most
-- empty: No tag matches, or none is in the store yet; indexer run fills it.
with
tagged as (
    select *, unnest(tags) as tag
    from image_deletions(repository_glob := $repository, tag_glob := $tag, by_tag := true, row_limit := $limit)
)
select
    registry_id,
    region,
    repository,
    tag,
    manifest_digest,
    len(tags) - 1 as other_tags,
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
from tagged
where tag glob $tag
order by exclusive_bytes desc, reclaimable_bytes desc, registry_id, region, repository, tag
limit $limit
