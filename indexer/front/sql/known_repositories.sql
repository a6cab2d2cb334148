-- All names that repositories ever had, and whether the pattern matches them.
select distinct repository, repository glob $pattern as is_match
from repository_history
order by repository
