"""A kind of which resources are wished for in migration.yaml, not found in legacy.

The rule: a wish is a resource of the account 000000000000, which is migration.yaml; what stands is read in AWS. Both
have the same facts, so they are compared as legacy and target are.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from migrate.errors import AccessError
from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Kind, Name, Place, ReadSite, after
from migrate.names import GLOBAL, AccountId, Ref, Region
from migrate.values import Json

WISHES = AccountId("000000000000")
"""Stands for migration.yaml where an account is named. AWS gives no account this id (unverified)."""

BUSY = ("ConcurrentModificationException", "FinalizingOrganizationException", "PolicyChangesInProgressException")
"""Codes of Organizations that pass by themselves. Source: error shapes of organizations, botocore 1.44.5."""
NO_ORGANIZATION = "AWSOrganizationsNotInUseException"


class Wanted(Facts):
    """What every wish knows beside its own facts. Volatile: none of it is compared."""

    id: str | None = None
    """The id of the thing that stands already."""
    stands: bool = False
    changes: tuple[str, ...] = ()
    """The facts in which what stands differs from what is wanted."""
    before: dict[str, Json] | None = None
    """What it shows for them now: a rollback puts it back."""


VOLATILE = frozenset(Wanted.model_fields)

F = TypeVar("F", bound=Wanted)
T = TypeVar("T")


class Withdrawable(Wanted):
    """What a wish knows of a thing that is taken away again once nobody wants it."""

    is_given: bool = True
    """False: it was given until a day that is over, or by this tool, and migration.yaml does not want it any more."""
    others: bool = False
    """Somebody else gives or has rights by it that a look at it does not show: it is left then."""


NEVER_COMPARED = VOLATILE | {"others"}
G = TypeVar("G", bound=Withdrawable)


class Make(Action[F]):
    """The creating action of something wanted, where it does not stand."""

    name = "create"

    def applies(self, it: It[F]) -> bool:
        return not it.facts.stands


class End(Action[G]):
    """Take away what stands and nobody wants any more. A rollback gives nobody rights again."""

    name = "end"
    undo_class = "R4"

    def applies(self, it: It[G]) -> bool:
        return it.facts.stands and not it.facts.is_given


def called(kind: str, name: str) -> str:
    """The text by which wishes name each other, until AWS has given an id."""
    return f"wanted:{kind}/{name}"


ROOT = called("organizations.organization", "root")


class WantedKind(Kind[F]):
    """One sort of thing that an organisation is made of. `look` reads it in AWS."""

    is_global: ClassVar[bool] = True
    per_account: ClassVar[bool] = False
    """Stands in each member account, and is read there; else in the management account."""
    volatile: ClassVar[frozenset[str]] = VOLATILE
    adjustable: ClassVar[frozenset[str]] = frozenset()
    """Facts that an action of the kind can change in a thing that stands. Others that differ are told, and refuse the
    plan."""
    ignored: ClassVar[frozenset[str]] = frozenset()
    """Facts that may differ in what stands, and stay as they are."""

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """In migration.yaml where the site is that; else in AWS."""
        wishes = getattr(site, "wishes", None)
        if wishes is None:
            yield from self.look(site, only)
        else:
            yield from (one for one in wishes if one.ref.kind == self.name and only in (None, one.ref.name))

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Find every thing of this kind in AWS, or the one of that name."""
        raise NotImplementedError

    def wish(self, name: str, facts: F, *, region: Region = GLOBAL, tags: Mapping[str, str] | None = None) -> Resource:
        """A wanted thing."""
        ref = Ref(WISHES, GLOBAL if self.is_global else region, self.name, name)
        return Resource(ref, "", dict(tags or {}), None, None, facts.model_dump(mode="json"))

    def is_gone(self, wish: Resource) -> bool:
        """Whether the wish is that it does not stand: where it does not, nothing is to be done."""
        return wish.facts.get("is_given") is False

    def has_others(self, site: ReadSite, found: Resource) -> bool:
        """Whether somebody else gives or has rights by this thing, in a way that `look` does not show."""
        return False

    def names(self, it: It[F], place: Place) -> Iterator[Name]:
        """The text by which other wishes name it."""
        yield Name(called(self.name, it.ref.name), own(it), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        """Its id."""
        return {"id": str(found.facts["id"] or found.ref.name), "arn": found.arn}

    def stand_ins(self, found: Resource) -> dict[str, str]:
        """Every text by which wishes name a thing that stands → what it is."""
        return {called(self.name, found.ref.name): self.outputs(found)["id"]}

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[F]) -> Resource | None:
        """Wishes are known by their names, also where AWS gives an id."""
        return next(iter(self.scan(site, only=place.name)), None)


VANISHED = (
    "AccountNotFoundException", "AccountNotRegisteredException", "ChildNotFoundException", "NotFoundException",
    "OrganizationalUnitNotFoundException", "ParentNotFoundException", "PolicyNotFoundException",
    "ResourceNotFoundException", "TargetNotFoundException",
)  # fmt: skip
"""Codes of a read about a thing that is not there any more. Source: error shapes of organizations, sso-admin,
identitystore and budgets, botocore 1.44.5."""


def unless_gone(read: Callable[[], T], otherwise: T) -> T:
    """What a read gives; `otherwise` where its thing went away since it was listed, because steps run side by side."""
    try:
        return read()
    except AccessError as error:
        if getattr(error, "code", "") in VANISHED:
            return otherwise
        raise


def own(it: It[Any], output: str = "id") -> Json:
    """The id of the thing itself: known where it stands, else after its creation."""
    return it.facts.id if it.facts.stands else after("create", output)
