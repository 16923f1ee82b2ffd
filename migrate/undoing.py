"""Undoing: newest first, driven by the journal alone, from any process.

The rule: a rollback never makes anything, and takes away only what the journal says this migration set out to make
and what still carries its proof. What it leaves, it names with the reason.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.acting import LOST_ANSWERS, Refused, Sending, classified, find, pause_s, read_outputs
from migrate.carrying import StepCarrier
from migrate.errors import GuardError, Lost, MigrateError, StepFailed
from migrate.ground import Ground, is_look
from migrate.inventory import Resource
from migrate.journal import Journal
from migrate.kind import CarryAction
from migrate.names import AccountId, Region
from migrate.proving import compare, fresh_legacy, is_between, legacy_requests
from migrate.sites import LOSS_ACCEPTED
from migrate.steps import PlannedRequest, Step
from migrate.values import Json
from migrate.waiting import wait

GONE_S = 600.0
"""How long a deleted thing may still be listed."""


@dataclass
class RolledBack:
    """What a rollback did: ids, and for what it left the reason."""

    undone: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    failed: dict[str, MigrateError] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    """Not tried: something that stands on it was kept or failed."""

    @property
    def whole(self) -> bool:
        """Whether nothing was left."""
        return not (self.kept or self.failed or self.waiting)


_BEGUN = frozenset({"acting", "undoing", "verified"})
"""A step that only looked, or proved, has nothing to take away; but what it proved no longer holds."""


class Kept(Exception):
    """The guard says that this is not ours to take away."""


def candidates(ground: Ground, select: Iterable[str] | None = None) -> list[str]:
    """What would be undone, in order: the selected steps that acted, and every acted step that stands on them."""
    acted = {
        step.id: step
        for step in ground.plan.steps.values()
        if any(entry.event in _BEGUN for entry in ground.journal.history(step.id))
    }
    chosen = set(acted) if select is None else set(select) & set(acted)
    grown = True
    while grown:
        more = {i for i, step in acted.items() if i not in chosen and not chosen.isdisjoint(step.needs)}
        chosen |= more
        grown = bool(more)
    newest = {step_id: max(e.seq for e in ground.journal.history(step_id) if e.event in _BEGUN) for step_id in chosen}
    order: list[str] = []
    left = set(chosen)
    while left:
        free = {i for i in left if not any(i in acted[other].needs for other in left)}
        order += sorted(free or left, key=lambda i: -newest[i])
        left -= free or left
    return order


def undo_step(ground: Ground, step: Step, sender: Callable[[AccountId, Region], Any]) -> None:
    """Undo one step. Raises Kept where the guard stops it, StepFailed where AWS does."""
    history = ground.journal.history(step.id)
    if not any(entry.event in _BEGUN for entry in history):
        return
    if any(entry.data.get("carry") for entry in history):
        _uncarry(ground, step, sender)
    _last_look(ground, step)
    for index in reversed(range(len(step.requests))):
        request = step.requests[index]
        sent = any(e.event == "acting" and e.data.get("request") == index for e in history)
        if not sent or request.undo is None or is_look(ground.kind(step), request):
            continue
        ground.check_stop()
        _undo_request(ground, step, index, request, request.undo, sender)
    ground.journal.append(step.id, "undone")


def was_proved(journal: Journal, step: Step) -> bool:
    """Whether it was called verified since its thing was made: nobody writes to it before. An undo of the proof alone
    does not change that."""
    made = journal.history(step.create_id)
    return bool(made) and any(e.event == "verified" and e.seq > made[0].seq for e in journal.entries(step.id))


def _last_look(ground: Ground, step: Step) -> None:
    """Raise StepFailed where what is about to be taken away has taken something that nobody said yes to: the listing
    was made before the first step was undone, and who wrote to it stopped after that."""
    if step.id != step.create_id:
        return
    # A cluster answers by its members: it is asked before the first of them goes.
    whole = ground.kind(step).chosen_by(ground.it(step))
    for one in ground.plan.steps.values() if whole != step.ref else (step,):
        is_its = one.ref in (whole, step.ref) and one.account == step.account and one.id == one.create_id
        if is_its and (one is step or one.id in ground.going) and one.id not in ground.looked_at:
            with ground.looking:
                _look(ground, one)


def _look(ground: Ground, step: Step) -> None:
    if step.id in ground.looked_at or LOSS_ACCEPTED in ground.journal.outputs(step.id):
        return
    for action in ground.kind(step).actions:
        proving = ground.plan.steps.get(f"{step.id.rpartition(':')[0]}:{action.name}") if action.asks_again else None
        if proving is None or not was_proved(ground.journal, proving):
            continue
        carrier = StepCarrier(ground, proving, "undoing", _only_looks)
        # Its undo is done: what it learnt is looked up in all that it wrote.
        carrier.outputs = {**ground.journal.outputs(step.id), **ground.journal.learnt(proving.id)}
        lines = action.loses(ground.it(proving), carrier)
        if lines:
            listed = "\n".join(f"    {line}" for line in lines[:20])
            raise StepFailed(
                f"{step.id}: {step.name} stays: it took this since the listing, and legacy has not:\n{listed}",
                do="migrate rollback lists it, and asks for a second yes",
            )
    ground.looked_at.add(step.id)


def _only_looks(account: AccountId, region: Region) -> Any:
    raise GuardError(f"a write into {account}, {region} in a last look: it only reads")


def _undo_request(
    ground: Ground,
    step: Step,
    index: int,
    request: PlannedRequest,
    undo: PlannedRequest,
    sender: Callable[[AccountId, Region], Any],
) -> None:
    in_legacy = request.account == ground.plan.legacy
    if request.find is not None:
        if not _still_there(ground, step, index, request):
            return
    elif in_legacy and step.legacy_after:
        if not _is_as_we_left_it(ground, step):
            return
    elif request.creates or not in_legacy:
        found = _ours(ground, step, index, request)
        if found is None:
            return
        if request.creates:
            _learn(ground, step, found)
    if undo.account != request.account:
        raise Kept(f"{undo.operation} goes to {undo.account}, the thing was made in {request.account}")
    _send(ground, step, index, undo, sender)
    if undo.wait is not None:
        wait(ground, step, undo.wait, undo)
    if request.creates:
        _wait_until_gone(ground, step)


def _still_there(ground: Ground, step: Step, index: int, request: PlannedRequest) -> bool:
    receipts = [e for e in ground.journal.history(step.id) if e.event == "acted" and e.data.get("request") == index]
    if receipts and request.outputs.keys() <= ground.journal.outputs(step.id).keys():
        return True  # the receipt names it; the inverse says by its code where it is gone already
    outputs = find(ground, step, request)
    if outputs is None and not _was_seen(ground, step, index):
        # Made a moment ago, or perhaps made: "not there" is believed only after the window.
        ground.settle(step, index)
        outputs = find(ground, step, request)
    if outputs and outputs.items() - ground.journal.outputs(step.id).items():
        ground.journal.append(step.id, "learned", {"outputs": outputs})
    return outputs is not None


def _was_seen(ground: Ground, step: Step, index: int) -> bool:
    """Whether this rollback saw the thing before: then "not there" means that it is gone."""
    return any(e.event == "undoing" and e.data.get("request") == index for e in ground.journal.history(step.id))


def _ours(ground: Ground, step: Step, index: int, request: PlannedRequest) -> Resource | None:
    """The standing thing where it is ours; None where it is gone. Raises Kept where it is someone else's."""
    found = ground.locate(step)
    if found is None and request.creates and not _was_seen(ground, step, index):
        ground.settle(step, index)
        found = ground.locate(step)
    if found is None:
        return None
    if found.ref.account == ground.plan.legacy:
        raise Kept(f"{found.arn} stands in legacy")
    if not ground.is_ours(step, found):
        raise Kept(f"{found.arn or found.ref} does not carry this migration's stamp")
    return found


def _learn(ground: Ground, step: Step, found: Resource) -> None:
    """Keep what an unanswered create would have told: the inverse needs its id."""
    outputs = ground.kind(step).outputs(found)
    new = {name: value for name, value in outputs.items() if name not in ground.journal.outputs(step.id)}
    if new:
        ground.journal.append(step.id, "learned", {"outputs": new})


def _is_as_we_left_it(ground: Ground, step: Step) -> bool:
    """Compare and set: True where legacy shows what this step set, False where it shows what was before already.

    Raises Kept where it shows something else: a person changed it since.
    """
    before, now = _before(ground, step), fresh_legacy(ground, step)
    if now is None:
        raise Kept(f"{step.ref} is not in legacy any more")
    after = ground.left_in_legacy(step)
    bit_by_bit = len(legacy_requests(ground, step)) > 1
    foreign: list[str] = []
    same = True
    for name, value in sorted(after.items()):
        shown, original = now.facts.get(name), before.get(name)
        if shown == original:
            continue
        same = False
        if shown != value and not (bit_by_bit and is_between(shown, original, value)):
            foreign += compare(value, shown, name)
    if foreign:
        raise Kept(f"{step.ref} was changed in legacy since: {'; '.join(foreign)}")
    return not same


def _before(ground: Ground, step: Step) -> dict[str, Json]:
    """The legacy facts as the step found them: as they were scanned, or as the resource's earlier steps left them."""
    facts = dict(ground.resource(step).facts)
    base, actions = step.id.rpartition(":")[0], [action.name for action in ground.kind(step).actions]
    for action in actions[: actions.index(step.action)]:
        earlier = ground.plan.steps.get(f"{base}:{action}")
        if earlier is not None:
            facts |= ground.left_in_legacy(earlier)
    return facts


def _send(
    ground: Ground, step: Step, index: int, undo: PlannedRequest, sender: Callable[[AccountId, Region], Any]
) -> None:
    sending = Sending(ground, step, index, undo, "undoing", sender)
    for lost in range(LOST_ANSWERS):
        try:
            outputs = read_outputs(undo.outputs, sending.send().answer)
            if outputs:
                ground.journal.append(step.id, "learned", {"outputs": outputs})
            return
        except Lost:
            # Taking away, or putting back, leaves the same state twice.
            ground.clock.sleep(pause_s(step.id, lost + 1))
        except Refused as error:
            raise StepFailed(
                f"{step.id}: {undo.operation} in {undo.account} was refused: {error.code}: {error.said}",
                do="correct what AWS says (what is in it that this migration did not make?), then migrate rollback",
            ) from error
    raise StepFailed(f"{step.id}: {undo.operation} was never answered", do="look there, then migrate rollback")


def _wait_until_gone(ground: Ground, step: Step) -> None:
    until = ground.clock.now() + GONE_S
    pause = 0.5
    while (found := ground.locate(step)) is not None:
        if left := ground.kind(step).expires(found):
            ground.journal.append(step.id, "learned", {"left to AWS": left})
            return
        if ground.clock.now() >= until:
            raise StepFailed(f"{step.id}: {found.arn or found.ref} is still there", do="look there, migrate rollback")
        ground.clock.sleep(pause)
        pause = min(pause * 2, 15.0)


def _uncarry(ground: Ground, step: Step, sender: Callable[[AccountId, Region], Any]) -> None:
    action = ground.kind(step).action(step.action)
    if not isinstance(action, CarryAction):
        return
    carried = [e for e in ground.journal.history(step.id) if e.data.get("carry")]
    if carried[-1].event == "acting" and carried[-1].data.get("makes"):
        # The process ended around a write that makes something: its look may lag behind.
        ground.settle(step)
    found = ground.locate(step)
    if found is not None and not ground.is_ours(step, found):
        raise Kept(f"{found.arn or found.ref} does not carry this migration's stamp")
    for lost in range(LOST_ANSWERS):
        try:
            action.uncarry(ground.it(step), StepCarrier(ground, step, "undoing", sender))
            return
        except Lost:
            ground.clock.sleep(pause_s(step.id, lost + 1))
        except MigrateError:
            raise
        except Exception as error:
            _, code, said = classified(error)
            raise StepFailed(
                f"{step.id}: AWS refused: {code}: {said}", do="correct what AWS says, then migrate rollback"
            ) from error
    raise StepFailed(f"{step.id}: answers were lost", do="migrate rollback")


def dependents(steps: Mapping[str, Step], order: Iterable[str]) -> dict[str, set[str]]:
    """For each step of a rollback: the ones that must be undone before it."""
    chosen = set(order)
    before: dict[str, set[str]] = {step_id: set() for step_id in chosen}
    for step_id in chosen:
        for need in steps[step_id].needs:
            if need in chosen:
                before[need].add(step_id)
    return before


def wait_for_writers(ground: Ground, before: dict[str, set[str]]) -> None:
    """Let what is part of something go after everything that stands on the whole: that is asked what it took before its
    first part goes, and whoever writes to it has to have stopped."""
    steps = ground.plan.steps
    parts: dict[str, set[str]] = {}
    for step in [steps[step_id] for step_id in before if step_id == steps[step_id].create_id]:
        whole = ground.kind(step).chosen_by(ground.it(step))
        for other in (steps[one] for one in before) if whole != step.ref else ():
            if other.id == other.create_id and (other.ref, other.account) == (whole, step.account):
                parts.setdefault(other.id, set()).add(step.id)
    for of, own in parts.items():
        needed, open_ = set(own), list(own)
        while open_:
            found = set(steps[open_.pop()].needs) & steps.keys() - needed
            needed |= found
            open_ += found
        for part in own:
            before[part] |= before[of] - needed
