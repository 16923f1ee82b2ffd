"""Before anything starts in the target: whether legacy's store was written to after its copy was proved.

The rule: the first look only says it, because whoever writes after the freeze may write again; the next run brings it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from migrate.errors import StepFailed
from migrate.kind import Carrier, CarryAction, F, It, Json, Place, Proof

_SAID = "said"
_BROUGHT = "brought"
_SHOWN = 10


class LastLook(CarryAction[F]):
    """It comes first in the cut-over: until then going back costs nothing. A kind says how it looks, brings, proves."""

    name = "look_again"
    title = "Look whether legacy was written to since its copy was proved"
    phase = "cutover"
    opens_phase = True
    downtime = "D2"
    repeats = True
    how: ClassVar[str]
    """What is compared, for the plan's reader."""

    def summary(self, it: It[F], place: Place) -> dict[str, Json]:
        how = f"{self.how}; where it was written to the run stops, and the next one brings what was written"
        return {"from": it.ref.name, "to": place.name, "how": how}

    def look(self, it: It[F], to: Carrier) -> Sequence[str]:
        """What legacy has otherwise than the target, a line each; empty for nothing."""
        raise NotImplementedError

    def bring(self, it: It[F], to: Carrier) -> Mapping[str, Json]:
        """Bring the target to what legacy holds now; return counts."""
        raise NotImplementedError

    def prove_brought(self, it: It[F], to: Carrier) -> Proof:
        """Compare both sides by content, once more."""
        raise NotImplementedError

    def carry(self, it: It[F], to: Carrier) -> Mapping[str, Json]:
        lines = self.look(it, to)
        if not lines:
            to.remember(_SAID, "")
            return {"written since": 0}
        if not to.outputs.get(_SAID):
            to.remember(_SAID, "1")
            more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
            listed = "\n".join(f"    {line}" for line in [*lines[:_SHOWN], *more])
            raise StepFailed(
                f"{to.step}: {it.ref.name} in legacy was written to after its copy was proved; nothing that uses "
                f"it is started in the target yet:\n{listed}",
                do="find out who writes there and stop them; then migrate run brings this over and compares again",
            )
        # Remembered first: what is brought in part has to be proved as well.
        to.remember(_BROUGHT, "1")
        counts = self.bring(it, to)
        # Whatever comes after this is said again before it is brought.
        to.remember(_SAID, "")
        return counts

    def prove(self, it: It[F], to: Carrier) -> Proof:
        """What was brought is compared; where nothing was, the copy's own proof stands and is asked by `verify`."""
        if to.outputs.get(_BROUGHT):
            return self.prove_brought(it, to)
        return Proof("equal", ("what legacy took since its copy was proved",), (), {"written in legacy since": 0})

    def uncarry(self, it: It[F], to: Carrier) -> None:
        """Nothing: what came last goes with what came first."""


class LastLookAtValue(LastLook[F]):
    """For what is one value: the step that copied it looks, brings and proves."""

    how = "both values once more, in memory only"
    copy: ClassVar[CarryAction[Any]]

    def applies(self, it: It[F]) -> bool:
        return self.copy.applies(it)

    def look(self, it: It[F], to: Carrier) -> Sequence[str]:
        return self.copy.prove(it, to).differences

    def bring(self, it: It[F], to: Carrier) -> Mapping[str, Json]:
        return self.copy.carry(it, to)

    def prove_brought(self, it: It[F], to: Carrier) -> Proof:
        return self.copy.prove(it, to)
