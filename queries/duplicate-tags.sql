-- question: Which tags of a repository are one image under several names, or differ only in how they are written?
-- caveat: Two kinds of rows. same image: one image with several tags; harmless, but only one of them needs keeping. look-alike: tags for different images whose names are the same but for capitals, a v before the number, or which of . _ - stands between the parts (v1.0 and 1-0); mostly a mistake, and who pulls one may get the wrong image.
-- caveat: images is how many different images the tags name, newest_pushed_at when the newest of these was pushed.
-- parameter: repository glob = * : repositories to look at
-- parameter: at_least count = 2 : tags that an image must have to be shown
-- parameter: limit count = 100 : rows at most, look-alikes first, then the images with the most tags
-- empty: No image that was looked at has so many tags, and no tags differ only in how they are written.
with
looked_at as materialized (
    select
        *,
        translate(regexp_replace(lower(tag), '^v([0-9])', '\1'), '_-', '..') as plain_tag
    from tags
    where repository glob $repository
),
groups as (
    select
        registry_id,
        region,
        repository,
        'same image' as kind,
        list(tag order by tag) as tags,
        1 as images,
        max(pushed_at) as newest_pushed_at
    from looked_at
    group by registry_id, region, repository, manifest_digest
    having count(*) >= greatest($at_least, 2)
    union all
    select
        registry_id,
        region,
        repository,
        'look-alike' as kind,
        list(tag order by tag) as tags,
        count(distinct manifest_digest) as images,
        max(pushed_at) as newest_pushed_at
    from looked_at
    group by registry_id, region, repository, plain_tag
    having count(distinct manifest_digest) > 1
)
select registry_id, region, repository, kind, tags, images, newest_pushed_at
from groups
order by kind, len(tags) desc, registry_id, region, repository, tags
limit $limit
