-- How many repositories have the tag, and one of these: the one that it was pushed to last.
select
    count(distinct (registry_id, region, repository)) as repositories,
    first(repository order by pushed_at desc nulls last, repository) as such_as
from tags
where tag = $tag
