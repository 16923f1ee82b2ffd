"""`organisation:` of migration.yaml: accounts, units, guard rails, people. The rule: what AWS refuses is refused here.

Values only; what they mean is in `wishes`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from migrate.organisation.section_parts import (
    MOST_QUOTA_REQUESTS,
    AccountText,
    CostCategory,
    CostExport,
    CostText,
    Day,
    Email,
    MigrationRoles,
    Part,
    QuotaRequest,
    Registry,
    Withdrawal,
)
from migrate.sections import RegionName

UnitName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^/]+$")]
"""AWS takes any character (organizations.CreateOrganizationalUnit Name, botocore 1.44.5); a slash joins our paths."""

MOST_DEEP = 5
"""Levels of units under the root. Source: Organizations User Guide, "Quotas for AWS Organizations"."""
OUR_MARK = "wanted:"
PARKED = "Parked"
"""The unit in which a rollback leaves the accounts that it cannot delete."""
_ALIAS = re.compile(r"[a-z][a-z0-9_-]*")


class Management(Part):
    """The account that pays and owns the organisation; it should hold nothing else."""

    account: AccountText
    role: str | None = None
    """Role that is assumed in it; none: the credentials of the environment are its own."""
    profile: str | None = None


class Budget(Part):
    """A month's budget of one account."""

    usd: Annotated[float, Field(gt=0)]
    email: Email
    """Who is told at 50, 80 and 100 %, and when the forecast passes it."""
    stop: bool = True
    """Whether a policy that denies making things is put on the account at 100 %."""


class Member(Part):
    """One account."""

    name: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[\u0020-\u007E]+$")] | None = None
    """As the console shows it; else the alias. Source: organizations.CreateAccount AccountName, botocore 1.44.5."""
    email: Email | None = None
    """Its root user's address, unique for ever; from the pattern `email` unless said."""
    owner: Email | None = None
    """Who answers for it; becomes a tag."""
    expires: Day | None = None
    """When it may be closed; becomes a tag. Nothing closes it by itself."""
    budget: Budget | None = None
    guard_rails: tuple[str, ...] = ()
    sensitive: bool = False
    """Whether nobody has access for good: an assignment here needs `expires`, nothing in S3 can be public, and a trail
    logs who reads and writes objects."""


class Unit(Part):
    """An organizational unit with what lies in it."""

    units: dict[UnitName, "Unit"] = Field(default_factory=dict)
    accounts: dict[str, Member] = Field(default_factory=dict)
    """Alias → account; `production: {}` is enough."""
    guard_rails: tuple[str, ...] = ()
    """Names of guard rails that are attached to this unit."""


class GuardRails(Part):
    """What the starter set needs to know, and rails of one's own."""

    everywhere: tuple[str, ...] = ()
    """Attached to the root: every account but the management account."""
    regions: tuple[RegionName, ...] = ()
    """Regions that stay allowed under `allowed-regions`; none named: legacy's."""
    exempt_roles: tuple[str, ...] = ("OrganizationAccountAccessRole", "AWSControlTowerExecution", "migrate-*")
    """Names of roles that no rail stops while the migration is under way: the last section of the runbook ends that."""
    always_exempt_roles: tuple[str, ...] = ()
    """Names of roles that no rail ever stops: break-glass, Control Tower."""
    canary: str | None = None
    """Alias of the account that gets each rail first, before the gate."""
    documents: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Rails of one's own: name → the policy document."""


class Assign(Part):
    """A group's permission set in some accounts."""

    accounts: tuple[str, ...] = Field(min_length=1)
    """Aliases; `management` only where it is meant: whoever works there can change everything."""
    permission_set: str
    expires: Day | None = None
    """The last day of it: the first plan and run after that day take it away."""


class Group(Part):
    """People who may do the same."""

    description: str = ""
    assign: tuple[Assign, ...] = ()


class Person(Part):
    """One person, one login."""

    user: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """The user name; the e-mail address unless said."""

    name: Annotated[str, Field(min_length=1, max_length=1024)]
    email: Email
    groups: tuple[str, ...] = ()

    @property
    def login(self) -> str:
        """The user name, lower-case."""
        return (self.user or self.email).lower()


class CustomerPolicy(Part):
    """A policy that must stand under this name in each account that the permission set goes to."""

    name: str
    path: str = "/"


class PermissionSet(Part):
    """What a group may do in an account."""

    description: Annotated[str, Field(max_length=700)] = ""
    policies: tuple[str, ...] = ()
    """ARNs of AWS's own policies."""
    customer_policies: tuple[CustomerPolicy, ...] = ()
    inline: dict[str, Any] | None = None
    """A policy document."""
    session: Annotated[str, Field(pattern=r"^PT([1-9]|1[0-2])H$")] = "PT4H"
    """1 to 12 hours. Source: sso-admin.CreatePermissionSet, botocore 1.44.5; IAM Identity Center User Guide."""


class IdentityCenter(Part):
    """Where IAM Identity Center stands, and who makes its people."""

    region: str | None = None
    """The one region of its instance; legacy's first unless said."""
    users: Literal["made", "provisioned"] = "made"
    """made: by this tool. provisioned: an identity provider (Google Workspace, Active Directory) sends users over SCIM;
    the run waits until they are there."""
    groups: Literal["made", "provisioned"] | None = None
    """The same of groups and of who is in them; as `users` unless said. Google Workspace sends no groups: `made`."""

    @property
    def groups_are_provisioned(self) -> bool:
        """Whether an identity provider makes groups and memberships."""
        return (self.groups or self.users) == "provisioned"


class Contact(Part):
    """An alternate contact. Source: account.PutAlternateContact, botocore 1.44.5."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    title: Annotated[str, Field(min_length=1, max_length=50)]
    email: Email
    phone: Annotated[str, Field(min_length=1, max_length=25, pattern=r"^[\s0-9()+-]+$")]


class Legacy(Part):
    """What becomes of the legacy account. `invite`: into the new organisation; `management`: it is that; `leave`."""

    how: Literal["invite", "management", "leave"] = "invite"
    unit: str = ""
    """Path of the unit that it is parked in; the root unless said."""


class Organisation(Part):
    """The whole section."""

    management: Management
    legacy: Legacy = Legacy()
    email: str | None = None
    """Pattern of root users' addresses: `aws+{alias}@example.com`."""
    role: Annotated[str, Field(pattern=r"^[\w+=,.@-]{1,64}$")] = "OrganizationAccountAccessRole"
    """The role that AWS makes in each new account, and that is assumed there."""
    units: dict[UnitName, Unit] = Field(default_factory=dict)
    accounts: dict[str, Member] = Field(default_factory=dict)
    """Accounts that lie in no unit."""
    most_accounts: Annotated[int, Field(ge=1)] = 10
    """The organisation's quota of accounts, as Service Quotas shows it. AWS gives 10 at first."""
    on_rollback: Literal["park", "close"] = "park"
    """What a rollback does with accounts that it made: AWS cannot delete one."""
    guard_rails: GuardRails = GuardRails()
    services: tuple[str, ...] = ()
    """Service principals that may act for the whole organisation: `guardduty.amazonaws.com`."""
    delegated: dict[str, str] = Field(default_factory=dict)
    """Service principal → alias of the account that administers it in place of the management account."""
    contacts: dict[Literal["BILLING", "OPERATIONS", "SECURITY"], Contact] = Field(default_factory=dict)
    cost_tags: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = ()
    """Keys of tags by which the bill is told apart."""
    cost_categories: dict[CostText, CostCategory] = Field(default_factory=dict)
    cost_export: CostExport | None = None
    quota_template: tuple[QuotaRequest, ...] = Field(default=(), max_length=MOST_QUOTA_REQUESTS)
    """What each account that is made afterwards asks for."""
    central_root_access: bool = False
    """Whether the management account looks after the root users of its members."""
    no_root_credentials: bool = False
    """Whether members that stand must lose their root users' passwords and keys: a person deletes them, a run waits."""
    registry: Registry | None = None
    migration_roles: MigrationRoles | None = None
    identity_center: IdentityCenter = IdentityCenter()
    withdrawal: Withdrawal = Withdrawal()
    people: tuple[Person, ...] = ()
    groups: dict[str, Group] = Field(default_factory=dict)
    permission_sets: dict[Annotated[str, Field(pattern=r"^[\w+=,.@-]{1,32}$")], PermissionSet] = Field(
        default_factory=dict
    )
    """Source for the name: sso-admin.CreatePermissionSet Name, botocore 1.44.5."""

    def every_unit(self) -> Iterator[tuple[str, Unit]]:
        """Each unit with its path from the root, a unit before what lies in it."""
        yield from _walk("", self.units)

    def every_account(self) -> Iterator[tuple[str, Member, str]]:
        """Each account: alias, what is said of it, path of its unit ("": the root)."""
        yield from ((alias, member, "") for alias, member in self.accounts.items())
        for path, unit in self.every_unit():
            yield from ((alias, member, path) for alias, member in unit.accounts.items())

    def email_of(self, alias: str, member: Member) -> str:
        """Its root user's address, lower-case."""
        return str(member.email or (self.email or "").replace("{alias}", alias)).lower()

    def emails(self) -> dict[str, str]:
        """Alias → address."""
        return {alias: self.email_of(alias, member) for alias, member, _ in self.every_account()}

    def sensitive(self) -> set[str]:
        """Aliases of the accounts in which nobody has access for good."""
        return {alias for alias, member, _ in self.every_account() if member.sensitive}

    @model_validator(mode="after")
    def _fits_together(self) -> "Organisation":
        for said in self._wrong():
            raise ValueError(said)
        return self

    def _wrong(self) -> Iterator[str]:
        aliases: dict[str, str] = {}
        emails: dict[str, str] = {}
        paths = {path for path, _ in self.every_unit()}
        if self.email is not None and "{alias}" not in self.email:
            yield "email: must hold {alias}: each account needs an address of its own"
        for path in paths:
            if path.count("/") + 1 > MOST_DEEP:
                yield f"units: {path} lies {path.count('/') + 1} deep, AWS takes {MOST_DEEP}"
        for alias, member, path in self.every_account():
            where = f"account {alias} in {path or 'the root'}"
            if not _ALIAS.fullmatch(alias) or alias in ("legacy", "management"):
                yield f"{where}: no alias: lower-case letters, digits, - and _; legacy and management are taken"
            if alias in aliases:
                yield f"{where}: is in {aliases[alias] or 'the root'} already"
            aliases[alias] = path
            email = self.email_of(alias, member)
            if not re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", email) or not 6 <= len(email) <= 64:
                yield f"{where}: {email!r} is no address of 6 to 64 characters: say email there, or a pattern for all"
            if email in emails:
                yield f"{where}: {email} is {emails[email]}'s address: AWS takes an address once, for ever"
            emails[email] = alias
        yield from self._wrong_names(set(aliases), paths)

    def _wrong_names(self, aliases: set[str], paths: set[str]) -> Iterator[str]:
        known = f"one of {', '.join(sorted(aliases)) or 'none'}"
        if self.guard_rails.canary is not None and self.guard_rails.canary not in aliases:
            yield f"guard_rails.canary: {self.guard_rails.canary!r} is no alias of an account here: {known}"
        if self.legacy.unit and self.legacy.unit not in paths:
            yield f"legacy.unit: {self.legacy.unit!r} is no unit here: one of {', '.join(sorted(paths)) or 'none'}"
        for alias in (self.registry.account, *self.registry.to) if self.registry else ():
            if alias not in aliases:
                yield f"registry: {alias!r} is no alias of an account here: {known}"
        if self.registry and self.registry.account in self.registry.to:
            yield f"registry.to: {self.registry.account} is where the images come from"
        for service, alias in self.delegated.items():
            if alias not in aliases:
                yield f"delegated.{service}: {alias!r} is no alias of an account here: {known}"
        yield from self._wrong_costs(aliases)
        if self.no_root_credentials and not self.central_root_access:
            yield "no_root_credentials: needs central_root_access: true; else nobody can delete them from outside"
        for asked, times in Counter((one.service, one.quota, one.region) for one in self.quota_template).items():
            if times > 1:
                yield f"quota_template: {'/'.join(asked)} is there twice"
        if self.identity_center.users == "made" and self.identity_center.groups == "provisioned":
            yield "identity_center.groups: provisioned, and users are made: who sends groups sends their people too"
        users: set[str] = set()
        for person in self.people:
            if person.login in users:
                yield f"people: {person.login} is there twice"
            users.add(person.login)
            for name in person.groups:
                if name not in self.groups:
                    yield f"people: {person.email}: {name!r} is no group of `groups`"
        for said in (*users, *self.groups, *self.guard_rails.documents):
            if said.startswith(OUR_MARK):
                yield f"{said}: no person, group or guard rail may begin with {OUR_MARK}: wishes are called so"
        for title, group in self.groups.items():
            for assign in group.assign:
                if assign.permission_set not in self.permission_sets:
                    yield f"groups.{title}: {assign.permission_set!r} is no permission set of `permission_sets`"
                for alias in assign.accounts:
                    if alias not in aliases | {"management"}:
                        yield f"groups.{title}: {alias!r} is no alias of an account here: {known}, management"

    def _wrong_costs(self, aliases: set[str]) -> Iterator[str]:
        for name, category in self.cost_categories.items():
            seen: dict[str, str] = {}
            for value, those in category.values.items():
                for alias in those:
                    if alias not in aliases | {"management", "legacy"}:
                        yield f"cost_categories.{name}: {alias!r} is no alias of an account here"
                    if alias in seen:
                        yield f"cost_categories.{name}: {alias} is {seen[alias]!r} already, and {value!r} too"
                    seen[alias] = value


def _walk(above: str, units: dict[str, Unit]) -> Iterator[tuple[str, Unit]]:
    for name, unit in units.items():
        path = f"{above}/{name}" if above else name
        yield path, unit
        yield from _walk(path, unit.units)
