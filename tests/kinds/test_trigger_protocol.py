"""Exactly one enabled owner of every trigger: the protocol, held against every kind that has a part in it.

What fires, consumes or serves is made stopped; legacy's is stopped in `freeze`, with a way back; the target's is
started in `cutover`, after that, with a way back too.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kind import Action, CarryAction, It, Kind, Phase, Request
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region
from tests.kinds.examples import every_example
from tests.kinds.two_sides import LEGACY, HandCarrier, TwoSides, two_sides

PHASES: tuple[Phase, ...] = ("build", "freeze", "data", "cutover")
ALL_SUSPENDED = {
    "DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True,
}  # fmt: skip
STOPPED: dict[str, tuple[str, Any]] = {
    # kind → the parameter by which its creating request makes it stopped, and what it says
    "applicationautoscaling.target": ("SuspendedState", ALL_SUSPENDED),
    "autoscaling.group": ("DesiredCapacity", 0),
    "ecs.service": ("desiredCount", 0),
    "events.rule": ("State", "DISABLED"),
    "lambda.event_source_mapping": ("Enabled", False),
    "pipes.pipe": ("DesiredState", "STOPPED"),
    "scheduler.schedule": ("State", "DISABLED"),
    "secretsmanager.secret": ("RotationLambdaARN", None),
}
BOTH_MAY_RUN: dict[str, str] = {
    # kind that starts at cut-over and is not stopped in legacy → why
    "cloudwatch.composite_alarm": "each watches the alarms of its own account",
    "cloudwatch.alarm": "each watches the metrics of its own account, and legacy's services have stopped by then",
}
IDLE: dict[str, dict[str, Any]] = {
    # kind → the facts that show both sides idle, where legacy keeps more running than a new one begins with
    "autoscaling.group": {"min_size": 0},
}
ONLY_AT_CUTOVER = {"sns.subscription", "ec2.instance"}
"""Kinds that know no stopped state: the trigger itself is made in cutover and taken away by its undo."""


def acts(kind: Kind[Any], name: str) -> Action[Any] | None:
    return next((action for action in kind.actions if action.name == name), None)


def starting(kind: Kind[Any], it: It[Any]) -> str:
    """The action that switches this one on: a rule on events listens before anything speaks, others start."""
    listen = acts(kind, "listen")
    return "listen" if listen is not None and listen.applies(it) else "start"


STARTING = {name for name, kind in every_kind().items() if acts(kind, "start") or acts(kind, "stop_legacy")}
TRIGGERS = sorted(STARTING - set(BOTH_MAY_RUN) - ONLY_AT_CUTOVER)
SHOWN_ELSEWHERE = {"secretsmanager.secret"}
"""Its rotation needs a function in both accounts: tests/acceptance/test_stores_story.py shows it."""
WITH_EXAMPLE = [name for name in TRIGGERS if name in every_example() and name not in SHOWN_ELSEWHERE]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def built(world: TwoSides, name: str) -> tuple[Kind[Any], Resource, It[Any]]:
    kind = every_kind()[name]
    resource = every_example()[name].build(world)
    world.keep()
    return kind, resource, kind.typed(resource)


def creating(kind: Kind[Any], resource: Resource, world: TwoSides) -> Request:
    requests = kind.action("create").requests(kind.typed(resource), world.place(resource))
    (made,) = [request for request in requests if request.creates]
    return made


def test_who_has_a_part_in_the_protocol_is_known() -> None:
    assert set(TRIGGERS) == set(STOPPED), "say how its creation leaves it stopped"
    assert set(BOTH_MAY_RUN) <= STARTING, "no such kind"
    assert [name for name in BOTH_MAY_RUN if acts(every_kind()[name], "stop_legacy")] == []


@pytest.mark.parametrize("name", TRIGGERS)
def test_legacy_stops_in_freeze_before_the_target_starts_in_cutover(name: str) -> None:
    kind = every_kind()[name]
    create, stop, start = (acts(kind, one) for one in ("create", "stop_legacy", "start"))

    assert create is not None
    assert stop is not None, "legacy's goes on when the target's starts"
    assert start is not None, "legacy's stops and nothing starts"
    # The order of `actions` is the order in which they happen to one resource: each step needs the one before.
    assert [one.name for one in kind.actions if one in (create, stop, start)] == ["create", "stop_legacy", "start"]
    assert (create.phase, stop.phase, start.phase) == ("build", "freeze", "cutover")
    assert PHASES.index(stop.phase) < PHASES.index(start.phase)
    assert stop.undo_class != "R0", "a write in legacy is not without consequence"


@pytest.mark.parametrize("name", sorted(ONLY_AT_CUTOVER))
def test_what_knows_no_stopped_state_is_made_at_cutover(name: str) -> None:
    create = every_kind()[name].action("create")

    assert create.phase == "cutover"
    stop = acts(every_kind()[name], "stop_legacy")
    assert stop is None or stop.phase == "freeze"


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_it_is_made_stopped(world: TwoSides, name: str) -> None:
    kind, resource, it = built(world, name)

    request = creating(kind, resource, world)

    parameter, value = STOPPED[name]
    assert request.params[parameter] == value
    for action in ("stop_legacy", starting(kind, it)):
        assert kind.action(action).applies(it), f"the example of {name} is not running in legacy, so it proves nothing"


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_both_switches_have_a_way_back(world: TwoSides, name: str) -> None:
    kind, resource, it = built(world, name)
    place = world.place(resource)

    for action, side in (("stop_legacy", "legacy"), (starting(kind, it), "target")):
        switch = kind.action(action)
        if isinstance(switch, CarryAction):
            continue  # its way back is shown by what it does, below
        writes = [one for one in switch.requests(it, place) if one.operation not in kind.reads]
        assert writes, f"{name}.{action} sends nothing"
        undone = [request.undo for request in writes if request.undo is not None]
        assert undone, f"{name}.{action} cannot be taken back"
        assert {one.side for one in [*writes, *undone]} == {side}


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_at_no_moment_do_both_run_and_going_back_returns_the_work_to_legacy(world: TwoSides, name: str) -> None:
    kind, resource, it = built(world, name)
    stop, start = kind.action("stop_legacy"), kind.action(starting(kind, it))
    changed = stop.legacy_after(it)
    assert changed, "the plan does not say what changes in legacy"

    def runs(found: Resource) -> bool:
        return any(found.facts[field] != idle for field, idle in IDLE.get(name, changed).items())

    def owners() -> tuple[bool, bool]:
        (legacy,) = [one for one in world.scan(kind).values() if one.ref == resource.ref]
        (target,) = [one for one in world.scan(kind, "target").values() if mine(kind, world, resource, one)]
        return runs(legacy), runs(target)

    build_before(world, kind, resource)
    seen = [owners()]
    for action in (stop, start):
        do(world, kind, resource, action)
        seen.append(owners())
    assert seen == [(True, False), (False, False), (False, True)]

    undo(world, kind, resource, start)
    seen = [owners()]
    undo(world, kind, resource, stop)
    seen.append(owners())
    assert seen == [(False, False), (True, False)]
    (restored,) = [one for one in world.scan(kind).values() if one.ref == resource.ref]
    assert json.dumps(restored.facts, sort_keys=True) == json.dumps(resource.facts, sort_keys=True)


def mine(kind: Kind[Any], world: TwoSides, resource: Resource, found: Resource) -> bool:
    place = world.place(resource)
    outputs = {output: value for (step, output), value in world.known.items() if step == place.step}
    own = kind.locate(world.site(kind, "target"), place, outputs, kind.typed(resource))
    return own is not None and own.ref == found.ref


def build_before(world: TwoSides, kind: Kind[Any], resource: Resource) -> None:
    """Everything of phase build."""
    it = kind.typed(resource)
    for action in kind.actions:
        if action.phase == "build" and action.applies(it):
            do(world, kind, resource, action)


def do(world: TwoSides, kind: Kind[Any], resource: Resource, action: Action[Any]) -> None:
    world.move(kind, resource, action.name)
    if isinstance(action, CarryAction):
        action.carry(kind.typed(resource), HandCarrier(world, kind, action, resource))


def undo(world: TwoSides, kind: Kind[Any], resource: Resource, action: Action[Any]) -> None:
    if isinstance(action, CarryAction):
        action.uncarry(kind.typed(resource), HandCarrier(world, kind, action, resource))
    place = world.place(resource)
    for request, _ in reversed(world.planned(kind, resource, action.name)):
        if request.undo is not None:
            world._take_back(request.undo, place)


SPEAKS = ("ecs.service", "events.rule", "lambda.event_source_mapping", "pipes.pipe", "scheduler.schedule")


@pytest.mark.parametrize("name", SPEAKS)
def test_who_listens_is_there_before_whatever_may_send_a_message_or_an_event(name: str) -> None:
    assert {"sns.subscription.create", "events.rule.listen"} <= set(every_kind()[name].action("start").after_kinds)


def test_a_rule_is_switched_on_once_by_events_before_the_services_or_by_the_clock_after_them() -> None:
    kind = every_kind()["events.rule"]
    facts = {
        "bus": "default",
        "state": "ENABLED",
        "description": None,
        "role_arn": None,
        "managed_by": None,
        "targets": [],
    }
    for pattern, schedule, expected in (({"source": ["shop"]}, None, "listen"), (None, "rate(1 day)", "start"),
                                        ({"source": ["shop"]}, "rate(1 day)", "listen")):  # fmt: skip
        typed = kind.facts.model_validate(facts | {"pattern": pattern, "schedule": schedule})
        it = It(Ref(AccountId(LEGACY), Region("eu-west-1"), kind.name, "default/x"), "", {}, typed)
        assert [one.name for one in kind.actions if one.applies(it) and one.phase == "cutover"] == [expected]
    assert "ecs.service.start" in kind.action("start").after_kinds
    assert "ecs.service.start" not in kind.action("listen").after_kinds
