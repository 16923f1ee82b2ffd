"""What people decided about people: the section `identities` of migration.yaml, and of `organisation` who gets what.

The rule: of the organisation only what matters to what people may do is read here; it has a reader of its own.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from migrate.errors import ConfigError
from migrate.people.classify import Class
from migrate.people.packing import MANAGED_DEFAULT, MANAGED_MOST


class Part(BaseModel):
    """A part of the section: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Decision(Part):
    """What a user is, where the evidence does not say it or says it wrong."""

    is_: Class = Field(alias="is")
    because: str = ""


class Repository(Part):
    """One deployment by GitHub Actions into one account."""

    repository: str
    """`organisation/repository`; patterns are refused."""
    account: str
    """Alias of `targets`."""
    environment: str = ""
    """The environment of GitHub that the job names. One of this and `branch`."""
    branch: str = ""
    role: str = ""
    """Name of the role; none: made of the repository's name."""
    replaces: str = ""
    """The IAM user whose policies the role gets, as they read in that account."""
    policies: tuple[str, ...] = ()
    """ARNs of managed policies besides."""
    owner_id: Annotated[str, Field(pattern=r"^[0-9]*$")] = ""
    repository_id: Annotated[str, Field(pattern=r"^[0-9]*$")] = ""
    """Numbers of owner and repository, where the repository's subject claims are the immutable ones."""


class Vendor(Part):
    """Somebody outside who can only hold an access key: a user that may assume named roles and nothing else."""

    name: str
    roles: Annotated[tuple[str, ...], Field(min_length=1)]
    """`<alias>/<role name>`, each named: no pattern."""
    external_id: str = ""
    addresses: tuple[str, ...] = ()
    """IPv4 or IPv6 blocks that the vendor calls from; none: any."""
    replaces: str = ""


class MachineRole(Part):
    """What the user that a machine's role replaces had, as it reads in the role's account. A person may change it."""

    policies: tuple[str, ...] = ()
    """ARNs of AWS's own policies."""
    inline: dict[str, Any] | None = None


class Removal(Part):
    """That the closed users are removed for good, and how carefully. Where it is missing nobody is removed."""

    soak_days: Annotated[int, Field(ge=1, le=3650)] = 14
    """Days between closing and removing: long enough for what runs every two weeks. A monthly job needs more."""
    most: Annotated[int, Field(ge=1)] = 10
    """How many users one plan may remove."""
    most_percent: Annotated[int, Field(ge=1, le=100)] = 25
    """The same as a share of all IAM users that stand in the account."""


class Shared(BaseModel):
    """A part that the organisation's own reader checks whole: here only what matters to what people may do."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Person(Shared):
    """Somebody who signs in by Identity Center."""

    name: str
    user: str | None = None
    """The user name in Identity Center; the e-mail address unless said."""
    email: str = ""
    groups: tuple[str, ...] = ()

    def is_user(self, iam_user: str) -> bool:
        """Whether this is who had the IAM user of that name."""
        return iam_user in (self.user, self.name, self.email)


class Assignment(Shared):
    """A permission set in accounts."""

    accounts: tuple[str, ...]
    permission_set: str


class GroupOf(Shared):
    """A group of Identity Center."""

    assign: tuple[Assignment, ...] = ()


class CustomerPolicy(Shared):
    """A policy by its name."""

    name: str


class SetOf(Shared):
    """A permission set as it stands in migration.yaml."""

    policies: tuple[str, ...] = ()
    """ARNs, or names of AWS's own policies."""
    inline: dict[str, Any] | None = None
    customer_policies: tuple[CustomerPolicy, ...] = ()
    """Customer managed policies that have to stand in each account; `identities.policies` has their documents."""


class Portal(Shared):
    """Where people sign in."""

    start_url: Annotated[str, Field(pattern=r"^(https://)?[a-z0-9][^\s:\"\'\[\]]+$")]
    """The address of the access portal, with or without `https://`."""
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    """The region of the Identity Center instance."""

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"https://{self.start_url.removeprefix('https://')}"


class Decisions(Part):
    """What this package reads of the section."""

    people: tuple[Person, ...] = ()
    groups: dict[str, GroupOf] = Field(default_factory=dict)
    permission_sets: dict[str, SetOf] = Field(default_factory=dict)
    users: dict[str, Decision] = Field(default_factory=dict)
    github: tuple[Repository, ...] = ()
    vendors: tuple[Vendor, ...] = ()
    access_management: str = ""
    """Alias of the account in which the users of vendors stand, and nothing else."""
    machines: dict[str, MachineRole] = Field(default_factory=dict)
    """`<alias>/<role>` → what it may do in place of a user: written by `--write`, made by `migrate org`."""
    portal: Portal | None = None
    policies: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Name → document of the customer managed policies that permission sets hold."""
    quarantine: bool = False
    """Whether the old users are closed. False: nothing is even planned."""
    removal: Removal | None = None
    managed_policies: Annotated[int, Field(ge=1, le=MANAGED_MOST)] = MANAGED_DEFAULT
    """How many managed policies a role may hold: the quota of the target accounts."""

    def person(self, iam_user: str) -> Person | None:
        """Who had the IAM user of that name."""
        return next((one for one in self.people if one.is_user(iam_user)), None)

    def class_of(self, iam_user: str) -> tuple[Class, str] | None:
        """Class and reason, where people said one. Who stands under `people` is a person."""
        if iam_user in self.users:
            return self.users[iam_user].is_, self.users[iam_user].because
        return ("human", "listed under people") if self.person(iam_user) else None

    def sets_of(self, iam_user: str, alias: str) -> tuple[str, ...]:
        """Names of the permission sets that somebody can choose from in an account, sorted."""
        person = self.person(iam_user)
        groups = set(person.groups) if person else set()
        return tuple(
            sorted(
                {
                    assignment.permission_set
                    for group in groups & self.groups.keys()
                    for assignment in self.groups[group].assign
                    if alias in assignment.accounts
                }
            )
        )

    def documents_of(self, one: SetOf) -> tuple[dict[str, Any], ...]:
        """The documents of a permission set that are not AWS's own."""
        named = tuple(self.policies[policy.name] for policy in one.customer_policies if policy.name in self.policies)
        return named + ((one.inline,) if one.inline else ())

    def undescribed(self, one: SetOf) -> tuple[str, ...]:
        """Customer managed policies of a permission set whose document nobody gave."""
        return tuple(policy.name for policy in one.customer_policies if policy.name not in self.policies)

    def managed_of(
        self, one: SetOf, known: Mapping[str, Mapping[str, Any]]
    ) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
        """Documents of a permission set's policies that are AWS's own, and every policy of it that nobody has read.

        `known`: documents by ARN.
        """
        documents, unread = list[Mapping[str, Any]](), [*self.undescribed(one)]
        for policy in one.policies:
            arn = policy if policy.startswith("arn:") else f"arn:aws:iam::aws:policy/{policy}"
            if arn in known and ":iam::aws:" in arn:
                documents.append(known[arn])
            else:
                unread.append(policy)
        return tuple(documents), tuple(unread)

    def dangling(self) -> list[str]:
        """What names a group or permission set that nobody describes."""
        named = {(group, f"people: {one.name}") for one in self.people for group in one.groups}
        found = [f"{by}: there is no group {group}" for group, by in sorted(named) if group not in self.groups]
        return found + [
            f"groups: {name}: there is no permission set {one.permission_set}"
            for name, group in sorted(self.groups.items())
            for one in group.assign
            if one.permission_set not in self.permission_sets
        ]


def decisions(organisation: Mapping[str, Any] | None, identities: Mapping[str, Any] | None) -> Decisions:
    """Read both sections as they stand in migration.yaml. Raises ConfigError naming the field."""
    shared = {key: value for key, value in (organisation or {}).items() if key in SHARED and value is not None}
    found = {key: value for key, value in (identities or {}).items() if value is not None}
    if stray := sorted(set(found) & SHARED):
        raise ConfigError(f"migration.yaml: identities.{stray[0]} belongs into organisation", do="move it there")
    try:
        return Decisions.model_validate({key: _dated(value) for key, value in (shared | found).items()})
    except ValidationError as error:
        first = error.errors()[0]
        section = "organisation" if first["loc"] and first["loc"][0] in SHARED else "identities"
        field = ".".join(map(str, (section, *first["loc"])))
        raise ConfigError(f"migration.yaml: {field}: {first['msg']}", do="mend it there") from None


SHARED = frozenset({"people", "groups", "permission_sets"})
"""What is of the section `organisation`; everything else is of `identities`."""


def _dated(value: Any) -> Any:
    """Dates as texts: YAML reads the version of a policy as one where it stands without quotes."""
    if isinstance(value, Mapping):
        return {str(key): _dated(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_dated(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
