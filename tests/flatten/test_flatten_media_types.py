"""The words flattening decides by: what is a media type, what is a layer of a file system, whose type it is."""

from __future__ import annotations

import pytest

from indexer.model import DOCKER_CONFIG, IN_TOTO, OCI_CONFIG, OCI_MANIFEST, Digest, MediaType


@pytest.mark.parametrize(
    "text",
    ["a/b", "application/vnd.oci.image.config.v1+json", "a!#$&^_.+-/0", "test/sbom/file", "a" * 127 + "/" + "b" * 127],
)
def test_a_media_type_is_parsed(text: str) -> None:
    assert MediaType.parse(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "/", "a/", "/b", "a//b", ".a/b", "a/.b", "a /b", "a/b ", "a/b\n", "\u00e4/b", "a/b/"),
        *("a/b;version=1", "a/b; charset=utf-8", "*/*", "a" * 128 + "/b", "a/" + "b" * 128, "a/b" * 100),
        *(None, 5, b"a/b", ["a/b"]),
    ],
)
def test_what_is_no_media_type_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="not a media type"):
        MediaType.parse(text)


@pytest.mark.parametrize(
    ("media_type", "file_system"),
    [
        ("application/vnd.oci.image.layer.v1.tar", True),
        ("application/vnd.oci.image.layer.v1.tar+gzip", True),
        ("application/vnd.oci.image.layer.v1.tar+zstd+encrypted", True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", True),
        ("application/vnd.oci.image.layer.nydus.blob.v1", True),
        ("application/vnd.oci.image.rootfs.tar.gzip", True),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", True),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar", True),
        ("application/vnd.docker.container.image.rootfs.diff+x-gtar", True),
        ("application/tar+gzip", True),
        ("application/X-TAR", True),
        ("application/vnd.example.target.v1", False),
        ("application/octet-stream", False),
        ("application/vnd.oci.empty.v1+json", False),
        ("application/vnd.dev.cosign.simplesigning.v1+json", False),
        ("application/wasm", False),
        (OCI_CONFIG, False),
        (IN_TOTO, False),
    ],
)
def test_layers_of_a_file_system_are_told_from_other_content(media_type: str, file_system: bool) -> None:
    assert MediaType(media_type).is_file_system is file_system


def test_dockers_own_media_types_are_known() -> None:
    assert MediaType(DOCKER_CONFIG).is_docker
    assert not MediaType(OCI_MANIFEST).is_docker
    assert not MediaType("application/vnd.dockerish").is_docker


def test_configs_of_images_are_known_by_old_names_too() -> None:
    assert MediaType("application/vnd.oci.image.serialization.config.v1+json").is_image_config
    assert not MediaType("application/vnd.oci.empty.v1+json").is_image_config


def test_a_registered_digest_has_the_length_of_its_algorithm() -> None:
    assert Digest.parse("blake3:" + "0" * 64).registered
    assert not Digest.parse("blake3:" + "0" * 64).computable
    assert not Digest.parse("crc64:00").registered
    with pytest.raises(ValueError, match="blake3"):
        Digest.parse("blake3:00")
