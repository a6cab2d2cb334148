-- How often the digest is mentioned by what the questions about parents and referrers look at: most digests are by none,
-- and to know that costs a third of the questions.
select
    (select count(*) from all_index_entries where manifest_digest = $digest) as entries,
    (select count(*) from all_manifests where subject_digest = $digest)
    + (select count(*) from images where subject_digest = $digest) as subjects
