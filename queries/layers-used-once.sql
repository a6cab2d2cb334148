-- question: Which layers does only one image use?
-- caveat: Used once is meant over everything that repositories hold, whatever repository is shown: no second manifest of any kind mentions the layer, nor has it as its config. The same manifest in several repositories is one; repositories counts them.
-- caveat: size is compressed, the largest that the manifest gives the layer; layers of unknown size come last. is_stored is false for foreign (nondistributable) layers, which ECR does not store.
-- caveat: tags are the image's own tags, in all repositories that hold it; a child of an index mostly has none.
-- caveat: Attestations and artifacts, whose blobs hardly ever are shared, show only with artifacts = true. Images whose manifest is not in the store may use any layer; unfetched-images lists them.
-- parameter: repository glob = * : repositories whose images to show
-- parameter: artifacts boolean = false : whether layers of attestations and artifacts show too
-- parameter: limit count = 20 : rows at most
-- empty: No image that was looked at has a layer of its own.
with
used_once as (
    select
        layer_digest,
        any_value(manifest_digest) as manifest_digest,
        min(position) as position,
        max(size) as size,
        bool_or(distributable) as is_stored
    from layers
    group by layer_digest
    having count(*) filter (where not repeated) = 1
),
shown as materialized (
    select used_once.*
    from used_once
    -- where it is the config of the very manifest that has it as a layer, that is no second use
    anti join (select config_digest from configs where not is_layer) as other_uses
        on other_uses.config_digest = used_once.layer_digest
    semi join (
        select manifest_digest
        from repository_manifests
        where is_known and repository glob $repository and (kind in ('image', 'schema1') or $artifacts)
    ) as looked_at using (manifest_digest)
    order by used_once.size desc nulls last, used_once.layer_digest
    limit $limit
),
holders as (
    select manifest_digest, any_value(kind) as kind, count(*) as repositories
    from repository_manifests
    semi join shown using (manifest_digest)
    group by manifest_digest
),
image_tags as (
    select
        manifest_digest,
        list_sort(list_distinct(flatten(list(list_transform(tags, lambda tag: repository || ':' || tag))))) as tags
    from images
    semi join shown using (manifest_digest)
    group by manifest_digest
)
select
    layer_digest,
    shown.size,
    shown.is_stored,
    shown.position,
    manifest_digest,
    holders.kind,
    coalesce(image_tags.tags, []) as tags,
    holders.repositories
from shown
inner join holders using (manifest_digest)
left join image_tags using (manifest_digest)
order by shown.size desc nulls last, layer_digest
