"""What a principal keeps, loses and gains: the same questions before and after.

The one rule it keeps: a row is kept, lost or gained only where both answers are certain.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from migrate.policy_evaluation.asking import Asked
from migrate.policy_evaluation.deciding import Decision, Policies, decide

Change = Literal["kept", "lost", "gained", "denied in both", "could not be decided"]


@dataclass(frozen=True)
class Question:
    """One thing that a person may want to do, as it is asked before the move and after it.

    Principal, resource and accounts have other names afterwards; the words are for people.
    """

    before: Asked
    after: Asked
    words: str = ""


@dataclass(frozen=True)
class Row:
    """One question with both answers."""

    question: Question
    before: Decision
    after: Decision

    @property
    def change(self) -> Change:
        """What became of it."""
        if "could not be decided" in (self.before.outcome, self.after.outcome):
            return "could not be decided"
        if self.before.is_allowed:
            return "kept" if self.after.is_allowed else "lost"
        return "gained" if self.after.is_allowed else "denied in both"

    def __str__(self) -> str:
        """One line: what became of which question, and why where it is not the same."""
        words = self.question.words or f"{self.question.after.action} {self.question.after.resource}"
        if self.change in ("kept", "denied in both"):
            return f"{self.change}: {words}"
        sides = [("before", self.before), ("after", self.after)]
        if self.change == "could not be decided":
            sides = [side for side in sides if side[1].outcome == "could not be decided"]
        return f"{self.change}: {words} ({'; '.join(_side(name, answer) for name, answer in sides)})"


def _side(name: str, answer: Decision) -> str:
    return f"{name}: {answer.outcome}, {', '.join(answer.because)}"


@dataclass(frozen=True)
class Table:
    """Every question in the order in which it was asked."""

    rows: tuple[Row, ...]

    def of(self, change: Change) -> tuple[Row, ...]:
        """The rows with this change."""
        return tuple(row for row in self.rows if row.change == change)

    def counts(self) -> dict[Change, int]:
        """How many rows there are of each change that occurs."""
        return dict(Counter(row.change for row in self.rows))

    @property
    def is_same(self) -> bool:
        """Whether everything is certain, nothing lost and nothing gained."""
        return set(self.counts()) <= {"kept", "denied in both"}


def compare(before: Policies, after: Policies, questions: Iterable[Question | Asked]) -> Table:
    """Answer each question under both sets of policies. A bare Asked is asked unchanged on both sides.

    Raises MalformedPolicy. Half a million questions on both sides take some seconds
    (`python -m bench policies`).
    """
    return Table(tuple(_row(before, after, question) for question in questions))


def _row(before: Policies, after: Policies, question: Question | Asked) -> Row:
    asked = Question(question, question) if isinstance(question, Asked) else question
    return Row(asked, decide(asked.before, before), decide(asked.after, after))


def questions(
    actions: Iterable[str],
    resources: Iterable[tuple[str, str]],
    *,
    before: Asked,
    after: Asked,
) -> Iterator[Question]:
    """Every action with every resource (its ARN before and after), asked as `before` and `after` ask theirs."""
    pairs = tuple(resources)
    for action in actions:
        for old, new in pairs:
            yield Question(
                Asked(before.principal, action, old, before.context, before.account, before.resource_account),
                Asked(after.principal, action, new, after.context, after.account, after.resource_account),
                f"{action} {new}",
            )


__all__ = ["Change", "Question", "Row", "Table", "compare", "questions"]
