"""What the queries about indexes, signatures and SBOMs should answer, worked out slowly in plain Python."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, NamedTuple

from support.estates import Estate
from support.lineage_model import LineageModel, platform_of
from support.slow_model import Home

from indexer.tables import ImageRow

_COSIGN = re.compile(r"sha256-([0-9a-f]{64})\.(sig|att|sbom)")
_SIGNATURES = {
    "application/vnd.cncf.notary.signature",
    "application/vnd.cncf.notary.v2.signature",
    "application/vnd.dev.cosign.artifact.sig.v1+json",
    "application/vnd.dev.cosign.simplesigning.v1+json",
}
_SBOM = re.compile("spdx|cyclonedx|syft")
_BUNDLE = "application/vnd.dev.sigstore.bundle"
_SIGNED = "https://sigstore.dev/cosign/sign/"
_IMAGES = {"image", "index", "schema1"}


class Statement(NamedTuple):
    """Something that a manifest says about another one of its repository."""

    subject: str
    manifest: str
    found_by: str
    is_signature: bool
    is_sbom: bool
    is_unclear: bool


class AttachmentModel(LineageModel):
    """The current state of an estate, and what is said about which manifest."""

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.documents = {row.manifest_digest: row for row in estate.manifests}
        self.said = {home: self._statements(home) for home in self.homes}

    def unsigned(self, *, untagged: bool) -> set[tuple[Any, ...]]:
        """The rows of unsigned-images: home, image, other statements about it, whether signed elsewhere."""
        signed = {each.subject for said in self.said.values() for each in said if each.is_signature}
        return {
            (home, row.manifest_digest, self._count(home, row.manifest_digest), row.manifest_digest in signed)
            for home, row in self._asked(untagged=untagged)
            if not self._covered(home, row.manifest_digest, {s.subject for s in self.said[home] if s.is_signature})
        }

    def without_sbom(self, *, untagged: bool) -> set[tuple[Any, ...]]:
        """The rows of images-without-sbom: home, image, platforms without one, unclear attestations."""
        found: set[tuple[Any, ...]] = set()
        for home, row in self._asked(untagged=untagged):
            image = row.manifest_digest
            subjects = {each.subject for each in self.said[home] if each.is_sbom}
            parts = [part for part in self.below.get(image, ()) if self._is_image(part)]
            bare = {part for part in parts if not self._covered(home, part, subjects)}
            if self._covered(home, image, subjects) or (parts and not bare):
                continue
            platforms = {platform for part in bare for platform in self.platforms.get(part) or {"unknown"}}
            about = {image, *self.below.get(image, ())}
            unclear = {each.manifest for each in self.said[home] if each.is_unclear and each.subject in about}
            found.add((home, image, tuple(sorted(platforms)), len(unclear)))
        return found

    def index_platforms(self) -> dict[tuple[Home, str], tuple[Any, ...]]:
        """The rows of index-platforms by home and tag."""
        return {
            (home, tag): (row.manifest_digest, *self._platforms_of(home, row.manifest_digest))
            for home, rows in self.rows.items()
            for row in rows
            if self.kinds.get(row.manifest_digest) == "index" and self.below.get(row.manifest_digest)
            for tag in row.tags
        }

    def tree(self, digest: str, depth: int) -> list[tuple[int, str, str, str | None]]:
        """The rows of index-tree: depth, relation, digest and below, in their order."""
        listed = {row.manifest_digest for rows in self.rows.values() for row in rows}
        if not self._mentions(digest) and digest not in listed and digest not in self.documents:
            return []
        homes = self._homes(digest, depth)
        rows: list[tuple[int, str, str, str | None]] = []
        left: list[tuple[int, str, str, tuple[int, ...]]] = [(0, "asked", digest, ())]
        while left:
            level, relation, manifest, place = left.pop()
            mentions = self._mentions(manifest)
            is_home, too_deep = homes[manifest] == place, len(homes[manifest]) == depth
            below = None if not mentions else "too deep" if too_deep else None if is_home else "shown elsewhere"
            rows.append((level, relation, manifest, below))
            if is_home and not too_deep:
                left += [(level + 1, *mention, (*place, at)) for at, mention in enumerate(mentions)][::-1]
        return rows

    def _homes(self, digest: str, depth: int) -> dict[str, tuple[int, ...]]:
        """Where each manifest of a tree stands least deep, first: the numbers of the mentions that lead there."""
        homes: dict[str, tuple[int, ...]] = {digest: ()}
        level = dict(homes)
        for _ in range(depth):
            places = sorted(
                ((*place, at), child)
                for manifest, place in level.items()
                for at, (_, child) in enumerate(self._mentions(manifest))
                if child not in homes
            )
            level = {child: place for place, child in reversed(places)}
            homes |= level
        return homes

    def _mentions(self, holder: str) -> list[tuple[str, str]]:
        """What an index lists, in its order, and then what is attached to it: relation and digest."""
        entries = sorted(
            (row for row in self.estate.entries if row.index_digest == holder), key=lambda row: row.position
        )
        children = [("attestation" if row.is_attestation else "child", row.manifest_digest) for row in entries]
        return [*children, *sorted(self._attached(holder))]

    def _attached(self, holder: str) -> set[tuple[str, str]]:
        found = {("referrer", digest) for digest, row in self.documents.items() if row.subject_digest == holder}
        for rows in self.rows.values():
            for row in rows:
                found |= {("referrer", row.manifest_digest)} if row.subject_digest == holder else set()
                found |= {("tag", row.manifest_digest) for _ in self._named(row, holder)}
        return found

    def _named(self, row: ImageRow, subject: str) -> list[str]:
        """The suffixes by which cosign's tags of an image name `subject`."""
        matches = [match for tag in row.tags if (match := _COSIGN.fullmatch(tag))]
        return [match[2] for match in matches if f"sha256:{match[1]}" == subject]

    def _platforms_of(self, home: Home, index: str) -> tuple[Any, ...]:
        listed = {row.manifest_digest for row in self.rows[home]}
        entries = defaultdict(list)
        for entry in self.estate.entries:
            if self.leads(index, entry.index_digest) and entry.manifest_digest != index:
                entries[entry.manifest_digest].append(entry)
        platforms = {child: {p for row in rows if (p := platform_of(row))} for child, rows in entries.items()}
        attestations = {child for child, rows in entries.items() if all(row.is_attestation for row in rows)}
        placeless = {c for c in set(entries) - attestations if not platforms[c] and self.kinds.get(c) != "index"}
        missing = set(entries) - listed
        return (
            sorted(set().union(*platforms.values())),
            sorted(set().union(*(platforms[child] for child in missing))),
            *(len(entries), len(attestations), len(placeless), len(missing)),
            len(set(entries) - set(self.documents)),
        )

    def _asked(self, *, untagged: bool) -> list[tuple[Home, ImageRow]]:
        """The images that should be signed and described: named ones, and those that belong to no other."""
        found = []
        for home, rows in self.rows.items():
            says = {each.manifest for each in self.said[home]}
            parts = {part for row in rows for part in self.below.get(row.manifest_digest, ())}
            for row in rows:
                kind = self.kinds.get(row.manifest_digest, "unknown")
                if kind not in {*_IMAGES, "unknown"} or row.manifest_digest in says:
                    continue
                if row.tags or (untagged and row.manifest_digest not in parts):
                    found.append((home, row))
        return found

    def _covered(self, home: Home, manifest: str, subjects: set[str]) -> bool:
        """Whether a manifest, or a listed index above it, is one of `subjects`."""
        listed = {row.manifest_digest for row in self.rows[home]}
        return manifest in subjects or any(self.leads(i, manifest) for i in listed & subjects if i != manifest)

    def _is_image(self, manifest: str) -> bool:
        entries = [row for row in self.estate.entries if row.manifest_digest == manifest]
        is_index = any(row.index_digest == manifest for row in self.estate.entries)
        unfit = self.kinds.get(manifest) in {"artifact", "attestation"}
        return not is_index and not unfit and not all(row.is_attestation for row in entries)

    def _count(self, home: Home, image: str) -> int:
        return len({each.manifest for each in self.said[home] if each.subject == image})

    def _statements(self, home: Home) -> list[Statement]:
        found = []
        for row in self.rows[home]:
            document = self.documents.get(row.manifest_digest)
            subject = (document.subject_digest if document else None) or row.subject_digest
            if subject is not None:
                found.append(self._statement(home, subject, row.manifest_digest, "subject", None))
            for tag in row.tags:
                if match := _COSIGN.fullmatch(tag):
                    about = f"sha256:{match[1]}"
                    found.append(self._statement(home, about, row.manifest_digest, "tag", match[2]))
        for entry in self.estate.entries:
            about_entry = (entry.annotations or {}).get("vnd.docker.reference.digest")
            if entry.is_attestation and about_entry and entry.index_digest in self._reached(home):
                found.append(self._statement(home, about_entry, entry.manifest_digest, "entry", None))
        return found

    def _reached(self, home: Home) -> set[str]:
        listed = {row.manifest_digest for row in self.rows[home]}
        return listed.union(*(self.below.get(digest, set()) for digest in listed))

    def _statement(self, home: Home, subject: str, manifest: str, found_by: str, suffix: str | None) -> Statement:
        document = self.documents.get(manifest)
        listed = self._listed_type(manifest)
        type_ = ((document.artifact_type or document.config_media_type) if document else None) or listed or ""
        predicates = self._predicates(manifest)
        is_bundle = type_.startswith(_BUNDLE)
        signs = is_bundle and (not predicates or any(each.startswith(_SIGNED) for each in predicates))
        is_signature = suffix == "sig" or type_ in _SIGNATURES or signs
        is_sbom = suffix == "sbom" or bool(_SBOM.search(type_)) or any(_SBOM.search(p.lower()) for p in predicates)
        kind = self.kinds.get(manifest, "unknown")
        vague = suffix == "att" or found_by == "entry" or is_bundle or kind == "attestation"
        is_unclear = not predicates and not is_sbom and (vague or (kind == "unknown" and not is_signature))
        return Statement(subject, manifest, found_by, is_signature, is_sbom, is_unclear)

    def _listed_type(self, manifest: str) -> str | None:
        types = [r.artifact_type for rows in self.rows.values() for r in rows if r.manifest_digest == manifest]
        return min((each for each in types if each), default=None)

    def _predicates(self, manifest: str) -> set[str]:
        notes = [row.annotations or {} for row in self.estate.layers if row.manifest_digest == manifest]
        found = {note.get("in-toto.io/predicate-type") or note.get("predicateType") for note in notes} - {None}
        document = self.documents.get(manifest)
        own = (document.annotations or {}).get("dev.sigstore.bundle.predicateType") if document else None
        return {each for each in found if each} or ({own} if own else set())
