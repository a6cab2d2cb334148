-- Repositories of that name, one per account and region; those found deleted too.
with
newest_rows as (
    select repository_history.*, runs.started_at as run_at
    from repository_history
    inner join runs using (run_id)
    where repository = $repository
    qualify row_number() over (partition by registry_id, region order by run_id desc) = 1
)
select
    newest_rows.registry_id,
    newest_rows.region,
    newest_rows.repository,
    newest_rows.repository_uri,
    newest_rows.created_at::timestamp as created_at,
    newest_rows.tag_mutability,
    newest_rows.encryption_type,
    newest_rows.kms_key,
    newest_rows.status,
    newest_rows.error,
    repositories.listed_at::timestamp as listed_at,
    newest_rows.run_at::timestamp as run_at
from newest_rows
left join repositories using (registry_id, region, repository)
order by newest_rows.registry_id, newest_rows.region
