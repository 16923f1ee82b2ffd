"""Every kind that moves: it arrives whole, is found again, shows every change, and goes without a trace.

Over the examples of `tests.kinds.examples`. An action that carries is sent only where an example's `done` names it.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kind import CarryAction, Kind
from migrate.kinds import every_kind
from migrate.values import Json
from tests.kinds.by_proof import Prover, fields_of
from tests.kinds.examples import Example, every_example
from tests.kinds.two_sides import TwoSides, two_sides

EXAMPLES = [pytest.param(example, id=name) for name, example in every_example().items()]

WITHOUT_EXAMPLE: dict[str, str] = {
    "bridge.peering": "is wanted, not found, so legacy's scan never shows one; tests/acceptance/test_bridge.py",
    "autoscaling.notification": "moto 5.2.5 has no notification configurations; tests/kinds/test_launching.py",
    "ec2.image": "moto 5.2.5 copies no image of another account; tests/kinds/test_machines.py",
    "cloudwatch.composite_alarm": "moto 5.2.5 has no cloudwatch.PutCompositeAlarm; tests/kinds/test_observability.py",
    "elasticache.cluster": "moto 5.2.5 never lets a deleted cluster go; tests/kinds/test_cache_clusters.py",
    "elasticache.replication_group": "moto 5.2.5 keeps no members of groups; tests/kinds/test_cache.py",
    "elasticache.serverless_cache": "moto 5.2.5 has none; tests/kinds/test_cache_clusters.py",
    "iam.saml_provider": "moto 5.2.5 keeps no tags of SAML providers; tests/kinds/test_federation.py",
    "lambda.code_signing_config": "moto 5.2.5 lacks its operations; tests/kinds/test_lambda_more.py",
    "lambda.layer": "takes no tags, so only the journal finds it again; tests/kinds/test_lambda.py",
    "lambda.provisioned_concurrency": "moto 5.2.5 lacks its operations; tests/kinds/test_lambda_more.py",
    "route53.public_zone": "its records are carried by id; tests/kinds/test_public_zone.py",
    "route53.record_set": "nothing of it stands in a target; tests/kinds/test_record_set.py",
}

ONCE = {
    "ec2.nat_gateway": "moto 5.2.5 does not let go of a deleted gateway's address",
}
"""What cannot be moved again after it was undone: its changes are shown before."""

ADDS_AGAIN = {
    "ec2.launch_template": "a version is made anew with each call; the engine's token tells a repeat",
    "ec2.vpc": "moto 5.2.5 takes a block twice, AWS refuses it",
    "elbv2.listener": "moto 5.2.5 lists a certificate twice",
    "kms.key": "moto 5.2.5 gives a second grant of one name, AWS gives the first again",
    "lambda.alias": "moto 5.2.5 takes a statement id twice, AWS refuses it",
    "lambda.function": "moto 5.2.5 takes a statement id twice, AWS refuses it",
    "lambda.version": "moto 5.2.5 takes a statement id twice, AWS refuses it",
    "route53.hosted_zone": "moto 5.2.5 lists a VPC twice",
}
"""Where a request that is sent again leaves two in the emulator."""


def kind_of(example: Example) -> Kind[Any]:
    return every_kind()[example.kind]


def must_say(kind: Kind[Any]) -> set[str]:
    """The fields of which an example says how they change."""
    facts = set(kind.facts.model_fields) - kind.volatile
    return facts | {"tags"} if kind.stamped else facts


NOT_TAKEN_OVER = frozenset(
    {
        "applicationautoscaling.target", "autoscaling.group", "cloudwatch.alarm", "ec2.security_group", "ecs.service",
        "events.rule", "lambda.event_source_mapping", "pipes.pipe", "s3.bucket", "scheduler.schedule",
    }
)  # fmt: skip
"""What a later plan's run stops at once it was finished: it wants to see it as it is before its last action."""


class Case:
    """One example in a world of its own, moved."""

    def __init__(self, world: TwoSides, example: Example) -> None:
        self.world, self.example, self.kind = world, example, kind_of(example)
        self.resource = example.build(world)
        world.keep()
        assert self.resource.ref.kind == example.kind, f"the example of {example.kind} builds a {self.resource.ref}"
        it = self.kind.typed(self.resource)
        applying = [action for action in self.kind.actions if action.applies(it)]
        wanted = example.done or tuple(one.name for one in applying if not isinstance(one, CarryAction))
        self.done = [action.name for action in applying if action.name in wanted]
        assert set(wanted) == set(self.done), f"{set(wanted) - set(self.done)} does not apply to the example"
        assert self.done[:1] == ["create"], "an example is created"
        self.before = world.scan(self.kind, "target")
        self.prover = Prover(world, self.kind, self.resource, self.done)

    def move(self) -> None:
        for name in self.done:
            self.world.move(self.kind, self.resource, name)
            if isinstance(self.kind.action(name), CarryAction):
                proof = self.world.carry(self.kind, self.resource, name)
                assert proof.state == "equal", f"{self.kind.name}.{name}: {proof}"

    def standing(self) -> Resource:
        found = self.prover.locate()
        assert found is not None, f"{self.resource.ref} is not in the target"
        return found


def assert_equal(case: Case, when: str) -> None:
    proof = case.prover.prove()
    assert proof.state == "equal", f"{case.kind.name} {when}: " + "\n".join(proof.differences)
    unknown = proof.evidence.get("not known yet")
    assert not unknown, f"{case.kind.name}: {unknown} name what the example did not move, so nothing compares them"
    left = must_say(case.kind) - {"tags"} - set(proof.compared)
    assert not left, f"{case.kind.name}: {left} were not compared"


def assert_legacy_as_said(case: Case) -> None:
    """What differs in legacy now is what the actions say, or passes: else the next run would take it for drift."""
    now = case.world.scan(case.kind, only=case.resource.ref.name)[case.resource.ref.name]
    it = case.kind.typed(case.resource)
    said = set().union(*(case.kind.action(name).legacy_after(it) or () for name in case.done))
    changed = {field for field in now.facts if now.facts[field] != case.resource.facts[field]}
    assert changed - said - case.kind.passing == set(), f"{case.kind.name} changes these in legacy and does not say so"


def assert_found_again(case: Case) -> None:
    """Without a journal: so that acting twice makes one."""
    known, anew = case.standing(), case.prover.locate_anew()
    assert anew is not None, f"{case.kind.name}: nobody finds it again without its id"
    assert case.kind.outputs(anew) == case.kind.outputs(known), f"{case.kind.name}: another one is found again"
    if case.kind.stamped and not case.kind.named and type(case.kind).locate is Kind.locate:
        other = replace(case.prover.place, step=f"{case.prover.place.step}-of-another")
        site = case.world.site(case.kind, "target")
        assert case.kind.locate(site, other, {}, case.prover.it) is None, "found by a stamp that it does not carry"


def assert_compared(case: Case) -> None:
    """Each part of each fact, changed in memory alone, is named."""
    shown = case.standing()
    for field in sorted(must_say(case.kind) - {"tags"}):
        for value in otherwise(shown.facts[field]):
            changed = replace(shown, facts=shown.facts | {field: value})
            named = fields_of(case.prover.prove(changed))
            assert named == {field}, f"{case.kind.name}.{field} as {value!r}: the proof names {named or 'nothing'}"


def otherwise(value: Json) -> Iterator[Json]:
    """The value with one part changed, for each part; and with one more where it can hold more."""
    if isinstance(value, dict) and "$sealed" not in value:
        yield value | {"Another": "one"}
        for key in value:
            yield from (value | {key: one} for one in otherwise(value[key]))
    elif isinstance(value, list):
        yield [*copy.deepcopy(value), copy.deepcopy(value[0]) if value else "another"]
        for at, item in enumerate(value):
            yield from ([*value[:at], one, *value[at + 1 :]] for one in otherwise(item))
    elif isinstance(value, dict):
        yield value | {"$sealed": "another"}
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    else:
        yield f"{value or ''}-another"


def assert_changes_show(case: Case) -> None:
    """What a person changes in the target is named; changes pile up."""
    kind = case.kind.name
    for field, change in case.example.changes.items():
        before = fields_of(case.prover.prove())
        assert field not in before, f"{kind}: {field} differs already before it is changed, after {sorted(before)}"
        change(case.world, case.standing())
        proof = case.prover.prove()
        assert field in fields_of(proof), f"{kind}: {field} was changed by hand and the proof says {proof}"


def assert_taken_over(case: Case) -> None:
    """A later plan's run finds all of it standing and has done less: what is still to come is no difference."""
    for count in range(1, len(case.done)):
        proof = case.prover.prove(done=case.done[:count])
        assert proof.differences == (), f"{case.kind.name}: a second plan stops after {case.done[:count]}"


def assert_can_be_sent_again(case: Case) -> None:
    """After a crash the engine sends again what it has no answer of, but for what it finds: that was sent."""
    for name in case.done:
        for request, params in case.world.planned(case.kind, case.resource, name):
            if not request.creates and request.once != "token" and not case.world.was_sent(request, case.resource):
                case.world.send(request, params)
    assert_equal(case, "after its requests were sent again")


def assert_undone(case: Case) -> None:
    case.world.undo()
    legacy = case.world.scan(case.kind, only=case.resource.ref.name)
    assert legacy == {case.resource.ref.name: case.resource}, f"{case.kind.name}: legacy is not what it was"
    if case.example.why_undo_leaves:
        return
    assert case.prover.locate() is None, f"{case.kind.name} still stands after its undo"
    after = case.world.scan(case.kind, "target")
    assert after == case.before, f"{case.kind.name}: the undo left {after} where {case.before} was"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_arrives_is_found_again_goes_and_shows_every_change(world: TwoSides, example: Example) -> None:
    case = Case(world, example)

    case.move()
    assert_equal(case, "after its move")
    assert_legacy_as_said(case)
    assert_found_again(case)
    if example.kind not in NOT_TAKEN_OVER:
        assert_taken_over(case)
    assert_compared(case)
    if example.kind not in ADDS_AGAIN:
        assert_can_be_sent_again(case)
    if example.kind in ONCE or example.why_undo_leaves:
        assert_changes_show(case)
        assert_undone(case)
        return
    assert_undone(case)
    case.move()
    assert_equal(case, "after it was undone and moved again")
    assert_changes_show(case)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_says_of_every_field_how_it_changes_or_why_not(example: Example) -> None:
    wanted, said = must_say(kind_of(example)), set(example.changes) | set(example.fixed)

    assert wanted - said == set(), "say these in changes or fixed"
    assert said - wanted - {"tags"} == set(), "the kind has no such field, or does not compare it"
    assert set(example.changes) & set(example.fixed) == set()
    assert [field for field, reason in example.fixed.items() if len(reason.split()) < 3] == []


def test_every_kind_that_moves_has_an_example() -> None:
    moving = {name for name, kind in every_kind().items() if kind.actions}

    assert sorted(moving - set(every_example()) - set(WITHOUT_EXAMPLE)) == []
    assert sorted(set(WITHOUT_EXAMPLE) - moving) == [], "no such kind"
    assert sorted(set(WITHOUT_EXAMPLE) & set(every_example())) == [], "they have an example now"
    assert [name for name, reason in WITHOUT_EXAMPLE.items() if not reason] == []
