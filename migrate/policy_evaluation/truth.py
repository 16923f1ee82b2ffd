"""Three values: yes, no, and not known. What is not known never turns into a yes.

The one rule it keeps: a finding carries the reasons for its value and no others, so that an answer can be explained.
"""

from collections.abc import Iterable
from typing import NamedTuple

Truth = bool | None
"""None: cannot be known from what the asker gave, or AWS does not document it."""


class Finding(NamedTuple):
    """A truth with what made it so: statements for a yes, what is lacking for a no, what is not known for a None."""

    truth: Truth
    because: tuple[str, ...] = ()


def negated(truth: Truth) -> Truth:
    """The opposite; of what is not known, the opposite is not known either."""
    return None if truth is None else not truth


def any_of(truths: Iterable[Truth]) -> Truth:
    """Whether one of them is true."""
    found: Truth = False
    for truth in truths:
        if truth:
            return True
        if truth is None:
            found = None
    return found


def all_of(truths: Iterable[Truth]) -> Truth:
    """Whether all of them are true."""
    found: Truth = True
    for truth in truths:
        if truth is None:
            found = None
        elif not truth:
            return False
    return found


def either(findings: Iterable[Finding]) -> Finding:
    """Whether one of them is true: the first that is, with its reasons."""
    doubts: list[str] = []
    lacking: list[str] = []
    is_known = True
    for truth, because in findings:
        if truth:
            return Finding(True, because)
        if truth is None:
            is_known = False
            doubts.extend(because)
        else:
            lacking.extend(because)
    return Finding(False, tuple(lacking)) if is_known else Finding(None, tuple(doubts))


def every(findings: Iterable[Finding]) -> Finding:
    """Whether all of them are true: with the reasons of all, or of those that are not."""
    reasons: list[str] = []
    doubts: list[str] = []
    lacking: list[str] = []
    found: Truth = True
    for truth, because in findings:
        if truth:
            reasons.extend(because)
        elif truth is None:
            doubts.extend(because)
            if found:
                found = None
        else:
            lacking.extend(because)
            found = False
    if found:
        return Finding(True, tuple(reasons))
    return Finding(None, tuple(doubts)) if found is None else Finding(False, tuple(lacking))
