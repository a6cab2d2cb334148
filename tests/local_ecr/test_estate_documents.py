"""The estate's manifests byte for byte as tools write them, its layer cache, its tags, its dice."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from support.estate_reading import document, played

from indexer.local_ecr.estate import manifests, stacks
from indexer.local_ecr.estate.builds import OCI, Job, Packing, pack
from indexer.local_ecr.estate.dice import Dice, content_digest, share_of
from indexer.local_ecr.estate.hours import Period, history, moment
from indexer.local_ecr.estate.manifests import Blob, Entry, Platform
from indexer.local_ecr.estate.stacks import AMD64, ARM64, Site, Step, grow
from indexer.local_ecr.estate.tags import Habit, Release, Tagger

CONFIG = Blob("sha256:" + "c" * 64, 1500)
LAYER = Blob("sha256:" + "a" * 64, 28_000_000)
AT = datetime(2026, 1, 12, 10, 30, tzinfo=UTC)
SITE = Site(seed=1, repository="team/app", platforms=(AMD64, ARM64))
STEPS = (Step("packages", "packages"), Step("code", "app"))


def test_schema_2_is_written_as_docker_push_writes_it() -> None:
    written = manifests.docker_manifest(CONFIG, [LAYER, LAYER._replace(urls=("https://example.com/layer",))])
    assert written.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    assert written.body.decode().splitlines() == [
        "{",
        '   "schemaVersion": 2,',
        '   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",',
        '   "config": {',
        '      "mediaType": "application/vnd.docker.container.image.v1+json",',
        '      "size": 1500,',
        f'      "digest": "sha256:{"c" * 64}"',
        "   },",
        '   "layers": [',
        "      {",
        '         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",',
        '         "size": 28000000,',
        f'         "digest": "sha256:{"a" * 64}"',
        "      },",
        "      {",
        '         "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",',
        '         "size": 28000000,',
        f'         "digest": "sha256:{"a" * 64}",',
        '         "urls": [',
        '            "https://example.com/layer"',
        "         ]",
        "      }",
        "   ]",
        "}",
    ]


def test_an_oci_index_is_written_as_buildkit_writes_it() -> None:
    image = manifests.oci_manifest(CONFIG, [LAYER])
    index = manifests.oci_index([Entry(image, Platform("linux", "arm", "v7"), {"name": "value"})])
    assert index.body.decode().splitlines() == [
        "{",
        '  "schemaVersion": 2,',
        '  "mediaType": "application/vnd.oci.image.index.v1+json",',
        '  "manifests": [',
        "    {",
        '      "mediaType": "application/vnd.oci.image.manifest.v1+json",',
        f'      "digest": "{image.digest}",',
        f'      "size": {len(image.body)},',
        '      "annotations": {',
        '        "name": "value"',
        "      },",
        '      "platform": {',
        '        "architecture": "arm",',
        '        "os": "linux",',
        '        "variant": "v7"',
        "      }",
        "    }",
        "  ]",
        "}",
    ]


def test_an_artifact_is_compact() -> None:
    written = manifests.artifact({"layers": []})
    assert written.body == b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}'
    assert manifests.artifact({"layers": []}, with_media_type=False).body == b'{"schemaVersion":2,"layers":[]}'


def test_a_manifest_list_without_a_platform_is_refused() -> None:
    image = manifests.docker_manifest(CONFIG, [LAYER])
    with pytest.raises(ValueError, match="every entry of a Docker manifest list has a platform"):
        manifests.docker_list([Entry(image, None)])


def test_every_style_of_writing_is_in_the_estate() -> None:
    starts = Counter(image.manifest[:6] for _, _, image in played().everything())
    assert starts[b'{\n   "'] > 500, "docker"
    assert starts[b'{\n  "s'] > 500, "BuildKit"
    assert starts[b'{"sche'] > 50, "compact"
    assert sum(starts.values()) == starts[b'{\n   "'] + starts[b'{\n  "s'] + starts[b'{"sche']


def test_annotations_of_a_manifest_are_text() -> None:
    for _, _, image in played(scale=0.1).everything():
        parsed = document(image)
        for part in (parsed, *parsed.get("layers", []), *parsed.get("manifests", [])):
            assert all(isinstance(value, str) for value in part.get("annotations", {}).values())


def test_an_unchanged_build_has_the_same_layers() -> None:
    assert grow(SITE, None, STEPS, [1, 1]) == grow(SITE, None, STEPS, [1, 1])


def test_a_changed_step_changes_itself_and_what_comes_after() -> None:
    first, late, early = (grow(SITE, None, STEPS, versions) for versions in ([1, 1], [1, 2], [2, 1]))
    assert late.layers[AMD64][0] == first.layers[AMD64][0]
    assert late.layers[AMD64][1] != first.layers[AMD64][1]
    assert not set(early.layers[AMD64]) & set(first.layers[AMD64])


def test_a_rebuilt_base_changes_everything_above() -> None:
    bases = [grow(Site(1, "base", (AMD64, ARM64)), None, STEPS[:1], [version]) for version in (1, 2)]
    tops = [grow(SITE, base, STEPS, [1, 1]) for base in bases]
    for base, top in zip(bases, tops, strict=True):
        assert top.layers[ARM64][:1] == base.layers[ARM64]
    assert not set(tops[0].layers[ARM64]) & set(tops[1].layers[ARM64])


@pytest.mark.parametrize("sort", sorted(stacks.SIZES))
def test_layer_sizes_stay_within_their_sort(sort: str) -> None:
    sizes = stacks.SIZES[sort]
    drawn = [
        grow(Site(seed, f"team/{seed}", (AMD64,)), None, (Step("step", sort),), [1]).layers[AMD64][0].size
        for seed in range(200)
    ]
    assert sizes.low <= min(drawn) < max(drawn) <= sizes.high
    assert len(set(drawn)) > 100


@pytest.mark.parametrize(
    ("packing", "members", "media_type"),
    [
        (Packing(), 2, "application/vnd.docker.distribution.manifest.list.v2+json"),
        (Packing(OCI), 2, "application/vnd.oci.image.index.v1+json"),
        (Packing(OCI, attested=True), 4, "application/vnd.oci.image.index.v1+json"),
    ],
)
def test_a_push_is_an_index_with_its_members(packing: Packing, members: int, media_type: str) -> None:
    push = pack(Job(SITE, packing, 1, AT), grow(SITE, None, STEPS, [1, 1]))
    assert push.top.media_type == media_type
    assert len(push.members) == members
    listed = [entry["digest"] for entry in json.loads(push.top.body)["manifests"]]
    assert listed == [member.digest for member in push.members]
    assert push.digests == (push.top.digest, *reversed(listed))
    assert push.pulled == (push.top.digest, listed[0])


def test_one_platform_without_attestation_is_no_index() -> None:
    site = SITE._replace(platforms=(AMD64,))
    push = pack(Job(site, Packing(OCI, labelled=True), 3, AT), grow(site, None, STEPS, [1, 1]))
    assert push.members == ()
    assert push.pulled == push.digests == (push.top.digest,)
    assert json.loads(push.top.body)["annotations"]["org.opencontainers.image.created"] == "2026-01-12T10:30:00Z"


def test_every_build_has_a_config_of_its_own() -> None:
    stack = grow(SITE, None, STEPS, [1, 1])
    configs = {
        json.loads(member.body)["config"]["digest"]
        for number in (1, 2)
        for member in pack(Job(SITE, Packing(), number, AT), stack).members
    }
    assert len(configs) == 4


def test_releases_are_numbered_upwards() -> None:
    release = Release(Dice("test"))
    versions = [tuple(map(int, release.advance().split("."))) for _ in range(200)]
    assert versions[0] == (1, 0, 0)
    assert versions == sorted(set(versions))
    assert versions[-1][0] > 1
    major, minor, _ = versions[-1]
    assert release.moving_tags == (f"{major}.{minor}", str(major), "latest")


@pytest.mark.parametrize(
    ("habit", "expected"),
    [
        (Habit.MOVING, ("main",)),
        (Habit.COMMIT, ("main", "sha-abcdef0")),
        (Habit.NUMBERED, ("build-5", "latest")),
        (Habit.FIXED, ("1.0.5-abcdef0",)),
        (Habit.DATED, ("12", "latest", "12-20260112")),
    ],
)
def test_builds_are_tagged_by_habit(habit: Habit, expected: tuple[str, ...]) -> None:
    assert Tagger(habit, Dice("test"), ("12", "latest")).tags(5, "abcdef0123", AT) == expected


def test_people_tag_by_hand_now_latest_now_something_new() -> None:
    tagger = Tagger(Habit.ADHOC, Dice("test"))
    named = Counter(tag for number in range(100) for tag in tagger.tags(number, "abcdef0", AT))
    assert 20 < named.pop("latest") < 50
    assert set(named.values()) == {1}


def test_dice_of_the_same_name_fall_alike_and_of_another_name_differently() -> None:
    first, again, other = (
        [dice.between(0, 1) for _ in range(20)] for dice in (Dice(7, "a"), Dice(7, "a"), Dice(7, "b"))
    )
    assert first == again
    assert not set(first) & set(other)


def test_dice_fall_as_they_should() -> None:
    dice = Dice("test")
    assert {dice.whole(2, 4) for _ in range(200)} == {2, 3, 4}
    assert {dice.pick("xyz") for _ in range(200)} == {"x", "y", "z"}
    assert {dice.about(2.5) for _ in range(200)} == {2, 3}
    assert {dice.about(3.0) for _ in range(50)} == {3}
    assert 150 < sum(dice.chance(0.2) for _ in range(1000)) < 250
    logs = sorted(math.log(dice.lognormal(50e6, 0.9)) for _ in range(2000))
    assert logs[1000] == pytest.approx(math.log(50e6), abs=0.1)
    assert logs[1683] - logs[317] == pytest.approx(2 * 0.9, abs=0.15), "one sigma to either side"


def test_dice_give_these_numbers_on_every_python() -> None:
    dice = Dice(7, "a")
    assert [dice.whole(0, 10**9) for _ in range(3)] == [222951422, 579589851, 37451935]


def test_shares_of_digests_are_even() -> None:
    shares = [share_of(content_digest("blob", number)) for number in range(2000)]
    assert all(0 <= share < 1 for share in shares)
    assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.03)


def test_periods_end_at_two_in_the_night() -> None:
    first, second = (Period.before(number, date(2026, 1, 12)) for number in (1, 2))
    assert first.is_history
    assert not second.is_history
    assert first.at == datetime(2026, 1, 12, 2, tzinfo=UTC)
    assert (second.day, second.activity) == (date(2026, 1, 12), 1.0)
    assert first.day.strftime("%A") == "Sunday"
    assert first.activity < 0.5


def test_history_is_sorted_within_its_span_and_mostly_on_working_days() -> None:
    last = date(2026, 1, 11)
    times = history(Dice("test"), 500, 200, last)
    assert len(times) == 500
    assert times == sorted(times)
    assert moment(last, 0) >= times[-1] or times[-1].date() == last
    assert 198 <= (last - times[0].date()).days <= 202
    assert sum(time.weekday() >= 5 for time in times) < 500 * 0.1
    assert all(8 <= time.hour < 19 for time in times)
