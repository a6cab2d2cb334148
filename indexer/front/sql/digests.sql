-- Digests that begin with the given text; without an algorithm, of any algorithm. One more than are shown.
with
known_digests as (
    select manifest_digest as digest, 'manifest' as what from all_manifests
    union all
    select manifest_digest as digest, 'image' as what from image_history
    union all
    select layer_digest as digest, 'layer' as what from all_layers
    union all
    select config_digest as digest, 'config' as what from all_configs
    union all
    select manifest_digest as digest, 'index entry' as what from all_index_entries
    union all
    select subject_digest as digest, 'subject' as what from all_manifests
    union all
    select subject_digest as digest, 'subject' as what from image_history
)
select digest, string_agg(distinct what, ', ' order by what) as what
from known_digests
where case when contains($beginning, ':') then starts_with(digest, $beginning) else contains(digest, ':' || $beginning) end
group by digest
order by digest
limit $most
