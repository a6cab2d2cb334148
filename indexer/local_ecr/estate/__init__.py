"""The demo's estate: made-up registries that look and live like a company's, from a seed.

Modules, lowest first: `dice` (chance), `hours` (times), `manifests` (documents), `stacks` (layers), `builds` (pushes),
`artifacts`, `tags`, `world` (the registries), `lines`, `oneoffs` and `feeds` (who acts), `landscape` (the list of
repositories), `play` (the nights).
"""

from indexer.local_ecr.estate.play import Estate, Night, Summary

__all__ = ["Estate", "Night", "Summary"]
