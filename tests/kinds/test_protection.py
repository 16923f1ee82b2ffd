"""Machines that are protected from scaling in: let go before a rollback empties their group."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.kinds.ec2_compute.auto_scaling_group import AutoScalingGroup
from migrate.kinds.ec2_compute.protection import Protect
from migrate.kinds.ecs_service import Service
from migrate.names import AccountId, Region
from migrate.sites import Place
from tests.kinds.shapes import check_request

PROTECT = Protect()
PLACE = Place("shop", AccountId("222222222222"), Region("eu-west-1"), "fleet")


def group(**settings: Any) -> Any:
    facts = SimpleNamespace(moves=True, settings=settings)
    return SimpleNamespace(facts=facts, arn="arn:of:the:group")


@dataclass
class Fleet:
    """A carrier over a group whose machines are protected or not."""

    machines: dict[str, bool]
    ending: set[str] = field(default_factory=set)
    sent: list[dict[str, Any]] = field(default_factory=list)
    place: Place = PLACE

    @property
    def target(self) -> Any:
        return SimpleNamespace(call=self.call)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        check_request(operation, params)
        assert operation in PROTECT.reads
        assert params == {"AutoScalingGroupNames": ["fleet"]}
        instances = [
            {
                "InstanceId": one,
                "LifecycleState": "Terminating:Wait" if one in self.ending else "InService",
                "ProtectedFromScaleIn": is_protected,
            }
            for one, is_protected in self.machines.items()
        ]
        return {"AutoScalingGroups": [{"Instances": instances}]}

    def write(self, operation: str, **params: Any) -> dict[str, Any]:
        check_request(operation, params)
        assert operation in PROTECT.writes
        assert params["AutoScalingGroupName"] == "fleet"
        self.sent.append(params)
        self.machines |= dict.fromkeys(params["InstanceIds"], params["ProtectedFromScaleIn"])
        return {}


def test_each_machine_is_protected_once_and_proved() -> None:
    fleet: Any = Fleet({"i-1": True, "i-2": False})

    assert PROTECT.prove(group(), fleet).differences == ("i-2: is not protected from scaling in",)
    assert PROTECT.carry(group(), fleet) == {"protected": 1}
    assert PROTECT.carry(group(), fleet) == {"protected": 0}

    assert [one["InstanceIds"] for one in fleet.sent] == [["i-2"]]
    assert PROTECT.prove(group(), fleet).state == "equal"


def test_a_rollback_lets_them_all_go_fifty_a_call_and_leaves_what_is_ending() -> None:
    fleet: Any = Fleet({f"i-{number}": True for number in range(121)}, ending={"i-7"})

    PROTECT.uncarry(group(), fleet)

    assert [len(one["InstanceIds"]) for one in fleet.sent] == [50, 50, 20]
    assert [name for name, is_protected in fleet.machines.items() if is_protected] == ["i-7"]


@pytest.mark.parametrize(("settings", "applies"), [({}, False), ({"NewInstancesProtectedFromScaleIn": True}, True)])
def test_only_a_group_that_protects_its_machines_has_the_step(settings: dict[str, bool], applies: bool) -> None:
    assert PROTECT.applies(group(**settings)) == applies


def test_services_stop_before_their_machines_are_let_go_and_these_before_the_group_is_emptied() -> None:
    actions = [action.name for action in AutoScalingGroup().actions]

    assert actions.index("protect") == actions.index("start") + 1
    for action in ("start", "test_launch_on_instances"):
        assert {"autoscaling.group.start", "autoscaling.group.protect"} <= set(Service().action(action).after_kinds)
    assert "ecs.cluster.create" in AutoScalingGroup().action("start").after_kinds
