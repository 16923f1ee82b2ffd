"""An own evaluator of AWS policies: whether a request is allowed, denied, or cannot be decided, and why.

It proves what a person may do before and after the move, and what a service control policy would have stopped.
The one rule it keeps: it is pure, and what it cannot know it does not allow.
"""

from migrate.policy_evaluation.asking import ABSENT, DIRECT, PRESENT, UNKNOWN, UNKNOWN_RESOURCE, Asked
from migrate.policy_evaluation.comparing import Change, Question, Row, Table, compare, questions
from migrate.policy_evaluation.deciding import (
    FULL_AWS_ACCESS,
    Actions,
    Decision,
    Outcome,
    Policies,
    allowed_actions,
    decide,
)
from migrate.policy_evaluation.documents import MalformedPolicy
from migrate.policy_evaluation.trail import Denied, Simulation, simulate

__all__ = [
    "ABSENT", "DIRECT", "FULL_AWS_ACCESS", "PRESENT", "UNKNOWN", "UNKNOWN_RESOURCE", "Actions", "Asked", "Change",
    "Decision", "Denied", "MalformedPolicy", "Outcome", "Policies", "Question", "Row", "Simulation", "Table",
    "allowed_actions", "compare", "decide", "questions", "simulate",
]  # fmt: skip
