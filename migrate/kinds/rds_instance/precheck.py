"""Before anything is frozen: ask legacy's database what would not arrive. The rule: nothing is written, anywhere."""

import json
from collections.abc import Mapping
from typing import Any

from migrate.carry.postgres import NotReadable
from migrate.carry.postgres_checks import Strategy, examine, stopping
from migrate.errors import StepFailed
from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof
from migrate.kinds.rds_instance.facts import InstanceFacts

FINDINGS = "findings"
STRATEGY = "strategy"
NAMES_KEPT = 50


class Precheck(CarryAction[InstanceFacts]):
    """Stops the run, while legacy still serves, where the strategy would lose something or cannot work."""

    name = "precheck"
    title = "Ask legacy's database what would not arrive"
    phase = "build"
    writes = frozenset()

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "how": "reads catalogues and settings of every database; nothing is written",
            STRATEGY: it.strategy or "snapshot",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        try:
            found = self._examined(it, to)
        except NotReadable:
            # Said by the proof, which looks again: a database that is out of reach may be reachable in a minute.
            return {"findings": 0}
        return {"findings": len(found)}

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        kept = to.outputs.get(FINDINGS)
        if kept is None:
            try:
                found = self._examined(it, to)
            except NotReadable as error:
                return Proof("could not be proved", (), (f"what would not arrive could not be known: {error}",))
        else:
            found = json.loads(kept)
        return Proof("equal", ("prechecks",), (), {"prechecks": found})

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing: nothing was written."""

    def _examined(self, it: It[InstanceFacts], to: Carrier) -> list[Json]:
        """Ask, keep the answer, and raise StepFailed where it stops this strategy."""

        def connect(database: str) -> Any:
            return to.connect(it.facts.host, it.facts.port, database, side="legacy", instance=it.ref.name)

        found = examine(connect, it.facts.db_name or "postgres")
        strategy: Strategy = "logical" if to.planned.get(STRATEGY) in ("logical", "dms") else "snapshot"
        stops = stopping(found, strategy)
        if stops:
            listed = "\n".join(f"    {finding}\n      do: {finding.do}" for finding in stops)
            raise StepFailed(
                f"{it.ref}: {strategy} would lose something or cannot work; nothing is frozen yet:\n{listed}",
                do="do that in legacy's database, then migrate run",
            )
        listed_json: list[Json] = [
            finding.as_json() | {"names": list(finding.names[:NAMES_KEPT]), "count": len(finding.names)}
            for finding in found
        ]
        to.remember(FINDINGS, json.dumps(listed_json, ensure_ascii=False))
        return listed_json
