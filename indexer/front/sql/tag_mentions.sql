-- How many tags name the digest as cosign's do (sha256-<hex>.sig); these are read alone.
select count(*) as mentions
from (select unnest(tags) as tag from images)
where starts_with(tag, replace($digest, ':', '-') || '.')
