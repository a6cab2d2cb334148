-- view: The newest run over each region, of whatever accounts: one row per region.
-- column: region : The AWS region.
-- column: run_id : The run.
with
covered as (
    select run_id, unnest(targets, max_depth := 2)
    from runs
)
select region, max(run_id) as run_id
from covered
group by region
