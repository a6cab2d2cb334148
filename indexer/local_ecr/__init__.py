"""A small registry that speaks Amazon ECR's API over HTTP, for the demo and for tests.

boto3, the AWS CLI and this package's own client talk to it as they would to Amazon; it enforces ECR's rules and can
inject the faults that a real network and a real service show. It listens on the loopback interface only, checks no
signatures and holds no layers: it is for one machine's own use.

    registry = Registry(region="eu-west-1")
    registry.create_repository("team/app")
    registry.put_image("team/app", manifest, tags=["latest"])
    with Server([registry]) as server:
        boto3.client("ecr", region_name="eu-west-1", endpoint_url=server.url)

Shapes, limits and names are those of the ECR service model, API version 2015-09-21.
"""

from indexer.local_ecr.faults import Fault, Faults
from indexer.local_ecr.images import Image, Repository
from indexer.local_ecr.protocol import ApiError
from indexer.local_ecr.registry import Registry
from indexer.local_ecr.server import Requested, Server

__all__ = ["ApiError", "Fault", "Faults", "Image", "Registry", "Repository", "Requested", "Server"]
