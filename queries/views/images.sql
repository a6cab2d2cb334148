-- view: The images each repository holds, as the newest run that listed it whole saw them.
select image_history.*
from image_history
semi join last_listings using (registry_id, region, repository, run_id)
