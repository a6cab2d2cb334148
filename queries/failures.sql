-- question: What could the newest runs not index, and why?
-- caveat: Of each account and region, what its newest run says. registry_id is NULL where the account was not known yet, repository where the whole account and region failed, manifest_digest where the whole repository failed.
-- caveat: Images of earlier runs that were never fetched are in unfetched-images, with or without a failure here.
-- parameter: code glob = * : codes to show
-- parameter: repository glob = * : repositories to show
-- empty: The newest runs had no failure that matches.
select
    run_id,
    registry_id,
    region,
    repository,
    manifest_digest,
    tag,
    operation,
    code,
    reason
from failures
where code glob $code and coalesce(repository, '') glob $repository
order by
    registry_id nulls first,
    region,
    repository nulls first,
    manifest_digest nulls first,
    operation,
    code,
    reason,
    run_id,
    tag nulls first
