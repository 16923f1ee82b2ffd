"""Before anything starts in the target: whether legacy took writes after its rows were proved.

The rule: whoever made legacy read-only cannot stop a session that says otherwise, and a snapshot stops nobody; the
server's own counters tell, and where they cannot, every row is compared again.
"""

from collections.abc import Mapping
from typing import Any

from migrate.carry import postgres_since
from migrate.errors import AccessError, StepFailed
from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof
from migrate.kinds.rds_instance.pairs import connected
from migrate.kinds.rds_instance.replication import without_own_setting
from migrate.kinds.rds_instance.way_back import LEGACY_MARK, proof_of_rows, without_own_things

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
        lines: list[str] = []
        state = "nothing"
        marks: dict[str, str] = {}
        try:
            with connected(it, to, with_target=False) as pairs:
                for pair in pairs:
                    marks[pair.database] = postgres_since.mark(pair.legacy)
                    found = postgres_since.since(noted.get(f"{LEGACY_MARK}/{pair.database}"), pair.legacy, to.pause)
                    if found.state != "nothing":
                        state = found.state if state != "written" else state
                        lines += [f"{pair.database}: {line}" for line in found.lines]
        except AccessError as error:
            # As with the proof of rows: said, and a person's to decide on.
            to.remember(_STATE, f"could not be looked at: {error.what}")
            return {"looked at": 0}
        said = "nothing" if state == "nothing" else self._compared(it, to, state, lines)
        for database, mark in marks.items():
            to.remember(f"mark/{database}", mark)
        to.remember(_STATE, said)
        return {"looked at": len(marks)}

    def _compared(self, it: It[Any], to: Carrier, state: str, lines: list[str]) -> str:
        """What every row says once more. Raises StepFailed where legacy has what the target has not."""
        proof = without_own_things(to, without_own_setting(it, to, proof_of_rows(it, to)))
        if proof.state == "equal":
            return f"{state}; compared again, every row is the same"
        if proof.state == "could not be proved" and state == "unclear":
            return f"could not be known: {'; '.join(proof.differences[:5])}"
        what = "took writes" if state == "written" else "may have taken writes"
        listed = "\n".join(f"    {line}" for line in [*lines[:10], *proof.differences[:10]])
        raise StepFailed(
            f"{to.step}: {it.ref.name} in legacy {what} after its rows were proved, and the target has not all of "
            f"them; nothing is started in the target yet:\n{listed}",
            do="stop who writes there (pg_stat_activity names them); then put these rows into the target by hand and "
            "migrate run compares again, or migrate rollback and move anew",
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
