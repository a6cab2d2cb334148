-- view: Repositories that the newest run over their region did not list whole: their images are older, or unknown.
-- like: repositories
-- column: listed_at : When the run started that last listed it whole, UTC; NULL if none has.
select repositories.registry_id, repositories.region, repositories.repository, repositories.listed_at
from repositories
inner join newest_region_runs using (region)
where repositories.listed_run_id is null or repositories.listed_run_id < newest_region_runs.run_id
