-- question: How many layers are used by one image only, by two, by three...?
-- caveat: used_by counts distinct manifests of images (Docker schema 1 too), children of indexes included, in the repositories looked at; a layer that an image repeats counts once. Attestations and artifacts count only with artifacts = true.
-- caveat: Bytes are compressed, each layer once. layer_bytes counts all layers; stored_bytes leaves out foreign (nondistributable) ones, which ECR does not store. Both leave out the layers_unknown_size.
-- caveat: Images whose manifest is not in the store cannot count; unfetched-images lists them.
-- parameter: repository glob = * : repositories to look at
-- parameter: artifacts boolean = false : whether attestations and artifacts count too
-- empty: No image that was looked at has a layer.
with
looked_at as (
    select manifest_digest
    from repository_manifests
    where is_known and repository glob $repository and (kind in ('image', 'schema1') or $artifacts)
),
layer_manifests as (
    select layer_digest, manifest_digest
    from layers
    semi join looked_at using (manifest_digest)
    where not repeated
),
users as (
    select layer_digest, count(*) as used_by
    from layer_manifests
    group by layer_digest
)
select
    users.used_by,
    count(*) as layers,
    capped(coalesce(sum(blobs.size), 0)) as layer_bytes,
    capped(coalesce(sum(blobs.size) filter (where blobs.is_stored), 0)) as stored_bytes,
    count(*) filter (where blobs.size is null) as layers_unknown_size
from users
inner join blobs on blobs.blob_digest = users.layer_digest
group by users.used_by
order by users.used_by
