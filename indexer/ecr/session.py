"""Credentials and connections: one botocore client per account and region.

botocore, which boto3 stands on, reads the environment, ~/.aws and the instance's role by itself; what config.yaml adds
is a profile or a role. Credentials of a role renew themselves for as long as a run lasts. A session of boto3's would
make the same clients, and load what uploads to S3 for it: a fifth of the start of each process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config as ClientConfig
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ProfileNotFound

import indexer
from indexer.ecr.core import core_session
from indexer.ecr.parsing import AnswerParsers
from indexer.errors import ConfigError, RegistryRefused

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

    from indexer.config import RegistryConfig  # pydantic: a worker does without

_CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
"""Seconds a request may stand still: 100 manifests of the largest size take less."""


@dataclass(frozen=True, slots=True)
class Target:
    """An account and region to walk, and how to get there.

    `registry_id` None is the account of the credentials, which the first answer names.
    """

    region: str
    registry_id: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    endpoint_url: str | None = None

    @classmethod
    def of(cls, registry: RegistryConfig, region: str) -> Target:
        """Return the target that one region of an entry of config.yaml stands for."""
        return cls(
            region=region,
            registry_id=registry.registry_id,
            profile=registry.profile,
            role_arn=registry.role_arn,
            external_id=registry.external_id,
            endpoint_url=registry.endpoint_url,
        )

    def __str__(self) -> str:
        return f"{self.registry_id or self.profile or 'default account'}/{self.region}"


def connect(target: Target, *, connections: int, read_timeout: float = READ_TIMEOUT) -> ECRClient:
    """Return a client for `target` that many threads may use.

    Raises ConfigError for a profile that does not exist and RegistryRefused where no credentials are to be had.
    """
    settings = ClientConfig(
        # Retries are ours: botocore's share a quota of 500 tokens per client, and once that is used up
        # (after some 35 answers of 5xx) every call gets a single attempt.
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=connections,
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        tcp_keepalive=True,
        # The job's own questions fit; for 100 digests the check costs 0.3 ms.
        parameter_validation=False,
        user_agent_extra=f"manifest-indexer/{indexer.__version__}",
    )
    session = session_for(target, AnswerParsers())
    try:
        client: Any = session.create_client("ecr", endpoint_url=target.endpoint_url, config=settings)
    except BotoCoreError as error:
        raise RegistryRefused("Credentials", type(error).__name__, str(error)) from error
    found: ECRClient = client
    return found


def session_for(target: Target, parsers: AnswerParsers | None = None) -> botocore.session.Session:
    """Return a session with the target's credentials and region; `parsers` stand in for botocore's own.

    Raises ConfigError for a profile that does not exist and RegistryRefused where no credentials are to be had.
    """
    try:
        core = core_session(target.profile)
        if target.role_arn is not None:
            core = _assuming(core, target)
        if parsers is not None:
            core.register_component("response_parser_factory", parsers)
        core.set_config_variable("region", target.region)
        if core.get_credentials() is None:
            raise RegistryRefused(
                "Credentials",
                "NoCredentials",
                f"no AWS credentials for {target}: set AWS_PROFILE or the like, or name a profile in config.yaml",
            )
        return core
    except ProfileNotFound as error:
        raise ConfigError(
            f"{error}; give one that `aws configure list-profiles` shows under registries in config.yaml"
        ) from error
    except BotoCoreError as error:
        raise RegistryRefused("Credentials", type(error).__name__, str(error)) from error


def _assuming(source: botocore.session.Session, target: Target) -> botocore.session.Session:
    """Return a session that uses the role, with `source` to assume it.

    Through the credential chain: credentials it gives renew themselves, those of a call to AssumeRole never do.
    """
    credentials = source.get_credentials()
    if credentials is None:
        raise RegistryRefused("Credentials", "NoCredentials", f"no AWS credentials to assume {target.role_arn} with")
    core = core_session(target.profile)
    provider = _RoleProvider(source, credentials, target)
    core.register_component("credential_provider", CredentialResolver([provider]))
    return core


class _RoleProvider(CredentialProvider):
    METHOD = "assume-role"
    CANONICAL_NAME = "custom-assume-role"

    def __init__(self, source: botocore.session.Session, credentials: Any, target: Target) -> None:
        super().__init__()
        self._source, self._credentials, self._target = source, credentials, target

    def load(self) -> DeferredRefreshableCredentials:
        extra = {"RoleSessionName": "manifest-indexer"}
        if self._target.external_id is not None:
            extra["ExternalId"] = self._target.external_id
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self._create_client,
            source_credentials=self._credentials,
            role_arn=str(self._target.role_arn),
            extra_args=extra,
        )
        return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=fetcher.fetch_credentials)

    def _create_client(self, service: str, **arguments: Any) -> Any:
        """STS of the target's own region: the global endpoint is far away and not reachable from every network."""
        return self._source.create_client(service, region_name=self._target.region, **arguments)
