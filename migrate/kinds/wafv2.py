"""AWS WAF: web ACLs with the sets that their rules name, and the load balancers that they stand before.

The rule: only what is regional is moved. What is CloudFront's moves with its distribution, and that a person does.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

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

ARN = after("create", "arn")
GONE = ("WAFNonexistentItemException",)
NOT_YET = ("WAFUnavailableEntityException", "WAFAssociatedItemException")
CLOUDFRONT = "CLOUDFRONT"
HOME_OF_CLOUDFRONT = "us-east-1"
"""Where the CLOUDFRONT scope is asked for. Source: wafv2.ListWebACLs Scope, botocore 1.44.5."""
NO_UTF8 = "\ufffd"
ACL = (
    "ApplicationConfig", "AssociationConfig", "CaptchaConfig", "ChallengeConfig", "CustomResponseBodies",
    "DataProtectionConfig", "MonetizationConfig", "OnSourceDDoSProtectionConfig", "TokenDomains", "VisibilityConfig",
)  # fmt: skip
"""Source: wafv2.CreateWebACL, botocore 1.44.5."""
MANUAL_CLOUDFRONT = (
    "Of CloudFront: make it in the target in us-east-1 with the same content, and name it in the target's distribution."
)


class SetFacts(Facts):
    """What every named thing of WAF has. Source: wafv2.GetIPSet, wafv2.GetRegexPatternSet, wafv2.GetWebACL,
    wafv2.ListTagsForResource."""

    scope: str
    description: str | None
    lock_token: str
    """Without it nothing is deleted; another one after each change."""


class IpSetFacts(SetFacts):
    """Source: wafv2.GetIPSet, wafv2.ListTagsForResource."""

    version: str
    addresses: list[str]


class RegexSetFacts(SetFacts):
    """Source: wafv2.GetRegexPatternSet, wafv2.ListTagsForResource."""

    expressions: list[str]


class WebAclFacts(SetFacts):
    """Source: wafv2.GetWebACL, wafv2.GetWebACLForResource, elbv2.DescribeLoadBalancers, wafv2.ListTagsForResource."""

    default_action: dict[str, Json]
    rules: list[dict[str, Json]]
    """By priority, texts to search for as texts."""
    settings: dict[str, Json]
    """Everything else, by the name that wafv2.CreateWebACL gives it."""
    managed_by_firewall_manager: bool
    load_balancer_arns: list[str]

    @property
    def is_readable(self) -> bool:
        """A text to search for may be any bytes; what is no UTF-8 is not written down here."""
        return NO_UTF8 not in json.dumps(self.rules, ensure_ascii=False)


F = TypeVar("F", bound=SetFacts)


def _made(it: It[F], place: Place, sort: str, content: Mapping[str, Json]) -> Request:
    made: dict[str, Json] = {
        "Name": place.name,
        "Scope": "REGIONAL",
        "Tags": tag_pairs(place.stamp(it.tags)),
        **content,
    }
    if it.facts.description:
        made["Description"] = it.facts.description
    own = {"Name": place.name, "Scope": "REGIONAL", "Id": after("create", "id"), "LockToken": after("create", "lock")}
    return Request(
        f"wafv2.Create{sort}",
        made,
        once="named",
        creates=True,
        outputs={"id": "Summary.Id", "arn": "Summary.ARN", "lock": "Summary.LockToken"},
        # A set that was made a moment ago. Source: wafv2.CreateWebACL, botocore 1.44.5.
        retry=("WAFUnavailableEntityException", "WAFTagOperationException"),
        undo=Request(f"wafv2.Delete{sort}", own, done=GONE, retry=NOT_YET),
    )


class CreateIpSet(Action[IpSetFacts]):
    """The set with its addresses."""

    name = "create"
    title = "Create the IP set"

    def applies(self, it: It[IpSetFacts]) -> bool:
        return it.facts.scope != CLOUDFRONT

    def requests(self, it: It[IpSetFacts], place: Place) -> Sequence[Request]:
        content = {"IPAddressVersion": it.facts.version, "Addresses": it.facts.addresses}
        return [_made(it, place, "IPSet", content)]


class CreateRegexSet(Action[RegexSetFacts]):
    """The set with its expressions."""

    name = "create"
    title = "Create the regex pattern set"

    def applies(self, it: It[RegexSetFacts]) -> bool:
        return it.facts.scope != CLOUDFRONT

    def requests(self, it: It[RegexSetFacts], place: Place) -> Sequence[Request]:
        expressions: list[Json] = [{"RegexString": one} for one in it.facts.expressions]
        return [_made(it, place, "RegexPatternSet", {"RegularExpressionList": expressions})]


class CreateWebAcl(Action[WebAclFacts]):
    """The ACL with its rules, before nothing yet."""

    name = "create"
    title = "Create the web ACL"

    def applies(self, it: It[WebAclFacts]) -> bool:
        return it.facts.scope != CLOUDFRONT and not it.facts.managed_by_firewall_manager and it.facts.is_readable

    def requests(self, it: It[WebAclFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        content = {"DefaultAction": facts.default_action, "Rules": facts.rules, **facts.settings}
        return [_made(it, place, "WebACL", content)]


class Associate(Action[WebAclFacts]):
    """The load balancers that it stands before: in the target none takes traffic yet."""

    name = "associate"
    title = "Put the web ACL before its load balancers"
    sets = frozenset({"load_balancer_arns"})

    def applies(self, it: It[WebAclFacts]) -> bool:
        return CreateWebAcl().applies(it) and bool(it.facts.load_balancer_arns)

    def requests(self, it: It[WebAclFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "wafv2.AssociateWebACL",
                {"WebACLArn": ARN, "ResourceArn": arn},
                retry=NOT_YET,
                undo=Request("wafv2.DisassociateWebACL", {"ResourceArn": arn}, done=GONE),
            )
            for arn in it.facts.load_balancer_arns
        ]


class NamedKind(Kind[F]):
    """What the kinds of WAF share: a name is unique in its account, region, sort and scope."""

    listing: ClassVar[str]
    key: ClassVar[str]

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        # The name of what is CloudFront's may be a regional one's too.
        scopes = ["REGIONAL", *([CLOUDFRONT] if site.region == HOME_OF_CLOUDFRONT else [])]
        listed = [
            (scope, one, one["Name"] if scope != CLOUDFRONT else f"{CLOUDFRONT}/{one['Name']}")
            for scope in scopes
            for one in site.pages(self.listing, self.key, Scope=scope, Limit=100)
        ]
        found = [one for one in listed if only in (None, one[2])]
        for resource in site.map(lambda one: self._found(site, *one), found):
            if resource is not None:
                yield resource

    def _found(self, site: ReadSite, scope: str, one: Mapping[str, Any], name: str) -> Resource | None:
        operation = self.listing.replace("List", "Get").removesuffix("s")
        own = {"Name": one["Name"], "Scope": scope, "Id": one["Id"]}
        answer = site.optional(operation, missing=GONE, **own)
        if answer is None:
            return None
        tags = site.optional("wafv2.ListTagsForResource", missing=GONE, ResourceARN=one["ARN"]) or {}
        shown = (tags.get("TagInfoForResource") or {}).get("TagList")
        return self.found(site, name, self.read(site, scope, answer), arn=one["ARN"], tags=pair_tags(shown))

    def read(self, site: ReadSite, scope: str, answer: Mapping[str, Any]) -> F:
        """The facts out of the answer that shows one."""
        raise NotImplementedError

    def names(self, it: It[F], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.arn.rpartition("/")[2], "arn": found.arn, "lock": found.facts["lock_token"]}


class IpSet(NamedKind[IpSetFacts]):
    """A set of addresses that rules name. Addresses stay as they are: those of legacy's own NAT gateways are other ones
    in the target."""

    name = "wafv2.ip_set"
    title = "WAF IP set"
    facts = IpSetFacts
    reads = frozenset({"wafv2.ListIPSets", "wafv2.GetIPSet", "wafv2.ListTagsForResource"})
    tagging_types = ("wafv2:regional/ipset", "wafv2:global/ipset")
    volatile = frozenset({"lock_token"})
    unordered = frozenset({"addresses"})
    actions = (CreateIpSet(),)
    manual = MANUAL_CLOUDFRONT
    listing, key = "wafv2.ListIPSets", "IPSets"

    def read(self, site: ReadSite, scope: str, answer: Mapping[str, Any]) -> IpSetFacts:
        one = answer["IPSet"]
        return IpSetFacts(
            **_common(scope, one, answer),
            version=one["IPAddressVersion"],
            addresses=sorted(one.get("Addresses") or ()),
        )


class RegexSet(NamedKind[RegexSetFacts]):
    """A set of regular expressions that rules name."""

    name = "wafv2.regex_pattern_set"
    title = "WAF regex pattern set"
    facts = RegexSetFacts
    reads = frozenset({"wafv2.ListRegexPatternSets", "wafv2.GetRegexPatternSet", "wafv2.ListTagsForResource"})
    tagging_types = ("wafv2:regional/regexpatternset", "wafv2:global/regexpatternset")
    volatile = frozenset({"lock_token"})
    unordered = frozenset({"expressions"})
    actions = (CreateRegexSet(),)
    manual = MANUAL_CLOUDFRONT
    listing, key = "wafv2.ListRegexPatternSets", "RegexPatternSets"

    def read(self, site: ReadSite, scope: str, answer: Mapping[str, Any]) -> RegexSetFacts:
        one = answer["RegexPatternSet"]
        expressions = sorted(each["RegexString"] for each in one.get("RegularExpressionList") or ())
        return RegexSetFacts(**_common(scope, one, answer), expressions=expressions)


class WebAcl(NamedKind[WebAclFacts]):
    """A web ACL with its rules, before application load balancers.

    Before what else it stands (API Gateway stages, AppSync, user pools, App Runner) is not carried, nor its logging.
    Subscriptions to rule groups of the Marketplace are the target account's own to take. A rule group of one's own
    that a rule names has to be made by hand first.
    """

    name = "wafv2.web_acl"
    title = "Web ACL"
    facts = WebAclFacts
    reads = frozenset(
        {
            "wafv2.ListWebACLs",
            "wafv2.GetWebACL",
            "wafv2.GetWebACLForResource",
            "wafv2.ListTagsForResource",
            "elbv2.DescribeLoadBalancers",
        }
    )
    tagging_types = ("wafv2:regional/webacl", "wafv2:global/webacl")
    volatile = frozenset({"lock_token"})
    unordered = frozenset({"load_balancer_arns"})
    actions = (CreateWebAcl(), Associate())
    manual = (
        f"{MANUAL_CLOUDFRONT} Of Firewall Manager: its policy makes it in the target. With bytes to search for that "
        "are no UTF-8: make it by hand."
    )
    listing, key = "wafv2.ListWebACLs", "WebACLs"
    left_out: ClassVar[Mapping[str, str]] = {
        "Capacity, LabelNamespace": "AWS works them out",
        "LoggingConfiguration": "set it again (wafv2.PutLoggingConfiguration) once its destination stands",
        "Pre/PostProcessFirewallManagerRuleGroups": "Firewall Manager's, which puts them there itself",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = list(super().scan(site, only))
        regional = [one for one in found if one.facts["scope"] != CLOUDFRONT]
        before: dict[str, list[str]] = {}
        if regional:
            balancers = [
                one["LoadBalancerArn"]
                for one in site.pages("elbv2.DescribeLoadBalancers", "LoadBalancers", PageSize=400)
                if one.get("Type", "application") == "application"
            ]
            for arn, acl in zip(balancers, site.map(lambda arn: _acl_of(site, arn), balancers), strict=True):
                before.setdefault(acl, []).append(arn)
        for one in found:
            one.facts["load_balancer_arns"] = sorted(before.get(one.arn, ()))
            yield one

    def read(self, site: ReadSite, scope: str, answer: Mapping[str, Any]) -> WebAclFacts:
        one = answer["WebACL"]
        return WebAclFacts(
            **_common(scope, one, answer),
            default_action=_texts(one["DefaultAction"]),
            rules=sorted((_texts(rule) for rule in one.get("Rules") or ()), key=lambda rule: int(rule["Priority"])),
            settings={name: _texts(one[name]) for name in ACL if one.get(name) not in (None, [], {})},
            managed_by_firewall_manager=bool(one.get("ManagedByFirewallManager")),
            load_balancer_arns=[],
        )

    def needs(self, it: It[WebAclFacts]) -> Iterator[Need]:
        for arn in it.facts.load_balancer_arns:
            yield Need(arn, "attached to", "soft", "wafv2.GetWebACLForResource ResourceArn")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[WebAclFacts]) -> dict[str, Json]:
        return facts if "associate" in done else facts | {"load_balancer_arns": []}


def _acl_of(site: ReadSite, balancer: str) -> str:
    answer = site.optional("wafv2.GetWebACLForResource", missing=GONE, ResourceArn=balancer) or {}
    return str((answer.get("WebACL") or {}).get("ARN", ""))


def _common(scope: str, one: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"scope": scope, "description": one.get("Description") or None, "lock_token": answer["LockToken"]}


def _texts(value: Any) -> Json:
    """The document with bytes to search for as texts, and without what is not set."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Mapping):
        return {key: _texts(item) for key, item in sorted(value.items()) if item is not None}
    return [_texts(item) for item in value] if isinstance(value, list) else value


KINDS = (IpSet(), RegexSet(), WebAcl())
