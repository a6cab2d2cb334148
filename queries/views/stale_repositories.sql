-- view: Repositories that the newest run over their region did not list whole: their images are older, or unknown.
-- like: repositories
-- column: listed_at : When the run started that last listed it whole, UTC; NULL if none has.
with
covered as (
    select run_id, unnest(targets, max_depth := 2)
    from runs
),
newest_runs as (
    select region, max(run_id) as run_id
    from covered
    group by region
)
select repositories.registry_id, repositories.region, repositories.repository, repositories.listed_at
from repositories
inner join newest_runs using (region)
where repositories.listed_run_id is null or repositories.listed_run_id < newest_runs.run_id
