-- Repositories of that name that were listed whole, with the newest listing of each.
select registry_id, region, listed_at::timestamp as listed_at
from repositories
where
    repository = $repository
    and ($registry_id::varchar is null or registry_id = $registry_id)
    and ($region::varchar is null or region = $region)
    and listed_at is not null
order by registry_id, region
