"""What a plan is made of: planned requests, steps, gates. Plain values that survive a file unchanged.

The rule: a step's requests are complete. Parameters hold target terms only, with placeholders (see `values`) for
what an earlier step will learn; nothing is computed from legacy any more when a step runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, NamedTuple

from migrate.kind import Downtime, Place, Undo
from migrate.names import AccountId, Ref, Region
from migrate.requests import Find, Wait
from migrate.values import Json


class PlannedRequest(NamedTuple):
    """As `requests.Request` with its wait and find, in target terms, with the account and region it goes to."""

    account: AccountId
    region: Region
    operation: str
    params: dict[str, Json]
    once: str
    creates: bool
    token_param: str
    outputs: dict[str, str]
    done: tuple[str, ...]
    retry: tuple[str, ...]
    find: Find | None
    wait: Wait | None
    undo: "PlannedRequest | None"


@dataclass(frozen=True, slots=True)
class Step:
    """One action on one resource in one target account. `id` is `<target account>/<region>/<kind>/<name>:<action>`."""

    id: str
    ref: Ref
    """The legacy resource."""
    action: str
    title: str
    account: AccountId
    region: Region
    name: str
    """The resource's name in the target (for kinds that AWS names: its legacy id)."""
    needs: tuple[str, ...]
    """Ids of the steps and gates that come first."""
    because: tuple[str, ...]
    """Why, in words with evidence; never steers anything."""
    wave: int
    group: str
    """The cut-over group: resources that move together."""
    requests: tuple[PlannedRequest, ...]
    carry: dict[str, Json] | None
    """For a carrying action: its summary, from where to where."""
    legacy_after: dict[str, Json] | None
    """Facts of the legacy resource that this step changes, with their new values."""
    downtime: Downtime
    undo_class: Undo
    estimate: dict[str, Json] = field(default_factory=dict)
    """seconds, bytes, monthly_usd, each with its basis."""

    def place(self, migration: str) -> Place:
        """Where the resource goes, as kinds want it."""
        return Place(migration, self.account, self.region, self.name, self.create_id)

    @property
    def create_id(self) -> str:
        """The id of the step that made (or makes) the resource: what its stamp says."""
        return f"{self.id.rpartition(':')[0]}:create"

    def as_json(self) -> dict[str, Json]:
        """The form in the plan file. Documents are shared with the step, not copied."""
        line = {name: getattr(self, name) for name in Step.__slots__}
        line["ref"], line["requests"] = str(self.ref), [_line_of(request) for request in self.requests]
        line["needs"], line["because"] = list(self.needs), list(self.because)
        return line

    @classmethod
    def from_json(cls, line: Mapping[str, Json]) -> "Step":
        """Read a step back."""
        values = _known(cls, line)
        values["ref"] = Ref.parse(values["ref"])
        values["requests"] = tuple(map(_request, values["requests"]))
        values["needs"], values["because"] = tuple(values["needs"]), tuple(values["because"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Gate:
    """A question that a person answers. A barrier: every step of an earlier wave is before it, all others after."""

    id: str
    ask: str
    approvers: int
    within_s: float | None
    """How long an answer stays good; None: for ever."""
    after_wave: int
    """It stands between this wave and the next."""

    def as_json(self) -> dict[str, Json]:
        """The form in the plan file."""
        return {name: getattr(self, name) for name in Gate.__slots__}

    @classmethod
    def from_json(cls, line: Mapping[str, Json]) -> "Gate":
        """Read a gate back."""
        return cls(**_known(cls, line))


@cache
def _fields(sort: Any) -> frozenset[str]:
    return frozenset(sort._fields if issubclass(sort, tuple) else (item.name for item in fields(sort)))


def _known(sort: Any, line: Mapping[str, Json]) -> dict[str, Any]:
    """The fields that this version knows: a reader ignores others of the same major version."""
    known = _fields(sort)
    return dict(line) if known.issuperset(line) else {key: value for key, value in line.items() if key in known}


_ABSENT: Mapping[str, Any] = {
    "creates": False, "token_param": "", "outputs": {}, "done": (), "retry": (), "find": None, "wait": None,
    "undo": None,
}  # fmt: skip
"""What a request in a plan file is where it does not say."""


def _request(line: Mapping[str, Json]) -> PlannedRequest:
    values = dict(_ABSENT) | _known(PlannedRequest, line)
    for name in ("done", "retry"):
        values[name] = tuple(values[name])
    if values["find"] is not None:
        values["find"] = Find(**_known(Find, values["find"]))
    if values["wait"] is not None:
        wait = _known(Wait, values["wait"])
        values["wait"] = Wait(**wait | {name: tuple(wait[name]) for name in ("ok", "failed", "gone")})
    values["undo"] = None if values["undo"] is None else _request(values["undo"])
    return PlannedRequest(**values)


_REQUEST_FIELDS = PlannedRequest._fields


def _line_of(request: PlannedRequest) -> dict[str, Json]:
    """A request without what it does not have: most have no wait, no find and no error codes."""
    pairs = zip(_REQUEST_FIELDS, request, strict=True)
    line: dict[str, Any] = {name: value for name, value in pairs if value or name == "params"}
    for name in ("done", "retry"):
        if name in line:
            line[name] = list(line[name])
    if request.undo is not None:
        line["undo"] = _line_of(request.undo)
    if request.find is not None:
        line["find"] = {name: getattr(request.find, name) for name in Find.__slots__}
    if request.wait is not None:
        line["wait"] = {name: getattr(request.wait, name) for name in Wait.__slots__}
        line["wait"] |= {name: list(line["wait"][name]) for name in ("ok", "failed", "gone")}
    return line
