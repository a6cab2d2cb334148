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
        -- NULL: the account was not known, so the later run may have been about the same one
        and coalesce(covered_targets.registry_id = failure_history.registry_id, true)
)
