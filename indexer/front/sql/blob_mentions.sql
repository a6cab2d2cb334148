-- How often any manifest has the digest as a layer or config.
select
    (select count(*) from all_layers where layer_digest = $digest)
    + (select count(*) from all_configs where config_digest = $digest) as mentions
