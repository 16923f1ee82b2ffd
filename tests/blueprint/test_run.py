"""A copy of a few real kinds, planned and run by the engine over two emulated accounts: what is not copied, and how a
person's own values are seen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate import asking, blueprint
from migrate.blueprint.blank import PLACEHOLDER
from migrate.errors import GateClosed
from migrate.kinds import every_kind
from migrate.sections import Blueprint
from tests.kinds.in_process import InProcess
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides

SECRETS = ("prod-password-17", "prod-token-sealed", "prod-value-of-a-secret", "prod-secure-string")
KINDS = ("ecs.cluster", "ecs.service", "ecs.task_definition", "secretsmanager.secret", "sns.asked_subscription",
         "sns.topic", "ssm.parameter")  # fmt: skip
ACCOUNTS = {
    "production": {"account": "333333333333", "role": "Admin"}, "staging": {"account": TARGET, "role": "Admin"}
}  # fmt: skip


def build(world: TwoSides) -> None:
    """What signs in, and what people are told by."""
    ssm, ecs = world.client("legacy", "ssm"), world.client("legacy", "ecs")
    ssm.put_parameter(Name="/app/api-token", Type="String", Value=SECRETS[1], AllowedPattern="^prod-.*$")
    ssm.put_parameter(Name="/app/key", Type="SecureString", Value=SECRETS[3])
    ssm.put_parameter(Name="/app/topic", Type="String", Value=f"arn:aws:sns:{REGION}:{LEGACY}:news")
    world.client("legacy", "secretsmanager").create_secret(Name="app/db", SecretString=SECRETS[2])
    world.client("legacy", "secretsmanager").create_secret(Name="app/unused")
    sns = world.client("legacy", "sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="customers@example.com")
    ecs.create_cluster(clusterName="app")
    container = {
        "name": "web", "image": "public.ecr.aws/nginx:1", "memory": 128,
        "environment": [{"name": "DB_PASSWORD", "value": SECRETS[0]}, {"name": "MODE", "value": "live"}],
    }  # fmt: skip
    ecs.register_task_definition(family="web", containerDefinitions=[container])
    ecs.create_service(cluster="app", serviceName="web", taskDefinition="web", desiredCount=3)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as made:
        build(made)
        yield made


def copying(world: TwoSides, folder: Path, services: int = 0) -> InProcess:
    said = {"of": "production", "to": "staging", "services": services}
    kinds = blueprint.kinds({name: every_kind()[name] for name in KINDS}, Blueprint.model_validate(said))
    made = InProcess(world, folder / "m", kinds)
    made.plan(
        "copy-shape", targets=ACCOUNTS, blueprint=said, placement=[{"name": "*", "to": "production"}],
        move=[{"runbook": "copy-shape", "accounts": ["staging"]}],
    )  # fmt: skip
    assert made.body["refusals"] == []
    return made


def fill(world: TwoSides, *, token: str = "staging-token") -> None:
    world.client("target", "secretsmanager").put_secret_value(SecretId="app/db", SecretString="of staging")
    for name, sort, value in (("/app/api-token", "String", token), ("/app/key", "SecureString", "of staging")):
        world.client("target", "ssm").put_parameter(Name=name, Type=sort, Value=value, Overwrite=True)


def everything(world: TwoSides) -> str:
    """Every value of the copy that can be read, by plain boto3."""
    ssm, ecs = world.client("target", "ssm"), world.client("target", "ecs")
    names = [one["Name"] for one in ssm.describe_parameters()["Parameters"]]
    return json.dumps(
        [
            ssm.get_parameters(Names=names, WithDecryption=True)["Parameters"],
            [ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
             for arn in ecs.list_task_definitions()["taskDefinitionArns"]],
            world.client("target", "secretsmanager").list_secrets()["SecretList"],
        ],
        default=str,
    )  # fmt: skip


def test_nothing_that_looks_like_a_credential_arrives_and_a_text_stands_for_it(world: TwoSides, tmp_path: Path) -> None:
    made = copying(world, tmp_path)
    made.tried()

    there = everything(world)
    assert not [text for text in SECRETS if text in there]
    assert there.count(PLACEHOLDER) == 2
    assert f"arn:aws:sns:{REGION}:{TARGET}:news" in there
    assert '"live"' in there
    (said,) = (line for line in made.body["blueprint"]["different"] if line.startswith("what looks like"))
    assert "ecs.task_definition web:1" in said
    assert "DB_PASSWORD" in said
    assert not [text for text in SECRETS for path in made.folder.glob("*.json") if text in path.read_text()]


def test_the_run_waits_for_every_value_says_each_line_to_type(world: TwoSides, tmp_path: Path) -> None:
    made = copying(world, tmp_path)

    waiting = made.tried()

    assert {step.partition(f"{REGION}/")[2] for step in waiting} == {
        "secretsmanager.secret/app/db:fill", "ssm.parameter//app/api-token:fill", "ssm.parameter//app/key:fill"
    }  # fmt: skip
    assert all(isinstance(error, GateClosed) for error in waiting.values())
    engine = made.engine()
    texts = [text for those in asking.of_all(engine.ground).values() for text in those]
    made.journal.close()
    arn = world.client("target", "secretsmanager").describe_secret(SecretId="app/db")["ARN"]
    assert any(f"put-secret-value --secret-id {arn} --region {REGION} " in text for text in texts)
    assert any("put-parameter --overwrite --name /app/key " in text for text in texts)


def test_once_people_have_filled_them_the_run_ends_and_all_is_equal(world: TwoSides, tmp_path: Path) -> None:
    made = copying(world, tmp_path)
    made.tried()
    fill(world)

    assert made.tried() == {}
    assert {kind: proof.state for kind, proof in made.proofs().items()} == dict.fromkeys(
        set(KINDS) - {"sns.asked_subscription"}, "equal"
    )


def test_a_person_who_puts_the_originals_own_credential_in_is_found_out_by_verify(
    world: TwoSides, tmp_path: Path
) -> None:
    made = copying(world, tmp_path)
    made.tried()
    fill(world, token=SECRETS[1])
    made.tried()
    engine = made.engine()
    (token,) = (proof for ref, _, proof in engine.prove_all() if ref.name == "/app/api-token")
    made.journal.close()

    assert token.state == "different"
    assert any("(the original's own value)" in line for line in token.differences)


def test_services_stand_still_and_nobody_is_subscribed(world: TwoSides, tmp_path: Path) -> None:
    made = copying(world, tmp_path)
    made.tried()
    fill(world)
    made.tried()

    (service,) = world.client("target", "ecs").describe_services(cluster="app", services=["web"])["services"]
    assert service["desiredCount"] == 0
    assert world.client("target", "sns").list_subscriptions()["Subscriptions"] == []
    assert any("sns.asked_subscription" in line for line in made.body["blueprint"]["absent"])


def test_with_a_count_services_start_after_their_secrets_are_filled_and_not_before(
    world: TwoSides, tmp_path: Path
) -> None:
    made = copying(world, tmp_path, services=1)
    (start,) = (step for step in made.made.steps.values() if step.action == "start")
    assert sum(need.endswith(":fill") for need in start.needs) == 3

    made.tried()
    count = world.client("target", "ecs").describe_services
    assert count(cluster="app", services=["web"])["services"][0]["desiredCount"] == 0
    fill(world)
    made.tried()

    assert count(cluster="app", services=["web"])["services"][0]["desiredCount"] == 1


def test_a_rollback_leaves_nothing_and_was_never_near_legacy(world: TwoSides, tmp_path: Path) -> None:
    made = copying(world, tmp_path)
    made.tried()

    undone: Any = made.undo()

    assert undone.whole
    assert world.client("target", "secretsmanager").list_secrets()["SecretList"] == []
    assert world.client("target", "ssm").describe_parameters()["Parameters"] == []
    assert {request.account for step in made.made.steps.values() for request in step.requests} == {TARGET}
