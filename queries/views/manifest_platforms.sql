-- view: The platforms under which indexes list a manifest, held or not: one row per manifest and platform.
-- column: manifest_digest : The manifest that indexes list; need not be in the store.
-- column: platform : os/architecture, and /variant where it matters; entry_platforms says how they are written.
select distinct manifest_digest, platform
from entry_platforms
