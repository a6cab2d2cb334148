-- A manifest that has the blob and was fetched after the newest committed run, by one that has not come to its end.
with
users as (
    select manifest_digest
    from all_layers
    where layer_digest = $digest
    union all
    select manifest_digest
    from all_configs
    where config_digest = $digest
)
select manifest_digest
from all_manifests
semi join users using (manifest_digest)
where fetched_at > coalesce((select max(finished_at) from runs), timestamptz '1970-01-01 00:00:00Z')
order by manifest_digest
limit 1
