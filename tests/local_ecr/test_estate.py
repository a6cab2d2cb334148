"""The estate as a whole: the same from the same seed, true to its digests, of the promised size, robust."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from support.estate_reading import Played, children, document, played

from indexer.local_ecr import Registry
from indexer.local_ecr.estate import Estate

# Of seed 7 at scale 0.1, two nights. It stands here so that every Python version must come to the same bytes; where the
# estate itself is changed on purpose, take the new value from the failing test.
FINGERPRINT = "9cf7940c076ac4da45661e6380beafa41acc53a3cd0d4032d4f5ea072759804b"

PRINT_FINGERPRINT = """
import sys
sys.path[:0] = sys.argv[1:3]
from test_estate import fingerprint
print(fingerprint(int(sys.argv[3])))
"""


def fingerprint(seed: int) -> str:
    """A hash over all that a small estate of this seed holds after two nights, times included."""
    estate = Estate(seed=seed, scale=0.1, nights=2)
    digest = hashlib.sha256()
    for night in estate.play():
        digest.update(repr(night).encode())
    for region, name, image in Played(estate, ()).everything():
        line = (region, name, image.digest, image.media_type, image.tags, image.status)
        digest.update(repr(line).encode() + image.manifest)
        digest.update(repr((image.pushed_at.isoformat(), image.pulled_at and image.pulled_at.isoformat())).encode())
    return digest.hexdigest()


def fingerprint_elsewhere(seed: int, hash_seed: str) -> str:
    """The same, in another process whose hashes of strings are other ones."""
    here = Path(__file__).parent
    command = [sys.executable, "-c", PRINT_FINGERPRINT, str(here), str(here.parent), str(seed)]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def payload(manifest: bytes) -> bytes:
    """What a manifest's digest is over: all of it, or the signed part of a signed schema 1 manifest."""
    parsed = json.loads(manifest)
    if "signatures" not in parsed:
        return manifest
    protected = parsed["signatures"][0]["protected"]
    header = json.loads(base64.urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))
    tail = header["formatTail"]
    return manifest[: header["formatLength"]] + base64.urlsafe_b64decode(tail + "=" * (-len(tail) % 4))


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    assert fingerprint_elsewhere(7, "1") == fingerprint(7)
    assert fingerprint_elsewhere(7, "4242") == fingerprint(7)


def test_the_bytes_are_those_of_every_other_machine_and_python() -> None:
    assert fingerprint(7) == FINGERPRINT


def test_another_seed_gives_other_images_in_the_same_repositories() -> None:
    ours, theirs = played(seed=7, scale=0.1), played(seed=8, scale=0.1)
    assert set(ours.main.repositories) == set(theirs.main.repositories)
    digests = [{image.digest for _, _, image in estate.everything()} for estate in (ours, theirs)]
    assert not digests[0] & digests[1]
    layers = [
        {layer["digest"] for _, _, image in estate.everything() for layer in document(image).get("layers", [])}
        for estate in (ours, theirs)
    ]
    # The empty layer is the same in the whole world.
    assert layers[0] & layers[1] == {"sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"}


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_every_digest_is_that_of_its_manifest(scale: float) -> None:
    for _, _, image in played(scale=scale).everything():
        assert image.digest == "sha256:" + hashlib.sha256(payload(image.manifest)).hexdigest()


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_media_type_of_the_registry_and_of_the_document_agree(scale: float) -> None:
    undeclared = 0
    for _, name, image in played(scale=scale).everything():
        parsed = document(image)
        undeclared += "mediaType" not in parsed
        if "mediaType" in parsed:
            assert parsed["mediaType"] == image.media_type
        else:
            assert name == "charts/shop" or parsed["schemaVersion"] == 1
    assert undeclared > 2


@pytest.mark.parametrize(("seed", "scale"), [(7, 1.0), (7, 0.1), (8, 0.1), (9, 0.3)])
def test_no_child_of_an_index_is_absent_and_sizes_are_true(seed: int, scale: float) -> None:
    estate = played(seed=seed, scale=scale)
    seen = 0
    for registry in estate.estate.registries():
        for home in registry.repositories.values():
            for entry in (entry for image in home.images.values() for entry in children(image)):
                child = home.images[entry["digest"]]
                assert entry["size"] == len(child.manifest)
                assert entry["mediaType"] == child.media_type
                seen += 1
    assert seen > 100


def test_it_has_the_size_that_the_demo_needs() -> None:
    first = Estate(nights=1)
    night = next(first.play())
    assert 2_500 <= night.summary.pushed <= 4_000
    estate = played()
    assert 2_500 <= len(list(estate.everything())) <= 4_000
    assert 38 <= len(estate.main.repositories) <= 46


def test_scale_multiplies_images_but_not_repositories() -> None:
    small, usual, large = played(scale=0.1, nights=1), played(nights=1), played(scale=2.0, nights=1)
    assert set(small.main.repositories) == set(usual.main.repositories) == set(large.main.repositories)
    counts = [len(list(estate.everything())) for estate in (small, usual, large)]
    assert counts[0] < counts[1] * 0.2
    assert counts[1] * 1.6 < counts[2] < counts[1] * 2.1


def test_registries_are_two_regions_of_one_account_and_empty_before_the_play() -> None:
    estate = Estate(seed=1, scale=0.1)
    main, second = estate.registries()
    assert isinstance(main, Registry)
    assert main.registry_id == second.registry_id
    assert (main.region, second.region) == ("eu-west-1", "us-east-1")
    assert not main.repositories
    assert not second.repositories
    assert estate.registries() == [main, second]


def test_clocks_follow_the_nights() -> None:
    estate = Estate(seed=1, scale=0.1, nights=3, start=date(2025, 6, 2))
    for night in estate.play():
        assert night.at == datetime(2025, 6, 1 + night.number, 2, tzinfo=UTC)
        assert [registry.clock() for registry in estate.registries()] == [night.at, night.at]


def test_a_second_play_of_the_same_estate_is_refused() -> None:
    estate = Estate(seed=1, scale=0.1, nights=1)
    list(estate.play())
    with pytest.raises(RuntimeError, match="played already; make another Estate"):
        next(estate.play())


@pytest.mark.parametrize("wrong", [{"nights": 0}, {"scale": 0.0}, {"scale": -1.0}])
def test_an_impossible_estate_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="nights >= 1 and scale > 0"):
        Estate(**wrong)  # type: ignore[arg-type]  # one of several fields, by name


def test_what_others_delete_over_the_api_does_not_stop_the_play() -> None:
    estate = Estate(seed=7, scale=0.1, nights=6)
    main, second = estate.registries()
    play = estate.play()
    next(play)
    for registry in (main, second):
        for name in list(registry.repositories):
            for digest in list(registry.repositories[name].images):
                registry.delete_image(name, digest)
    main.delete_repository("sandbox/hackday-2025")
    main.delete_repository("legacy/intranet")
    main.delete_repository("checkout/cart")
    nights = list(play)
    assert [night.number for night in nights] == [2, 3, 4, 5, 6]
    # What the others deleted is not counted as the estate's doing.
    assert [night.summary.deleted for night in nights] == [0, 0, 0, 0, 0]
    assert [night.summary.repositories_deleted for night in nights] == [0, 0, 0, 0, 0]
    assert all(night.summary.pushed for night in nights)
