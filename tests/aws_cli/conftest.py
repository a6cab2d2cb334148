"""The AWS CLI and our command beside each other, in front of one local registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.aws_pair import AWS, COLD, LETTERS, ODD, PLAIN, Pair
from support.forked import Forked
from support.manifests import digest_of, index

from indexer.local_ecr import Registry, Server


@pytest.fixture(scope="session")
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
    registry.create_repository("team/empty")
    registry.put_image("team/app", PLAIN, tags=["v1", "latest"])
    registry.put_image("team/app", LETTERS, tags=["v2"])
    registry.put_image("team/app", COLD, tags=["cold"], status="ARCHIVED")
    registry.put_image("team/app", index(PLAIN, LETTERS), tags=["both"])
    registry.put_image("team/app", ODD, tags=["odd"])
    registry.fail_image("team/app", digest_of(ODD), "KmsError")
    return registry


@pytest.fixture(scope="session")
def server(registry: Registry) -> Iterator[Server]:
    with Server([registry]) as server:
        yield server
        assert server.problems == []


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both commands run; with the files that invocations name."""
    folder = tmp_path_factory.mktemp("aws-cli")
    (folder / "ids.json").write_text('[{"imageTag": "v1"}]', encoding="utf-8")
    (folder / "ids.txt").write_text("imageTag=v1", encoding="utf-8")
    (folder / "id.json").write_text('{"imageTag": "v1"}', encoding="utf-8")
    (folder / "name").write_text("team/app", encoding="utf-8")
    (folder / "tag").write_text("v1", encoding="utf-8")
    (folder / "latin1").write_bytes(b"\xff\xfe\xfa")
    (folder / "types.json").write_text('["application/vnd.oci.image.manifest.v1+json"]', encoding="utf-8")
    (folder / "input.json").write_text('{"repositoryName": "team/app", "imageIds": [{"imageTag": "v2"}]}', "utf-8")
    key = "region = eu-west-1\naws_access_key_id = AKIDLOCAL\naws_secret_access_key = secret\n"
    (folder / "config").write_text(
        f"[default]\nregion = eu-west-1\n[profile texts]\noutput = text\n{key}[profile yaml]\noutput = yaml\n{key}",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="session")
def pair(server: Server, folder: Path) -> Iterator[Pair]:
    if not AWS.exists():
        pytest.skip("the AWS CLI is not installed beside this Python")
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "HOME"}}
    env = kept | {
        "AWS_ACCESS_KEY_ID": "AKIDLOCAL",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_ECR": server.url,
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "PYTHONUTF8": "1",
    }
    sample = ["batch-get-image", "--repository-name", "team/app", "--image-ids", "imageTag=a", "--region", "eu-west-1"]
    sample += ["--generate-cli-skeleton", "output"]
    with (
        Forked("awscli.clidriver:main", folder, warm=["aws", "ecr", *sample]) as aws,
        Forked("indexer.cli:main", folder, warm=["indexer", *sample]) as ours,
    ):
        yield Pair(aws, ours, env)
