"""What people decided about people, in the section `organisation` of migration.yaml. The rule: only what this package
acts on is read here; the rest of the section belongs to the organisation's own reader and is left alone.
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


class Shared(BaseModel):
    """A part that the organisation's own reader checks whole: here only what matters to what people may do."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Person(Shared):
    """Somebody who signs in by Identity Center."""

    name: str
    email: str = ""
    groups: tuple[str, ...] = ()


class Assignment(Shared):
    """A permission set in accounts."""

    accounts: tuple[str, ...]
    permission_set: str


class GroupOf(Shared):
    """A group of Identity Center."""

    assign: tuple[Assignment, ...] = ()


class SetOf(Shared):
    """A permission set as it stands in migration.yaml."""

    policies: tuple[str, ...] = ()
    """ARNs, or names of AWS's own policies."""
    inline: dict[str, Any] | None = None
    customer: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Name → document of customer managed policies that have to stand in each account."""
    boundary: str | None = None
    session: str = ""


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
    portal: Portal | None = None
    quarantine: bool = False
    """Whether the old users are closed. False: nothing is even planned."""
    managed_policies: Annotated[int, Field(ge=1, le=MANAGED_MOST)] = MANAGED_DEFAULT
    """How many managed policies a role may hold: the quota of the target accounts."""

    @property
    def classes(self) -> dict[str, tuple[Class, str]]:
        """User → class and reason. Who stands under `people` is a person."""
        listed: dict[str, tuple[Class, str]] = {person.name: ("human", "listed under people") for person in self.people}
        return listed | {name: (one.is_, one.because) for name, one in self.users.items()}

    def sets_of(self, person: str, alias: str) -> tuple[str, ...]:
        """Names of the permission sets that a person can choose from in an account, sorted."""
        groups = {group for one in self.people if one.name == person for group in one.groups}
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


def decisions(organisation: Mapping[str, Any] | None) -> Decisions:
    """Read the section as it stands in migration.yaml. Raises ConfigError naming the field."""
    found = {
        key: _dated(value)
        for key, value in (organisation or {}).items()
        if key in Decisions.model_fields and value is not None
    }
    try:
        return Decisions.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, ("organisation", *first["loc"])))
        raise ConfigError(f"migration.yaml: {field}: {first['msg']}", do="mend it there") from None


def _dated(value: Any) -> Any:
    """Dates as texts: YAML reads the version of a policy as one where it stands without quotes."""
    if isinstance(value, Mapping):
        return {str(key): _dated(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_dated(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
