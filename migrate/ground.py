"""What a step stands on while it runs: plan, inventory, journal, clients, clock, and how a thing is looked up.

The rule: everything here reads. What writes is `acting` and `undoing`, each under a permit.
"""

import re
import shutil
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.client import IncompleteRead
from typing import IO, Any, Protocol

from migrate.errors import AccessError, Conflict, FileError, MigrateError, StaleError
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.kind import MIGRATION_TAG, STEP_TAG, It, Kind, Place, ReadSite
from migrate.names import AccountId, Region
from migrate.requests import Wait
from migrate.steps import Gate, PlannedRequest, Step
from migrate.values import Json, resolve, waits_for

Rename = Callable[[AccountId, Region], Callable[[Json], Json]]
"""The name map for what goes from a region of legacy to an account."""
"""For a target account: legacy document → the same in target terms, with `$after` marks for what is not known yet."""

Connect = Callable[..., Any]
"""`connect(account, host, port, database, side=…, instance=…)`: an open psycopg connection, or None."""

Allows = Callable[[AccountId, Region, str, Mapping[str, Any]], bool]
"""Whether a step may send this operation with these parameters to this account and region."""


class Interrupted(MigrateError):
    """Asked to stop; what was under way is in the journal. Running again goes on."""

    exit_code = 130


class Clock(Protocol):
    """Time, so that tests need not wait. `sleep` raises Interrupted when the run is asked to stop."""

    def now(self) -> float:
        """UTC in seconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class WallClock:
    """The real time; a sleep ends at once when the run is asked to stop."""

    def __init__(self, stopping: threading.Event | None = None) -> None:
        self.stopping = stopping or threading.Event()

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise Interrupted("stopped while waiting", do="migrate run goes on from here")


class Sender(Protocol):
    """Sends writes to one account and region, once each, with no retries of its own."""

    def send(self, operation: str, **params: Any) -> dict[str, Any]:
        """Send and return the answer. Raises what `acting.classified` tells apart, GuardError before sending."""


class Clients(Protocol):
    """AWS, as the engine needs it."""

    def reader(
        self, account: AccountId, region: Region, reads: frozenset[str], *, remember: bool = False
    ) -> "RememberingSite":
        """Reads there, each among `reads`. `remember`: what is sealed can be had in clear from `unsealed`."""

    def sender(self, account: AccountId, region: Region, allows: Allows) -> Sender:
        """Writes there, each stopped before it is sent where `allows` says no."""

    def refresh(self, account: AccountId) -> None:
        """Take new credentials: the ones in use have run out."""


class RememberingSite(ReadSite, Protocol):
    """A site that knows what it was not shown, and what it sealed."""

    @property
    def unsealed(self) -> Mapping[str, str]:
        """Keyed hash → clear text, in memory only."""

    @property
    def refusals(self) -> Sequence[str]:
        """What was denied or is not there at this endpoint, since this site was made."""


class PlanLike(Protocol):
    """What of a plan is needed to run it."""

    @property
    def migration(self) -> str:
        """Its name; in every stamp."""

    @property
    def legacy(self) -> AccountId:
        """The account that is left."""

    @property
    def steps(self) -> Mapping[str, Step]:
        """By id."""

    @property
    def gates(self) -> Sequence[Gate]:
        """The questions."""


class Known(Mapping[tuple[str, str], str]):
    """(step, output) → value, from the journal as it is now."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getitem__(self, key: tuple[str, str]) -> str:
        return self._journal.outputs(key[0])[key[1]]

    def __iter__(self) -> Any:
        raise TypeError("what is known is looked up, not listed")

    def __len__(self) -> int:
        raise TypeError("what is known is looked up, not listed")


FETCHED_AT_ONCE = 2**20


def download(url: str) -> bytes:
    """Fetch a URL that AWS signed."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def download_into(url: str, file: IO[bytes]) -> None:
    """Fetch a URL that AWS signed into a file, in flat memory.

    Raises IncompleteRead where less came than was announced: a reading in parts alone would not tell.
    """
    with urllib.request.urlopen(url, timeout=60) as answer:
        shutil.copyfileobj(answer, file, FETCHED_AT_ONCE)
        announced = int(answer.headers.get("Content-Length") or file.tell())
        if file.tell() != announced:
            raise IncompleteRead(b"", announced - file.tell())


def not_blind(what: str, site: RememberingSite, *, direct: bool) -> None:
    """Raise AccessError where a look that found nothing was not answered: nobody knows then what stands there.

    direct: the look was for one thing by its name or id, so whatever was refused was about that thing. A look through
    all things may be refused something about another one.
    """
    unseen = list(site.refusals) if direct else [said for said in site.refusals if _UNANSWERED.search(said)]
    if unseen:
        raise AccessError(
            f"{what}: whether it is there could not be seen: {unseen[0]}",
            do="allow that call, or let the endpoint be reached (migrate doctor); then type the same again",
        )


_UNANSWERED = re.compile(r": (unreachable|throttled): ")


@dataclass
class Ground:
    """One run's surroundings, shared by all its threads."""

    plan: PlanLike
    inventory: Inventory
    kinds: Mapping[str, Kind[Any]]
    clients: Clients
    journal: Journal
    rename: Rename
    connect: Connect
    clock: Clock
    settle_s: float = 300.0
    """After a write whose answer never came, "not there" is believed only now. Source: EC2 developer guide, eventual
    consistency: back off up to about five minutes; read 2026-11."""
    consistency_s: float = 20.0
    """How long a read may lag behind a write that was answered before verifying fails."""
    fetch: Callable[[str], bytes] = download
    fetch_into: Callable[[str, IO[bytes]], None] = download_into
    route: Callable[[str, int], tuple[str, int]] = lambda host, port: (host, port)
    """Where a server of the other side reaches an address of legacy, or of the target."""
    stopping: threading.Event = field(default_factory=threading.Event)
    unreachable_since: float | None = None
    """Since when no connection could be made, for whatever step; None after any answer."""
    going: frozenset[str] = frozenset()
    """The steps that this rollback takes away."""
    looked_at: set[str] = field(default_factory=set)
    """Creating steps whose things this process has asked for the last time what they took."""
    looking: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.known = Known(self.journal)
        together: dict[Any, set[AccountId]] = {}
        for step in self.plan.steps.values():
            together.setdefault(step.ref, set()).add(step.account)
        self._goes_to = {ref: tuple(sorted(accounts)) for ref, accounts in together.items()}

    def check_stop(self) -> None:
        """Raise Interrupted where the run was asked to stop."""
        if self.stopping.is_set():
            raise Interrupted("stopped on request", do="migrate run goes on from here")

    def kind(self, step: Step) -> Kind[Any]:
        """The step's kind."""
        return self.kinds[step.ref.kind]

    def resource(self, step: Step) -> Resource:
        """The legacy resource as it was scanned."""
        try:
            return self.inventory.by_ref[step.ref]
        except KeyError as error:
            raise FileError(f"{step.ref} is in the plan and not in the inventory", do="migrate plan") from error

    def it(self, step: Step) -> It[Any]:
        """The legacy resource, typed."""
        return self.kind(step).typed(self.resource(step))

    def place(self, step: Step) -> Place:
        """Where it goes."""
        return replace(step.place(self.plan.migration), accounts=self._goes_to[step.ref])

    def target(self, step: Step, extra: frozenset[str] = frozenset(), *, remember: bool = False) -> RememberingSite:
        """Reads in the step's target."""
        return self.clients.reader(step.account, step.region, self.kind(step).reads | extra, remember=remember)

    def legacy(self, step: Step, extra: frozenset[str] = frozenset(), *, remember: bool = False) -> RememberingSite:
        """Reads in legacy, where the resource is."""
        reads = self.kind(step).reads | extra
        return self.clients.reader(step.ref.account, step.ref.region, reads, remember=remember)

    def locate(self, step: Step, site: ReadSite | None = None) -> Resource | None:
        """Find the target's thing afresh. Raises Conflict where two live things carry one stamp."""
        outputs = self.journal.outputs(step.create_id)
        looks = None if site else self.target(step)
        kind = self.kind(step)
        try:
            found = kind.locate(site or looks or self.target(step), self.place(step), outputs, self.it(step))
        except ValueError as error:
            raise Conflict(
                f"{step.id}: {error}", do="look at both, delete the one that nothing uses, then migrate run"
            ) from error
        if found is None and looks is not None:
            not_blind(step.id, looks, direct=kind.named or "id" in outputs)
        return found

    def makes(self, step: Step) -> bool:
        """Whether this migration makes the step's thing (and does not just find what AWS made by itself)."""
        create = self.plan.steps.get(step.create_id)
        return create is not None and (create.carry is not None or any(r.creates for r in create.requests))

    def is_ours(self, step: Step, found: Resource) -> bool:
        """Whether a standing thing was made by this migration: its stamp, or the journal for kinds without tags."""
        kind = self.kind(step)
        if not self.makes(step):
            return True
        if kind.stamped:
            return found.tags.get(STEP_TAG) == step.create_id and found.tags.get(MIGRATION_TAG) == self.plan.migration
        known = self.journal.outputs(step.create_id).get("id")
        if known is not None:
            return known == kind.outputs(found).get("id", found.ref.name)
        create = self.plan.steps[step.create_id]
        if create.carry is not None and not any(r.creates for r in create.requests):
            return any(entry.event == "acting" for entry in self.journal.history(create.id))
        makers = {at for at, request in enumerate(create.requests) if request.creates}
        answered = any(e.event == "acted" and e.data.get("request") in makers for e in self.journal.forward(create.id))
        return answered or any(self.is_uncertain(create, at) for at in makers)

    def is_uncertain(self, step: Step, request: int) -> bool:
        """Whether the request was sent (or was about to be) and no answer is in the journal."""
        unanswered: set[int] = set()
        for entry in self.journal.history(step.id):
            if entry.data.get("request") != request:
                continue
            if entry.event == "acting":
                if entry.data.get("again after"):
                    # The attempt before was refused or never left: it did nothing.
                    unanswered.discard(entry.attempt - 1)
                unanswered.add(entry.attempt)
            elif entry.event == "failed":
                unanswered.discard(entry.attempt)
            elif entry.event == "acted":
                unanswered.clear()
        return bool(unanswered)

    def is_moot(self, step: Step, wait: Wait) -> bool:
        """Whether a wait asks for what only a lost answer said: the thing was found standing then, and is proved."""
        own = {output for other, output in waits_for(wait.params) if other == step.id}
        return not own <= self.journal.outputs(step.id).keys() and any(
            entry.event == "acted" and entry.data.get("adopted") for entry in self.journal.forward(step.id)
        )

    def last_sent(self, step: Step, request: int | None = None) -> float | None:
        """When the request (or any of the step's) was last about to be sent: the settle window starts there."""
        times = [
            entry.at
            for entry in self.journal.history(step.id)
            if entry.event in ("acting", "undoing") and request in (None, entry.data.get("request"))
        ]
        return times[-1] if times else None

    def settle(self, step: Step, request: int | None = None) -> None:
        """Wait until "not there" may be believed: the settle window since the last send."""
        sent = self.last_sent(step, request)
        if sent is None:
            return
        # A clock that was set back gives a negative age: then the whole window is waited.
        left = self.settle_s - max(0.0, self.clock.now() - sent)
        if left > 0:
            self.journal.append(step.id, "waiting", {"for": "a lost answer to settle", "seconds": round(left, 1)})
            self.clock.sleep(left)

    def resolved(self, step: Step, value: Json, *, account: AccountId, clear: bool = True) -> Json:
        """The value with everything filled in, as it goes to `account`: what goes back to legacy keeps legacy's names.

        `clear=False`: sealed values as a mark, for the journal.

        Raises FileError where an output that the plan promised is not in the journal.
        """
        try:
            return resolve(value, self.known, self._unseal(step, account) if clear else _sealed)
        except KeyError as error:
            missing = [key for key in sorted(waits_for(value)) if key[1] not in self.journal.outputs(key[0])]
            named = ", ".join(f"{output} of {other}" for other, output in missing) or str(error)
            raise FileError(f"{step.id} needs {named}, which is not in the journal", do="migrate status") from error

    def renamed(self, step: Step, document: Json, *, clear: bool = False) -> Json:
        """A legacy document in the step's target's names, as far as is known; marks stay for what is not."""
        value = self.rename(step.account, step.ref.region)(document)
        return _as_known(value, self.known, self._unseal(step, step.account) if clear else None)

    def left_in_legacy(self, step: Step) -> dict[str, Json]:
        """The legacy facts that the step changes, with their new values as far as they are known by now."""
        return left_in_legacy(step, self.kind(step), self.resource(step), self.known)

    def _unseal(self, step: Step, account: AccountId) -> Callable[[str], str]:
        """Hash → clear text in the account's terms, read again from legacy when first asked for."""
        clear: dict[str, str] = {}

        def unseal(sealed: str) -> str:
            if not clear:
                site = self.legacy(step, remember=True)
                list(self.kind(step).scan(site, only=step.ref.name))
                clear.update(site.unsealed)
            if sealed not in clear:
                raise StaleError(
                    f"{step.ref}: a sealed value is not what it was when it was scanned", do="migrate scan, then plan"
                )
            if account == self.plan.legacy:
                return clear[sealed]
            return str(resolve(self.rename(account, step.ref.region)(clear[sealed]), self.known))

        return unseal


def left_in_legacy(step: Step, kind: Kind[Any], scanned: Resource, known: Known) -> dict[str, Json]:
    """The legacy facts that the step changes, with their new values; marks stay for what is not known."""
    after: dict[str, Json] = _as_known(dict(step.legacy_after or {}), known, None)
    return kind.expected(after, frozenset(), kind.typed(scanned)) if after and kind.stays_in_legacy else after


def is_look(kind: Kind[Any], request: PlannedRequest) -> bool:
    """Whether the request only reads."""
    return request.operation in kind.reads


def _sealed(sealed: str) -> str:
    return f"(sealed {sealed[:12]})"


def _as_known(value: Json, known: Known, unseal: Callable[[str], str] | None) -> Json:
    """Fill in what is known and leave the marks of what is not: the smallest document that waits stays a mark."""
    if isinstance(value, list):
        return [_as_known(item, known, unseal) for item in value]
    if not isinstance(value, dict):
        return value
    if "$sealed" in value and unseal is None:
        return value
    if value.keys() & {"$after", "$join", "$sealed", "$json"}:
        try:
            return resolve(value, known, unseal)
        except KeyError:
            return value
    return {key: _as_known(item, known, unseal) for key, item in value.items()}
