-- How many things the newest runs could not index.
select count(*) as failures
from failures
