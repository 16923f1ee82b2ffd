"""What a carrying action gets: reads on both sides, declared writes with their intent in the journal, its memory.

The rule: an action that carries bytes is given nothing that could send what its step did not declare.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

from migrate.acting import LOST_ANSWERS, UNREACHABLE, classified, out_of_patience, pause_s
from migrate.errors import GuardError, Lost, MigrateError, StepFailed, VerificationFailed
from migrate.ground import Ground
from migrate.kind import CarryAction, Place, ReadSite
from migrate.names import AccountId, Region
from migrate.steps import Step
from migrate.values import Json
from migrate.width import Width

Side = Literal["target", "legacy"]

_MAKES = re.compile(r"\.(Create|Run|Start|Restore|Allocate|Import|Request|Publish|Copy)")
_REPEATABLE = frozenset({"s3.CreateMultipartUpload", "s3.CopyObject"})
_LOOKED_FOR = frozenset(
    {
        "s3.CompleteMultipartUpload", "s3.CopyObject", "s3.DeleteObject", "s3.PutObject",
        "secretsmanager.UpdateSecretVersionStage",
    }
)  # fmt: skip
"""Never sent again over a lost answer: in a versioned bucket a repeat is a second version, and a label that was moved
is not where it was. The action looks instead."""
T = TypeVar("T")
FETCHES = 3
"""How often a download is tried before its step fails."""
_NAMES = re.compile(r"(Name|Id|Arn|Identifier|Bucket|Key|Path)$")


class Learnt(Mapping[str, str]):
    """What the step, and the one that made its thing, have learnt, as it is now."""

    def __init__(self, ground: Ground, step: Step) -> None:
        self._ground, self._step = ground, step

    def _now(self) -> dict[str, str]:
        journal = self._ground.journal
        return {**journal.outputs(self._step.create_id), **journal.outputs(self._step.id)}

    def __getitem__(self, key: str) -> str:
        return self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


@dataclass
class StepCarrier:
    """The Carrier of one step, in one call of `carry`, `prove` or `uncarry`."""

    ground: Ground
    of: Step
    event: Literal["acting", "undoing"]
    sender: Callable[[AccountId, Region], Any]
    _told: set[tuple[str, str]] = field(default_factory=set)
    _widths: dict[tuple[str, str], Width] = field(default_factory=dict)

    def __post_init__(self) -> None:
        action = self.ground.kind(self.of).action(self.of.action)
        extra = action.reads if isinstance(action, CarryAction) else frozenset()
        self.step = self.of.id
        self.outputs: Mapping[str, str] = Learnt(self.ground, self.of)
        self.place: Place = self.ground.place(self.of)
        self.planned: Mapping[str, Json] = self.of.carry or {}
        self.legacy: ReadSite = self.ground.legacy(self.of, extra)
        self.target: ReadSite = self.ground.target(self.of, extra)

    def learnt(self, action: str) -> Mapping[str, str]:
        """What another step of the same thing, by its action, has learnt, undone or not."""
        return self.ground.journal.learnt(f"{self.step.rpartition(':')[0]}:{action}")

    def write(self, operation: str, *, side: Side = "target", **params: Any) -> dict[str, Any]:
        """Send one declared write; throttled ones again, lost ones only where a repeat leaves the same state."""
        ground = self.ground
        account, region = self._at(side)
        makes = bool(_MAKES.search(operation)) and operation not in _REPEATABLE
        started, attempt, lost, refreshed = ground.clock.now(), 0, 0, 0
        width, entered = self._widths.setdefault((operation, side), Width()), 0.0
        while True:
            ground.check_stop()
            attempt += 1
            self._intent(operation, side, account, region, params, makes)
            try:
                with width.one(ground.check_stop) as entered:
                    answer: dict[str, Any] = self.sender(account, region).send(operation, **params)
                ground.unreachable_since = None
                return answer
            except MigrateError:
                raise
            except Exception as error:
                sort, code, said = classified(error)
                if code not in UNREACHABLE:
                    ground.unreachable_since = None
                    if sort == "transient":
                        width.narrow(entered)
                if sort == "lost":
                    lost += 1
                    if makes or operation in _LOOKED_FOR or lost > LOST_ANSWERS:
                        raise Lost(said) from error
                elif sort == "auth" and refreshed < 2:
                    refreshed += 1
                    ground.clients.refresh(account)
                elif sort != "transient" or out_of_patience(ground, code, started):
                    # The action's code knows its own errors (a thing that is there already): AWS's own is raised.
                    raise
                ground.clock.sleep(pause_s(self.step, attempt))

    def _at(self, side: Side) -> tuple[AccountId, Region]:
        return (self.of.ref.account, self.of.ref.region) if side == "legacy" else (self.of.account, self.of.region)

    def rewrite(self, document: Json) -> Json:
        """A legacy document or text in the target's names, sealed values in clear.

        Raises FileError where a value is not known yet.
        """
        return self.ground.resolved(
            self.of, self.ground.rename(self.of.account, self.of.ref.region)(document), account=self.of.account
        )

    def remember(self, key: str, value: str) -> None:
        """Keep an output durably, at once."""
        if self.ground.journal.outputs(self.step).get(key) != value:
            self.ground.journal.append(self.step, "learned", {"outputs": {key: value}})

    def notebook(self, name: str) -> Path:
        """A file in `carried.run` beside the run's folder: a new plan has a new run, and has to know it too."""
        run = self.ground.journal.path.parent
        folder = (run.parent if run.suffix == ".run" else run) / "carried.run"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def fetch(self, url: str) -> bytes:
        """Download a pre-signed URL that AWS gave us."""
        return self._fetched(url, lambda: self.ground.fetch(url))

    def fetch_into(self, url: str, file: IO[bytes]) -> None:
        """Download a pre-signed URL that AWS gave us into a file, from its beginning on with each try."""

        def into() -> None:
            file.seek(0)
            file.truncate()
            self.ground.fetch_into(url, file)

        self._fetched(url, into)

    def _fetched(self, url: str, download: Callable[[], T]) -> T:
        if not url.startswith(("https://", "http://")):
            raise GuardError(f"{self.step}: {url[:40]!r} is no address to download from")
        tries = 0
        while True:
            self.ground.check_stop()
            try:
                return download()
            except (OSError, HTTPException) as error:
                tries += 1
                if tries >= FETCHES:
                    # Without the query: it is the signature that lets anybody in.
                    raise StepFailed(
                        f"{self.step}: {url.partition('?')[0][:200]} cannot be downloaded: {error}",
                        do="let this machine reach that address, then migrate run; where the endpoint has no "
                        "downloads, `to: legacy` in placement leaves the resource where it is: plan again",
                    ) from error
            self.ground.clock.sleep(pause_s(self.step, tries))

    def intend(self, operation: str, *, side: Side) -> None:
        """Note a change that goes past AWS's API, before it is made."""
        account, region = self._at(side)
        self._intent(operation, side, account, region, {}, False)

    def pause(self, seconds: float) -> None:
        """Wait. Raises Interrupted where the run was asked to stop."""
        self.ground.check_stop()
        self.ground.clock.sleep(seconds)

    def route(self, host: str, port: int, *, instance: str) -> tuple[str, int]:
        """Where a server of the other side reaches that address."""
        return self.ground.route(host, port)

    def connect(
        self, host: str, port: int, database: str, *, side: Side, instance: str, login: tuple[str, str] | None = None
    ) -> Any:
        """An open psycopg connection, or None where none can be made."""
        account, _ = self._at(side)
        own = {"login": login} if login else {}
        return self.ground.connect(account, host, port, database, side=side, instance=instance, **own)

    def _intent(
        self, operation: str, side: str, account: str, region: str, params: Mapping[str, Any], makes: bool
    ) -> None:
        """Before the first write of each sort, and before each one that makes something: a million puts are one."""
        if (operation, side) in self._told and not makes:
            return
        self._told.add((operation, side))
        named = {key: value for key, value in params.items() if isinstance(value, str) and _NAMES.search(key)}
        data = {"carry": True, "makes": makes, "operation": operation, "account": account, "region": region}
        self.ground.journal.append(self.step, self.event, {**data, "params": named})


def carry(ground: Ground, step: Step, sender: Callable[[AccountId, Region], Any]) -> None:
    """Run the step's carrying action to its receipt; it goes on where it stopped.

    With a receipt, it is run again only where a proof found a difference since and the action repeats.
    """
    action = ground.kind(step).action(step.action)
    if not isinstance(action, CarryAction):
        return
    entries = ground.journal.forward(step.id)
    receipts = [at for at, entry in enumerate(entries) if entry.event == "acted" and entry.data.get("carry")]
    if receipts:
        since = [entry.data.get("error") for entry in entries[receipts[-1] :] if entry.event == "failed"]
        if not (action.repeats and VerificationFailed.__name__ in since):
            return
    carried = [entry for entry in entries if entry.data.get("carry")]
    if carried and carried[-1].data.get("makes"):
        # The process ended around a write that makes something: its look may lag behind.
        ground.settle(step)
    it = ground.it(step)
    for lost in range(LOST_ANSWERS):
        ground.check_stop()
        try:
            counts = action.carry(it, StepCarrier(ground, step, "acting", sender))
        except Lost:
            ground.settle(step)
            ground.clock.sleep(pause_s(step.id, lost + 1))
            continue
        except MigrateError:
            raise
        except Exception as error:
            sort, code, said = classified(error)
            ground.journal.append(step.id, "failed", {"carry": True, "code": code, "said": said})
            raise StepFailed(
                f"{step.id}: AWS refused ({sort}): {code}: {said}", do="correct what AWS says, then migrate run"
            ) from error
        ground.journal.append(step.id, "acted", {"carry": True, "counts": dict(counts)})
        return
    raise StepFailed(f"{step.id}: answers were lost {LOST_ANSWERS} times", do="look there, then migrate run")
