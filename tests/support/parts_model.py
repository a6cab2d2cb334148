"""What belongs to what in a repository, in slow plain Python: indexes, signatures, what a deletion takes along."""

from __future__ import annotations

import re
from collections import defaultdict

from support.estates import Estate
from support.slow_model import Home, SlowModel

from indexer.tables import ImageRow

_REFERRING_TAG = re.compile(r"sha256-([0-9a-f]{64})(\.(sig|att|sbom))?")

Link = tuple[str, str, bool]
"""Holder, member, and whether an index holds it (or else the member refers to the holder)."""


class PartsModel(SlowModel):
    """The current state of an estate, and which manifests of a repository belong to others."""

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.subjects = {row.manifest_digest: row.subject_digest for row in estate.manifests}

    def listed(self, home: Home) -> dict[str, ImageRow]:
        """The rows of a repository's images by digest."""
        run_id = self._listing_run(home)
        every = [row for run in self.estate.runs for row in run.images if row.run_id == run_id]
        return {row.manifest_digest: row for row in every if (row.registry_id, row.region, row.repository) == home}

    def named(self, home: Home) -> set[str]:
        """The images that have a tag of their own."""
        found = self.listed(home).items()
        return {digest for digest, row in found if any(not _REFERRING_TAG.fullmatch(tag) for tag in row.tags)}

    def links(self, home: Home) -> set[Link]:
        """The rows of repository_links."""
        held = self.held[home]
        entries = {(index, child, True) for index in held for child in self.children.get(index, ())}
        referrers = {
            (subject, digest, False)
            for digest, row in self.listed(home).items()
            for subject in self._subjects_of(row)
            if subject in held
        }
        return {link for link in entries | referrers if link[0] != link[1]}

    def parts(self, home: Home) -> set[tuple[str, str, bool]]:
        """The rows of image_parts: image, part, and whether it goes with that image alone."""
        links, listed, named = self.links(home), self.listed(home), self.named(home)
        members = {member for _, member, _ in links}
        entries = {member for _, member, is_entry in links if is_entry}
        roots = {holder for holder, _, _ in links} - members
        roots |= {member for member in members if member in named or member not in listed}
        contents = {root: self._reached(root, links) - {root} for root in roots}
        needed_by: dict[str, set[str]] = defaultdict(set)
        for root, parts in contents.items():
            for part in parts:
                needed_by[part].add(root)
        found = {(root, root, root not in entries) for root in roots if root in listed}
        for root in roots & set(listed):
            for part in contents[root]:
                alone = needed_by[part] == {root} and part not in roots
                found.add((root, part, alone and root not in entries))
        shown = {part for part, holders in needed_by.items() if holders & set(listed)} | roots
        lost = {member for member in members if member in listed and member not in shown}
        return found | {(member, member, False) for member in lost}

    def _subjects_of(self, row: ImageRow) -> set[str]:
        found = {row.subject_digest, self.subjects.get(row.manifest_digest)}
        matches = [_REFERRING_TAG.fullmatch(tag) for tag in row.tags]
        if all(matches):
            found |= {f"sha256:{match[1]}" for match in matches if match}
        return {subject for subject in found if subject is not None}

    @staticmethod
    def _reached(root: str, links: set[Link]) -> set[str]:
        found: set[str] = set()
        todo = [root]
        while todo:
            holder = todo.pop()
            new = {member for at, member, _ in links if at == holder} - found
            found |= new
            todo += new
        return found
