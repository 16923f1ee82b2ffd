"""migration.yaml: every error names file, line and field."""

from pathlib import Path

import pytest

from migrate.aws import regions
from migrate.config import load
from migrate.errors import ConfigError
from migrate.names import AccountId, Ref, Region
from migrate.sections import Legacy

GOOD = """\
# decisions of people
schema: migrate.config/1
migration: shop
legacy:
  account: "111111111111"
  regions: [eu-west-1]
targets:
  production: {account: "222222222222", role: Admin}
  development: {account: "333333333333", role: "arn:aws:iam::333333333333:role/x/Admin"}
environments:
  prod: production
placement:
  - {to: production, name: "*-prod"}
  - to: [production, development]
    kind: ecr.repository
move:
  - {runbook: move-workload, accounts: [production]}
waivers:
  - {gap: "apigateway:*", because: moves by hand}
"""


def said(folder: Path, old: str, new: str) -> str:
    assert old in GOOD
    (folder / "migration.yaml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(folder)
    return str(error.value)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "migration.yaml").write_text(GOOD, encoding="utf-8")
    config = load(tmp_path)
    assert config.account("production") == "222222222222"
    assert config.alias("333333333333") == "development"
    assert config.alias("111111111111") == "legacy"
    assert config.placement[1].accounts == ("production", "development")
    assert config.roles() == {
        "222222222222": "arn:aws:iam::222222222222:role/Admin",
        "333333333333": "arn:aws:iam::333333333333:role/x/Admin",
    }
    waiver = config.waiver_for("apigateway:restapis/eu-west-1")
    assert waiver is not None
    assert waiver.because == "moves by hand"
    assert config.waiver_for("cognito-idp:userpool/eu-west-1") is None


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("migrate.config/1", "migrate.config/2", 2, "schema", "migrate.config/1"),
        ("migration: shop", "migration: Shop!", 3, "migration", "pattern"),
        ('account: "111111111111"', "account: 111111111111", 5, "legacy.account", "string"),
        ('account: "111111111111"', 'account: "1111"', 5, "legacy.account", "pattern"),
        ("regions: [eu-west-1]", "regions: []", 6, "legacy.regions", "at least 1"),
        ("  regions: [eu-west-1]\n", "", 4, "legacy.regions", "required"),
        ("regions: [eu-west-1]", 'regions: ["../x"]', 6, "legacy.regions.0", "'../x' cannot be the name of a region"),
        ("regions: [eu-west-1]", "regions: [eu-west-1, Eu-West-1]", 6, "legacy.regions.1", "'Eu-West-1' cannot be"),
        ("regions: [eu-west-1]", "regions: [eu-west-1a]", 6, "legacy.regions.0", "cannot be the name"),
        ("regions: [eu-west-1]", "regions: [eu-west-1, eu-west-1]", 6, "legacy.regions", "names a region twice"),
        ('"333333333333", role', '"222222222222", role', 7, "targets", "same account 222222222222"),
        ('"333333333333", role', '"111111111111", role', 9, "targets.development.account", "legacy account itself"),
        ("  production: {", "  Production: {", 7, "targets", "no alias"),
        ("  production: {", "  legacy: {", 7, "targets", "'legacy' is taken"),
        ("prod: production", "prod: produktion", 11, "environments.prod", "'produktion' is no alias"),
        ("{to: production, name", "{to: produktion, name", 13, "placement.0.to", "'produktion' is no alias"),
        ("{to: production, name", "{to: [], name", 13, "placement.0.to", "at least 1"),
        ("{to: production, name", "{name", 13, "placement.0.to", "required"),
        ("to: [production, development]", "to: [production, legacy]", 14, "placement.1.to", "stay and move"),
        ("to: [production, development]", "to: [production, production]", 14, "placement.1.to", "twice"),
        ("name: \"*-prod\"", "nmae: \"*-prod\"", 13, "placement.0.nmae", "not permitted"),
        ("accounts: [production]", "accounts: [nobody]", 17, "move.0.accounts", "'nobody' is no alias"),
        ("accounts: [production]", "accounts: []", 17, "move.0.accounts", "at least 1"),
        ("because: moves by hand", "because: later", 19, "waivers.0.because", "at least 8"),
        ("waivers:", "wavers:", 18, "wavers", "not permitted"),
        ("# decisions of people", "buckets: same", 1, "buckets", "must hold {name}"),
        ("# decisions of people", 'buckets: "{name}-{env}"', 1, "buckets", "must hold {name}"),
        ("# decisions of people", 'buckets: "{name.__class__}-{name}"', 1, "buckets", "must hold {name}"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str, words: str
) -> None:
    text = said(tmp_path, old, new)
    assert f"{tmp_path / 'migration.yaml'}, line {line}: {field}: " in text
    assert words in text


def test_a_file_that_is_no_yaml_names_the_line(tmp_path: Path) -> None:
    assert "line 6: expected" in said(tmp_path, "legacy:\n", "legacy: [\n")


def test_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    assert "line 9" in said(tmp_path, "  development: {", "  production: {")


@pytest.mark.parametrize("content", [b"", b"- a\n", b"just text", b"\xff\xfe\x00", b"!!python/object:os.system {}"])
def test_a_file_that_is_something_else_is_an_error_and_no_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "migration.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"migration\.yaml"):
        load(tmp_path)


_BOMB = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}' if n else 'a'] * 9)}]\n" for n in range(9))


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("more: " + "[" * 500 + "]" * 500, "more than 40 deep"),
        ("more: " + "[" * 45 + "]" * 45, "more than 40 deep"),
        ("move: &more [*more]", "move"),
        (_BOMB, "more than 1,000,000 values"),
        ("more: " + "9" * 5000, "holds a value that is none"),
        ('more: "\\ud800"', "more holds half a character"),
        ("? \n: 3", "a key is empty"),
        ("12: 3", "12: Extra inputs are not permitted"),
    ],
)
def test_what_no_person_writes_is_one_clear_error(tmp_path: Path, added: str, words: str) -> None:
    path = tmp_path / "migration.yaml"
    path.write_text(f"{GOOD}\n{added}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as error:
        load(tmp_path)

    assert str(error.value).startswith(str(path))
    assert words in str(error.value)


def test_a_file_that_is_not_there_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path)
    assert "migrate init" in str(error.value)


def test_a_rule_matches_only_when_all_its_conditions_do(tmp_path: Path) -> None:
    rule = 'kind: "s3.*", name: "data-*", tag: {team: ml}'
    (tmp_path / "migration.yaml").write_text(GOOD.replace('name: "*-prod"', rule), encoding="utf-8")
    first = load(tmp_path).placement[0]
    bucket = Ref(AccountId("111111111111"), Region("eu-west-1"), "s3.bucket", "data-1")
    assert first.matches(bucket, "arn:aws:s3:::data-1", {"team": "ml"})
    assert not first.matches(bucket, "arn:aws:s3:::data-1", {"team": "web"})
    assert not first.matches(bucket, "arn:aws:s3:::data-1", {})
    assert not first.matches(bucket._replace(kind="sqs.queue"), "arn:x", {"team": "ml"})
    assert not first.matches(bucket._replace(name="old-data-1"), "arn:x", {"team": "ml"})
    assert first.matches(bucket._replace(name="x"), "arn:x", {"team": "ml", "Name": "data-2"})


def test_every_region_that_botocore_knows_is_taken_and_one_that_it_does_not_know_as_well() -> None:
    known = [name for name in regions.known() if not name.endswith("-global")]
    assert {"eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1"} <= set(known)
    legacy = {"account": "111111111111", "regions": [*known, "eu-west-99"]}

    assert Legacy.model_validate(legacy).regions[-1] == "eu-west-99"
    assert regions.unknown(["eu-west-1", "eu-west-11", "zz-qqqqqqqqqqq-9"]) == {
        "eu-west-11": "eu-west-1", "zz-qqqqqqqqqqq-9": ""
    }  # fmt: skip
