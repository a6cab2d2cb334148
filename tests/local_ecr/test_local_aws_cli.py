"""The AWS CLI as an outside client. It is a development dependency; without it these tests are skipped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.local_ecr import Registry, Server

AWS = Path(sys.executable).with_name("aws")

pytestmark = [
    pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed beside this Python"),
    pytest.mark.slow,
]


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Callable[..., Any]:
    """Runs `aws ecr ...` against the server, with nothing of the machine's own AWS settings, and parses its output."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ACCESS_KEY_ID": "AKIDLOCAL",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_ECR": server.url,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_MAX_ATTEMPTS": "1",
    }

    def aws(*arguments: str, fails: bool = False) -> Any:
        command = [sys.executable, str(AWS), "ecr", *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else json.loads(done.stdout)

    return aws


def test_describe_repositories(aws: Callable[..., Any]) -> None:
    (row,) = aws("describe-repositories")["repositories"]
    assert row["repositoryName"] == "team/app"
    # Version 1 of the AWS CLI shows times as they are on the wire: seconds since 1970.
    assert row["createdAt"] == datetime(2026, 1, 12, 9, 30, tzinfo=UTC).timestamp()


def test_list_images_follows_pages(registry: Registry, aws: Callable[..., Any], document: Callable[..., str]) -> None:
    digests = [registry.put_image("team/app", document(number)) for number in range(5)]
    registry.short_pages = True
    answer = aws("list-images", "--repository-name", "team/app", "--page-size", "2")
    assert answer == {"imageIds": [{"imageDigest": digest} for digest in digests]}


def test_describe_images(registry: Registry, aws: Callable[..., Any], document: Callable[..., str]) -> None:
    digest = registry.put_image("team/app", document(1), tags=["v1", "latest"], status="ARCHIVED")
    assert aws("describe-images", "--repository-name", "team/app") == {"imageDetails": []}
    (row,) = aws("describe-images", "--repository-name", "team/app", "--filter", "imageStatus=ANY")["imageDetails"]
    assert (row["imageDigest"], row["imageTags"], row["imageStatus"]) == (digest, ["v1", "latest"], "ARCHIVED")


def test_batch_get_image(registry: Registry, aws: Callable[..., Any], document: Callable[..., str]) -> None:
    digest = registry.put_image("team/app", document(1), tags=["v1"])
    ids = ["--image-ids", f"imageDigest={digest}", "imageTag=v1", "imageTag=none"]
    answer = aws("batch-get-image", "--repository-name", "team/app", *ids)
    assert [image["imageManifest"] for image in answer["images"]] == [document(1)] * 2
    assert answer["failures"] == [
        {
            "imageId": {"imageTag": "none"},
            "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        }
    ]


def test_put_image_and_an_error(aws: Callable[..., Any], document: Callable[..., str]) -> None:
    push = ["put-image", "--repository-name", "team/app", "--image-manifest", document(1), "--image-tag", "v1"]
    assert aws(*push)["image"]["imageId"]["imageTag"] == "v1"
    assert "(ImageAlreadyExistsException) when calling the PutImage operation" in aws(*push, fails=True)
