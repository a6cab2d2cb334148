-- The tag that is most like the pattern, of all that repositories ever had, and whether any of them matches it.
select
    coalesce(bool_or(tag glob $pattern), false) as is_match,
    arg_max(tag, (jaro_winkler_similarity(tag, $pattern), tag)) as nearest
from (
    select distinct unnest(tags) as tag
    from image_history
    where repository glob $repository
)
