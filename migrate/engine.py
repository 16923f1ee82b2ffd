"""Runs a plan: step, answer, undo, resume, prove; no orchestrator in sight.

The rule: check, intent, act, receipt, verify, each durable before the next. A step that the journal calls verified
returns at once; everything else looks before it acts.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from migrate import acting, asking, proving, running, undoing
from migrate.carrying import StepCarrier, carry
from migrate.errors import GateClosed, GuardError, MigrateError, StepFailed, UsageError
from migrate.evidence import keep
from migrate.ground import Allows, Clients, Clock, Connect, Ground, Interrupted, PlanLike, Rename, Sender, WallClock
from migrate.inventory import Inventory
from migrate.journal import Journal, State
from migrate.kind import CarryAction, Kind, Proof
from migrate.names import AccountId, Ref, Region
from migrate.running import Outcome
from migrate.schedule import Schedule
from migrate.steps import Gate, PlannedRequest, Step
from migrate.undoing import RolledBack


class Engine:
    """One run of one approved plan. Shared by all threads; the journal decides what is done."""

    def __init__(
        self,
        plan: PlanLike,
        inventory: Inventory,
        kinds: Mapping[str, Kind[Any]],
        clients: Clients,
        journal: Journal,
        name_map: Rename,
        connect: Connect = lambda *_, **__: None,
        *,
        clock: Clock | None = None,
        settle_s: float = 300.0,
        consistency_s: float = 20.0,
        told: Callable[[str, str], None] = lambda step, state: None,
        route: Callable[[str, int], tuple[str, int]] = lambda host, port: (host, port),
    ) -> None:
        self.stopping = threading.Event()
        self.plan = plan
        self.journal = journal
        self.told = told
        """Called with a step's id and its new state, or `asks: <text>`: for progress on a terminal."""
        self.ground = Ground(
            plan,
            inventory,
            kinds,
            clients,
            journal,
            name_map,
            connect,
            clock or WallClock(self.stopping),
            settle_s,
            consistency_s,
            stopping=self.stopping,
            route=route,
        )
        self._behind = {gate.id: {s.id for s in plan.steps.values() if s.wave > gate.after_wave} for gate in plan.gates}

    # One step.

    def step(self, step_id: str) -> State:
        """Bring one step to `verified`; returns at once where it is. The journal holds every failure.

        Raises Conflict or StaleError where the world is not what was approved (nothing was changed then), StepFailed
        where AWS refused, VerificationFailed where the proof fails, GateClosed behind a closed gate.
        """
        if self.journal.state(step_id) == "verified":
            return "verified"
        step = self._named(step_id)
        self._may_start(step)
        self.told(step_id, "acting")
        try:
            proof = self._do(step)
        except Interrupted:
            raise
        except MigrateError as error:
            self._note_failure(step_id, error)
            self.told(step_id, "failed")
            raise
        create = step.id == step.create_id
        found = self.ground.locate(step) if create and self.ground.makes(step) else None
        self.journal.append(
            step_id,
            "verified",
            {
                "proof": proof.state,
                "compared": list(proof.compared),
                "differences": list(proof.differences) if proof.state != "equal" else [],
                "evidence": dict(proof.evidence),
                "outputs": self.ground.kind(step).outputs(found) if found else {},
            },
        )
        self.told(step_id, "verified")
        return "verified"

    def _do(self, step: Step) -> Proof:
        ground = self.ground
        ground.check_stop()
        legacy_matters = step.carry is not None or any(r.account == self.plan.legacy for r in step.requests)
        if legacy_matters:
            proving.legacy_unchanged(ground, step)
        # A creating request looks right before it is sent: where it comes first, this would be the same look twice.
        looks_itself = bool(step.requests) and step.requests[0].creates
        makes = step.id == step.create_id and ground.makes(step)
        if makes and not looks_itself and not _receipts(self.journal, step):
            found = ground.locate(step)
            if found is not None and not ground.is_ours(step, found):
                raise acting.taken(step, found)
        for text in asking.of_step(ground, step):
            self.told(step.id, f"asks: {text}")
        sender = self._sender(step, forward=True)
        for index in range(len(step.requests)):
            ground.check_stop()
            acting.perform(ground, step, index, sender)
        carry(ground, step, sender)
        proof = proving.verify(ground, step)
        action = ground.kind(step).action(step.action)
        if isinstance(action, CarryAction):
            began = time.time()
            carried = action.prove(ground.it(step), self.carrier(step))
            carried = keep(
                self.journal.path.parent, step.id, carried, began=began, ended=time.time(), counts=self._counts(step)
            )
            if carried.state == "different":
                raise proving.not_equal(step, carried)
            proof = proving.both(proof, carried)
        return proof

    def _counts(self, step: Step) -> Any:
        """What the carrying reported."""
        told = (e.data.get("counts") for e in self.journal.forward(step.id) if e.event == "acted")
        return next((counts for counts in told if counts), {})

    def carrier(self, step: Step) -> StepCarrier:
        """A carrier that reads only: for proofs."""
        return StepCarrier(self.ground, step, "acting", _no_sender)

    def _note_failure(self, step_id: str, error: MigrateError) -> None:
        last = self.journal.entries(step_id)
        event = "blocked" if isinstance(error, GateClosed) else "failed"
        if not last or last[-1].event != event or last[-1].data.get("error") is None:
            self.journal.append(step_id, event, {"error": type(error).__name__, "what": error.what, "do": error.do})  # type: ignore[arg-type]

    def _may_start(self, step: Step) -> None:
        gate = self.closed_gate_before(step)
        if gate is not None:
            raise GateClosed(f"gate {gate.id}: {gate.ask}", do=f"migrate approve --gate {gate.id}")
        missing = [n for n in step.needs if n in self.plan.steps and self.journal.state(n) != "verified"]
        if missing:
            raise StepFailed(f"{step.id} needs {', '.join(missing)}, not verified yet", do="migrate status")

    def _named(self, step_id: str) -> Step:
        try:
            return self.plan.steps[step_id]
        except KeyError:
            raise UsageError(f"{step_id!r} is no step of this plan", do="migrate status lists them") from None

    # Guard.

    def _sender(self, step: Step, *, forward: bool) -> Callable[[AccountId, Region], Sender]:
        """Senders that stop whatever the step's plan does not say, before a byte is sent."""
        allows = self._allows(step, forward=forward)
        return lambda account, region: self.ground.clients.sender(account, region, allows)

    def _allows(self, step: Step, *, forward: bool) -> Allows:
        ground = self.ground
        action = ground.kind(step).action(step.action)
        carried: Mapping[AccountId, frozenset[str]] = {}
        if isinstance(action, CarryAction):
            carried = {step.ref.account: action.writes_in_legacy, step.account: action.writes}
        planned: list[tuple[int, PlannedRequest]] = list(enumerate(step.requests))
        if not forward:
            planned = [(index, request.undo) for index, request in planned if request.undo is not None]

        def allows(account: AccountId, region: Region, operation: str, params: Mapping[str, Any]) -> bool:
            if operation in carried.get(account, ()):
                return True
            return any(
                (request.account, request.region, request.operation) == (account, region, operation)
                and params
                == acting.with_token(
                    ground, step, index, request, ground.resolved(step, request.params, account=account)
                )
                for index, request in planned
            )

        return allows

    # Gates.

    def answer(self, gate_id: str, by: str, reason: str = "") -> None:
        """Keep a person's yes at a gate. The same person twice counts once."""
        gate = self._gate(gate_id)
        if not by:
            raise UsageError(f"gate {gate.id} needs to know who answers", do="migrate approve --gate, signed in")
        self.journal.append(gate.id, "answered", {"by": by, "reason": reason, "ask": gate.ask})

    def gate_open(self, gate_id: str) -> bool:
        """Whether enough people said yes, recently enough when the first step behind the gate started (or now)."""
        gate = self._gate(gate_id)
        answers = [entry for entry in self.journal.entries(gate.id) if entry.event == "answered"]
        if not answers:
            return gate.approvers <= 0
        within = gate.within_s if gate.within_s is not None else float("inf")
        now = self.ground.clock.now()
        if len({str(e.data.get("by")) for e in answers if now - e.at <= within}) >= gate.approvers:
            return True  # every step asks this: the journal is gone through only for answers that have run out
        first = answers[0].at
        started = [
            entry.at
            for entry in self.journal.entries()
            if entry.event == "acting" and entry.step in self._behind[gate.id] and entry.at >= first
        ]
        at = min(started, default=now)
        good = {str(e.data.get("by")) for e in answers if at - e.at <= within and e.at <= at}
        return len(good) >= gate.approvers

    def closed_gate_before(self, step: Step) -> Gate | None:
        """The first closed gate that stands before the step."""
        return self.closed_gate(step.wave)

    def closed_gate(self, wave: int) -> Gate | None:
        """The first closed gate that stands before a wave."""
        before = sorted((gate for gate in self.plan.gates if gate.after_wave < wave), key=lambda g: g.after_wave)
        return next((gate for gate in before if not self.gate_open(gate.id)), None)

    def _gate(self, gate_id: str) -> Gate:
        for gate in self.plan.gates:
            if gate.id == gate_id:
                return gate
        raise UsageError(f"{gate_id!r} is no gate of this plan", do="migrate status lists them")

    # Runs.

    def waves(self, select: Iterable[str] | None = None) -> list[tuple[int, list[str]]]:
        """The steps that are not verified yet, wave by wave. A selection takes what it needs along."""
        chosen = set(self.plan.steps) if select is None else self._with_needs(select)
        waves: dict[int, list[str]] = {}
        for step_id, step in self.plan.steps.items():
            if step_id in chosen and self.journal.state(step_id) != "verified":
                waves.setdefault(step.wave, []).append(step_id)
        return sorted(waves.items())

    def _with_needs(self, select: Iterable[str]) -> set[str]:
        chosen: set[str] = set()
        left = [self._named(step_id).id for step_id in select]
        while left:
            step_id = left.pop()
            if step_id not in chosen:
                chosen.add(step_id)
                left += [need for need in self.plan.steps[step_id].needs if need in self.plan.steps]
        return chosen

    def schedule(self, steps: Iterable[str]) -> Schedule:
        """The ready-queue over these steps, as the journal stands now."""
        done = [step_id for step_id in self.plan.steps if self.journal.state(step_id) == "verified"]
        return Schedule(self.plan.steps, steps, done)

    def run(self, select: Iterable[str] | None = None, workers: int = 8, until_wave: int | None = None) -> Outcome:
        """Run to the end or to the next closed gate; running again goes on. Raises what `Outcome.error` says."""
        outcome = self.drive(select, workers, until_wave)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def drive(self, select: Iterable[str] | None = None, workers: int = 8, until_wave: int | None = None) -> Outcome:
        """As run, but the outcome holds the failures."""
        outcome = Outcome()
        with running.stop_on_signals(self.stopping):
            for wave, steps in self.waves(select):
                if until_wave is not None and wave > until_wave:
                    break
                if not self.may_enter(wave, outcome):
                    break
                running.drive_wave(self, steps, outcome, workers, self.step)
                if outcome.interrupted:
                    break
        return outcome

    def may_enter(self, wave: int, outcome: Outcome) -> bool:
        """Whether a wave may start: notes the closed gate, and does not pass one over failures."""
        gate = self.closed_gate(wave)
        if gate is not None:
            outcome.gate = gate
            return False
        barrier = max((g.after_wave for g in self.plan.gates if g.after_wave < wave), default=None)
        return barrier is None or not any(self.plan.steps[step_id].wave <= barrier for step_id in outcome.failed)

    # Rollback and proof.

    def to_undo(self, select: Iterable[str] | None = None) -> list[str]:
        """What a rollback would undo, in order, newest first: the selected steps and everything that stands on them."""
        return undoing.candidates(self.ground, select)

    def undo(self, select: Iterable[str] | None = None, workers: int = 8) -> RolledBack:
        """Undo, newest first, from the journal alone. Independent steps go on after an error; never makes anything."""
        result = RolledBack()
        with running.stop_on_signals(self.stopping):
            self.undo_in_order(self.to_undo(select), result, workers, lambda step_id: self.undo_one(step_id, result))
        return result

    def undo_in_order(self, order: list[str], result: RolledBack, workers: int, do: Callable[[str], Any]) -> None:
        """Bring these about, each after everything that stands on it; `do` is undo_one, or a task around it."""
        before = undoing.dependents(self.plan.steps, order)
        self.ground.going = frozenset(order)
        undoing.wait_for_writers(self.ground, before)
        result.waiting |= running.undo_in_order(self, order, before, result.undone, workers, do)

    def undo_one(self, step_id: str, result: RolledBack) -> None:
        """Undo one step and enter how it ended."""
        step = self._named(step_id)
        self.told(step_id, "undoing")
        try:
            undoing.undo_step(self.ground, step, self._sender(step, forward=False))
            result.undone.append(step_id)
        except undoing.Kept as why:
            self.journal.append(step_id, "kept", {"reason": str(why)})
            result.kept[step_id] = str(why)
        except Interrupted:
            raise
        except MigrateError as error:
            self._note_failure(step_id, error)
            result.failed[step_id] = error
        self.told(step_id, self.journal.state(step_id))

    def prove_all(
        self, only: Callable[[Step], bool] = lambda _: True, workers: int = 8
    ) -> list[tuple[Ref, AccountId, Proof]]:
        """Prove again, by fresh reads of both sides, everything that the journal says was done."""
        return proving.prove_all(self.ground, self.carrier, workers=workers, only=only)


def _receipts(journal: Journal, step: Step) -> bool:
    return any(entry.event == "acted" for entry in journal.forward(step.id))


class _ReadsOnly:
    def send(self, operation: str, **_: Any) -> dict[str, Any]:
        raise GuardError(f"{operation} in a proof: a proof only reads")


def _no_sender(account: AccountId, region: Region) -> Sender:
    return _ReadsOnly()
