-- What the runs $run_ids saw of the digest, the last sighting of each place.
select
    registry_id,
    region,
    repository,
    max_by(tags, run_id) as tags,
    max_by(runs.started_at, run_id)::timestamp as last_seen_at
from image_history
inner join runs using (run_id)
where manifest_digest = $digest and run_id in (select unnest($run_ids))
group by registry_id, region, repository
order by last_seen_at desc, registry_id, region, repository
