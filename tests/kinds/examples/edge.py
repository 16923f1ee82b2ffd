"""A shop's edge: its certificate, and the web ACL in front of its load balancer with the sets that it names."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides

DOMAIN = "shop.example"


def a_certificate(world: TwoSides) -> Resource:
    world.client("legacy", "route53").create_hosted_zone(Name=DOMAIN, CallerReference="1")
    made = world.client("legacy", "acm").request_certificate(
        DomainName=f"*.{DOMAIN}",
        ValidationMethod="DNS",
        SubjectAlternativeNames=[DOMAIN, f"api.{DOMAIN}"],
        KeyAlgorithm="EC_prime256v1",
        Options={"CertificateTransparencyLoggingPreference": "DISABLED", "Export": "ENABLED"},
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "acm.certificate", made["CertificateArn"].rpartition("/")[2])


def certificate_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "acm").add_tags_to_certificate(CertificateArn=it.arn, Tags=needed.OTHER_PAIRS)


REGIONAL = {"Scope": "REGIONAL"}


def an_ip_set(world: TwoSides) -> Resource:
    world.client("legacy", "wafv2").create_ip_set(
        Name="office",
        **REGIONAL,
        Description="the office",
        IPAddressVersion="IPV6",
        Addresses=["2001:db8:1::/48", "2001:db8::/48"],
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "wafv2.ip_set", "office")


def a_regex_set(world: TwoSides) -> Resource:
    world.client("legacy", "wafv2").create_regex_pattern_set(
        Name="robots",
        **REGIONAL,
        Description="robots",
        RegularExpressionList=[{"RegexString": "spider"}, {"RegexString": "bot/[0-9]+"}],
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "wafv2.regex_pattern_set", "robots")


def own(it: Resource) -> dict[str, Any]:
    """How WAF asks which one is meant, and whether it is still the same."""
    return {**REGIONAL, "Name": it.ref.name, "Id": it.arn.rpartition("/")[2], "LockToken": it.facts["lock_token"]}


def ip_set(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        same = {"Description": it.facts["description"], "Addresses": it.facts["addresses"]}
        world.client("target", "wafv2").update_ip_set(**own(it), **same | params)

    return change


def regex_set(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        expressions = [{"RegexString": one} for one in it.facts["expressions"]]
        same = {"Description": it.facts["description"], "RegularExpressionList": expressions}
        world.client("target", "wafv2").update_regex_pattern_set(**own(it), **same | params)

    return change


def waf_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "wafv2").tag_resource(ResourceARN=it.arn, Tags=needed.OTHER_PAIRS)


def seen(name: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}


def a_rule(name: str, priority: int, statement: dict[str, Any]) -> dict[str, Any]:
    action = {"Block": {"CustomResponse": {"ResponseCode": 418, "CustomResponseBodyKey": "no"}}}
    return {
        "Name": name, "Priority": priority, "Statement": statement, "Action": action, "VisibilityConfig": seen(name)
    }  # fmt: skip


def a_web_acl(world: TwoSides) -> Resource:
    sets = [an_ip_set(world), a_regex_set(world)]
    for one in sets:
        needed.moved(world, one.ref.kind, one.ref.name)
    office, robots = (one.arn for one in sets)
    network = ground.a_network(world)
    balancer = world.client("legacy", "elbv2").create_load_balancer(Name="shop", Subnets=list(network.subnets))
    needed.moved(world, "elbv2.load_balancer", "shop")
    agent = {"SingleHeader": {"Name": "user-agent"}}
    plain = [{"Priority": 0, "Type": "LOWERCASE"}]
    waf = world.client("legacy", "wafv2")
    made = waf.create_web_acl(
        Name="shop",
        **REGIONAL,
        Description="before the shop",
        DefaultAction={"Allow": {"CustomRequestHandling": {"InsertHeaders": [{"Name": "x-seen", "Value": "yes"}]}}},
        Rules=[
            a_rule("robots", 2, {
                "RegexPatternSetReferenceStatement": {
                    "ARN": robots, "FieldToMatch": agent, "TextTransformations": plain,
                }
            }),
            a_rule("office", 1, {"NotStatement": {"Statement": {"IPSetReferenceStatement": {"ARN": office}}}}),
            a_rule("known", 3, {
                "ByteMatchStatement": {
                    "SearchString": "schlüssel", "FieldToMatch": {"QueryString": {}}, "TextTransformations": plain,
                    "PositionalConstraint": "CONTAINS",
                }
            }),
        ],
        VisibilityConfig=seen("shop"),
        CustomResponseBodies={"no": {"ContentType": "TEXT_PLAIN", "Content": "no"}},
        CaptchaConfig={"ImmunityTimeProperty": {"ImmunityTime": 60}},
        ChallengeConfig={"ImmunityTimeProperty": {"ImmunityTime": 300}},
        TokenDomains=["shop.example"],
        Tags=needed.PAIRS,
    )["Summary"]  # fmt: skip
    waf.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=balancer["LoadBalancers"][0]["LoadBalancerArn"])
    return needed.scanned(world, "wafv2.web_acl", "shop")


def web_acl(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        facts = it.facts
        same = {"Description": facts["description"], "DefaultAction": facts["default_action"], "Rules": facts["rules"]}
        world.client("target", "wafv2").update_web_acl(**own(it), **same | facts["settings"] | params)

    return change


def a_rule_fewer(world: TwoSides, it: Resource) -> None:
    web_acl(Rules=it.facts["rules"][1:])(world, it)


def before_nothing(world: TwoSides, it: Resource) -> None:
    (balancer,) = it.facts["load_balancer_arns"]
    world.client("target", "wafv2").disassociate_web_acl(ResourceArn=balancer)


SCOPE = "WAF takes it when it is created and never again"
FOR_EVER = "ACM changes nothing of a certificate but its options and tags"

EXAMPLES: tuple[Example, ...] = (
    Example(
        "acm.certificate",
        a_certificate,
        {"tags": certificate_tagged},
        fixed={
            **dict.fromkeys(
                ("domain", "names", "type", "managed_by", "authority_arn", "validation_method", "key_algorithm"),
                FOR_EVER,
            ),
            "validation_domains": "said when it is requested, by mail only",
            "options": "moto 5.2.5 has no acm.UpdateCertificateOptions",
        },
    ),
    Example(
        "wafv2.ip_set",
        an_ip_set,
        {
            "description": ip_set(Description="others"),
            "addresses": ip_set(Addresses=["2001:db8::/48"]),
            "tags": waf_tagged,
        },
        fixed={"scope": SCOPE, "version": SCOPE},
    ),
    Example(
        "wafv2.regex_pattern_set",
        a_regex_set,
        {
            "description": regex_set(Description="others"),
            "expressions": regex_set(RegularExpressionList=[{"RegexString": "spider"}]),
            "tags": waf_tagged,
        },
        fixed={"scope": SCOPE},
    ),
    Example(
        "wafv2.web_acl",
        a_web_acl,
        {
            "description": web_acl(Description="others"),
            "default_action": web_acl(DefaultAction={"Block": {}}),
            "rules": a_rule_fewer,
            "settings": web_acl(TokenDomains=["others.example"]),
            "load_balancer_arns": before_nothing,
            "tags": waf_tagged,
        },
        fixed={"scope": SCOPE, "managed_by_firewall_manager": "only Firewall Manager sets it, and such are not moved"},
    ),
)
