"""A run of the toy plan under Prefect, in a process of its own: prints what the journal and the targets hold."""

import json
import sys
import time
from pathlib import Path

from flows import run as flows
from flows import server
from migrate.errors import MigrateError
from migrate.steps import Gate
from tests.toy_cloud import AwsSaid
from tests.toy_kinds import World, world


def journal_of(made: World) -> list[list[object]]:
    assert made.journal is not None
    told = [
        [entry.step, entry.event, entry.attempt, dict(entry.data)]
        for entry in made.journal.entries()
        if entry.event != "opened"
    ]
    return sorted(told, key=lambda entry: json.dumps(entry, sort_keys=True, default=str))


def whole(folder: Path) -> dict[str, object]:
    """Everything, with a failure on the way, a gate, one group, and a rollback."""
    said: dict[str, object] = {}
    made = world(folder / "flows", gates=[Gate("ready", "Stopped?", 1, None, 3)])
    local = world(folder / "local", gates=[Gate("ready", "Stopped?", 1, None, 3)])

    for one in (made, local):
        left = [True]

        def refuse(operation: str, _: int, left: list[bool] = left) -> None:
            if operation == "toy.CreateLabel" and left:
                left.pop()
                raise AwsSaid("definite", "LimitExceeded", "too many")

        one.cloud.before = refuse

    def both(name: str, with_flows: object, alone: object) -> None:
        said[name] = [_end(with_flows), _end(alone)]

    group = [step.id for step in local.plan.steps.values() if step.group == "loop-0a0a0a0a"]
    engine, other = made.engine(), local.engine()
    both("group", lambda: flows.run(engine, folder, select=group, workers=1), lambda: other.run(group, 1))
    engine, other = made.engine(), local.engine()
    both("failed", lambda: flows.run(engine, folder, workers=1), lambda: other.run(workers=1))
    engine, other = made.engine(), local.engine()
    both("gate", lambda: flows.run(engine, folder, workers=1), lambda: other.run(workers=1))
    engine.answer("ready", "ann")
    other.answer("ready", "ann")
    both("rest", lambda: flows.run(engine, folder, workers=1), lambda: other.run(workers=1))
    said["moved"] = [made.cloud.picture(), local.cloud.picture()]
    said["undone"] = [
        sorted(flows.rollback(engine, folder, workers=1).undone), sorted(other.undo().undone)
    ]  # fmt: skip
    said["journal"] = [journal_of(made), journal_of(local)]
    said["left"] = [made.cloud.picture(), world(folder / "never").cloud.picture()]
    said["flows"] = recorded(folder)
    made.die()
    local.die()
    return said


def alone(folder: Path) -> dict[str, object]:
    """A plain run, many threads: for a Prefect that is not there."""
    made = world(folder / "flows")
    engine = made.engine()
    end = _end(lambda: flows.run(engine, folder, workers=4))
    proofs = sorted({proof.state for _, _, proof in engine.prove_all()})
    made.die()
    return {"end": end, "proofs": proofs}


def interrupted(folder: Path) -> dict[str, object]:
    """A run each of whose calls takes AWS so many seconds: for a person who presses Ctrl-C."""
    made = world(folder / "flows")

    def slow(*_: object) -> None:
        sys.stdout.write("under way\n")
        sys.stdout.flush()
        time.sleep(float(sys.argv[3]))

    made.cloud.before = slow
    return {"end": _end(lambda: flows.run(made.engine(), folder, workers=2))}


def _end(what: object) -> int:
    try:
        what()  # type: ignore[operator]
    except MigrateError as error:
        return error.exit_code
    return 0


def recorded(folder: Path) -> list[list[str]]:
    """What the runs' own Prefect server knows of flows: name and state."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.settings import PREFECT_API_URL, temporary_settings

    of_runs = {PREFECT_API_URL: server.own(folder / "prefect" / "server.log")}
    with temporary_settings(of_runs), get_client(sync_client=True) as client:
        return sorted(
            [run.name, str(run.state_name)] for run in client.read_flow_runs(limit=50, sort=FlowRunSort.NAME_ASC)
        )


if __name__ == "__main__":
    stories = {"whole": whole, "alone": alone, "interrupted": interrupted}
    print(json.dumps(stories[sys.argv[1]](Path(sys.argv[2])), default=str))
