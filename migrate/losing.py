"""What a rollback would lose: asked of the kinds before anything is undone, and never taken as agreed.

The rule: what the target took and legacy has not needs a second yes, with an id of its own, for exactly the things
that were listed. Not to be known counts as lost.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from migrate.aws import ReadFailed
from migrate.engine import Engine
from migrate.errors import FileError, GateClosed, StaleError
from migrate.kind import Action
from migrate.sites import LOSS_ACCEPTED
from migrate.steps import Step
from migrate.undoing import was_proved

Losses = Mapping[str, list[str]]
"""Id of the step that proved a thing → what is in the thing since."""
SHOWN = 12
AT_ONCE = 8
"""Steps that are asked at the same time: an account may have hundreds of parameters."""


def losses(engine: Engine, order: Iterable[str]) -> Losses:
    """Read afresh what undoing these steps would lose; empty: nothing. Only things that would be taken away count."""
    gone = set(order)

    def is_asked(step: Step) -> bool:
        silent = type(engine.ground.kind(step).action(step.action)).loses is Action.loses
        return not silent and step.create_id in gone and was_proved(engine.journal, step)

    asked = [step for step in engine.plan.steps.values() if is_asked(step)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(copy_context().run, _asked, engine, step) for step in asked]
    lines = {step.id: answer.result() for step, answer in zip(asked, answers, strict=True)}
    return {step: said for step, said in lines.items() if said}


def _asked(engine: Engine, step: Step) -> list[str]:
    """What its action says. A read that is refused says so in place of an answer: it may not stop a rollback."""
    action = engine.ground.kind(step).action(step.action)
    try:
        return list(action.loses(engine.ground.it(step), engine.carrier(step)))
    except (ReadFailed, FileError) as error:
        return [f"what it took since cannot be read: {error.what}"]


def token(listing: str, lost: Losses) -> str:
    """What a person types as the second yes: for this listing and these things. Empty where nothing is lost."""
    return hashlib.sha256("\n".join(["losing", listing, *sorted(lost)]).encode()).hexdigest()[:8] if lost else ""


def told(lost: Losses) -> Iterator[str]:
    """The losses as lines."""
    for step, lines in lost.items():
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        yield f"{step.rpartition(':')[0]}: {'; '.join(lines[:SHOWN] + more)}"


def refuse(lost: Losses, wanted: str, given: str | None, command: str) -> None:
    """Raise GateClosed where something would be lost and nobody said yes to it; StaleError where to something else."""
    if given is not None and given != wanted:
        raise StaleError(
            f"--losing {given} is not the second id of this listing; nothing was undone",
            do="run it again without --confirm, and read what would be lost now",
        )
    if lost and given is None:
        listed = "\n".join(f"    {line}" for line in told(lost))
        raise GateClosed(
            f"this rollback takes away what the target took since it was proved, and legacy has not:\n{listed}\n"
            "  nothing was undone",
            do=f"save it first; or, where it may be lost: {command} --losing {wanted}",
        )


def accept(engine: Engine, lost: Losses, by: str) -> None:
    """Keep in the journal who said that it may be lost, and what it was."""
    for step, lines in lost.items():
        engine.journal.append(
            engine.plan.steps[step].create_id,
            "answered",
            {"by": by, "losing": list(lines), "outputs": {LOSS_ACCEPTED: by}},
        )
