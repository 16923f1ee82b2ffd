"""What a kind gets to work with: an account to read, a place to go to, and at run time the means to carry bytes.

The rule: nothing here sends by itself; every call of a site or carrier passes the guard of its scan or step.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from migrate.names import AccountId, Region
from migrate.values import Json

STEP_TAG = "migrate:step"
MIGRATION_TAG = "migrate:migration"
LOSS_ACCEPTED = "loss accepted by"
"""Among the outputs of a creating step: who said that what the target took may be lost by the undo."""
NEW_PASSWORD = "migrate-new-password"
"""The staging label of the version of a secret that `rotate_password` wrote: it stands before AWSCURRENT does, so that
a run that was killed in between finds the password again. AWS lets people give labels of their own. Source:
secretsmanager.PutSecretValue VersionStages, botocore 1.44.5."""
OWN_TAGS = frozenset({STEP_TAG, MIGRATION_TAG})


class ReadSite(Protocol):
    """Reads in one account and region. Every call is checked against the declared reads before it is sent."""

    account: AccountId
    region: Region

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Send `service.Operation` (AWS's own spelling: `ec2.DescribeVpcs`) and return the answer."""

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """Every element of `key` (a dotted path) over all pages. Works for operations without a paginator too."""

    def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any] | None:
        """Like call, but None for the error codes in `missing` (nothing is set). A denied call or an operation
        that the endpoint lacks is recorded as a Gap and gives None too."""

    def map(self, what: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Run `what` over items concurrently, results in the order of items."""

    def seal(self, name: str, value: str) -> Json:
        """The value itself, or `{"$sealed": <keyed hash>, "length": n}` where name or value looks like a credential."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one resource goes: target account and region, its name there, and the step that makes it."""

    migration: str
    account: AccountId
    region: Region
    name: str
    step: str = ""
    """Id of the resource's creating step; goes into the tag that proves a thing is ours."""
    accounts: tuple[AccountId, ...] = ()
    """Every target account that this resource goes to: more than one where people decided on a copy in each."""

    def stamp(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The legacy tags (without AWS's own) plus the two that say which step of which migration made this."""
        kept = {key: value for key, value in tags.items() if not key.startswith("aws:")}
        return kept | {MIGRATION_TAG: self.migration, STEP_TAG: self.step}


class Carrier(Protocol):
    """What a carrying action (bytes, rows, values) gets at run time. All calls pass the step's guard."""

    step: str
    legacy: ReadSite
    target: ReadSite
    place: Place
    outputs: Mapping[str, str]
    """What this step has learnt before: survives a crash."""
    planned: Mapping[str, Json]
    """What the plan says of this step: its approved summary."""

    def learnt(self, action: str) -> Mapping[str, str]:
        """What another step of the same thing, by its action, has learnt, undone or not."""

    def write(self, operation: str, *, side: Literal["target", "legacy"] = "target", **params: Any) -> dict[str, Any]:
        """Send one declared write. Its intent is in the journal first."""

    def rewrite(self, document: Json) -> Json:
        """A legacy document or text in the target's names, with every value known by now."""

    def remember(self, key: str, value: str) -> None:
        """Keep an output durably, at once."""

    def notebook(self, name: str) -> Path:
        """A file of the migration, for what is too much for the journal. Its folder exists, the file perhaps not."""

    def fetch(self, url: str) -> bytes:
        """Download a pre-signed URL that AWS gave us."""

    def fetch_into(self, url: str, file: IO[bytes]) -> None:
        """Download a pre-signed URL that AWS gave us into an empty file: what may be larger than memory."""

    def intend(self, operation: str, *, side: Literal["target", "legacy"]) -> None:
        """Say in the journal what is about to be changed by other means than AWS's API: a rollback goes by it."""

    def pause(self, seconds: float) -> None:
        """Wait. Raises where the run was asked to stop."""

    def route(self, host: str, port: int, *, instance: str) -> tuple[str, int]:
        """Where a server of the other side reaches that address: the target's legacy's, or legacy's the target's."""

    def connect(
        self, host: str, port: int, database: str, *, side: Literal["target", "legacy"], instance: str,
        login: tuple[str, str] | None = None,
    ) -> Any:  # fmt: skip
        """An open psycopg connection (through a tunnel where one is named), or None where none can be made.

        `instance`: its name in legacy, by which migration.yaml knows its secret. `login`: as this user, by this
        password instead.
        """
