-- view: The repositories there are: the newest row of each, except those found deleted.
-- column: status : listed (whole) or failed (error says why), as that run found it. A deleted repository has no row here.
-- column: run_id : The newest run that covered the repository.
-- column: listed_run_id : The run that last listed it whole, whose images are the current ones; NULL if none has.
-- column: listed_at : When that run started, UTC; NULL if none has listed it.
with
newest_runs as (
    select registry_id, region, repository, max(run_id) as run_id
    from repository_history
    group by registry_id, region, repository
)
select
    repository_history.run_id,
    registry_id,
    region,
    repository,
    repository_history.repository_uri,
    repository_history.created_at,
    repository_history.tag_mutability,
    repository_history.encryption_type,
    repository_history.kms_key,
    repository_history.status,
    repository_history.error,
    last_listings.run_id as listed_run_id,
    runs.started_at as listed_at
from repository_history
semi join newest_runs using (registry_id, region, repository, run_id)
left join last_listings using (registry_id, region, repository)
left join runs on runs.run_id = last_listings.run_id
where repository_history.status <> 'deleted'
