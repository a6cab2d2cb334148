-- view: The platforms under which indexes list a manifest, held or not: one row per manifest and platform.
-- column: platform : os/architecture, and /variant where it matters; entry_platforms says how they are written.
select distinct manifest_digest, platform
from entry_platforms
