"""organizations.account: an account, known by its root user's e-mail address. The rule: AWS cannot delete one.

CreateAccount only begins: its state is asked for until it is over, and an account of that address that stands already
is taken over, never made twice. A rollback parks it in a unit of its own, or closes it where that was said.
"""

from collections.abc import Iterator
from typing import Any

from migrate.errors import StepFailed
from migrate.inventory import Resource
from migrate.kind import Action, It, Need, Place, ReadSite, Request, Wait, after, tag_pairs
from migrate.organisation.kinds import _tree
from migrate.organisation.wanted import BUSY, ROOT, VOLATILE, Make, Wanted, WantedKind, called, own
from migrate.values import Json

AT_A_TIME = 5
"""Accounts that AWS makes at a time. Source: Organizations User Guide, "Quotas for AWS Organizations"; more are refused
as ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED (organizations.ConstraintViolationException, botocore 1.44.5)."""

FAILURES = (
    "ACCOUNT_LIMIT_EXCEEDED", "EMAIL_ALREADY_EXISTS", "INVALID_ADDRESS", "INVALID_EMAIL",
    "CONCURRENT_ACCOUNT_MODIFICATION", "INTERNAL_FAILURE", "GOVCLOUD_ACCOUNT_ALREADY_EXISTS",
    "MISSING_BUSINESS_VALIDATION", "FAILED_BUSINESS_VALIDATION", "PENDING_BUSINESS_VALIDATION",
    "INVALID_IDENTITY_FOR_BUSINESS_VALIDATION", "UNKNOWN_BUSINESS_VALIDATION", "MISSING_PAYMENT_INSTRUMENT",
    "INVALID_PAYMENT_INSTRUMENT", "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED", "FAILED",
)  # fmt: skip
"""Source: organizations.CreateAccountStatus FailureReason, botocore 1.44.5."""


class Account(Wanted):
    """Source: organizations.ListAccounts, organizations.ListParents."""

    account_name: str
    status: str = "ACTIVE"
    parent: str = ROOT
    role: str = "OrganizationAccountAccessRole"
    lane: str = ""
    """The account before it in its lane: AWS makes five at a time, and there are five lanes."""
    parked: str = ""
    """The unit in which a rollback leaves it; empty: it is closed."""
    template: str = ""
    """The quota template that has to be in use before it is made; empty: none is wanted."""


class CreateAccount(Make[Account]):
    """CreateAccount, waited for. Closing is the only way back, and only where migration.yaml says so."""

    title = "Create account"
    undo_class = "R4"

    def requests(self, it: It[Account], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "Email": it.ref.name,
            "AccountName": it.facts.account_name,
            "RoleName": it.facts.role,
            "IamUserAccessToBilling": "ALLOW",
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        close = Request(
            "organizations.CloseAccount", {"AccountId": after("create", "id")}, retry=BUSY,
            done=("AccountAlreadyClosedException", "AccountNotFoundException"),
        )  # fmt: skip
        return [
            Request(
                "organizations.CreateAccount", params, once="tagged", creates=True, retry=BUSY,
                outputs={"request": "CreateAccountStatus.Id"},
                wait=Wait(
                    "organizations.DescribeCreateAccountStatus", {"CreateAccountRequestId": after("create", "request")},
                    path="CreateAccountStatus.FailureReason || CreateAccountStatus.State", ok=("SUCCEEDED",),
                    failed=FAILURES,
                ),
                undo=None if it.facts.parked else close,
            )
        ]  # fmt: skip


class PlaceAccount(Action[Account]):
    """MoveAccount from where it lies into its unit. Undone: back, or into the unit of parked accounts."""

    name = "place"
    title = "Move the account into its unit"
    sets = frozenset({"parent"})

    def applies(self, it: It[Account]) -> bool:
        return "parent" in it.facts.changes if it.facts.stands else it.facts.parent != ROOT

    def requests(self, it: It[Account], place: Place) -> list[Request]:
        before = str((it.facts.before or {}).get("parent", ROOT))
        back = before if it.facts.stands else it.facts.parked
        return [_move(it, before, it.facts.parent, undo=_move(it, it.facts.parent, back) if back else None)]


def _move(it: It[Account], source: str, to: str, undo: Request | None = None) -> Request:
    """DuplicateAccountException: it lies there already. Source: organizations.MoveAccount, botocore 1.44.5."""
    params: dict[str, Json] = {"AccountId": own(it), "SourceParentId": source, "DestinationParentId": to}
    return Request("organizations.MoveAccount", params, done=("DuplicateAccountException",), retry=BUSY, undo=undo)


class AccountKind(WantedKind[Account]):
    """A member account."""

    name = "organizations.account"
    title = "Account"
    facts = Account
    reads = _tree.READS | {
        "organizations.DescribeCreateAccountStatus",
        "organizations.ListCreateAccountStatus",
        "organizations.ListParents",
        "organizations.ListTagsForResource",
    }
    volatile = VOLATILE | {"role", "lane", "parked", "template"}
    adjustable = frozenset({"parent"})
    ignored = frozenset({"account_name"})
    actions = (CreateAccount(), PlaceAccount())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every account that is not closed, or the one of that address, without the management account."""
        for account in _tree.accounts(site):
            if account["Id"] != site.account and only in (None, account["Email"].lower()):
                yield self._found(site, account)

    def _found(self, site: ReadSite, account: dict[str, Any]) -> Resource:
        facts = Account(
            id=account["Id"], stands=True, account_name=account["Name"], status=account["Status"],
            parent=_tree.parent(site, account["Id"]),
        )  # fmt: skip
        tags = _tree.tags(site, account["Id"])
        return self.found(site, account["Email"].lower(), facts, arn=account["Arn"], tags=tags)

    def locate(self, site: ReadSite, place: Place, outputs: Any, it: It[Account]) -> Resource | None:
        """By its address. Raises StepFailed where one of its name is just being made and it is not known by whom."""
        found = super().locate(site, place, outputs, it)
        if found is None and "request" not in outputs and _tree.root(site) is not None:
            self._not_under_way(site, it.facts.account_name)
        return found

    def _not_under_way(self, site: ReadSite, name: str) -> None:
        # A second request while the first is under way would only fail, with the address as the reason.
        under_way = site.optional(
            "organizations.ListCreateAccountStatus", missing=("AWSOrganizationsNotInUseException",),
            States=["IN_PROGRESS"],
        )  # fmt: skip
        for one in (under_way or {}).get("CreateAccountStatuses", ()):
            if one.get("AccountName") == name:
                raise StepFailed(
                    f"AWS is making an account called {name!r} right now ({one.get('Id')}); it is not known by whom",
                    do="wait some minutes, then migrate run",
                )

    def needs(self, it: It[Account]) -> Iterator[Need]:
        """The organisation, its unit, and the account before it in its lane."""
        yield Need(ROOT, "in", "hard", "organizations.CreateAccount")
        yield Need(it.facts.parent, "member of", "soft", "organizations.MoveAccount DestinationParentId")
        if it.facts.template and not it.facts.stands:
            yield Need(it.facts.template, "names", "hard", "a quota template holds for accounts made after it")
        if it.facts.lane:
            yield Need(called(self.name, it.facts.lane), "names", "hard", f"AWS makes {AT_A_TIME} accounts at a time")


KINDS = (AccountKind(),)
