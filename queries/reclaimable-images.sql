-- question: Which images would be deleted by the same parameters of reclaimable?
-- caveat: Without parameters the set is all images without a tag; untagged=false lets tagged images into it, each other parameter narrows it down. What an index that stays lists stays, and so do the referrers (signatures, SBOMs) of what stays; reclaimable says more.
-- caveat: why is chosen, or referrer for what goes only because it refers to an image that goes.
-- caveat: bytes are the distinct layers and configs of this manifest alone, as it gives their sizes, compressed, without foreign (nondistributable) layers; an index has none of its own. Images share layers, so deleting does not free the sum: reclaimable says what it frees.
-- caveat: kind and bytes are NULL where the manifest is not in the store or could not be read; blobs_unknown_size says what bytes leaves out.
-- caveat: Indexes come first in each repository, as ECR does not delete what an index lists. The state is that of listed_at; last_external_pull_at leaves out our own fetches; where is_own_pull is true, a pull by others in the 24 hours after our fetch may not show, see stale-images.
-- parameter: repository glob = * : repositories to delete from
-- parameter: untagged boolean = true : whether only images without a tag are deleted; false lets tagged ones go too
-- parameter: keep_tags glob = null : images with a tag that matches are kept; needs untagged=false
-- parameter: keep_newest count = 0 : how many to keep in each repository, the newest pushed of those that the parameters above leave; what is below an index, and referrers, do not count
-- parameter: pushed_before timestamp = null : only images pushed before are deleted
-- parameter: not_pulled_since timestamp = null : only images neither pulled nor pushed since are deleted, see last_used_at in stale-images
-- parameter: with_referrers boolean = true : whether referrers of deleted images (signatures, SBOMs) are deleted with them
-- empty: No image would be deleted: nothing matches, or all that matches must stay, as an index that stays lists it or it refers to what stays.
with
deleted as materialized (
    select registry_id, region, repository, manifest_digest, is_chosen
    from deletion_set(
        repository_glob := $repository,
        only_untagged := $untagged,
        keep_tag_glob := $keep_tags,
        newest_kept := $keep_newest,
        before := $pushed_before,
        unused_since := $not_pulled_since,
        take_referrers := $with_referrers
    )
),
readable as (
    select manifest_digest, kind
    from all_manifests
    where kind <> 'unknown'
)
select
    registry_id,
    region,
    repository,
    image_pulls.tags,
    manifest_digest,
    readable.kind,
    case when deleted.is_chosen then 'chosen' else 'referrer' end as why,
    case when readable.kind is not null then coalesce(manifest_bytes.bytes, 0) end as bytes,
    coalesce(manifest_bytes.blobs_unknown_size, 0) as blobs_unknown_size,
    image_pulls.pushed_at,
    image_pulls.is_own_pull,
    image_pulls.last_external_pull_at,
    image_pulls.last_used_at,
    image_pulls.listed_at
from deleted
inner join image_pulls using (registry_id, region, repository, manifest_digest)
left join readable using (manifest_digest)
left join manifest_bytes using (manifest_digest)
order by
    registry_id,
    region,
    repository,
    coalesce(readable.kind = 'index', false) desc,
    image_pulls.pushed_at,
    manifest_digest
