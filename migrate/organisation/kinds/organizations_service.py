"""organizations.service_access, organizations.delegated_administrator, account.alternate_contact.

The rule: what another service may do for the whole organisation is said in migration.yaml, and nothing else is touched.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import Action, It, Need, Place, ReadSite, Request
from migrate.organisation.kinds import _tree
from migrate.organisation.wanted import BUSY, ROOT, VOLATILE, Make, Wanted, WantedKind, called
from migrate.values import Json

ACCOUNT_MANAGEMENT = "account.amazonaws.com"
"""Without its trusted access, contacts of member accounts cannot be read or set from the management account. Source:
account.PutAlternateContact, botocore 1.44.5."""
_SERVICE_READS = frozenset({"organizations.ListAWSServiceAccessForOrganization", "organizations.ListRoots"})


def _trusted(site: ReadSite) -> list[str]:
    if _tree.root(site) is None:
        return []
    listed = site.pages("organizations.ListAWSServiceAccessForOrganization", "EnabledServicePrincipals")
    return [str(one["ServicePrincipal"]) for one in listed]


class ServiceAccess(Wanted):
    """Source: organizations.ListAWSServiceAccessForOrganization. The name is the service principal."""

    root: str = ROOT


class Enable(Make[ServiceAccess]):
    """EnableAWSServiceAccess."""

    title = "Let a service act for the organisation"

    def requests(self, it: It[ServiceAccess], place: Place) -> list[Request]:
        params: dict[str, Json] = {"ServicePrincipal": it.ref.name}
        return [
            Request(
                "organizations.EnableAWSServiceAccess", params, once="named", creates=True, retry=BUSY,
                undo=Request("organizations.DisableAWSServiceAccess", params, retry=BUSY),
            )
        ]  # fmt: skip


class ServiceAccessKind(WantedKind[ServiceAccess]):
    """Trusted access of a service."""

    name = "organizations.service_access"
    title = "Trusted access"
    facts = ServiceAccess
    reads = _SERVICE_READS
    stamped = False
    volatile = VOLATILE | {"root"}
    actions = (Enable(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every service that may act for the organisation, or the one."""
        for service in _trusted(site):
            if only in (None, service):
                yield self.found(site, service, ServiceAccess(id=service, stands=True), arn="")

    def needs(self, it: It[ServiceAccess]) -> Iterator[Need]:
        """The organisation."""
        yield Need(it.facts.root, "in", "hard", "organizations.EnableAWSServiceAccess")


class Delegated(Wanted):
    """Source: organizations.ListDelegatedAdministrators. The name is `<service>@<e-mail of the account>`."""

    account: str
    service: str


class Delegate(Make[Delegated]):
    """RegisterDelegatedAdministrator."""

    title = "Let a member account administer a service"

    def requests(self, it: It[Delegated], place: Place) -> list[Request]:
        params: dict[str, Json] = {"AccountId": it.facts.account, "ServicePrincipal": it.facts.service}
        gone = ("AccountNotRegisteredException", "AccountNotFoundException")
        return [
            Request(
                "organizations.RegisterDelegatedAdministrator", params, once="named", creates=True, retry=BUSY,
                undo=Request("organizations.DeregisterDelegatedAdministrator", params, done=gone, retry=BUSY),
            )
        ]  # fmt: skip


class DelegatedKind(WantedKind[Delegated]):
    """A delegated administrator."""

    name = "organizations.delegated_administrator"
    title = "Delegated administrator"
    facts = Delegated
    reads = _tree.READS | {
        "organizations.ListDelegatedAdministrators",
        "organizations.ListDelegatedServicesForAccount",
    }
    stamped = False
    actions = (Delegate(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every service with the account that administers it, or the one."""
        if _tree.root(site) is None:
            return
        for admin in list(site.pages("organizations.ListDelegatedAdministrators", "DelegatedAdministrators")):
            services = _tree.listed(
                site, "organizations.ListDelegatedServicesForAccount", "DelegatedServices", AccountId=admin["Id"]
            )
            for one in services:
                name = f"{one['ServicePrincipal']}@{admin['Email'].lower()}"
                if only in (None, name):
                    facts = Delegated(id=name, stands=True, account=admin["Id"], service=one["ServicePrincipal"])
                    yield self.found(site, name, facts, arn="")

    def needs(self, it: It[Delegated]) -> Iterator[Need]:
        """The account, and the service's access."""
        yield Need(it.facts.account, "names", "hard", "organizations.RegisterDelegatedAdministrator AccountId")
        access = called("organizations.service_access", it.facts.service)
        yield Need(access, "in", "hard", "organizations.RegisterDelegatedAdministrator ServicePrincipal")


class Contact(Wanted):
    """Source: account.GetAlternateContact. The name is `<type>@<e-mail of the account, or management>`."""

    account: str | None
    type: str
    person: str
    title: str
    email: str
    phone: str


def _put(it: It[Contact], **other: str) -> dict[str, Json]:
    facts = it.facts.model_copy(update=other)
    return _whose(facts.account) | {
        "AlternateContactType": facts.type, "Name": facts.person, "Title": facts.title, "EmailAddress": facts.email,
        "PhoneNumber": facts.phone,
    }  # fmt: skip


def _whose(account: str | None) -> dict[str, Json]:
    """The management account may not name itself. Source: account.PutAlternateContact AccountId, botocore 1.44.5."""
    return {} if account is None else {"AccountId": account}


class SetContact(Make[Contact]):
    """PutAlternateContact."""

    title = "Set alternate contact"

    def requests(self, it: It[Contact], place: Place) -> list[Request]:
        gone = _whose(it.facts.account) | {"AlternateContactType": it.facts.type}
        return [
            Request(
                "account.PutAlternateContact", _put(it), once="named", creates=True,
                undo=Request("account.DeleteAlternateContact", gone, done=("ResourceNotFoundException",)),
            )
        ]  # fmt: skip


class ChangeContact(Action[Contact]):
    """PutAlternateContact over the one that stands. Undone: that one again."""

    name = "change"
    title = "Change alternate contact"
    undo_class = "R1"
    sets = frozenset({"person", "title", "email", "phone"})

    def applies(self, it: It[Contact]) -> bool:
        return it.facts.stands and bool(it.facts.changes)

    def requests(self, it: It[Contact], place: Place) -> list[Request]:
        before = {name: str(value) for name, value in (it.facts.before or {}).items()}
        undo = Request("account.PutAlternateContact", _put(it, **before))
        return [Request("account.PutAlternateContact", _put(it), undo=undo)]


class ContactKind(WantedKind[Contact]):
    """An account's alternate contact."""

    name = "account.alternate_contact"
    title = "Alternate contact"
    facts = Contact
    reads = _tree.READS | _SERVICE_READS | {"account.GetAlternateContact"}
    stamped = False
    adjustable = frozenset({"person", "title", "email", "phone"})
    actions = (SetContact(), ChangeContact())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every contact of every account that may be asked, or the one."""
        accounts: list[tuple[str, str | None]] = [("management", None)]
        if ACCOUNT_MANAGEMENT in _trusted(site):
            accounts += [(one["Email"].lower(), one["Id"]) for one in _tree.accounts(site) if one["Id"] != site.account]
        for email, account in accounts:
            for sort in ("BILLING", "OPERATIONS", "SECURITY"):
                if only in (None, f"{sort}@{email}"):
                    yield from self._found(site, f"{sort}@{email}", sort, account)

    def _found(self, site: ReadSite, name: str, sort: str, account: str | None) -> Iterator[Resource]:
        answer = site.optional(
            "account.GetAlternateContact", missing=("ResourceNotFoundException",), AlternateContactType=sort,
            **_whose(account),
        )  # fmt: skip
        if answer is not None:
            one = answer["AlternateContact"]
            facts = Contact(
                id=name, stands=True, account=account, type=sort, person=one["Name"], title=one["Title"],
                email=one["EmailAddress"], phone=one["PhoneNumber"],
            )  # fmt: skip
            yield self.found(site, name, facts, arn="")

    def needs(self, it: It[Contact]) -> Iterator[Need]:
        """The account, and the access of account management."""
        if it.facts.account is not None:
            yield Need(it.facts.account, "names", "hard", "account.PutAlternateContact AccountId")
            access = called("organizations.service_access", ACCOUNT_MANAGEMENT)
            yield Need(access, "in", "hard", "account.PutAlternateContact AccountId")


KINDS = (ContactKind(), DelegatedKind(), ServiceAccessKind())
