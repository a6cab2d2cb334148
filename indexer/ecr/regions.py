"""The regions that botocore knows: a name that is none of them is doubted, though it may be newer than botocore."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Final

import botocore.session

_REGION: Final = re.compile(r"(?<![a-z0-9-])[a-z]{2,}(?:-[a-z]+)+-[0-9]+(?![a-z0-9-])")


@cache
def known_regions() -> frozenset[str]:
    """Return the names of all regions with ECR, in all partitions."""
    session = botocore.session.Session()
    partitions = session.get_available_partitions()
    return frozenset(
        name for partition in partitions for name in session.get_available_regions("ecr", partition_name=partition)
    )


def doubt(region: str) -> str | None:
    """Return what is odd about a region's name, None where it is known."""
    if region in known_regions():
        return None
    nearest = get_close_matches(region, sorted(known_regions()), n=1)
    return f"{region} is no region that this program knows" + (f"; did you mean {nearest[0]}?" if nearest else "")


def likely_elsewhere(region: str, endpoint_url: str) -> str | None:
    """Return what speaks against it that the registry at an address is of a region; None where nothing does."""
    named = set(_REGION.findall(endpoint_url)) & known_regions()
    if named and region not in named:
        return f"endpoint_url is of {' and '.join(sorted(named))}, and the region is {region}"
    return doubt(region)


def partition_of(region: str) -> str:
    """Return the partition that a region's ARNs name, such as aws or aws-cn."""
    # By the name's pattern, so that a new region is found too.
    return botocore.session.Session().get_partition_for_region(region)
