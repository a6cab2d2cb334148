-- view: What is below each index, held or not, the children of nested indexes included: one row per index and manifest.
-- column: index_digest : The index; a row of all_manifests with kind index.
-- column: manifest_digest : A child, or a child of a child; need not be in the store. An index is not below itself.
with recursive
entries as materialized (
    select distinct index_digest, manifest_digest -- several entries may name one manifest
    from all_index_entries
),
nested_indexes as (
    select entries.index_digest, entries.manifest_digest
    from entries
    semi join entries as children on children.index_digest = entries.manifest_digest
),
inner_indexes as (
    select index_digest, manifest_digest
    from nested_indexes
    union -- not union all: indexes that name each other must end
    select inner_indexes.index_digest, nested_indexes.manifest_digest
    from inner_indexes
    inner join nested_indexes on nested_indexes.index_digest = inner_indexes.manifest_digest
),
contents as (
    select index_digest, manifest_digest
    from entries
    union -- not union all: an index may have a child itself, and through others
    select inner_indexes.index_digest, entries.manifest_digest
    from inner_indexes
    inner join entries on entries.index_digest = inner_indexes.manifest_digest
)
select index_digest, manifest_digest
from contents
where index_digest <> manifest_digest
