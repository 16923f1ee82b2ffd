"""Before anything starts in the target: whether legacy took writes after its rows were proved.

The rule: whoever made legacy read-only cannot stop a session that says otherwise, and a snapshot stops nobody; the
server's own counters tell, and where they cannot, every row is compared again.
"""

from collections.abc import Mapping
from typing import Any

from migrate.carry import postgres_since
from migrate.errors import AccessError, StepFailed
from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof
from migrate.kinds.rds_instance.pairs import Pair, connected
from migrate.kinds.rds_instance.way_back import LEGACY_MARK, proof_without_own

ROUNDS = 3
"""How often rows are compared where writes go on meanwhile."""
PATIENCE_S = 60.0
EVERY_S = 5.0
_STATE = "legacy since"
_WAY_BACK = "way back"


class LookAgain(CarryAction[Any]):
    """Writes nothing. It comes first in the cut-over; before it, going back costs nothing."""

    name = "look_again"
    title = "Look whether legacy took writes since its rows were proved"
    phase = "cutover"
    opens_phase = True
    downtime = "D2"
    writes = frozenset()

    def applies(self, it: It[Any]) -> bool:
        return bool(it.facts.moves)

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        return {
            "from": it.ref.name,
            "how": "the counters of legacy's server against those noted before the rows were proved; where they cannot "
            "say, every row is compared again; nothing is written",
            _WAY_BACK: it.way_back or "none",
        }

    def carry(self, it: It[Any], to: Carrier) -> Mapping[str, Json]:
        noted = to.learnt("prove_rows")
        since = {key.partition("/")[2]: mark for key, mark in noted.items() if key.startswith(f"{LEGACY_MARK}/")}
        said = ""
        try:
            for again in range(ROUNDS):
                state, lines, marks = self._looked(it, to, since)
                # What no counter can tell, a comparison has told already.
                if state == "nothing" or (again and state == "unclear"):
                    break
                said = self._compared(it, to, state, lines)
                since = marks
            else:
                listed = "\n".join(f"    {line}" for line in lines[:10])
                raise StepFailed(
                    f"{to.step}: {it.ref.name} in legacy goes on taking writes while its rows are compared; nothing "
                    f"that uses it is started in the target yet:\n{listed}",
                    do="stop who writes there (pg_stat_activity names them), then migrate run compares again",
                )
        except AccessError as error:
            # As with the proof of rows: said, and a person's to decide on.
            to.remember(_STATE, f"could not be looked at: {error.what}")
            return {"looked at": 0}
        for database, mark in marks.items():
            to.remember(f"mark/{database}", mark)
        to.remember(_STATE, said or "nothing")
        return {"looked at": len(marks)}

    def _looked(self, it: It[Any], to: Carrier, since: Mapping[str, str]) -> tuple[str, list[str], dict[str, str]]:
        """What all databases took since these marks, by lines, and the marks from now on."""
        state, lines = "nothing", []
        marks: dict[str, str] = {}
        with connected(it, to, with_target=False) as pairs:
            for pair in pairs:
                self._finished(it, to, pair)
                marks[pair.database] = postgres_since.mark(pair.legacy)
                found = postgres_since.since(since.get(pair.database), pair.legacy, to.pause)
                if found.state != "nothing":
                    state = found.state if state != "written" else state
                    lines += [f"{pair.database}: {line}" for line in found.lines]
        return state, lines, marks

    def _finished(self, it: It[Any], to: Carrier, pair: Pair) -> None:
        """Wait for transactions that have written. Raises StepFailed where one stays open: a comparison of rows does
        not see what it will have written."""
        waited = 0.0
        while unfinished := postgres_since.unfinished(pair.legacy):
            if waited >= PATIENCE_S:
                listed = "\n".join(f"    {pair.database}: {line}" for line in unfinished[:20])
                raise StepFailed(
                    f"{to.step}: what {it.ref.name} in legacy holds is not known while this is open; nothing that "
                    f"uses it is started in the target yet:\n{listed}",
                    do="end it (pg_stat_activity or pg_prepared_xacts names it: pg_terminate_backend, ROLLBACK "
                    "PREPARED), then migrate run goes on",
                )
            to.pause(EVERY_S)
            waited += EVERY_S

    def _compared(self, it: It[Any], to: Carrier, state: str, lines: list[str]) -> str:
        """What every row says once more. Raises StepFailed where legacy has what the target has not."""
        proof = proof_without_own(it, to)
        if proof.state == "equal":
            return f"{state}; compared again, every row is the same"
        if proof.state == "could not be proved" and state == "unclear":
            return f"could not be known: {'; '.join(proof.differences[:5])}"
        what = "took writes" if state == "written" else "may have taken writes"
        listed = "\n".join(f"    {line}" for line in [*lines[:10], *proof.differences[:10]])
        raise StepFailed(
            f"{to.step}: {it.ref.name} in legacy {what} after its rows were proved, and the target has not all of "
            f"them; nothing that uses it is started in the target yet:\n{listed}",
            do="stop who writes there (pg_stat_activity names them); then put these rows (and setval) into the target "
            "by hand and migrate run compares again, or migrate rollback and move anew",
        )

    def prove(self, it: It[Any], to: Carrier) -> Proof:
        """After the cut-over too: whoever still writes to legacy is named, unless the way back writes there."""
        said = to.outputs.get(_STATE, "")
        if said.startswith("could not"):
            return Proof("could not be proved", (), (f"whether legacy took writes since: {said}",))
        evidence: dict[str, Json] = {_STATE: said}
        if to.planned.get(_WAY_BACK) == "reverse":
            return Proof("equal", ("writes in legacy",), (), evidence)
        lines: list[str] = []
        with connected(it, to, with_target=False) as pairs:
            for pair in pairs:
                found = postgres_since.since(to.outputs.get(f"mark/{pair.database}"), pair.legacy, to.pause)
                evidence[f"{pair.database} since the cut-over"] = found.state
                if found.state == "written":
                    lines += [f"legacy took writes after the cut-over: {pair.database}: {one}" for one in found.lines]
        return Proof("different" if lines else "equal", ("writes in legacy",), tuple(lines), evidence)

    def uncarry(self, it: It[Any], to: Carrier) -> None:
        """Nothing: nothing was written."""
