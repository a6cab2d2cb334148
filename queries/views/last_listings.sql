-- view: The run that last listed each repository whole: one row per repository that has such a listing.
-- like: repositories
-- column: run_id : The newest run that listed the repository whole, since it was last found deleted.
with
newest_listings as (
    select
        registry_id,
        region,
        repository,
        max(run_id) filter (where status = 'listed') as run_id,
        max(run_id) filter (where status = 'deleted') as deleted_run_id
    from repository_history
    group by registry_id, region, repository
)
select registry_id, region, repository, run_id
from newest_listings
where run_id is not null and (deleted_run_id is null or run_id > deleted_run_id)
