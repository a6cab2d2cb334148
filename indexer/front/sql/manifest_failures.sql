-- What went wrong with the digest in the newest run of its target.
select registry_id, region, repository, tag, operation, code, reason, run_id
from failures
where manifest_digest = $digest
order by registry_id, region, repository, operation, code
