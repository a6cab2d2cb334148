"""What a person may type to name something: a digest, a part of one, a repository, a tag, a docker reference.

    sha256:723254a2c089...     a digest, or its first six characters or more, with or without `sha256:`
    team/app                   a repository
    team/app:1.4.2             an image by its tag
    team/app@sha256:...        an image by its digest
    123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.4.2     as docker pull takes it

Upper-case hexadecimal is taken as lower case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from indexer.errors import UsageError
from indexer.model import Digest

SHORTEST = 6
"""Characters of a digest that must be given: fewer are hardly ever unique."""

# Hosts of private registries: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
_HOST = re.compile(r"(?:https?://)?(?P<id>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+/")
_DIGITS = {"sha256": 64, "sha512": 128}
_PART = re.compile(r"(?:(?P<algorithm>[a-z0-9]+):)?(?P<hex>[0-9a-f]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """What was typed, taken apart. `digest` is whole or a beginning; the account and region are those of a host."""

    text: str
    registry_id: str | None = None
    region: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Take `text` apart; UsageError where it can name nothing."""
        text = text.strip()
        host = _HOST.match(text)
        registry_id, region = (host["id"], host["region"]) if host else (None, None)
        rest = text[host.end() :] if host else text
        name, at, digest = rest.partition("@")
        if not text:
            raise UsageError("nothing to find: give a digest, REPOSITORY or REPOSITORY:TAG")
        if at and not whole(digest.lower()) and not is_part(digest):
            raise UsageError(f"'{digest}' after @ is no digest; expected sha256: and hexadecimal characters")
        repository, colon, tag = name.partition(":")
        if not repository and not at:
            raise UsageError(f"'{text}' names no repository and no digest; give a digest, REPOSITORY or REPOSITORY:TAG")
        if colon and not tag:
            if repository.lower() in _DIGITS:
                raise UsageError(
                    f"'{text}' has no digest after its colon; give its first {SHORTEST} characters or more"
                )
            raise UsageError(f"'{text}' has no tag after its colon; give one, or leave the colon out")
        return cls(text, registry_id, region, repository or None, tag or None, digest.lower() or None)

    @property
    def part(self) -> str | None:
        """The text as a digest or the beginning of one, if it can be that."""
        return self.text.lower() if self.digest is None and is_part(self.text) else None


def whole(text: str) -> bool:
    """Whether `text` is a whole digest of a registered algorithm."""
    try:
        return Digest.parse(text).registered
    except ValueError:
        return False


def is_part(text: str) -> bool:
    """Whether `text` can be the beginning of a digest: hexadecimal, with or without the algorithm before it."""
    match = _PART.fullmatch(text)
    return match is not None and (match["algorithm"] is None or match["algorithm"].lower() in _DIGITS)


def why_no_digest(text: str) -> str | None:
    """Return what is wrong with `text` where it begins as a digest does and is none, None for everything else."""
    algorithm, colon, digits = text.lower().partition(":")
    if not colon or algorithm not in _DIGITS or whole(text.lower()):
        return None
    expected = f"expected {algorithm}: and {_DIGITS[algorithm]} hexadecimal digits, or the first {SHORTEST} or more"
    if not is_part(text):
        return f"'{text}' is no digest; {expected}"
    if len(digits) > _DIGITS[algorithm]:
        return f"'{text}' is no digest, it has {len(digits):,} digits; {expected}"
    return None


def too_short(text: str) -> bool:
    """Whether `text`, a part of a digest, has too few characters to look for."""
    return len(text.rpartition(":")[2]) < SHORTEST
