"""Credentials where many can read them: said with their place, never with their value."""

import hashlib

import pytest

from migrate.inventory import Inventory, Resource
from migrate.kinds import every_kind
from migrate.names import Ref
from migrate.people.leaks import Leak, leaks
from migrate.people.users import users_of
from tests.people.company import HERE, LEGACY, Company, key

SECRET = {"$sealed": "a" * 32, "length": 40}


def found(company: Company, *more: Resource) -> tuple[Leak, ...]:
    inventory = company.inventory
    users = users_of(inventory, every_kind())
    return leaks(Inventory(LEGACY, (HERE,), inventory.kinds, (*inventory.resources, *more)), users)


def thing(kind: str, name: str, **facts: object) -> Resource:
    return Resource(Ref(LEGACY, HERE, kind, name), "", {}, None, None, dict(facts))


def test_a_stack_that_prints_a_key_is_found_with_the_key_s_user() -> None:
    company = Company()
    company.user("vercel", access_keys=[key("QXYC")])
    company.stack("users", {}, outputs={"VercelKeyId": "…QXYC", "VercelSecret": SECRET, "Url": "https://shop.example"})

    first, second = found(company)

    assert (first.where, first.key_of) == ("outputs.VercelKeyId", "key …QXYC of vercel")
    assert (second.where, second.key_of) == ("outputs.VercelSecret", "")
    assert "everybody who may describe the stack can read" in str(second)
    assert SECRET["$sealed"] not in str(second)


def test_a_key_in_an_environment_is_known_by_its_seal() -> None:
    company = Company()
    company.user("robot", access_keys=[key("KEYA")])
    function = thing("lambda.function", "f", environment={"AWS_ACCESS_KEY_ID": key("KEYA")["id"], "STAGE": "prod"})
    task = thing("ecs.task_definition", "t", containers=[{"environment": [{"name": "DB_PASSWORD", "value": SECRET}]}])

    said = {(one.ref.name, one.where): one.key_of for one in found(company, function, task)}

    assert said == {
        ("f", "environment.AWS_ACCESS_KEY_ID"): "key …KEYA of robot",
        ("t", "containers[0].environment.DB_PASSWORD"): "",
    }


@pytest.mark.parametrize(
    ("resource", "is_leak"),
    [
        (thing("ssm.parameter", "p", type="String", value=SECRET), True),
        (thing("ssm.parameter", "p", type="SecureString", value=None), False),
        (thing("cloudformation.stack", "s", parameters={"Password": {"$sealed": "b" * 32, "length": 4}}), False),
        (thing("cloudformation.stack", "s", parameters={"Password": {"$sealed": "b" * 32, "length": 12}}), True),
        (thing("ec2.instance", "i", user_data=SECRET), True),
        (thing("sqs.queue", "q", attributes={"DelaySeconds": "…ABCD"}), False),
    ],
)
def test_what_is_where_it_belongs_is_no_leak(resource: Resource, is_leak: bool) -> None:
    assert bool(found(Company(), resource)) == is_leak


def test_a_key_in_a_tag_is_found_and_not_said() -> None:
    text = "AKIA" + hashlib.sha256(b"a tag").hexdigest()[:16].upper()
    resource = Resource(Ref(LEGACY, HERE, "sqs.queue", "q"), "", {"deploy-key": text}, None, None, {})

    (leak,) = found(Company(), resource)

    assert leak.where == "tag deploy-key"
    assert text not in str(leak) + str(leak.as_json())
