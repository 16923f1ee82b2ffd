"""Doing a step: look, intent, send once, receipt. Every error is told apart before anything is sent again.

The rule: no write without a durable intent before it, and no write sent again until it is known that the first
did not happen, or that a repeat leaves the same state.
"""

import hashlib
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jmespath

from migrate.errors import AccessError, Conflict, GateClosed, Lost, MigrateError, StepFailed
from migrate.ground import Ground, is_look
from migrate.inventory import Resource
from migrate.journal import digest
from migrate.names import AccountId, Region
from migrate.steps import PlannedRequest, Step
from migrate.values import Json
from migrate.waiting import wait

TRANSIENT_BUDGET_S = 1800.0
"""How long a throttled write is tried again before the step pauses."""
PASSING_BUDGET_S = 120.0
"""How long codes in `retry` may last: a role that is just made is known everywhere within seconds to two minutes."""
UNREACHABLE = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"})
"""Codes of a write for which no connection could be made: for as long, too."""
LOST_ANSWERS = 8
"""How many lost answers to one repeatable write before a person has to look."""

_TAKEN = re.compile(r"(?i)already|duplicate|exists|inuse|NameTaken")


@dataclass(frozen=True, slots=True)
class Answered:
    """How sending ended: an answer, or a code that says the state is there (`standing`)."""

    answer: dict[str, Any]
    standing: str = ""
    said: str = ""
    """AWS's own words beside the code."""


class Refused(Exception):
    """AWS refused for good; nothing was done by this request."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(f"{code}: {said}")
        self.code = code
        self.said = said


@dataclass
class Sending:
    """One request of a step on its way: what is journalled before each attempt, and how a failure is taken."""

    ground: Ground
    step: Step
    index: int
    request: PlannedRequest
    event: Literal["acting", "undoing"]
    sender: Callable[[AccountId, Region], Any]
    _refreshed: int = field(default=0, init=False)

    def send(self) -> Answered:
        """Send until there is an answer. Raises Refused or Lost; both are in the journal as far as they are known."""
        ground, step, request = self.ground, self.step, self.request
        started, passing, attempt = ground.clock.now(), None, self._attempts()
        why = ""
        while True:
            ground.check_stop()
            attempt += 1
            params = with_token(
                ground, step, self.index, request, ground.resolved(step, request.params, account=request.account)
            )
            self._intent(attempt, why)
            try:
                answer = self.sender(request.account, request.region).send(request.operation, **params)
                ground.unreachable_since = None
                return Answered(answer)
            except MigrateError:
                raise
            except Exception as error:
                sort, code, said = classified(error)
                if code not in UNREACHABLE:
                    ground.unreachable_since = None
                why = code
                if sort == "lost":
                    raise Lost(said) from error
                if code in request.done:
                    return Answered({}, standing=code, said=said)
                if code in request.retry:
                    passing = ground.clock.now() if passing is None else passing
                    if ground.clock.now() - passing >= PASSING_BUDGET_S:
                        raise self.refused(code, said) from error
                elif sort == "auth" and self._refreshed < 2:
                    self._refreshed += 1
                    ground.clients.refresh(request.account)
                elif sort != "transient":
                    raise self.refused(code, said) from error
                elif too_long := out_of_patience(ground, code, started):
                    raise self.refused(code, f"{said} ({too_long})") from error
                ground.clock.sleep(pause_s(step.id, attempt))

    def _attempts(self) -> int:
        history = self.ground.journal.entries(self.step.id)
        return sum(entry.event == self.event and entry.data.get("request") == self.index for entry in history)

    def _intent(self, attempt: int, why: str) -> None:
        request = self.request
        params = self.ground.resolved(self.step, request.params, account=request.account, clear=False)
        data: dict[str, Json] = {
            "request": self.index,
            "operation": request.operation,
            "account": request.account,
            "region": request.region,
            "params": params,
            "digest": digest(params),
        }
        if why:
            data["again after"] = why
        self.ground.journal.append(self.step.id, self.event, data, attempt)

    def refused(self, code: str, said: str) -> Refused:
        """Note that the last attempt did nothing; gives the error to raise."""
        if self.event == "acting":
            data = {"request": self.index, "operation": self.request.operation, "code": code, "said": said}
            self.ground.journal.append(self.step.id, "failed", data, self._attempts())
        return Refused(code, said)


def classified(error: BaseException) -> tuple[Literal["transient", "auth", "definite", "lost"], str, str]:
    """What an error of sending means, its code, and AWS's words. Raises the error where it is none of AWS's."""
    sort = getattr(error, "sort", None)
    if sort not in ("transient", "auth", "definite", "lost"):
        raise error
    return sort, str(getattr(error, "code", "")), str(getattr(error, "said", error))


def out_of_patience(ground: Ground, code: str, started: float) -> str:
    """Why a failure that passes by itself is waited for no longer; empty where it still is.

    Throttling is about one operation. An endpoint that cannot be reached is about all of them: the time counts for the
    whole run from the first, so that the steps after it do not wait anew one after the other.
    """
    now = ground.clock.now()
    if code in UNREACHABLE:
        since = ground.unreachable_since
        if since is None:
            since = ground.unreachable_since = now
        return f"no connection for {now - since:.0f} s" if now - since >= PASSING_BUDGET_S else ""
    return f"for {TRANSIENT_BUDGET_S / 60:.0f} minutes" if now - started >= TRANSIENT_BUDGET_S else ""


def pause_s(step: str, attempt: int) -> float:
    """Full jitter, 1 to 60 s; the same for the same attempt, so that a run can be repeated in a test."""
    return random.Random(f"{step}#{attempt}").uniform(0.5, 1.0) * min(60.0, 2.0 ** min(attempt, 6))


def with_token(ground: Ground, step: Step, index: int, request: PlannedRequest, params: Json) -> dict[str, Any]:
    """The parameters with the idempotency token, the same for every attempt of one life of the step.

    32 characters: secretsmanager takes no fewer, ecs.CreateService no more than 36. Source: botocore 1.44.5.
    """
    known: dict[str, Any] = dict(params)
    if request.once == "token" and request.token_param:
        life = ground.journal.incarnation(step.id)
        text = f"{ground.plan.migration}/{step.id}/{index}/{life}"
        known[request.token_param] = hashlib.sha256(text.encode()).hexdigest()[:32]
    return known


def perform(ground: Ground, step: Step, index: int, sender: Callable[[AccountId, Region], Any]) -> None:
    """Bring one request of the step to its receipt, then wait for the state it asks for."""
    request = step.requests[index]
    if is_look(ground.kind(step), request):
        _only_look(ground, step, request)
    elif not _has_receipt(ground, step, index):
        if request.creates:
            _create(ground, step, index, request, sender)
        else:
            _write(ground, step, index, request, sender)
    if request.wait is not None and not ground.is_moot(step, request.wait):
        wait(ground, step, request.wait, request, index)


def _only_look(ground: Ground, step: Step, request: PlannedRequest) -> None:
    site = ground.clients.reader(request.account, request.region, ground.kind(step).reads)
    answer = site.call(request.operation, **ground.resolved(step, request.params, account=request.account))
    outputs = read_outputs(request.outputs, answer)
    missing = sorted(request.outputs.keys() - outputs.keys())
    if missing and (asks := ground.kind(step).action(step.action).asks):
        raise GateClosed(f"{step.ref.kind} {step.ref.name} is not there: {asks}", do="do that, then migrate run")
    if missing:
        raise StepFailed(f"{step.id}: {request.operation} shows no {', '.join(missing)}", do="migrate doctor")
    if outputs.items() - ground.journal.outputs(step.id).items():
        ground.journal.append(step.id, "learned", {"outputs": outputs})


def _has_receipt(ground: Ground, step: Step, index: int) -> bool:
    for entry in reversed(ground.journal.forward(step.id)):
        if entry.data.get("request") == index:
            if entry.event in ("acted", "learned"):
                return True
            if "ended" in entry.data:
                return False  # what it began failed and left nothing behind
    return False


def _create(
    ground: Ground, step: Step, index: int, request: PlannedRequest, sender: Callable[[AccountId, Region], Any]
) -> None:
    sending = Sending(ground, step, index, request, "acting", sender)
    if ground.is_uncertain(step, index) and request.once == "tagged":
        # Only when the window is over does "nothing carries the stamp" mean that nothing was made.
        if _adopt(ground, step, index):
            return
        ground.settle(step, index)
    lost = 0
    while not _adopt(ground, step, index):
        try:
            done = sending.send()
        except Lost as error:
            lost += 1
            if lost > LOST_ANSWERS:
                raise _unanswered(step, request, str(error)) from error
            if request.once == "tagged":
                ground.settle(step, index)
            else:
                ground.clock.sleep(pause_s(step.id, lost))
            continue
        except Refused as error:
            if _TAKEN.search(error.code) and _adopt(ground, step, index, patient=True):
                return
            raise _failed(step, request, error) from error
        if not done.standing:
            _receipt(ground, step, index, request, done)
            return
        sending.refused(done.standing, "it exists")
        if not _adopt(ground, step, index, patient=True):
            raise _failed(step, request, Refused(done.standing, "AWS says it exists, but it is not to be found"))


def _adopt(ground: Ground, step: Step, index: int, *, patient: bool = False) -> bool:
    """Look; take the thing over where it stands and is ours. Raises Conflict where it is someone else's."""
    until = ground.clock.now() + (ground.settle_s if patient else 0.0)
    found = ground.locate(step)
    while found is None and ground.clock.now() < until:
        # AWS said that the name is taken; the look lags behind.
        ground.clock.sleep(5.0)
        found = ground.locate(step)
    if found is None:
        return False
    if not ground.is_ours(step, found):
        raise taken(step, found)
    if not any(e.event == "acting" and e.data.get("request") == index for e in ground.journal.history(step.id)):
        # Stamped by this migration in a run whose journal is gone: from now on this one answers for it.
        ground.journal.append(step.id, "acting", {"request": index, "adopting": found.arn or str(found.ref)})
    outputs = ground.kind(step).outputs(found)
    ground.journal.append(step.id, "acted", {"request": index, "outputs": outputs, "adopted": True})
    return True


def taken(step: Step, found: Resource) -> Conflict:
    """The error for a name that someone else holds."""
    return Conflict(
        f"{step.id}: {found.arn or found.ref} is there already and was not made by this migration; nothing was changed",
        do=f"remove it, or give {step.ref} another name under `renames` in migration.yaml, and plan again",
    )


def _write(
    ground: Ground, step: Step, index: int, request: PlannedRequest, sender: Callable[[AccountId, Region], Any]
) -> None:
    sending = Sending(ground, step, index, request, "acting", sender)
    repeatable = request.once in ("put", "token")
    lost = 0
    uncertain = ground.is_uncertain(step, index)
    while True:
        sent_before = any(e.data.get("request") == index for e in ground.journal.history(step.id))
        outputs = find(ground, step, request)
        if outputs is None and uncertain and not repeatable and request.find:
            ground.settle(step, index)
            outputs = find(ground, step, request)
        if outputs is not None:
            if request.once == "named" and not sent_before:
                raise Conflict(
                    f"{step.id}: what {request.operation} would make is there and was not made by this run: {outputs}",
                    do="remove it, then migrate run",
                )
            event: Literal["acted", "learned"] = "acted" if sent_before else "learned"
            ground.journal.append(step.id, event, {"request": index, "outputs": outputs, "adopted": True})
            return
        if uncertain and request.once == "tagged" and not request.find:
            raise _unanswered(step, request, "it was sent, no answer is known, and nothing can be looked at")
        try:
            done = sending.send()
        except Lost as error:
            lost += 1
            if lost > LOST_ANSWERS:
                raise _unanswered(step, request, str(error)) from error
            uncertain = True
            ground.clock.sleep(pause_s(step.id, lost))
            continue
        except Refused as error:
            raise _failed(step, request, error) from error
        _receipt(ground, step, index, request, done)
        return


def _receipt(ground: Ground, step: Step, index: int, request: PlannedRequest, done: Answered) -> None:
    outputs = read_outputs(request.outputs, done.answer)
    if done.standing:
        outputs |= find(ground, step, request) or {}
    elif request.creates and "id" in request.outputs and "id" not in outputs:
        # Some calls say inside an answer that they did nothing (ec2.CreateFlowLogs: Unsuccessful).
        said = done.answer.get("Unsuccessful") or "it gave no id"
        raise StepFailed(f"{step.id}: {request.operation} made nothing: {said}", do="mend that, then migrate run")
    data: dict[str, Json] = {"request": index, "outputs": outputs}
    request_id = (done.answer.get("ResponseMetadata") or {}).get("RequestId")
    if request_id:
        data["request_id"] = request_id
    if done.standing:
        data |= {"standing": done.standing, "said": done.said}
    ground.journal.append(step.id, "acted", data)


def find(ground: Ground, step: Step, request: PlannedRequest) -> dict[str, str] | None:
    """Whether the request was sent before: its outputs, or None (also where it declares no way to see)."""
    planned = request.find
    if planned is None:
        return None
    site = ground.clients.reader(request.account, request.region, ground.kind(step).reads | {planned.operation})
    answer = site.optional(
        planned.operation, missing=NOT_THERE, **ground.resolved(step, planned.params, account=request.account)
    )
    return read_outputs(planned.outputs, answer or {}) or None


NOT_THERE = (
    "NotFoundException", "ResourceNotFoundException", "NoSuchEntity", "DBSnapshotNotFound", "DBInstanceNotFound",
    "404", "NoSuchBucket", "CacheSubnetGroupNotFoundFault", "CacheParameterGroupNotFound",
)  # fmt: skip
"""Codes of a look that mean: not there."""


def read_outputs(paths: Mapping[str, str], answer: Mapping[str, Any]) -> dict[str, str]:
    """Each output that the answer has, as text."""
    found = {name: jmespath.search(path, answer) for name, path in paths.items()}
    return {name: str(value) for name, value in found.items() if value is not None and value != []}


def _failed(step: Step, request: PlannedRequest, error: Refused) -> MigrateError:
    denied = re.search(r"(?i)denied|unauthori[sz]ed|forbidden", error.code)
    what = f"{step.id}: {request.operation} in {request.account} was refused: {error.code}: {error.said}"
    if denied:
        return AccessError(what, do="give the role of that account this permission, then migrate run")
    if error.code in UNREACHABLE:
        return StepFailed(what, do="migrate doctor says whether the endpoint can be reached; then migrate run goes on")
    return StepFailed(what, do="correct what AWS says, then migrate run")


def _unanswered(step: Step, request: PlannedRequest, said: str) -> StepFailed:
    return StepFailed(
        f"{step.id}: nobody knows whether {request.operation} in {request.account} was done: {said}",
        do="look there; migrate run looks again and goes on",
    )
