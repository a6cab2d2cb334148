-- view: The entries of the indexes that repositories hold, in their order.
select *
from all_index_entries
anti join unreachable_manifests on unreachable_manifests.manifest_digest = all_index_entries.index_digest
