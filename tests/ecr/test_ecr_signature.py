"""Our signature beside botocore's, and the cases that are left to botocore."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.signers import RequestSigner
from hypothesis import given
from hypothesis import strategies as st
from support.one_answer import one_answer

from indexer.ecr.signature import Signature, Signer
from indexer.ecr.wire import Wire

URLS = [
    "https://api.ecr.eu-west-1.amazonaws.com/",
    "http://127.0.0.1:5000/",
    "http://LocalHost:80/",
    "https://vpce-1.api.ecr.eu-west-1.vpce.amazonaws.com:443/",
    "https://proxy.example:8443/ecr/",
    "https://proxy.example/a b/./c/../é/",
    "http://[::1]:4566/",
]
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126))
NAMES = st.text("abcdefgXYZ-", min_size=1).map(lambda name: f"X-{name}")


def botocores(url: str, region: str, credentials: ReadOnlyCredentials, headers: dict[str, str], body: bytes) -> Any:
    request: Any = AWSRequest("POST", url, headers, body)
    SigV4Auth(credentials, "ecr", region).add_auth(request)
    return dict(request.headers.items())


@given(
    url=st.sampled_from(URLS),
    region=st.sampled_from(["eu-west-1", "us-gov-east-1"]),
    credentials=st.builds(ReadOnlyCredentials, TEXT, TEXT, st.none() | TEXT),
    headers=st.dictionaries(NAMES, TEXT, max_size=3),
    bodies=st.lists(st.binary(), min_size=1, max_size=3),
)
def test_it_is_botocores(
    url: str, region: str, credentials: ReadOnlyCredentials, headers: dict[str, str], bodies: list[bytes]
) -> None:
    ours = Signature(url, region, "ecr")
    unlike = {name.lower(): name for name in headers}
    headers = {name: headers[name] for name in unlike.values()} | {"Content-Type": "a/b", "User-Agent": "c  d"}
    for body in bodies:  # the second with the key of the first
        theirs = botocores(url, region, credentials, headers, body)
        assert ours.sign(credentials, headers, body, theirs["X-Amz-Date"]) == theirs


def test_a_key_is_of_its_day_and_secret() -> None:
    ours = Signature(URLS[0], "eu-west-1", "ecr")
    days, secrets = ("20261129T235959Z", "20261130T000000Z"), ("one", "two")
    for _ in range(2):
        for day in days:
            for secret in secrets:
                credentials = ReadOnlyCredentials("AKIDEXAMPLE", secret, None)
                fresh = Signature(URLS[0], "eu-west-1", "ecr").sign(credentials, {}, b"", day)
                assert ours.sign(credentials, {}, b"", day) == fresh


@pytest.mark.parametrize("version", ["v4", "s3", "bearer", "v4-query", "unheard-of", UNSIGNED])
def test_what_is_signed_in_another_way_is_left_to_botocore(version: Any) -> None:
    emitter = boto3.session.Session().events
    signer = RequestSigner("ECR", "eu-west-1", "ecr", version, None, emitter)  # type: ignore[arg-type]
    own = Signer(signer, URLS[0])._own
    assert (own is not None) == (version == "v4")


def test_a_client_that_does_not_sign_sends_no_signature() -> None:
    with one_answer() as server:
        for config in (Config(signature_version=UNSIGNED), Config()):
            client = boto3.client("ecr", region_name="eu-west-1", endpoint_url=server.url, config=config)
            Wire(client).send("DescribeImages", {"repositoryName": "team/app"})
        assert ["authorization" in {name.lower() for name in each.headers} for each in server.questions] == [
            False,
            True,
        ]
