"""Descriptors, alone and in arrays: where nearly all the time of flattening goes.

Source: OCI image-spec 1.1, descriptor.md, image-index.md (`platform`), schema/content-descriptor.json.

What is tuned here: an array is read in one loop, whose one expression checks the common form, a descriptor with just
its three required members, and tuples are made without their keyword constructor. Whatever does not pass is read again
member by member, which also names what is wrong.
"""

from __future__ import annotations

from typing import Final

from indexer.flatten import checks
from indexer.flatten.checks import ABSENT, MAX_BYTES, MemberError, is_media_type, quoted, wrong
from indexer.model import Descriptor, Platform

_BARE: Final = 3  # members of a descriptor that has only the required ones
_BARE_PLATFORM: Final = 2


def descriptor(value: object, path: str) -> Descriptor:
    """Return the descriptor that `value` is, without a platform; MemberError where it is none."""
    try:
        return _descriptor(value)
    except MemberError as error:
        raise error.within(path) from None


def optional_descriptor(value: object, path: str) -> Descriptor | None:
    return None if value is None else descriptor(value, path)


def descriptors(value: object, path: str) -> tuple[Descriptor, ...]:
    """Return the descriptors in the array that `value` is, in its order, without platforms."""
    # Local names are looked up sooner.
    new, made, sha256, known = tuple.__new__, Descriptor, checks.is_sha256, checks.known_media_types
    found: list[Descriptor] = []
    try:
        for element in checks.array(value, ""):
            if type(element) is dict and len(element) == _BARE:
                kind, digest, size = element.get("mediaType"), element.get("digest"), element.get("size")
                if (
                    type(size) is int
                    and 0 <= size <= MAX_BYTES
                    and type(kind) is str
                    and (kind in known or is_media_type(kind))
                    and type(digest) is str
                    and sha256(digest)
                ):
                    found.append(new(made, (kind, digest, size, None, None, None)))
                    continue
            found.append(_descriptor(element))
    except MemberError as error:
        raise error.within(f"{path}[{len(found)}]" if type(value) is list else path) from None
    return tuple(found)


def entries(value: object, *, platform_required: bool) -> tuple[Descriptor, ...]:
    """Return the elements of an index's `manifests`, which `value` is: descriptors with platforms."""
    found: list[Descriptor] = []
    try:
        for element in checks.array(value, ""):
            entry = _descriptor(element)
            given = element.get("platform")
            if given is not None or platform_required:
                entry = tuple.__new__(Descriptor, (*entry[:5], _platform(given)))
            found.append(entry)
    except MemberError as error:
        raise error.within(f"manifests[{len(found)}]" if type(value) is list else "manifests") from None
    return tuple(found)


def _descriptor(value: object) -> Descriptor:
    if not isinstance(value, dict):
        raise wrong("", "an object", value)
    required = (
        checks.media_type(value.get("mediaType", ABSENT), "mediaType"),
        checks.digest(value.get("digest", ABSENT), "digest"),
        checks.size(value.get("size", ABSENT), "size"),
    )
    if len(value) == _BARE:
        return tuple.__new__(Descriptor, (*required, None, None, None))
    checks.optional_texts(value.get("urls"), "urls")
    checks.optional_base64(value.get("data"), "data")
    # artifactType is not held to the grammar: clients copy here what the child has for its config's media type.
    artifact_type = checks.optional_text(value.get("artifactType"), "artifactType")
    annotations = checks.optional_annotations(value.get("annotations"))
    return tuple.__new__(Descriptor, (*required, artifact_type, annotations, None))


def _platform(value: object) -> Platform:
    if not isinstance(value, dict):
        raise wrong("platform", "an object", value)
    os = checks.text_with_content(value.get("os", ABSENT), "platform.os")
    architecture = checks.text_with_content(value.get("architecture", ABSENT), "platform.architecture")
    if len(value) == _BARE_PLATFORM:
        return Platform(os, architecture)
    for features in ("os.features", "features"):
        checks.optional_texts(value.get(features), f"platform[{quoted(features)}]")
    return Platform(
        os,
        architecture,
        variant=checks.optional_text(value.get("variant"), "platform.variant"),
        os_version=checks.optional_text(value.get("os.version"), 'platform["os.version"]'),
    )
