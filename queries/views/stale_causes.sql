-- view: Why the newest run over its region did not list a repository whole: one row per stale repository.
-- like: repositories
-- column: listed_at : When the run started that last listed it whole, UTC; NULL if none has.
-- column: cause : failed (the repository), target failed (its account and region as a whole), left out (by include and exclude of config.yaml), or not configured (no entry of config.yaml covers its account and region any more).
-- column: reason : The failed call, its code, and what was said; NULL for the other causes.
with
covered as (
    select run_id, unnest(targets, max_depth := 2)
    from runs
),
newest_targets as (
    select distinct registry_id, region
    from covered
    semi join newest_region_runs using (region, run_id)
    where registry_id is not null
),
newest_failures as (
    select
        failure_history.registry_id,
        region,
        failure_history.repository,
        failure_history.operation,
        failure_history.operation || ': ' || failure_history.code || ': ' || failure_history.reason as reason
    from failure_history
    semi join newest_region_runs using (region, run_id)
    where failure_history.manifest_digest is null
),
failed_repositories as (
    select registry_id, region, repository, min(reason) as reason
    from (
        select registry_id, region, repository, reason
        from newest_failures
        where repository is not null
        union all
        select registry_id, region, repository, error as reason
        from repository_history
        semi join newest_region_runs using (region, run_id)
        where status = 'failed'
    ) as failed
    group by registry_id, region, repository
),
-- Globs that let nothing through are a failure of the target too, and not of the registry.
failed_targets as (
    select registry_id, region, min(reason) as reason
    from newest_failures
    where repository is null and operation <> 'Config'
    group by registry_id, region
),
-- Of an account that did not answer the name may be unknown: then it may be any that the run does not know to be covered.
causes as (
    select
        stale_repositories.registry_id,
        stale_repositories.region,
        stale_repositories.repository,
        stale_repositories.listed_at,
        newest_targets.region is not null as is_covered,
        failed_repositories.repository is not null as is_failed,
        failed_repositories.reason as repository_reason,
        coalesce(named.region, case when not is_covered then unnamed.region end) is not null as is_target_failed,
        coalesce(named.reason, unnamed.reason) as target_reason
    from stale_repositories
    left join newest_targets using (registry_id, region)
    left join failed_repositories using (registry_id, region, repository)
    left join failed_targets as named
        on named.registry_id = stale_repositories.registry_id and named.region = stale_repositories.region
    left join failed_targets as unnamed on unnamed.registry_id is null and unnamed.region = stale_repositories.region
)
select
    registry_id,
    region,
    repository,
    listed_at,
    case
        when is_failed then 'failed'
        when is_target_failed then 'target failed'
        when is_covered then 'left out'
        else 'not configured'
    end as cause,
    case when is_failed then repository_reason when is_target_failed then target_reason end as reason
from causes
