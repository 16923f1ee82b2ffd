"""What stands: every kind of an organisation read in AWS. The rule: what was not shown is an error, never nothing.

A wish that seems to be missing would be made, so a read that is denied ends the plan before it begins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from migrate.aws import Aws, Permit, ReadFailed, permitted
from migrate.clients import RunClients
from migrate.errors import AccessError, GuardError
from migrate.inventory import Resource
from migrate.names import GLOBAL, AccountId, Ref, Region
from migrate.organisation.difference import Key
from migrate.organisation.wanted import WISHES, WantedKind


class WishSite:
    """migration.yaml as a site: what is wished for stands there. Nothing is sent."""

    account = WISHES
    unsealed: Mapping[str, str] = {}
    refusals: Sequence[str] = ()

    def __init__(self, wishes: Iterable[Resource], region: Region = GLOBAL) -> None:
        self.wishes = tuple(wishes)
        self.region = region

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        """Nothing is asked of AWS here."""
        raise GuardError(f"{operation} of migration.yaml: a wish is not asked", do="this is a defect: please report it")

    pages = optional = map = seal = call


class OrganisationClients(RunClients):
    """The engine's AWS, with migration.yaml in the place of the legacy account."""

    def __init__(self, aws: Aws, seal_key: bytes, wishes: Iterable[Resource]) -> None:
        super().__init__(aws, seal_key)
        self._wishes = tuple(wishes)

    def reader(self, account: AccountId, region: Region, reads: frozenset[str], *, remember: bool = False) -> Any:
        """Reads there; of 000000000000 the wishes."""
        if account == WISHES:
            return WishSite(self._wishes, region)
        return super().reader(account, region, reads, remember=remember)


def present(
    aws: Aws, account: AccountId, kinds: Mapping[str, Any], regions: Mapping[str, Region], accounts: Iterable[AccountId]
) -> list[Resource]:
    """Everything of these kinds that stands. `regions`: kind → where it is asked, unless it has no region.

    Raises AccessError where a read was refused.
    """
    found: list[Resource] = []
    for kind in kinds.values():
        for one in accounts if kind.per_account else (account,):
            found += _look(aws, one, kind, GLOBAL if kind.is_global else regions[kind.name])
    return found


def present_by_name(aws: Aws, kinds: Mapping[str, Any], wanted: Iterable[Key]) -> list[Resource]:
    """What of these stands in member accounts: each is looked at by its kind and name, `<account id>/<name>`.

    Raises AccessError where a read was refused.
    """
    found: list[Resource] = []
    for kind, name in wanted:
        account = AccountId(name.partition("/")[0])
        found += _look(aws, account, kinds[kind], GLOBAL, name)
    return found


def more_closely(
    aws: Aws, account: AccountId, kinds: Mapping[str, Any], looked_at: Sequence[Resource], found: Iterable[Resource]
) -> list[Resource]:
    """What was found, with whether somebody else gives rights by it for those that are looked at more closely.

    Raises AccessError where a read was refused.
    """
    others: dict[Ref, bool] = {}
    for one in looked_at:
        kind = kinds[one.ref.kind]
        where = AccountId(one.ref.name.partition("/")[0]) if kind.per_account else account
        try:
            with permitted(Permit(kind.reads, scan=True)):
                others[one.ref] = kind.has_others(aws.site(where, one.ref.region, kind=kind.name), one)
        except ReadFailed as error:
            raise _unseen(kind, where, error.what) from error
    return [replace(one, facts=one.facts | {"others": True}) if others.get(one.ref) else one for one in found]


def _look(
    aws: Aws, account: AccountId, kind: WantedKind[Any], region: Region, only: str | None = None
) -> list[Resource]:
    site = aws.site(account, region, kind=kind.name)
    try:
        with permitted(Permit(kind.reads, scan=True)):
            found = list(kind.scan(site, only))
    except ReadFailed as error:
        raise _unseen(kind, account, error.what) from error
    if site.gaps:
        raise _unseen(kind, account, f"{site.gaps[0].call}: {site.gaps[0].reason}: {site.gaps[0].said}")
    return found


def _unseen(kind: WantedKind[Any], account: AccountId, said: str) -> AccessError:
    return AccessError(
        f"{kind.title} in {account} could not be seen: {said}; nothing was planned",
        do="allow that call for the role in use, then plan again",
    )
