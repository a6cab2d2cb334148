-- view: Digests that some repository holds, as an image or below an index; not all need be in the store.
-- column: manifest_digest : The digest; one row each.
with recursive
reachable_indexes as (
    select distinct index_digest
    from all_index_entries
    where index_digest in (select manifest_digest from images)
    union -- not union all: indexes that name each other must end
    select children.index_digest
    from reachable_indexes
    inner join all_index_entries as entries on entries.index_digest = reachable_indexes.index_digest
    inner join all_index_entries as children on children.index_digest = entries.manifest_digest
)
select manifest_digest
from images
union
select entries.manifest_digest
from all_index_entries as entries
semi join reachable_indexes on reachable_indexes.index_digest = entries.index_digest
