"""Which steps may start now: a ready-queue over the needs. The rule: only ready steps are handed out, so that no
worker ever stands waiting for another, and independent work goes on after a failure.
"""

from collections.abc import Iterable, Mapping

from migrate.steps import Step


class Schedule:
    """The steps of one wave (or selection), by readiness and priority: the longest chain behind it goes first."""

    def __init__(self, steps: Mapping[str, Step], wanted: Iterable[str], done: Iterable[str]) -> None:
        chosen = set(wanted)
        ready = set(done)
        self._steps = {step_id: steps[step_id] for step_id in steps if step_id in chosen and step_id not in ready}
        self._missing = {
            step_id: {need for need in step.needs if need in steps and need not in ready}
            for step_id, step in self._steps.items()
        }
        self._after: dict[str, list[str]] = {}
        for step_id, missing in self._missing.items():
            for need in missing:
                self._after.setdefault(need, []).append(step_id)
        self._chain = _chains(self._steps, self._after)
        self._given: set[str] = set()
        self._ended: set[str] = set()

    def take(self, most: int) -> list[str]:
        """Up to `most` ready steps that were not given out before."""
        free = [step_id for step_id, missing in self._missing.items() if not missing and step_id not in self._given]
        free.sort(key=lambda step_id: (-self._chain[step_id], step_id))
        taken = free[: max(0, most)]
        self._given.update(taken)
        return taken

    def done(self, step_id: str) -> None:
        """The step is verified: what waited for it may start."""
        self._ended.add(step_id)
        for waiting in self._after.get(step_id, ()):
            self._missing[waiting].discard(step_id)

    def failed(self, step_id: str) -> None:
        """The step failed: what needs it does not start."""
        self._ended.add(step_id)

    @property
    def running(self) -> int:
        """Given out, not ended."""
        return len(self._given - self._ended)

    @property
    def blocked(self) -> dict[str, list[str]]:
        """Steps that were not given out, with what they still need."""
        return {i: sorted(missing) for i, missing in self._missing.items() if i not in self._given}


def _chains(steps: Mapping[str, Step], after: Mapping[str, list[str]]) -> dict[str, int]:
    """The number of steps on the longest chain that starts at each."""
    length: dict[str, int] = {}
    for root in steps:
        stack = [root]
        while stack:
            one = stack[-1]
            rest = [other for other in after.get(one, ()) if other not in length]
            if rest:
                stack.extend(rest)
                continue
            stack.pop()
            length[one] = 1 + max((length[other] for other in after.get(one, ())), default=0)
    return length
