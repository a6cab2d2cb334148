"""config.yaml: what is right is read, what is wrong is refused with file, line, key, found and expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from indexer.config import Config, load
from indexer.errors import ConfigError, UsageError

ROOT = Path(__file__).parent.parent
LEAST = "store: ./store\nregistries:\n  - regions: [eu-west-1]\n"
BOMB = "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}' if n else 'x'] * 9)}]\n" for n in range(12))
"""A dozen lines that stand for 9 to the 12th values."""


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text))
    assert isinstance(caught.value, UsageError)
    assert caught.value.exit_code == 2
    return str(caught.value)


def registry(*lines: str) -> str:
    return LEAST + "".join(f"    {line}\n" for line in lines)


def test_only_store_and_regions_are_required(tmp_path: Path) -> None:
    config = load(written(tmp_path, LEAST))
    assert config.store == str(tmp_path / "store")
    assert config.registries[0].regions == ("eu-west-1",)
    assert config.registries[0].registry_id is None
    assert config.registries[0].include == ("*",)
    assert config.images.tag_status == "any"
    assert config.images.image_status == "any"
    assert (config.fetch.connections, config.fetch.chunk_size, config.fetch.max_attempts) == (32, 100, 8)
    assert config.fetch.requests_per_second <= 200, "nine tenths of ECR's quota of 2,000 stay with production"


def test_everything_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    config = load(
        written(
            tmp_path,
            """
store: s3://bucket/prefix
registries:
  - regions: [eu-west-1, us-east-1]
    registry_id: "123456789012"
    profile: prod-readonly
    endpoint_url: http://127.0.0.1:5000
    include: ["team-*/*", base]
    exclude: ["*/sandbox"]
  - regions: [eu-central-1]
    role_arn: arn:aws:iam::210987654321:role/indexer
    external_id: secret
images: {tag_status: tagged, image_status: active}
fetch: {connections: 4, requests_per_second: 0.5, chunk_size: 10, max_attempts: 2, processes: 3}
queries: ./mine
""",
        )
    )
    assert config.store == "s3://bucket/prefix"
    assert config.queries == str(tmp_path / "mine")
    first, second = config.registries
    assert first.regions == ("eu-west-1", "us-east-1")
    assert first.profile == "prod-readonly"
    assert second.role_arn == "arn:aws:iam::210987654321:role/indexer"
    assert config.fetch.requests_per_second == 0.5
    assert config.fetch.processes == 3
    assert [name for name in ("team-a/x", "base", "base/x", "team-a/sandbox", "Base") if first.wants(name)] == [
        "team-a/x",
        "base",
    ]


def test_the_config_of_the_checkout_is_a_working_example() -> None:
    config = load(ROOT / "config.yaml")
    defaults = Config.model_validate({"store": config.store, "registries": ({"regions": ("eu-west-1",)},)})
    assert config == defaults, "every value the example shows as a default is the default"


def test_the_commented_lines_of_the_example_work_too(tmp_path: Path) -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        bare = line.lstrip()
        if bare.startswith("# ") and (":" in bare and (bare[2:].split(":")[0].strip("- ").isidentifier())):
            lines.append(line.replace("# ", "", 1))
        else:
            lines.append(line)
    config = load(written(tmp_path, "\n".join(lines)))
    assert len(config.registries) == 2
    assert config.registries[0].registry_id == "123456789012"
    assert config.registries[0].external_id is not None
    assert config.registries[1].regions == ("us-east-1", "eu-central-1")


def test_it_is_frozen(tmp_path: Path) -> None:
    config = load(written(tmp_path, LEAST))
    with pytest.raises(ValidationError):
        config.store = "elsewhere"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registries:\n  - regions: [eu-west-1]\n", "config.yaml:1: store: this key is required and absent"),
        ("store: ./s\n", "config.yaml:1: registries: this key is required and absent"),
        ("store: ./s\nregistries: []\n", "config.yaml:2: registries: found [], expected a list with at least one"),
        ("store: ./s\nregistries:\n", "config.yaml:2: registries: found nothing, expected a list"),
        ("store: 5\n" + LEAST.partition("\n")[2], "config.yaml:1: store: found 5, expected text"),
        (LEAST + "x: !!python/object/apply:os.system ['true']\n", "a value with a tag (!...), which is not taken"),
        (LEAST + "x: &x [*x]\n", "config.yaml: values are nested too deeply, or in themselves; write them out"),
        (LEAST + "x: " + "[" * 5_000, "config.yaml: values are nested too deeply"),
        (LEAST + BOMB, "config.yaml: there are more than 10,000 values in it"),
        (registry("endpoint_url: http://user:pass@10.0.0.1/"), "without a user, a password or a query in it"),
        (registry("endpoint_url: http://10.0.0.1/?a=b"), "found 'http://10.0.0.1/?***"),
        (LEAST + "stoer: x\n", "config.yaml:4: stoer: unknown key; did you mean store?"),
        (LEAST + "zzz: x\n", "config.yaml:4: zzz: unknown key; the keys here are store, registries, images, fetch"),
        (registry("region: x"), "config.yaml:4: registries[0].region: unknown key; did you mean regions?"),
        (
            registry("registry_id: 123456789012"),
            "registries[0].registry_id: found 123456789012, expected an AWS account",
        ),
        (registry('registry_id: "12"'), "registries[0].registry_id: found '12', expected an AWS account id: 12 digits"),
        (LEAST.replace("eu-west-1", "Ireland"), "registries[0].regions[0]: found 'Ireland', expected a region name"),
        (LEAST.replace("[eu-west-1]", "eu-west-1"), "registries[0].regions: found 'eu-west-1', expected a list"),
        (LEAST.replace("[eu-west-1]", "[]"), "registries[0].regions: found [], expected a list with at least one"),
        (registry("role_arn: indexer"), "registries[0].role_arn: found 'indexer', expected a role's ARN such as"),
        (registry("external_id: x"), "registries[0]: external_id is of use only together with role_arn"),
        (
            registry("endpoint_url: localhost:5000"),
            "registries[0].endpoint_url: found 'localhost:5000', expected an addr",
        ),
        (registry("include: []"), "registries[0].include: found [], expected a list with at least one element"),
        (registry("include: '*'"), "registries[0].include: found '*', expected a list, such as ['*']"),
        (LEAST + "images: {tag_status: all}\n", "images.tag_status: found 'all', expected one of 'any', 'tagged' or"),
        (LEAST + "images: tagged\n", "images: found 'tagged', expected a group of keys"),
        (LEAST + "fetch: {chunk_size: 101}\n", "fetch.chunk_size: found 101, expected at most 100"),
        (LEAST + "fetch: {chunk_size: '9'}\n", "fetch.chunk_size: found '9', expected a whole number"),
        (LEAST + "fetch: {connections: 0}\n", "fetch.connections: found 0, expected at least 1"),
        (LEAST + "fetch: {connections: true}\n", "fetch.connections: found true, expected a whole number"),
        (LEAST + "fetch: {requests_per_second: 0}\n", "fetch.requests_per_second: found 0, expected more than 0"),
        (
            LEAST + "fetch: {requests_per_second: 9999}\n",
            "fetch.requests_per_second: found 9999, expected at most 2000",
        ),
        (LEAST + "fetch: {requests_per_second: '5'}\n", "fetch.requests_per_second: found '5', expected a number"),
        (LEAST + "fetch: {processes: many}\n", "fetch.processes: found 'many', expected a whole number from 1 to 256"),
        (LEAST + "fetch: {conections: 1}\n", "fetch.conections: unknown key; did you mean connections?"),
        (
            registry("requests_per_second: 5"),
            "config.yaml:4: registries[0].requests_per_second: unknown key; it belongs under fetch",
        ),
        (LEAST + "fetch: {endpoint_url: x}\n", "unknown key; it belongs in an entry of registries"),
        (LEAST + "images: {store: x}\n", "unknown key; it belongs at the beginning of a line, beside store and"),
        (LEAST + "tag_status: any\n", "config.yaml:4: tag_status: unknown key; it belongs under images"),
        (LEAST + "registry_ids: x\n", "did you mean registry_id, which belongs in an entry of registries?"),
        (LEAST + "conections: 5\n", "unknown key; did you mean connections, which belongs under fetch?"),
        (LEAST + "queries: 7\n", "queries: found 7, expected text"),
        ("- store\n", "expected the keys store and registries, found ['store']"),
        ("", "expected the keys store and registries, found nothing"),
        ("store: [\n", "this is not YAML: line 2: the file ends where a value should come"),
        ("store: x\nregistries:\n\t- a\n", "line 3: a tab; indent with spaces"),
        ("store: a: b\n", "line 1: ': ' cannot stand here; indent as above, or put the value in quotes"),
        ("store: @x\n", "line 1: '@' cannot begin a value; put the value in quotes"),
        ('store: "x\nregistries: 1\n', "a quote is opened and not closed"),
        ("{store: x\n", "a '}' or a comma is missing"),
        ("store: *x\n", "*x means a value of before; put it in quotes if it is text"),
        ("store: x\nregistries\n  - a\n", "a ':' is missing after the key"),
        ("store: a\nstore: b\n", "this is not YAML: line 2: the key 'store' stands twice"),
        ("store: !!python/object/apply:os.system [ls]\n", "this is not YAML: line 1:"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in refusal(tmp_path, text)


def test_a_limit_is_told_as_one_would_write_it(tmp_path: Path) -> None:
    said = refusal(tmp_path, LEAST + "fetch: {requests_per_second: -1}\n")
    assert said.endswith("fetch.requests_per_second: found -1, expected more than 0")


def test_all_mistakes_are_told_at_once_and_each_once(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        "stores: x\nregistries:\n  - region: x\n    regions: eu-west-1\nfetch: {processes: lots, chunk_size: 0}\n",
    )
    lines = message.splitlines()
    assert len(lines) == 6
    assert len({line.split(": ")[1] for line in lines}) == 6


def test_a_missing_file_and_a_folder_are_no_tracebacks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; name another with --config"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="this is a folder"):
        load(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"store: \xe9\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "latin.yaml")
