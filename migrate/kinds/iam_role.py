"""IAM roles: made with the same name and path, in three actions so that roles, keys and buckets may name each other.

The rule: a role never trusts or grants more than in legacy, not for a moment between two of its actions.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    after,
    pair_tags,
    tag_pairs,
)
from migrate.kinds import _documents as documents
from migrate.values import as_json

# Roles that AWS makes: nobody else may create a role under these paths. Source: IAM guide, service-linked roles and
# IAM Identity Center roles, read 2026-08.
SERVICE_LINKED = "/aws-service-role/"
AWS_PATHS = (SERVICE_LINKED, "/aws-reserved/")
# Organizations makes this one in every account it creates. Source: organizations.CreateAccount, botocore 1.44.5.
ORGANISATION_ROLE = "OrganizationAccountAccessRole"


class RoleFacts(Facts):
    """Source: iam.GetAccountAuthorizationDetails, iam.ListRoles; for one role iam.GetRole and its list calls."""

    path: str
    description: str
    max_session_s: int
    trust: dict[str, Json]
    dead_principals: list[str]
    """Deleted users and roles that the trust still names: not carried over, AWS refuses them."""
    boundary: str | None
    inline: dict[str, dict[str, Json]]
    attached: list[str]
    role_id: str
    """AWS's own id: conditions on `aws:userid` name roles by it."""


def is_made_by_aws(it: It[RoleFacts]) -> bool:
    """Whether AWS makes this role by itself in the target: service-linked, Identity Center's, Organizations'."""
    return it.facts.path.startswith(AWS_PATHS) or it.ref.name == ORGANISATION_ROLE


def final_trust(trust: Mapping[str, Json]) -> dict[str, Json]:
    """The trust in the target once all is done: a role that only deleted principals could assume stays closed."""
    return documents.without_dead(trust) or documents.CLOSED_TRUST


def early_inline(facts: RoleFacts) -> list[str]:
    """Names of the inline policies that the role gets at once. None under a boundary, which must come before them."""
    return [] if facts.boundary else sorted(n for n, one in facts.inline.items() if documents.names_nothing(one))


def early_attached(facts: RoleFacts) -> list[str]:
    """AWS-managed policies, attached at once: Lambda refuses a function in a VPC whose role cannot make interfaces."""
    return [] if facts.boundary else [arn for arn in facts.attached if documents.is_aws_managed(arn)]


def put_inline(role: str, name: str, document: Mapping[str, Json]) -> Request:
    """Give the role an inline policy."""
    return Request(
        "iam.PutRolePolicy",
        {"RoleName": role, "PolicyName": name, "PolicyDocument": as_json(document)},
        retry=("NoSuchEntity",),
        undo=Request("iam.DeleteRolePolicy", {"RoleName": role, "PolicyName": name}, done=("NoSuchEntity",)),
    )


def attach(role: str, policy_arn: str) -> Request:
    """Attach a managed policy to the role."""
    params = {"RoleName": role, "PolicyArn": policy_arn}
    return Request(
        "iam.AttachRolePolicy",
        {**params},
        # A policy made seconds ago may not be seen yet.
        retry=("NoSuchEntity",),
        undo=Request("iam.DetachRolePolicy", {**params}, done=("NoSuchEntity",)),
    )


class Create(Action[RoleFacts]):
    """The role with what of its trust and policies names nothing else of the account."""

    name = "create"
    title = "Create the role"

    def applies(self, it: It[RoleFacts]) -> bool:
        return not is_made_by_aws(it)

    def requests(self, it: It[RoleFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        params: dict[str, Json] = {
            "RoleName": place.name,
            "Path": facts.path,
            "AssumeRolePolicyDocument": as_json(documents.first_trust(final_trust(facts.trust))),
            "MaxSessionDuration": facts.max_session_s,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        if facts.description:
            params["Description"] = facts.description
        return [
            Request(
                "iam.CreateRole",
                params,
                once="named",
                creates=True,
                outputs={"arn": "Role.Arn", "role_id": "Role.RoleId"},
                undo=Request("iam.DeleteRole", {"RoleName": place.name}, done=("NoSuchEntity",)),
            ),
            *(put_inline(place.name, name, facts.inline[name]) for name in early_inline(facts)),
            *(attach(place.name, arn) for arn in early_attached(facts)),
        ]


class Trust(Action[RoleFacts]):
    """The whole trust policy, once every role and resource that it names is there."""

    name = "trust"
    title = "Complete the role's trust policy"
    sets = frozenset({"trust"})

    def applies(self, it: It[RoleFacts]) -> bool:
        whole = final_trust(it.facts.trust)
        return not is_made_by_aws(it) and documents.first_trust(whole) != documents.canonical(whole)

    def requests(self, it: It[RoleFacts], place: Place) -> Sequence[Request]:
        whole = final_trust(it.facts.trust)
        first = documents.first_trust(whole)
        return [
            Request(
                "iam.UpdateAssumeRolePolicy",
                {"RoleName": place.name, "PolicyDocument": as_json(whole)},
                # "Invalid principal in policy" until a role made just now is known everywhere.
                retry=("MalformedPolicyDocument",),
                undo=Request(
                    "iam.UpdateAssumeRolePolicy",
                    {"RoleName": place.name, "PolicyDocument": as_json(first)},
                    done=("NoSuchEntity",),
                ),
            )
        ]


class Grant(Action[RoleFacts]):
    """Boundary first, then inline policies and attachments: all that names other things of the account."""

    name = "grant"
    title = "Give the role its policies"
    sets = frozenset({"boundary", "inline", "attached"})

    def applies(self, it: It[RoleFacts]) -> bool:
        facts = it.facts
        late = len(facts.inline) - len(early_inline(facts)) + len(facts.attached) - len(early_attached(facts))
        return not is_made_by_aws(it) and (late > 0 or facts.boundary is not None)

    def requests(self, it: It[RoleFacts], place: Place) -> Sequence[Request]:
        facts, role = it.facts, place.name
        requests: list[Request] = []
        if facts.boundary:
            requests.append(
                Request(
                    "iam.PutRolePermissionsBoundary",
                    {"RoleName": role, "PermissionsBoundary": facts.boundary},
                    retry=("NoSuchEntity",),
                    undo=Request("iam.DeleteRolePermissionsBoundary", {"RoleName": role}, done=("NoSuchEntity",)),
                )
            )
        early = early_inline(facts)
        requests += [put_inline(role, name, facts.inline[name]) for name in sorted(facts.inline) if name not in early]
        attached_before = early_attached(facts)
        requests += [attach(role, arn) for arn in facts.attached if arn not in attached_before]
        return requests


class Role(Kind[RoleFacts]):
    """An IAM role.

    Not moved, because AWS makes them itself: service-linked roles (by the service, on first use, with the same ARN
    but for the account), Identity Center's roles, Organizations' access role. Principals of deleted users and roles
    are left out of the trust. Permissions by resource policies of others are those others' business.
    """

    name = "iam.role"
    title = "IAM role"
    facts = RoleFacts
    is_global = True
    reads = frozenset(
        {
            "iam.GetAccountAuthorizationDetails",
            "iam.ListRoles",
            "iam.GetRole",
            "iam.ListRolePolicies",
            "iam.GetRolePolicy",
            "iam.ListAttachedRolePolicies",
        }
    )
    tagging_types = ("iam:role",)
    volatile = frozenset({"role_id"})
    actions = (Create(), Trust(), Grant())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            answer = site.optional("iam.GetRole", missing=("NoSuchEntity",), RoleName=only)
            if answer is not None:
                yield self._found(site, answer["Role"], answer["Role"], self._policies(site, only))
            return
        # The details of the whole account in one call, but without description and session length; ListRoles has
        # those, but neither tags nor boundary. Source: iam.RoleDetail, iam.ListRoles, botocore 1.44.5.
        plain = {role["RoleName"]: role for role in site.pages("iam.ListRoles", "Roles")}
        details = site.pages("iam.GetAccountAuthorizationDetails", "RoleDetailList", Filter=["Role"])
        for detail in details:
            # A role made between the two calls is in one of them only; the next scan has it.
            if detail["RoleName"] in plain:
                yield self._found(site, plain[detail["RoleName"]], detail, detail)

    def _policies(self, site: ReadSite, role: str) -> dict[str, Any]:
        names = list(site.pages("iam.ListRolePolicies", "PolicyNames", RoleName=role))
        return {
            "RolePolicyList": site.map(lambda n: site.call("iam.GetRolePolicy", RoleName=role, PolicyName=n), names),
            "AttachedManagedPolicies": list(
                site.pages("iam.ListAttachedRolePolicies", "AttachedPolicies", RoleName=role)
            ),
        }

    def _found(
        self, site: ReadSite, plain: dict[str, Any], detail: dict[str, Any], policies: dict[str, Any]
    ) -> Resource:
        trust = documents.parsed(detail["AssumeRolePolicyDocument"])
        facts = RoleFacts(
            path=detail["Path"],
            description=plain.get("Description") or "",
            max_session_s=plain.get("MaxSessionDuration") or 3600,
            trust=trust,
            dead_principals=documents.dead_principals(trust),
            boundary=detail.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            inline=documents.inline(policies.get("RolePolicyList", ())),
            attached=documents.attached(policies.get("AttachedManagedPolicies", ())),
            role_id=detail["RoleId"],
        )
        return self.found(site, detail["RoleName"], facts, arn=detail["Arn"], tags=pair_tags(detail.get("Tags")))

    def needs(self, it: It[RoleFacts]) -> Iterator[Need]:
        if is_made_by_aws(it):
            return
        # Soft: the role stands without them, and a policy may in turn name the role.
        for arn in it.facts.attached:
            if not documents.is_aws_managed(arn):
                seen_in = "iam.GetAccountAuthorizationDetails RoleDetailList[].AttachedManagedPolicies[]"
                yield Need(arn, "attached to", "soft", seen_in)
        if it.facts.boundary and not documents.is_aws_managed(it.facts.boundary):
            seen_in = "iam.GetAccountAuthorizationDetails RoleDetailList[].PermissionsBoundary"
            yield Need(it.facts.boundary, "attached to", "soft", seen_in)

    def names(self, it: It[RoleFacts], place: Place) -> Iterator[Name]:
        if it.facts.path.startswith(SERVICE_LINKED):
            # No name of ours: its ARN is the same everywhere but for the account.
            return
        yield Name(it.arn, self.target_arn(it, place))
        if not is_made_by_aws(it):
            yield Name(it.facts.role_id, after("create", "role_id"), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.ref.name, "arn": found.arn, "role_id": str(found.facts["role_id"])}

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[RoleFacts]) -> dict[str, Json]:
        trust = final_trust(facts["trust"])
        shown: dict[str, Json] = {
            "trust": documents.canonical(trust if "trust" in done else documents.first_trust(trust)),
            "dead_principals": [],
            "inline": {name: documents.canonical(document) for name, document in facts["inline"].items()},
            "attached": sorted(facts["attached"], key=str),
        }
        if "grant" not in done:
            shown["inline"] = {name: shown["inline"][name] for name in early_inline(it.facts)}
            # AWS's policies have the same ARN in every account.
            shown["attached"] = early_attached(it.facts)
            shown["boundary"] = None
        return facts | shown


KINDS = (Role(),)
