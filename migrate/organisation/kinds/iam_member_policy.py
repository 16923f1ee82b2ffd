"""iam.member_policy and iam.member_oidc_provider: what roles in a member account are made of.

The rule: a policy stands before the permission set that names it is assigned there: AWS fails the assignment else.
Source: IAM Identity Center User Guide, "Use IAM policies in permission sets", read 2026-11.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import Action, It, Place, ReadSite, Request, after, pair_tags, tag_pairs
from migrate.organisation.kinds._members import GONE, InMember, MemberKind, called_in, canonical, parsed, short
from migrate.organisation.wanted import Make
from migrate.values import Json, as_json


class MemberPolicy(InMember):
    """Source: iam.GetPolicy, iam.GetPolicyVersion."""

    path: str = "/"
    document: dict[str, Json]
    version: str = ""
    """The default version of what stands: a rollback goes back to it."""


class CreatePolicy(Make[MemberPolicy]):
    """CreatePolicy."""

    title = "Create a policy in a member account"

    def requests(self, it: It[MemberPolicy], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "PolicyName": short(it), "Path": it.facts.path, "PolicyDocument": as_json(it.facts.document),
            "Tags": tag_pairs(place.stamp(it.tags)),
        }  # fmt: skip
        # DeletePolicy refuses while a role holds it: assignments are undone first.
        undo = Request("iam.DeletePolicy", {"PolicyArn": after("create", "id")}, done=GONE, retry=("DeleteConflict",))
        return [
            Request("iam.CreatePolicy", params, once="named", creates=True, outputs={"id": "Policy.Arn"}, undo=undo)
        ]


class ChangePolicy(Action[MemberPolicy]):
    """A new default version. Roles have it at once. Undone: the old version is the default again, the new one goes."""

    name = "change"
    title = "Change a policy in a member account"
    undo_class = "R1"
    sets = frozenset({"document"})

    def applies(self, it: It[MemberPolicy]) -> bool:
        return it.facts.stands and "document" in it.facts.changes

    def requests(self, it: It[MemberPolicy], place: Place) -> list[Request]:
        at: dict[str, Json] = {"PolicyArn": it.facts.id}
        back = at | {"VersionId": it.facts.version}
        new = at | {"VersionId": after("change", "version")}
        document = as_json(it.facts.document)
        return [
            # Changes nothing now; its inverse comes last of all, when the old version is the default again.
            Request(
                "iam.SetDefaultPolicyVersion", back, undo=Request("iam.DeletePolicyVersion", new, done=GONE)
            ),
            Request(
                "iam.CreatePolicyVersion", at | {"PolicyDocument": document, "SetAsDefault": True},
                outputs={"version": "PolicyVersion.VersionId"},
                undo=Request("iam.SetDefaultPolicyVersion", back, done=GONE),
            ),
        ]  # fmt: skip


class MemberPolicyKind(MemberKind[MemberPolicy]):
    """A customer managed policy that a permission set or a machine's role names."""

    name = "iam.member_policy"
    title = "Policy in a member account"
    facts = MemberPolicy
    reads = frozenset({"iam.GetPolicy", "iam.GetPolicyVersion"})
    volatile = MemberKind.volatile | {"version"}
    ignored = frozenset({"version"})
    adjustable = frozenset({"document"})
    actions = (CreatePolicy(), ChangePolicy())

    def one(self, site: ReadSite, name: str) -> Iterator[Resource]:
        """The name is path and name: `team/read` lies under `/team/`."""
        arn = f"arn:aws:iam::{site.account}:policy/{name}"
        answer = site.optional("iam.GetPolicy", missing=GONE, PolicyArn=arn)
        if answer is None:
            return
        policy = answer["Policy"]
        version = str(policy["DefaultVersionId"])
        document = site.call("iam.GetPolicyVersion", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        facts = MemberPolicy(id=arn, stands=True, path=policy["Path"], document=parsed(document), version=version)
        tags = pair_tags(policy.get("Tags"))
        yield self.found(site, called_in(site.account, name), facts, arn=arn, tags=tags)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[MemberPolicy]) -> dict[str, Json]:
        """In the form in which it is read."""
        return facts | {"document": canonical(facts["document"])}


class OidcProvider(InMember):
    """Source: iam.GetOpenIDConnectProvider. The name is the issuer without its scheme."""

    audience: str


class CreateProvider(Make[OidcProvider]):
    """CreateOpenIDConnectProvider. AWS finds the thumbprint. Source: its ThumbprintList, botocore 1.44.5."""

    title = "Create an identity provider in a member account"

    def requests(self, it: It[OidcProvider], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "Url": f"https://{short(it)}", "ClientIDList": [it.facts.audience],
            "Tags": tag_pairs(place.stamp(it.tags)),
        }  # fmt: skip
        gone = {"OpenIDConnectProviderArn": after("create", "id")}
        return [
            Request(
                "iam.CreateOpenIDConnectProvider", params, once="named", creates=True,
                outputs={"id": "OpenIDConnectProviderArn"},
                undo=Request("iam.DeleteOpenIDConnectProvider", gone, done=GONE),
            )
        ]  # fmt: skip


class AddAudience(Action[OidcProvider]):
    """AddClientIDToOpenIDConnectProvider to one that stands. Undone: taken out again."""

    name = "change"
    title = "Let an identity provider's tokens for AWS in"
    undo_class = "R1"
    sets = frozenset({"audience"})

    def applies(self, it: It[OidcProvider]) -> bool:
        return it.facts.stands and bool(it.facts.changes)

    def requests(self, it: It[OidcProvider], place: Place) -> list[Request]:
        one: dict[str, Json] = {"OpenIDConnectProviderArn": it.facts.id, "ClientID": it.facts.audience}
        undo = Request("iam.RemoveClientIDFromOpenIDConnectProvider", one, done=GONE)
        return [Request("iam.AddClientIDToOpenIDConnectProvider", one, undo=undo)]


class OidcProviderKind(MemberKind[OidcProvider]):
    """An identity provider of machines."""

    name = "iam.member_oidc_provider"
    title = "Identity provider in a member account"
    facts = OidcProvider
    reads = frozenset({"iam.GetOpenIDConnectProvider"})
    adjustable = frozenset({"audience"})
    actions = (CreateProvider(), AddAudience())
    AUDIENCE = "sts.amazonaws.com"

    def one(self, site: ReadSite, name: str) -> Iterator[Resource]:
        """Other audiences of it are left as they are."""
        arn = f"arn:aws:iam::{site.account}:oidc-provider/{name}"
        answer = site.optional("iam.GetOpenIDConnectProvider", missing=GONE, OpenIDConnectProviderArn=arn)
        if answer is None:
            return
        there = sorted(answer.get("ClientIDList") or ())
        audience = self.AUDIENCE if self.AUDIENCE in there else ", ".join(there)
        facts = OidcProvider(id=arn, stands=True, audience=audience)
        tags = pair_tags(answer.get("Tags"))
        yield self.found(site, called_in(site.account, name), facts, arn=arn, tags=tags)


KINDS = (MemberPolicyKind(), OidcProviderKind())
