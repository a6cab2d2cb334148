-- view: Repositories that hold manifests of unknown contents, which may refer to any blob. One row per repository.
-- like: repositories
-- column: images_unknown : Images that could not be fetched or read, or are archived.
-- column: manifests_unknown : These, and what indexes list, but the store does not have.
select
    registry_id,
    region,
    repository,
    count(*) filter (where is_listed) as images_unknown,
    count(*) as manifests_unknown
from repository_manifests
where not is_known
group by registry_id, region, repository
