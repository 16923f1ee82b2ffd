"""The only way to AWS: sessions, role chains, paced reads, single writes, and the guard over all of it.

    aws = Aws(profile="legacy", roles={production: "arn:aws:iam::222222222222:role/Migrate"})
    with permitted(Permit(reads=kind.reads, scan=True)):
        kind.scan(aws.site(legacy, region, kind=kind.name))

The rule: nothing else in the core imports boto3 or botocore, and no call leaves without a permit.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from migrate.aws import calls
from migrate.aws.errors import CallFailed, NotSent, ReadFailed, Unknown, code, reason
from migrate.aws.guard import NEVER_IN_A_SCAN, CheckWrite, Permit, forbidden_in_a_scan, permitted
from migrate.aws.session import Identity, Sessions, home_region
from migrate.aws.site import LARGEST_PAGE, SMALL_PAGES, Seal, Site
from migrate.aws.streams import Stream
from migrate.crew import Crew
from migrate.names import AccountId, Region
from migrate.pacing import Pacer
from migrate.values import Json

READ_FAILURES = (BotoCoreError, ClientError, ResponseParserError, NotImplementedError)
"""What a call raises that is about the call. NotImplementedError: an emulator inside this process says it so."""


class Paging(NamedTuple):
    """How one operation pages."""

    config: dict[str, Any] | None
    """botocore's paginator, or None where it has none."""
    model: Any
    inputs: Mapping[str, Any]
    size: int | None


class Aws:
    """Everything that is sent to AWS goes through here. One for each process; threads share it."""

    def __init__(
        self,
        profile: str | None = None,
        roles: Mapping[AccountId, str] | None = None,
        external_id: str | None = None,
        *,
        workers: int = 32,
        patience_s: float = 300.0,
    ) -> None:
        self.crew = Crew(workers)
        self.pacer = Pacer(self.crew, patience_s=patience_s)
        self.sessions = Sessions(profile, roles, external_id, connections=max(workers, 10) * 2)
        self._paging: dict[tuple[str, str], Paging] = {}

    def whoami(self, account: AccountId) -> Identity:
        """Who AWS says we are in that account. Raises AccessError where it is another account, or none."""
        return self.sessions.whoami(account)

    def site(self, account: AccountId, region: Region, *, kind: str = "", seal: Seal | None = None) -> Site:
        """One account and region to read from. `kind` names its gaps; without `seal`, sealing raises."""
        return Site(self, account, region, kind=kind, seal=seal or _no_seal)

    def read(self, account: AccountId, region: Region, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a read in its pace until it is answered.

        Raises ReadFailed (refused, throttled out, unreachable), AccessError (credentials), GuardError (not sent).
        """
        service, _, name = operation.partition(".")
        try:
            answer: dict[str, Any] = self.pacer.run(
                (account, service, region, name),
                lambda: self.sessions.send(account, region, operation, params),
                calls.judge_read,
            )
        except READ_FAILURES as error:
            raise calls.read_failed(error, operation, region) from error
        if hasattr(answer.get("Body"), "read"):
            answer["Body"] = Stream(answer["Body"], operation, region)
        return answer

    def offered(self, operation: str, region: Region) -> bool:
        """Whether the operation's service is known to exist in that region; True where that is not known."""
        return self.sessions.offered(operation.partition(".")[0], region)

    def paging(self, account: AccountId, service: str, name: str) -> Paging:
        """How an operation pages, from botocore's models."""
        known = self._paging.get((service, name))
        if known is None:
            known = self._paging[service, name] = self._find_paging(account, service, name)
        return known

    def close(self) -> None:
        """Stop what waits; nothing can be sent through this any more."""
        self.crew.close()

    def _find_paging(self, account: AccountId, service: str, name: str) -> Paging:
        model = self.sessions.operation(account, service, name)
        inputs: Mapping[str, Any] = model.input_shape.members if model.input_shape is not None else {}
        config = self.sessions.paginator(service, name)
        limit = str((config or {}).get("limit_key"))
        size: int | None = None
        if limit in inputs:
            most = inputs[limit].metadata.get("max") if inputs[limit].type_name in ("integer", "long") else None
            size = min(int(most), LARGEST_PAGE) if most else SMALL_PAGES.get(service)
        return Paging(config, model, inputs, size)


class Writer:
    """Sends the engine's writes: each exactly once, under the permit that is held."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def send(self, account: AccountId, region: Region, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request, once, and return the answer.

        Raises NotSent (surely not executed: transient, auth or definite), Unknown (may have been executed: look
        before sending again), GuardError (not declared: not sent).
        """
        try:
            return self._aws.sessions.send(account, region, operation, params)
        except READ_FAILURES as error:
            raise calls.write_failed(error, operation) from error


def _no_seal(name: str, value: str) -> Json:
    raise RuntimeError(f"the value of {name} cannot be sealed: this site was made without a seal")


__all__ = [
    "NEVER_IN_A_SCAN",
    "Aws",
    "CallFailed",
    "CheckWrite",
    "Identity",
    "NotSent",
    "Permit",
    "ReadFailed",
    "Site",
    "Unknown",
    "Writer",
    "code",
    "forbidden_in_a_scan",
    "home_region",
    "permitted",
    "reason",
]
