-- How many repositories match now, how many of them were ever listed whole, and whether they hold any image.
select
    count(*) as repositories,
    count(listed_run_id) as listed,
    exists(from images where repository glob $pattern) as images
from repositories
where repository glob $pattern
