"""iam.member_root: a member account whose root user has no password, no access key and no signing certificate.

The rule: a look, and a person's step. Deleting them takes a root session of the management account (sts.AssumeRoot with
the task policy IAMDeleteRootUserCredentials, botocore 1.44.5), which this tool never opens: whoever holds one is root.
"""

from collections.abc import Iterator, Mapping, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, It, Place, ReadSite, Request
from migrate.organisation.kinds._members import InMember, MemberKind, called_in
from migrate.values import Json

ROOT_USER = "root"
SHOWN: Mapping[str, str] = {
    "password": "AccountPasswordPresent", "access_keys": "AccountAccessKeysPresent",
    "certificates": "AccountSigningCertificatesPresent",
}  # fmt: skip
"""Fact → key of the account's summary. Source: iam.GetAccountSummary summaryKeyType, botocore 1.44.5."""
TASK = "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"
"""Source: sts.AssumeRoot TaskPolicyArn, botocore 1.44.5, and IAM User Guide, "Centrally manage root access for member
accounts", read 2026-11."""


class RootUser(InMember):
    """Source: iam.GetAccountSummary. Wanted is none of it; what AWS does not say counts as there."""

    password: bool = False
    access_keys: bool = False
    certificates: bool = False


class AwaitNone(Action[RootUser]):
    """A look: whether the root user has nothing any more."""

    name = "none"
    title = "Wait until the root user has no credentials"
    phase = "cutover"
    undo_class = "R4"
    sets = frozenset(SHOWN)
    asks = "delete the credentials of that account's root user: migrate org status says the lines to type"

    def applies(self, it: It[RootUser]) -> bool:
        return it.facts.stands and bool(it.facts.changes)

    def requests(self, it: It[RootUser], place: Place) -> list[Request]:
        # Null, so that the run waits, unless AWS says 0 for each of them.
        none = " && ".join(f"SummaryMap.{key} == `0`" for key in SHOWN.values())
        return [Request("iam.GetAccountSummary", {}, outputs={"none": f"({none}) && 'yes' || `null`"})]

    def says(self, it: It[RootUser], outputs: Mapping[str, str]) -> Sequence[str]:
        """The way by the console, and by a root session."""
        account = it.ref.name.partition("/")[0]
        return [
            f"with credentials of the management account: in the IAM console, Root access management, {account}, "
            "Delete root user credentials",
            f"or: aws sts assume-root --target-principal {account} --task-policy-arn arn={TASK} (a regional endpoint), "
            "and with what it gives, without a user's name: aws iam delete-login-profile; list-access-keys and "
            "delete-access-key; list-signing-certificates and delete-signing-certificate; list-mfa-devices and "
            "deactivate-mfa-device",
        ]


class RootUserKind(MemberKind[RootUser]):
    """The root user of a member account; the name is `<account id>/root`."""

    name = "iam.member_root"
    title = "Root user of a member account"
    facts = RootUser
    reads = frozenset({"iam.GetAccountSummary"})
    stamped = False
    adjustable = frozenset(SHOWN)
    actions = (AwaitNone(),)

    def one(self, site: ReadSite, name: str) -> Iterator[Resource]:
        """What it has."""
        if name == ROOT_USER:
            has = has_credentials(site.call("iam.GetAccountSummary")["SummaryMap"])
            facts = RootUser(id=site.account, stands=True, **has)
            yield self.found(site, called_in(site.account, name), facts, arn=f"arn:aws:iam::{site.account}:root")


def has_credentials(summary: Mapping[str, Json]) -> dict[str, bool]:
    """What a root user has, by the account's summary: what it does not say counts as there."""
    return {fact: summary.get(key) != 0 for fact, key in SHOWN.items()}


KINDS = (RootUserKind(),)
