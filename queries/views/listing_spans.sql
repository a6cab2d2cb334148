-- view: The whole listings of each repository, each with the run that put an end to it.
-- like: repositories
-- column: run_id : The run that listed the repository whole.
-- column: until_run_id : The next run that listed the repository whole or found it deleted; NULL where the listing still holds.
-- column: listing_number : Its place among the repository's whole listings and deletions, from 1: the listing that follows it without a break has the next number.
with
outcomes as (
    select
        registry_id,
        region,
        repository,
        run_id,
        status,
        lead(run_id) over (partition by registry_id, region, repository order by run_id) as until_run_id,
        row_number() over (partition by registry_id, region, repository order by run_id) as listing_number
    from repository_history
    where status in ('listed', 'deleted') -- a listing that failed leaves the last good one standing
)
select registry_id, region, repository, run_id, until_run_id, listing_number
from outcomes
where status = 'listed'
