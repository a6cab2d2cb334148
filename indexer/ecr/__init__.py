"""The client of Amazon ECR: the only importer of boto3, the only caller of BatchGetImage.

Facts are botocore's service model `ecr/2015-09-21` and the API reference of Amazon ECR. Every answer is checked before
it is believed: botocore turns a broken body with HTTP 200 into an empty answer, so what is expected is demanded.
"""

from __future__ import annotations

from indexer.ecr.account import Account, Identity
from indexer.ecr.advice import advice, advised, in_short
from indexer.ecr.answers import Batch, FetchedManifest, FetchFailure
from indexer.ecr.client import PAGE_EXPIRED, PAGE_SIZE, Ecr, reach
from indexer.ecr.listed import ListedImage, ListedRepository, microseconds
from indexer.ecr.pace import Before, Pace, Turn
from indexer.ecr.regions import doubt, likely_elsewhere, partition_of
from indexer.ecr.session import Target, connect
from indexer.ecr.trying import REGISTRY_DOWN, Health, Pulse, Signs, Trouble

__all__ = [
    "PAGE_EXPIRED",
    "PAGE_SIZE",
    "REGISTRY_DOWN",
    "Account",
    "Batch",
    "Before",
    "Ecr",
    "FetchFailure",
    "FetchedManifest",
    "Health",
    "Identity",
    "ListedImage",
    "ListedRepository",
    "Pace",
    "Pulse",
    "Signs",
    "Target",
    "Trouble",
    "Turn",
    "advice",
    "advised",
    "connect",
    "doubt",
    "in_short",
    "likely_elsewhere",
    "microseconds",
    "partition_of",
    "reach",
]
