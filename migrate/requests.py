"""A write as a kind says it: in legacy terms, with how a repeat is told from a first time, and its inverse.

The rule: a request is a value. Nothing here sends anything; the planner rewrites it and the engine sends it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from migrate.values import Json


@dataclass(frozen=True, slots=True)
class Wait:
    """Read until a state is there: nothing sleeps for hours, a process may end and come back to it."""

    operation: str
    params: dict[str, Json]
    path: str
    """JMESPath into the answer, giving one text or a list in which each must be in `ok`."""
    ok: tuple[str, ...]
    failed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """Error codes that mean the thing is not there any more, and that is what we wait for."""
    every_s: float = 5.0
    timeout_s: float = 3600.0
    since: Json = ""
    """A time that AWS gave (`after(…)`, ISO 8601), where the state counts only `rest_s` seconds after it."""
    rest_s: float = 0.0
    reason: str = ""
    """JMESPath to AWS's own words, where it failed."""
    sent_again: bool = False
    """A failed ending left nothing behind: the next run sends the request again, and does not look at the old one."""


@dataclass(frozen=True, slots=True)
class Find:
    """How to see that a request was sent before: a read whose answer gives every output then."""

    operation: str
    params: dict[str, Json]
    outputs: Mapping[str, str]
    """Name → JMESPath into the answer; all null: it was not sent."""


class Request(NamedTuple):
    """One AWS write as it will be sent, in legacy terms until the planner rewrites it.

    once: how a repeat is told from a first time. `named`: the name is taken then. `tagged`: the stamp in the
    create call. `token`: the parameter `token_param` carries an idempotency token. `put`: a repeat leaves the same
    state. An operation that is one of the kind's reads is only a look: it gives outputs and writes nothing.
    """

    operation: str
    params: dict[str, Json]
    side: Literal["target", "legacy"] = "target"
    once: Literal["named", "tagged", "token", "put"] = "put"
    creates: bool = False
    """This request makes the thing: not sent where the look finds it standing and ours."""
    token_param: str = ""
    outputs: Mapping[str, str] = MappingProxyType({})
    """Name → JMESPath into the answer. A creating request must give "id" where the name does not say it."""
    done: tuple[str, ...] = ()
    """Error codes that mean: the state is there already."""
    retry: tuple[str, ...] = ()
    """Error codes that pass by themselves (a role just made), retried for up to two minutes."""
    find: Find | None = None
    """For a request that makes something which the kind's own look does not see (a snapshot, a transfer key)."""
    wait: Wait | None = None
    undo: "Request | None" = None
    """The inverse, in target terms once rewritten. In legacy: puts back what the inventory says stood there."""


class Remainder(NamedTuple):
    """A part of a moved resource that stays behind, said by its kind: a person answers for it in migration.yaml."""

    key: str
    """One word; with the ref it is the waiver's key."""
    what: str
    do: str
