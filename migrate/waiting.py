"""Waiting for a state of AWS, and for time to pass since AWS did something.

The rule: nothing is held in memory. What is waited for is read anew, so a process may end and come back to it.
"""

from datetime import UTC, datetime

import jmespath

from migrate.errors import StepFailed
from migrate.ground import Ground
from migrate.journal import Journal
from migrate.requests import Wait
from migrate.steps import PlannedRequest, Step
from migrate.values import Json


def wait(ground: Ground, step: Step, planned: Wait, request: PlannedRequest, index: int | None = None) -> None:
    """Read until the state is there. Raises StepFailed where AWS says it failed, or the time is over.

    index: of the request among the step's, so that a failed one can be sent again by the next run.
    """
    site = ground.clients.reader(request.account, request.region, ground.kind(step).reads | {planned.operation})
    _rest(ground, step, planned, request)
    until = ground.clock.now() + planned.timeout_s
    said: Json = None
    params = ground.resolved(step, planned.params, account=request.account)
    while True:
        answer = site.optional(planned.operation, missing=planned.gone, **params)
        if answer is None and planned.gone:
            return
        seen = jmespath.search(planned.path, answer or {})
        states = [str(one) for one in (seen if isinstance(seen, list) else [seen]) if one is not None]
        if states and all(state in planned.ok for state in states):
            return
        if planned.gone and not states:
            return
        if any(state in planned.failed for state in states):
            reason = str(jmespath.search(planned.reason, answer or {}) or "") if planned.reason else ""
            if planned.sent_again and index is not None:
                data = {"request": index, "ended": states, "said": reason}
                ground.journal.append(step.id, "failed", data)
            why = f": {reason}" if reason else ""
            raise StepFailed(
                f"{step.id}: {request.operation} ended as {', '.join(states)}{why}",
                do="mend what AWS says, then migrate run" if why else "look there, migrate run",
            )
        if ground.clock.now() >= until:
            raise StepFailed(
                f"{step.id}: still {', '.join(states) or 'nothing'} after {planned.timeout_s / 60:.0f} minutes",
                do="migrate run waits again",
            )
        if states != said:
            said = states
            data = {"for": f"{planned.operation} {planned.path}", "state": states}
            ground.journal.append(step.id, "waiting", data)
        ground.check_stop()
        ground.clock.sleep(planned.every_s)


def waited_for(journal: Journal, step: str) -> str:
    """What the step waits for, as it last said: the operation, the state that AWS showed, and since when."""
    said = next((entry for entry in reversed(journal.entries(step)) if entry.event == "waiting"), None)
    if said is None:
        return "a state of AWS"
    state = ", ".join(map(str, said.data.get("state") or ())) or "nothing yet"
    since = datetime.fromtimestamp(said.at, UTC)
    return f"{said.data.get('for')}: {state}, seen first at {since:%H:%M:%S} UTC"


def _rest(ground: Ground, step: Step, planned: Wait, request: PlannedRequest) -> None:
    """Let the time pass that the state has to be old. An interrupted rest goes on from the same beginning."""
    if not planned.rest_s:
        return
    begun = datetime.fromisoformat(str(ground.resolved(step, planned.since, account=request.account)))
    if begun.tzinfo is None:
        begun = begun.replace(tzinfo=UTC)
    # A clock that runs behind AWS's gives a negative age: then the whole time is waited.
    left = planned.rest_s - max(0.0, ground.clock.now() - begun.timestamp())
    if left > 0:
        data: dict[str, Json] = {
            "for": f"{planned.rest_s:.0f} s to pass since {begun:%H:%M:%S} UTC",
            "seconds": round(left),
        }
        ground.journal.append(step.id, "waiting", data)
        ground.clock.sleep(left)
