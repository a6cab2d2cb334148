-- view: The whole listings of each repository, each with the run that put an end to it.
-- column: run_id : The run that listed the repository whole.
-- column: until_run_id : The next run that listed the repository whole or found it deleted; NULL where the listing still holds.
with
outcomes as (
    select
        registry_id,
        region,
        repository,
        run_id,
        status,
        lead(run_id) over (partition by registry_id, region, repository order by run_id) as until_run_id
    from repository_history
    where status in ('listed', 'deleted') -- a listing that failed leaves the last good one standing
)
select registry_id, region, repository, run_id, until_run_id
from outcomes
where status = 'listed'
