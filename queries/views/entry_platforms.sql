-- view: The platform that entries of indexes give, where they do; attestations, whose platform is called unknown, have none.
-- like: index_entries
-- column: platform : os/architecture, and /variant where it matters: arm64/v8 is arm64, amd64/v1 is amd64, arm is arm/v7.
select
    index_digest,
    position,
    manifest_digest,
    os || '/' || architecture || case
        when (architecture, coalesce(variant, '')) in (('arm64', 'v8'), ('amd64', 'v1')) then ''
        when architecture = 'arm' then '/' || coalesce(nullif(variant, ''), 'v7')
        else coalesce('/' || nullif(variant, ''), '')
    end as platform
from all_index_entries
where not is_attestation and os not in ('', 'unknown') and architecture not in ('', 'unknown')
