-- question: Which images do the figures leave out, because their manifest is not in the store or could not be read?
-- caveat: Their layers are unknown, so no figure counts their bytes. image_size is what ECR says: of an index its largest child, shared layers included, so never add it up.
-- caveat: reason is the newest failure about the image, if there is one. An archived image cannot be fetched at all.
-- parameter: repository glob = * : repositories to show
-- empty: Every image that matches is in the store.
with
unfetched as materialized (
    select images.*, manifests.problem
    from images
    left join manifests using (manifest_digest)
    where coalesce(manifests.kind = 'unknown', true) and images.repository glob $repository
),
newest_failures as (
    select
        unfetched.registry_id,
        unfetched.region,
        unfetched.repository,
        unfetched.manifest_digest,
        max_by(
            failure_history.code || ': ' || failure_history.reason,
            (failure_history.run_id, failure_history.operation, failure_history.code, failure_history.reason)
        ) as failure
    from unfetched
    inner join failure_history
        on failure_history.manifest_digest = unfetched.manifest_digest
        and failure_history.repository = unfetched.repository
        and failure_history.region = unfetched.region
        and coalesce(failure_history.registry_id = unfetched.registry_id, true)
    group by unfetched.registry_id, unfetched.region, unfetched.repository, unfetched.manifest_digest
)
select
    registry_id,
    region,
    repository,
    manifest_digest,
    unfetched.tags,
    unfetched.media_type,
    unfetched.image_size,
    unfetched.status,
    case
        when unfetched.problem is not null then 'not readable: ' || unfetched.problem
        when unfetched.status = 'ARCHIVED' then 'archived'
        when newest_failures.failure is not null then newest_failures.failure
        else 'not fetched yet'
    end as reason
from unfetched
left join newest_failures using (registry_id, region, repository, manifest_digest)
order by registry_id, region, repository, manifest_digest
