"""A secret or parameter that changed after its proof: said first, brought by the next run, never silently."""

from typing import Any

import pytest

from migrate.errors import Conflict, StepFailed
from migrate.inventory import Resource
from tests.kinds.test_secrets import CANARY, PARAMETER, SECRET
from tests.kinds.test_secrets import parameter as parameter
from tests.kinds.test_secrets import secret as secret
from tests.kinds.test_secrets import world as world
from tests.kinds.two_sides import HandCarrier, TwoSides


def looking(world: TwoSides, kind: Any, resource: Resource) -> tuple[Any, HandCarrier]:
    """The look after the copy, with what the copy learnt."""
    world.move(kind, resource, "create")
    copy = kind.action("copy_value")
    first = HandCarrier(world, kind, copy, resource)
    copy.carry(kind.typed(resource), first)
    action = kind.action("look_again")
    to = HandCarrier(world, kind, action, resource)
    to.others["copy_value"] = first.outputs
    return action, to


def test_nothing_changed_nothing_written(world: TwoSides, secret: Resource) -> None:
    action, to = looking(world, SECRET, secret)

    assert action.carry(SECRET.typed(secret), to) == {"written since": 0}

    assert to.written == []
    assert action.prove(SECRET.typed(secret), to).state == "equal"


def test_a_secret_set_late_stops_the_first_look_and_arrives_with_the_second(world: TwoSides, secret: Resource) -> None:
    action, to = looking(world, SECRET, secret)
    legacy = world.client("legacy", "secretsmanager")
    legacy.put_secret_value(SecretId="shop/prod/db", SecretString=f"{CANARY} late")

    with pytest.raises(StepFailed, match="was written to after its copy was proved") as stopped:
        action.carry(SECRET.typed(secret), to)
    assert to.written == []
    assert CANARY not in str(stopped.value.what)
    action.carry(SECRET.typed(secret), to)

    assert action.prove(SECRET.typed(secret), to).state == "equal"
    target = world.client("target", "secretsmanager")
    assert target.get_secret_value(SecretId="shop/prod/db")["SecretString"] == f"{CANARY} late"
    # A rollback knows the late value as its own.
    copy = SECRET.action("copy_value")
    first = HandCarrier(world, SECRET, copy, secret)
    first.others["look_again"] = to.outputs
    legacy.put_secret_value(SecretId="shop/prod/db", SecretString="changed once more")
    assert copy.loses(SECRET.typed(secret), first) == ()
    # What comes after that is said again.
    with pytest.raises(StepFailed):
        action.carry(SECRET.typed(secret), to)


def test_the_proof_of_what_was_brought_looks_at_the_value(world: TwoSides, parameter: Resource) -> None:
    action, to = looking(world, PARAMETER, parameter)
    world.client("legacy", "ssm").put_parameter(
        Name="/shop/prod/signing", Value=f"{CANARY} late", Type="SecureString", Overwrite=True
    )
    with pytest.raises(StepFailed):
        action.carry(PARAMETER.typed(parameter), to)
    action.carry(PARAMETER.typed(parameter), to)
    assert action.prove(PARAMETER.typed(parameter), to).state == "equal"

    world.client("target", "ssm").put_parameter(
        Name="/shop/prod/signing", Value=f"{CANARY} another", Type="SecureString", Overwrite=True
    )

    assert action.prove(PARAMETER.typed(parameter), to).state == "different"


def test_a_value_that_somebody_else_put_into_the_target_is_not_written_over(world: TwoSides, secret: Resource) -> None:
    action, to = looking(world, SECRET, secret)
    world.client("target", "secretsmanager").put_secret_value(SecretId="shop/prod/db", SecretString="theirs")

    with pytest.raises(StepFailed):
        action.carry(SECRET.typed(secret), to)
    with pytest.raises(Conflict):
        action.carry(SECRET.typed(secret), to)
