-- The images that the tag names, one per account and region that has the repository.
select registry_id, region, repository, tag, manifest_digest
from tags
where repository = $repository and tag = $tag
order by registry_id, region
