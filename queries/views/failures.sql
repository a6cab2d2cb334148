-- view: What the newest run of each account and region could not index.
with
covered_targets as (
    select run_id, unnest(targets, max_depth := 2)
    from runs
)
select failure_history.*
from failure_history
where not exists (
    from covered_targets
    where
        covered_targets.run_id > failure_history.run_id
        and covered_targets.region = failure_history.region
        -- A failure of an unknown account goes with any later run of the region. A failure of a known account stays
        -- until a run of that account: a run whose account is not known may have been about another one.
        and (covered_targets.registry_id = failure_history.registry_id or failure_history.registry_id is null)
)
