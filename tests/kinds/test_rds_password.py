"""A master password is made anew without ever being the only thing that knows it, whenever the process ends."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as some
from moto import mock_aws

from migrate.aws import CallFailed
from migrate.demo.strict.secretsmanager import labels
from migrate.errors import AccessError, Conflict, StepFailed
from migrate.kind import CarryAction
from migrate.kinds import _new_password as new_password
from migrate.kinds import rds_instance, secretsmanager_secret
from tests.carry.fake_carrier import LEGACY, REGION, FakeCarrier, place, session, stopped_after
from tests.kinds.plain_site import PlainSite

INSTANCE, SECRET = rds_instance.KINDS[0], secretsmanager_secret.KINDS[0]
OLD = "old/pa:ss w0rd"
VALUE = json.dumps({"username": "shop", "password": OLD, "host": "h", "url": "postgres://shop:old%2Fpa%3Ass%20w0rd@h"})


@dataclasses.dataclass
class Server:
    """What a server knows of its master user, and what it does while nobody looks."""

    password: str = OLD
    asked: int = 0
    late: int = 0
    coming: str = ""
    reachable: bool = True

    def login(self, host: str, port: int, database: str, *, login: tuple[str, str]) -> Any:
        self.asked += 1
        if self.coming and self.asked >= self.late:
            self.password, self.coming = self.coming, ""

        class Link:
            def close(self) -> None: ...

        return Link() if self.reachable and login == ("shop", self.password) else None


@dataclasses.dataclass
class Carrier(FakeCarrier):
    server: Server = dataclasses.field(default_factory=Server)

    def write(self, operation: str, **params: Any) -> dict[str, Any]:  # type: ignore[override]
        answer = super().write(operation, **params)
        if operation == "rds.ModifyDBInstance":
            # Applied later, as RDS does.
            self.server.coming, self.server.late = params["MasterUserPassword"], self.server.asked + 2
        return answer


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, boto3.Session]]:
    labels()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        both = {"legacy": session(LEGACY), "target": session(place("shop").account)}
        for one in both.values():
            one.client("rds").create_db_instance(
                DBInstanceIdentifier="shop", DBName="shop", Engine="postgres", DBInstanceClass="db.t4g.micro",
                AllocatedStorage=20, MasterUsername="shop", MasterUserPassword="password-1",
            )  # fmt: skip
            one.client("secretsmanager").create_secret(Name="shop/db", SecretString=VALUE)
        yield both


def made(aws: dict[str, boto3.Session], action: str, server: Server | None = None) -> tuple[Any, Any, Carrier]:
    site = PlainSite(aws["legacy"], LEGACY, REGION, INSTANCE.reads)
    it = dataclasses.replace(INSTANCE.typed(next(iter(INSTANCE.scan(site, only="shop")))), rotates="shop/db")
    does = INSTANCE.action(action)
    assert isinstance(does, CarryAction)
    carrier = Carrier(INSTANCE, does, place("shop"), aws, server=server or Server())
    carrier.connections = {"target": carrier.server.login}
    carrier.planned = does.summary(it, carrier.place)
    return does, it, carrier


def standing(aws: dict[str, boto3.Session]) -> dict[str, str]:
    value = aws["target"].client("secretsmanager").get_secret_value(SecretId="shop/db")["SecretString"]
    known: dict[str, str] = json.loads(value)
    return known


def test_the_servers_password_is_the_secrets_and_legacys_is_refused(aws: dict[str, boto3.Session]) -> None:
    action, it, to = made(aws, "rotate_password")

    action.carry(it, to)

    new = standing(aws)
    assert new["password"] == to.server.password != OLD
    assert len(new["password"]) == 40
    assert new["password"].isalnum()
    assert new["url"] == f"postgres://shop:{new['password']}@h"
    assert action.prove(it, to).evidence["legacy's password"] == "refused"
    assert aws["legacy"].client("secretsmanager").get_secret_value(SecretId="shop/db")["SecretString"] == VALUE


@pytest.mark.parametrize("writes", range(4))
@pytest.mark.parametrize("looks", range(1, 6))
def test_killed_anywhere_the_next_run_ends_with_one_password(
    aws: dict[str, boto3.Session], writes: int, looks: int
) -> None:
    server = Server()
    action, it, to = made(aws, "rotate_password", server)
    whole = server.login

    def killed(*of: Any, **more: Any) -> Any:
        if server.asked >= looks:
            raise ConnectionError
        return whole(*of, **more)

    to.connections = {"target": killed}
    try:
        with stopped_after(to, writes):
            action.carry(it, to)
    except ConnectionError:
        assert server.password in (OLD, *kept(aws))
    to.connections = {"target": whole}
    action.carry(it, to)
    action.carry(it, to)

    assert action.prove(it, to).state == "equal"
    assert standing(aws)["password"] == server.password
    assert len(kept(aws)) == 2, "legacy's and one new one"


def kept(aws: dict[str, boto3.Session]) -> set[str]:
    """Every password that the target's secret still knows."""
    manager = aws["target"].client("secretsmanager")
    versions = manager.describe_secret(SecretId="shop/db")["VersionIdsToStages"]
    return {
        json.loads(manager.get_secret_value(SecretId="shop/db", VersionId=one)["SecretString"])["password"]
        for one in versions
    }


def test_the_secrets_own_proof_takes_the_new_password_and_nothing_else(aws: dict[str, boto3.Session]) -> None:
    action, it, to = made(aws, "rotate_password")
    action.carry(it, to)
    copy = SECRET.action("copy_value")
    assert isinstance(copy, CarryAction)
    site = PlainSite(aws["legacy"], LEGACY, REGION, SECRET.reads)
    secret = SECRET.typed(next(iter(SECRET.scan(site, only="shop/db"))))
    carried = FakeCarrier(SECRET, copy, place("shop/db"), aws)

    assert copy.prove(secret, carried).state == "equal"
    assert copy.loses(secret, carried) == ()
    assert copy.carry(secret, carried) == {"values": 1}, "the next plan's run leaves it"
    assert secret.facts.own_labels == []
    manager = aws["target"].client("secretsmanager")
    version = manager.describe_secret(SecretId="shop/db")["VersionIdsToStages"]
    label = next(one for one, stages in version.items() if new_password.LABEL in stages)
    assert label
    manager.put_secret_value(
        SecretId="shop/db", SecretString=json.dumps(standing(aws) | {"host": "elsewhere"}),
        VersionStages=[new_password.LABEL, "AWSCURRENT"],
    )  # fmt: skip
    assert copy.prove(secret, carried).state == "different"
    assert copy.loses(secret, carried)


def test_a_password_that_the_server_never_takes_is_said_and_the_secret_keeps_the_old_one(
    aws: dict[str, boto3.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    action, it, to = made(aws, "rotate_password")
    monkeypatch.setattr("migrate.kinds.rds_instance.password.RESET_S", 10.0)
    monkeypatch.setattr(Carrier, "write", FakeCarrier.write)

    with pytest.raises(StepFailed, match="does not take the new master password"):
        action.carry(it, to)

    assert standing(aws)["password"] == OLD
    assert action.prove(it, to).state == "different"


def test_a_database_that_is_busy_with_its_first_backup_gets_its_password_after_that(
    aws: dict[str, boto3.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    action, it, to = made(aws, "rotate_password")
    whole, refused = Carrier.write, []

    def write(self: Carrier, operation: str, **params: Any) -> Any:
        if operation == "rds.ModifyDBInstance" and len(refused) < 3:
            refused.append(operation)
            raise CallFailed(operation, code="InvalidDBInstanceState", said="not available")
        return whole(self, operation, **params)

    monkeypatch.setattr(Carrier, "write", write)

    action.carry(it, to)

    assert len(refused) == 3
    assert standing(aws)["password"] == to.server.password != OLD


def test_a_server_out_of_reach_gets_nothing_and_neither_does_the_secret(aws: dict[str, boto3.Session]) -> None:
    action, it, to = made(aws, "rotate_password", Server(reachable=False))

    with pytest.raises(AccessError, match="no connection"):
        action.carry(it, to)

    assert to.writes == []


def test_a_secret_that_somebody_changed_is_not_written_over(aws: dict[str, boto3.Session]) -> None:
    action, it, to = made(aws, "rotate_password")
    aws["target"].client("secretsmanager").put_secret_value(
        SecretId="shop/db", SecretString=json.dumps({"username": "shop", "password": "theirs"})
    )

    with pytest.raises(Conflict, match="does not hold legacy's login"):
        action.carry(it, to)

    assert to.writes == []


@pytest.mark.parametrize(
    ("service", "made_by", "named"),
    [
        ("secretsmanager", {"Name": "x", "SecretString": f'{{"deep": ["{OLD}"]}}'}, "secrets: x"),
        ("ssm", {"Name": "/x", "Value": OLD, "Type": "SecureString"}, "parameters: /x"),
        ("ssm", {"Name": "/u", "Value": "pg://a:old%2Fpa%3Ass%20w0rd@h", "Type": "String"}, "parameters: /u"),
        ("ssm", {"Name": "/d", "Value": f"host=h PASSWORD={OLD}", "Type": "String"}, "parameters: /d"),
        ("ssm", {"Name": "/n", "Value": f"{OLD}\n", "Type": "String"}, "parameters: /n"),
        ("ssm", {"Name": "/y", "Value": f"db:\n  pass: '{OLD}'\n", "Type": "String"}, "parameters: /y"),
        ("secretsmanager", {"Name": "bytes", "SecretBinary": f"DB_PASS={OLD}".encode()}, "secrets: bytes"),
    ],
)
def test_what_else_holds_the_password_is_named_and_the_password_is_not(
    aws: dict[str, boto3.Session], service: str, made_by: dict[str, Any], named: str
) -> None:
    action, it, to = made(aws, "check_password")
    assert action.carry(it, to)["secrets"] == 1
    client = aws["legacy"].client(service)
    (client.create_secret if service == "secretsmanager" else client.put_parameter)(**made_by)

    with pytest.raises(StepFailed) as stopped:
        action.carry(it, to)

    assert named in stopped.value.what
    assert OLD not in str(stopped.value)


def test_a_function_whose_environment_is_not_shown_is_not_taken_for_one_without_the_password(
    aws: dict[str, boto3.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    action, it, to = made(aws, "check_password")
    whole = type(to.legacy).pages
    asked = []

    def pages(self: Any, operation: str, key: str, **params: Any) -> Any:
        if operation != "lambda.ListFunctions":
            return whole(self, operation, key, **params)
        asked.append(params)
        return [
            {"FunctionName": "f", "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no"}}}
        ]

    monkeypatch.setattr(type(to.legacy), "pages", pages)

    with pytest.raises(StepFailed, match="the environment of f: no"):
        action.carry(it, to)

    assert asked == [{"FunctionVersion": "ALL"}], "aliases go to published versions"


@pytest.mark.parametrize(
    "old", [OLD, "p@%s'w&rd-1", "ünïcode 🙂 x1", "aaaaaaaa", 'quo"te\\back/1', "12345678", "x" * 128]
)
def test_urls_and_connection_strings_of_the_login_get_the_new_password_and_other_fields_are_named(old: str) -> None:
    coded = quote(old, safe="")
    login = {
        "username": "u", "password": old, "engine": "postgres", "url": f"postgres://u:{coded}@h/d",
        "jdbc": f"jdbc:postgresql://h/d?user=u&password={coded}&ssl=true",
        "deep": {"dsn": [f"host=h password={coded}"]},
    }  # fmt: skip
    text = json.dumps(login, ensure_ascii=False)

    once = json.loads(new_password.renewed(text, "NEW"))

    assert new_password.left_of(text) == []
    assert once == login | {
        "password": "NEW", "url": "postgres://u:NEW@h/d", "deep": {"dsn": ["host=h password=NEW"]},
        "jdbc": "jdbc:postgresql://h/d?user=u&password=NEW&ssl=true",
    }  # fmt: skip
    assert new_password.left_of(json.dumps(login | {"PGPASS": old})) == ["PGPASS"]
    assert new_password.left_of(json.dumps(login | {"more": {"again": [old]}})) == ["more"]


def test_a_password_that_is_a_common_word_is_not_found_in_every_text() -> None:
    login = json.dumps({"username": "postgres", "password": "postgres", "engine": "postgres", "dbname": "postgres"})

    assert new_password.left_of(login) == []
    assert not new_password.holds("postgres://u:other@h/postgres", "postgres")
    assert new_password.holds("postgres://u:postgres@h/x", "postgres")


def test_another_field_of_the_login_that_holds_the_password_stops_before_anything_is_frozen(
    aws: dict[str, boto3.Session],
) -> None:
    aws["legacy"].client("secretsmanager").put_secret_value(
        SecretId="shop/db", SecretString=json.dumps(json.loads(VALUE) | {"PGPASSWORD": OLD})
    )
    action, it, to = made(aws, "check_password")

    with pytest.raises(StepFailed, match="secrets: shop/db, its field PGPASSWORD") as stopped:
        action.carry(it, to)

    assert OLD not in str(stopped.value)


def test_a_secret_of_another_user_is_not_the_master_users(aws: dict[str, boto3.Session]) -> None:
    aws["legacy"].client("secretsmanager").put_secret_value(
        SecretId="shop/db", SecretString=json.dumps({"username": "app", "password": OLD})
    )
    action, it, to = made(aws, "check_password")

    with pytest.raises(StepFailed, match="is app's, and the master user of shop is shop"):
        action.carry(it, to)


@given(some.text(min_size=1), some.text(alphabet="abcXYZ019", min_size=8), some.dictionaries(some.text(), some.text()))
def test_a_login_renewed_twice_differs_in_its_password_only(old: str, new: str, more: dict[str, str]) -> None:
    text = json.dumps({**more, "username": "u", "password": old})

    once = new_password.renewed(text, new)

    assert new_password.login_of(once) == ("u", new)
    assert new_password.renewed(text, old) == text
    kept = {name: value for name, value in more.items() if f":{old}@" not in value and name != "password"}
    assert {name: value for name, value in json.loads(once).items() if name in kept} == kept | {
        name: json.loads(once)[name] for name in kept if name == "username"
    }
    assert new_password.holds(once, new)
