-- question: How many layers do images have?
-- caveat: One row for each kind of manifest: image, schema1 (old Docker images), attestation, artifact. Each manifest counts once, however many repositories hold it; children of indexes count, indexes do not.
-- caveat: Layers are counted as the manifest lists them, repeated and empty ones too: Docker cannot unpack more than 127. p50 means that half of the manifests have so many layers or fewer; every figure is a number of layers that some manifest has, except the mean.
-- caveat: Images whose manifest is not in the store cannot count; unfetched-images lists them.
-- parameter: repository glob = * : repositories to look at
-- empty: No manifest that was looked at has layers.
with
looked_at as (
    select distinct manifest_digest
    from repository_manifests
    where is_known and kind <> 'index' and repository glob $repository
)
select
    manifests.kind,
    count(*) as manifests,
    min(manifests.layer_count) as min_layers,
    quantile_disc(manifests.layer_count, 0.10) as p10_layers,
    quantile_disc(manifests.layer_count, 0.25) as p25_layers,
    quantile_disc(manifests.layer_count, 0.50) as p50_layers,
    quantile_disc(manifests.layer_count, 0.75) as p75_layers,
    quantile_disc(manifests.layer_count, 0.90) as p90_layers,
    quantile_disc(manifests.layer_count, 0.99) as p99_layers,
    max(manifests.layer_count) as max_layers,
    round(avg(manifests.layer_count), 1) as mean_layers
from manifests
inner join looked_at using (manifest_digest)
group by manifests.kind
order by count(*) desc, manifests.kind
