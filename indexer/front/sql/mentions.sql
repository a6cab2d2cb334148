-- How often the digest is mentioned by what the questions about parents and referrers look at: most digests are by none,
-- and to know that costs a third of the questions. The tags are cosign's (sha256-<hex>.sig), and are read alone.
select
    (select count(*) from all_index_entries where manifest_digest = $digest) as entries,
    (select count(*) from all_manifests where subject_digest = $digest)
    + (select count(*) from images where subject_digest = $digest)
    + (
        select count(*)
        from (select unnest(tags) as tag from images)
        where starts_with(tag, replace($digest, ':', '-') || '.')
    ) as referrers
