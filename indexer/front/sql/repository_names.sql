-- All names of repositories that are there now.
select distinct repository
from repositories
order by repository
