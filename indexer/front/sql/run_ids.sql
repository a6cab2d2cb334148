-- The committed runs, the oldest first.
select run_id
from runs
order by run_id
