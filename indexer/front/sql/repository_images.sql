-- A repository's images: those with tags first, the newest push first. image_size is what ECR says.
select
    tags,
    manifest_digest,
    coalesce(all_manifests.kind, 'not fetched') as kind,
    images.image_size,
    images.pushed_at::timestamp as pushed_at,
    images.last_pulled_at::timestamp as last_pulled_at,
    images.status
from images
left join all_manifests using (manifest_digest)
where images.registry_id = $registry_id and images.region = $region and images.repository = $repository
order by len(tags) = 0, images.pushed_at desc nulls last, manifest_digest
