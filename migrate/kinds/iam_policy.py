"""Customer managed policies and instance profiles: made with the same name and path in the target.

The rule: only the default version of a policy is moved; older versions grant nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Need,
    Place,
    ReadSite,
    Request,
    after,
    pair_tags,
    same_place,
    tag_pairs,
)
from migrate.kinds import _documents as documents
from migrate.values import as_json


class PolicyFacts(Facts):
    """Source: iam.GetAccountAuthorizationDetails, iam.GetPolicy, iam.GetPolicyVersion."""

    path: str
    description: str
    document: dict[str, Json]


class CreatePolicy(Action[PolicyFacts]):
    """The policy with its default document as the only version."""

    name = "create"
    title = "Create the policy"

    def requests(self, it: It[PolicyFacts], place: Place) -> Sequence[Request]:
        params: dict[str, Json] = {
            "PolicyName": place.name,
            "Path": it.facts.path,
            "PolicyDocument": as_json(it.facts.document),
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        if it.facts.description:
            params["Description"] = it.facts.description
        return [
            Request(
                "iam.CreatePolicy",
                params,
                once="named",
                creates=True,
                outputs={"arn": "Policy.Arn"},
                # DeletePolicy refuses while a role of someone else holds it: a person decides then.
                undo=Request("iam.DeletePolicy", {"PolicyArn": after("create", "arn")}, done=("NoSuchEntity",)),
            )
        ]


class Policy(Kind[PolicyFacts]):
    """A customer managed policy. AWS-managed policies are not listed: they have the same ARN everywhere.

    A document is sent whole when the policy is created, so the policy waits for all that it names. Two policies that
    name each other cannot be made this way.
    """

    name = "iam.policy"
    title = "IAM policy"
    facts = PolicyFacts
    is_global = True
    reads = frozenset(
        {"iam.GetAccountAuthorizationDetails", "iam.ListPolicies", "iam.GetPolicy", "iam.GetPolicyVersion"}
    )
    tagging_types = ("iam:policy",)
    actions = (CreatePolicy(),)
    left_out: ClassVar[Mapping[str, str]] = {
        "versions that are not the default one": "they grant nothing; the target starts with the default one as v1",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        default: dict[str, Json] = {}
        if only is None:
            found = site.pages("iam.GetAccountAuthorizationDetails", "Policies", Filter=["LocalManagedPolicy"])
            for policy in found:
                versions = policy["PolicyVersionList"]
                default[policy["Arn"]] = next(one["Document"] for one in versions if one["IsDefaultVersion"])
        else:
            # A policy is read by ARN, which holds a path; names are unique without it.
            for policy in site.pages("iam.ListPolicies", "Policies", Scope="Local"):
                if policy["PolicyName"] == only:
                    version = site.call(
                        "iam.GetPolicyVersion", PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"]
                    )
                    default[policy["Arn"]] = version["PolicyVersion"]["Document"]
        # Tags and description come with GetPolicy only. Source: iam.GetPolicy, iam.ListPolicies, botocore 1.44.5.
        answers = site.map(lambda arn: site.call("iam.GetPolicy", PolicyArn=arn), default)
        for (arn, document), answer in zip(default.items(), answers, strict=True):
            policy = answer["Policy"]
            facts = PolicyFacts(
                path=policy["Path"],
                description=policy.get("Description") or "",
                document=documents.parsed(document),
            )
            yield self.found(site, policy["PolicyName"], facts, arn=arn, tags=pair_tags(policy.get("Tags")))

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[PolicyFacts]) -> dict[str, Json]:
        # Sorted again: the target's names may sort otherwise than legacy's.
        return facts | {"document": documents.canonical(facts["document"])}


class ProfileFacts(Facts):
    """Source: iam.ListInstanceProfiles, iam.GetInstanceProfile."""

    path: str
    roles: list[str]


class CreateProfile(Action[ProfileFacts]):
    """The profile with its role in it."""

    name = "create"
    title = "Create the instance profile"

    def requests(self, it: It[ProfileFacts], place: Place) -> Sequence[Request]:
        own = {"InstanceProfileName": place.name}
        requests = [
            Request(
                "iam.CreateInstanceProfile",
                {**own, "Path": it.facts.path, "Tags": tag_pairs(place.stamp(it.tags))},
                once="named",
                creates=True,
                outputs={"arn": "InstanceProfile.Arn"},
                undo=Request("iam.DeleteInstanceProfile", {**own}, done=("NoSuchEntity",)),
            )
        ]
        for role in it.facts.roles:
            requests.append(
                Request(
                    "iam.AddRoleToInstanceProfile",
                    {**own, "RoleName": role},
                    # A profile holds one role: a second adding of the same one is refused with LimitExceeded. That
                    # it is the right one is seen when the profile is verified.
                    done=("LimitExceeded", "EntityAlreadyExists"),
                    retry=("NoSuchEntity",),
                    undo=Request(
                        "iam.RemoveRoleFromInstanceProfile", {**own, "RoleName": role}, done=("NoSuchEntity",)
                    ),
                )
            )
        return requests


class InstanceProfile(Kind[ProfileFacts]):
    """What hands a role to EC2 instances."""

    name = "iam.instance_profile"
    title = "Instance profile"
    facts = ProfileFacts
    is_global = True
    reads = frozenset({"iam.ListInstanceProfiles", "iam.GetInstanceProfile"})
    tagging_types = ("iam:instance-profile",)
    actions = (CreateProfile(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only else [one["InstanceProfileName"] for one in self._listed(site)]
        # Tags come with the single profile only. Source: iam.ListInstanceProfiles, botocore 1.44.5.
        answers = site.map(
            lambda name: site.optional("iam.GetInstanceProfile", missing=("NoSuchEntity",), InstanceProfileName=name),
            names,
        )
        for answer in answers:
            if answer is not None:
                profile = answer["InstanceProfile"]
                facts = ProfileFacts(
                    path=profile["Path"], roles=sorted(role["RoleName"] for role in profile.get("Roles", ()))
                )
                yield self.found(
                    site,
                    profile["InstanceProfileName"],
                    facts,
                    arn=profile["Arn"],
                    tags=pair_tags(profile.get("Tags")),
                )

    @staticmethod
    def _listed(site: ReadSite) -> Iterator[dict[str, Any]]:
        return site.pages("iam.ListInstanceProfiles", "InstanceProfiles")

    def needs(self, it: It[ProfileFacts]) -> Iterator[Need]:
        for role in it.facts.roles:
            # Named, not by ARN: only this says that the role comes first.
            seen_in = "iam.GetInstanceProfile InstanceProfile.Roles[].RoleName"
            yield Need(same_place(it, "iam.role", role, is_global=True), "assumes", "hard", seen_in)


KINDS = (Policy(), InstanceProfile())
