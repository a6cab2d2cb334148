-- Why the newest run did not list the repository whole; no row where it did, or found it deleted.
select cause, reason
from stale_causes
where registry_id = $registry_id and region = $region and repository = $repository
