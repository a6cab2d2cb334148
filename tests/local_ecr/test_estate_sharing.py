"""Which layers the estate's images share: two regimes, base chains, rebuilt bases, and how large layers are."""

from __future__ import annotations

import itertools
import statistics

import pytest
from support.estate_reading import CI, ONE_OFFS, Played, children, document, file_layers, layer_uses, played

from indexer.local_ecr import Image

EMPTY_LAYER = "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"
CHAINS = [
    ("platform/base/debian", "platform/base/python", "platform/framework/fastapi", "payments/api"),
    ("platform/base/debian", "platform/base/python", "platform/framework/fastapi", "payments/worker"),
    ("platform/base/debian", "platform/base/java", "platform/framework/spring", "search/indexer"),
    ("platform/base/alpine", "platform/base/node", "platform/framework/express", "checkout/web"),
]


def stacks(estate: Played, repository: str, architecture: str) -> dict[tuple[str, ...], Image]:
    """Layer lists of one architecture, by index entry; the index that was pushed last has a stack's place."""
    home = estate.main.repositories[repository].images
    found: dict[tuple[str, ...], Image] = {}
    for index in list(home.values()):
        for entry in children(index):
            if entry.get("platform", {}).get("architecture") == architecture:
                found[tuple(file_layers(home[entry["digest"]]))] = index
    return found


def base_of(layers: tuple[str, ...], bases: dict[tuple[str, ...], Image]) -> Image:
    """The base that `layers` stands on: one layer list must be a proper prefix."""
    (found,) = [image for stack, image in bases.items() if layers[: len(stack)] == stack and len(layers) > len(stack)]
    return found


@pytest.mark.parametrize(("seed", "scale"), [(7, 1.0), (8, 1.0), (9, 0.5), (7, 0.1), (11, 0.1)])
def test_one_off_images_share_next_to_nothing(seed: int, scale: float) -> None:
    estate = played(seed=seed, scale=scale)
    images = [image for repository in ONE_OFFS for image in estate.images(repository)]
    uses = layer_uses(images)
    once = sum(count == 1 for count in uses.values()) / len(uses)
    assert 0.85 <= once < 0.99


@pytest.mark.parametrize("repository", CI)
def test_ci_images_share_most_layers(repository: str) -> None:
    images = [image for image in played().images(repository) if file_layers(image)]
    uses = layer_uses(images)
    assert sum(uses.values()) / len(uses) >= 3.5


@pytest.mark.parametrize(("seed", "scale"), [(7, 1.0), (8, 1.0), (7, 0.1)])
def test_a_ci_push_brings_few_new_layers(seed: int, scale: float) -> None:
    estate = played(seed=seed, scale=scale)
    new = total = 0
    for repository in ("checkout/api", "mobile/bff", "checkout/cart", "identity/login"):
        builds = [set(file_layers(image)) for image in estate.images(repository)]
        seen = set(builds[0])
        for build in builds[1:]:
            new, total = new + len(build - seen), total + len(build)
            seen |= build
    assert new / total < (0.35 if scale == 1.0 else 0.75)


@pytest.mark.parametrize("scale", [0.1, 1.0])
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[-1])
def test_layer_lists_of_a_chain_are_prefixes_of_one_another(
    chain: tuple[str, ...], architecture: str, scale: float
) -> None:
    estate = played(scale=scale)
    for lower, upper in itertools.pairwise(chain):
        bases = stacks(estate, lower, architecture)
        uppers = stacks(estate, upper, architecture)
        assert uppers
        for layers, image in uppers.items():
            assert base_of(layers, bases).pushed_at < image.pushed_at


def test_platforms_share_no_layers_but_the_empty_one() -> None:
    estate = played()
    for repository in ("payments/api", "checkout/web", "edge/gateway"):
        sets = [
            {layer for layers in stacks(estate, repository, architecture) for layer in layers}
            for architecture in ("amd64", "arm64")
        ]
        assert sets[0]
        assert sets[0] & sets[1] <= {EMPTY_LAYER}


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_bases_are_rebuilt_and_images_stand_on_outdated_ones(scale: float) -> None:
    estate = played(scale=scale)
    bases = stacks(estate, "platform/framework/fastapi", "amd64")
    newest = max(image.pushed_at for image in bases.values())
    used = [base_of(layers, bases).pushed_at for layers in stacks(estate, "payments/api", "amd64")]
    assert len(bases) >= 4
    assert len(set(used)) >= (6 if scale == 1.0 else 2)
    assert min(used) < newest


def test_a_team_that_pins_its_base_stays_behind() -> None:
    estate = played()
    bases = stacks(estate, "platform/base/java", "amd64")
    builds = estate.images("legacy/reports")
    used = {base_of(tuple(file_layers(build)), bases).pushed_at for build in builds}
    assert len(used) == 1, "all builds stand on one base"
    newer = [base for base in bases.values() if max(used) < base.pushed_at < builds[-1].pushed_at]
    assert len(newer) >= 4


def test_the_empty_layer_is_the_most_shared_one() -> None:
    uses = layer_uses(image for _, _, image in played().everything())
    ((layer, count),) = uses.most_common(1)
    assert layer == EMPTY_LAYER
    assert count > 400


def test_sizes_are_plausible() -> None:
    sizes: dict[str, int] = {}
    for _, _, image in played().everything():
        parsed = document(image)
        if parsed["schemaVersion"] == 2 and "config" in parsed:
            sizes |= {layer["digest"]: layer["size"] for layer in parsed["layers"]}
            assert 0 < parsed["config"]["size"] < 20_000
    assert min(sizes.values()) >= 32
    assert 1e6 < statistics.median(sizes.values()) < 30e6
    huge = [size for size in sizes.values() if size > 2**32]
    assert huge
    assert max(huge) < 10e9
    assert len(huge) < len(sizes) / 500


@pytest.mark.parametrize(
    ("repository", "low", "high"),
    [("platform/base/debian", 20e6, 80e6), ("platform/base/alpine", 3e6, 8e6), ("platform/base/cuda", 10e6, 120e6)],
)
def test_base_layers_have_the_sizes_of_distributions(repository: str, low: float, high: float) -> None:
    layers = [layer for image in played().images(repository) for layer in document(image).get("layers", [])]
    sizes = [layer["size"] for layer in layers if "in-toto" not in layer["mediaType"]]
    assert sizes
    assert low <= min(sizes) <= max(sizes) <= high


def test_a_layer_has_one_size_wherever_it_is() -> None:
    sizes: dict[str, int] = {}
    for _, _, image in played().everything():
        for layer in document(image).get("layers", []):
            assert sizes.setdefault(layer["digest"], layer["size"]) == layer["size"]
    assert len(sizes) > 5_000
