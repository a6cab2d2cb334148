-- The tags of the repositories of that name, the newest push first.
select tag, max(pushed_at)::timestamp as pushed_at
from tags
where repository = $repository
group by tag
order by max(pushed_at) desc nulls last, tag
