"""The engine's AWS: reads and writes of one run, each under its own permit.

The rule: every call here carries a permit of its own, so a thread that forgets one can send nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.aws import Aws, NotSent, Permit, Site, Unknown, Writer, permitted
from migrate.errors import GuardError
from migrate.ground import Allows
from migrate.names import AccountId, Region
from migrate.sealing import Sealer


class SendFailed(Exception):
    """A write that did not come back well, in the engine's own sorts."""

    def __init__(self, sort: str, code: str, said: str) -> None:
        super().__init__(said)
        self.sort, self.code, self.said = sort, code, said


class Reads(Site):
    """A site whose every call carries a permit for the declared reads, and that can unseal what it sealed."""

    def __init__(self, aws: Aws, account: AccountId, region: Region, reads: frozenset[str], sealer: Sealer) -> None:
        super().__init__(aws, account, region, kind="run", seal=sealer)
        self._permit = Permit(reads=reads)
        self._sealer = sealer

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Send one read. Raises ReadFailed, GuardError where it is not declared."""
        with permitted(self._permit):
            return super().call(operation, **params)

    @property
    def unsealed(self) -> Mapping[str, str]:
        """Keyed hash → clear text of what this site has sealed, in memory only."""
        return self._sealer.values

    @property
    def refusals(self) -> Sequence[str]:
        """What was denied or is not there at this endpoint, since this site was made."""
        return [f"{gap.call}: {gap.reason}: {gap.said}" for gap in self.gaps]


class Sends:
    """Writes to one account and region, each checked and sent once."""

    def __init__(self, aws: Aws, account: AccountId, region: Region, allows: Allows) -> None:
        self._writer, self._account, self._region, self._allows = Writer(aws), account, region, allows

    def send(self, operation: str, **params: Any) -> dict[str, Any]:
        """Send one write. Raises GuardError (not sent) or SendFailed."""
        with permitted(Permit(reads=frozenset(), writes=self._check)):
            try:
                return self._writer.send(self._account, self._region, operation, params)
            except NotSent as error:
                raise SendFailed(error.sort, error.code, error.said) from error
            except Unknown as error:
                raise SendFailed("lost", error.code, error.said) from error

    def _check(self, account: str, region: str, operation: str, params: Mapping[str, Any]) -> None:
        if not self._allows(AccountId(account), self._region, operation, params):
            raise GuardError(
                f"{operation} to {account}/{region} was stopped: the step did not declare it with these parameters",
                do="nothing was sent; plan again, and report this if it happens twice",
            )


class RunClients:
    """`ground.Clients` over real AWS."""

    def __init__(self, aws: Aws, seal_key: bytes) -> None:
        self._aws, self._seal_key = aws, seal_key

    def reader(self, account: AccountId, region: Region, reads: frozenset[str], *, remember: bool = False) -> Reads:
        """Reads there, each among `reads`."""
        return Reads(self._aws, account, region, reads, Sealer(self._seal_key, remember=remember))

    def sender(self, account: AccountId, region: Region, allows: Allows) -> Sends:
        """Writes there."""
        return Sends(self._aws, account, region, allows)

    def refresh(self, account: AccountId) -> None:
        """Forget the credentials in use; the next call asks for new ones."""
        self._aws.sessions.forget(account)
