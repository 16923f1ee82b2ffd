"""What stands in a member account and is wanted there by name: `<account id>/<name>`.

The rule: it is looked at by the names that are wished for; what else the account holds is never listed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field

from migrate.inventory import Resource
from migrate.kind import It, Need, ReadSite
from migrate.kinds import _documents as documents
from migrate.organisation.wanted import NEVER_COMPARED, WantedKind, Withdrawable
from migrate.values import Json

GONE = ("NoSuchEntity",)


class InMember(Withdrawable):
    """What every wish in a member account knows beside its own facts."""

    needs: list[str] = Field(default_factory=list)
    """How wishes call what has to stand first."""


F = TypeVar("F", bound=InMember)


def short(it: It[Any]) -> str:
    """The name as IAM has it."""
    return it.ref.name.partition("/")[2]


def called_in(account: str, name: str) -> str:
    """The name as wishes have it."""
    return f"{account}/{name}"


def parsed(document: Any) -> dict[str, Json]:
    """A policy document in the one form in which two are compared."""
    found: dict[str, Json] = documents.canonical(documents.parsed(document))
    return found


def canonical(document: Mapping[str, Json]) -> dict[str, Json]:
    """The same form of a document that is wished for."""
    found: dict[str, Json] = documents.canonical(document)
    return found


def inline_policies(site: ReadSite, holder: Literal["Role", "User"], name: str) -> dict[str, dict[str, Json]]:
    """Every inline policy of a role or user, by its name."""
    whose = {f"{holder}Name": name}
    return {
        policy: parsed(site.call(f"iam.Get{holder}Policy", **whose, PolicyName=policy)["PolicyDocument"])
        for policy in site.pages(f"iam.List{holder}Policies", "PolicyNames", **whose)
    }


class MemberKind(WantedKind[F]):
    """One sort of thing in member accounts."""

    per_account = True
    looks_by_name: ClassVar[bool] = True
    """`look` is only ever asked for one name."""
    volatile = NEVER_COMPARED | {"needs"}

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The one of that name in the account of the site."""
        account, slash, name = (only or "").partition("/")
        if slash and account == site.account:
            yield from self.one(site, name)

    def one(self, site: ReadSite, name: str) -> Iterator[Resource]:
        """The thing as it stands, or nothing."""
        raise NotImplementedError

    def needs(self, it: It[F]) -> Iterator[Need]:
        """What has to stand first."""
        for other in it.facts.needs:
            yield Need(other, "names", "hard", f"migration.yaml: {it.ref.name}")
