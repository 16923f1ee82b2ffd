"""Listener: where a load balancer listens, with which certificates, and what it does when no rule says otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, tag_pairs
from migrate.kinds.elbv2.shared import (
    ARN,
    attribute_pairs,
    attributes_of,
    balancers,
    listeners,
    one_form,
    ordered,
    port_of,
    tags_of,
    target_groups,
)

# With rules and services ready: 15 seconds to two minutes at most for what was just made to be known.
NOT_YET = ("TargetGroupNotFound", "LoadBalancerNotFound", "CertificateNotFound")


class ListenerFacts(Facts):
    """Source: elbv2.DescribeListeners, DescribeListenerCertificates, DescribeListenerAttributes."""

    load_balancer_arn: str
    port: int | None
    protocol: str | None
    ssl_policy: str | None
    certificate_arn: str | None
    more_certificate_arns: list[str]
    alpn_policy: list[str]
    mutual_authentication: dict[str, Json]
    """Empty where it is off."""
    default_actions: list[dict[str, Json]]
    attributes: dict[str, str]


class Create(Action[ListenerFacts]):
    """The listener, all its certificates, its attributes."""

    name = "create"
    title = "Create the listener"
    # AWS takes an issued certificate only, not one that was just asked for.
    after_kinds = ("acm.certificate.validate",)

    def requests(self, it: It[ListenerFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "LoadBalancerArn": facts.load_balancer_arn,
            "DefaultActions": facts.default_actions,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        for name, value in (
            ("Port", facts.port),
            ("Protocol", facts.protocol),
            ("SslPolicy", facts.ssl_policy),
            ("AlpnPolicy", facts.alpn_policy),
            ("MutualAuthentication", facts.mutual_authentication),
        ):
            if value:
                made[name] = value
        if facts.certificate_arn:
            made["Certificates"] = [{"CertificateArn": facts.certificate_arn}]
        requests = [
            Request(
                "elbv2.CreateListener",
                made,
                once="named",
                creates=True,
                outputs={"arn": "Listeners[0].ListenerArn"},
                retry=NOT_YET,
                undo=Request("elbv2.DeleteListener", {"ListenerArn": ARN}, done=("ListenerNotFound",)),
            )
        ]
        for certificate in facts.more_certificate_arns:
            # AWS takes one a call. Source: elbv2.AddListenerCertificates, botocore 1.44.5.
            params: dict[str, Json] = {"ListenerArn": ARN, "Certificates": [{"CertificateArn": certificate}]}
            undo = Request("elbv2.RemoveListenerCertificates", params, done=("ListenerNotFound",))
            requests.append(Request("elbv2.AddListenerCertificates", params, undo=undo))
        if facts.attributes:
            set_all: dict[str, Json] = {"ListenerArn": ARN, "Attributes": attribute_pairs(facts.attributes)}
            requests.append(Request("elbv2.ModifyListenerAttributes", set_all))
        return requests


class Listener(Kind[ListenerFacts]):
    """A listener, called `<load balancer>:<port>`.

    AWS does not tell the secret of an OpenID Connect action, so a listener with one
    is refused when it is made. A trust store is not moved, and the plan is refused until a person has: `aws elbv2
    get-trust-store-ca-certificates-bundle` gives a URL for ten minutes; put what it holds into a bucket of the target,
    `aws elbv2 create-trust-store` from there, its revocation lists likewise (`get-trust-store-revocation-content`,
    `add-trust-store-revocations`), then enter legacy's ARN → the new ARN under `renames`. It is right when both bundles
    are equal byte by byte and `describe-trust-stores` shows the same NumberOfCaCertificates and TotalRevokedEntries.
    """

    name = "elbv2.listener"
    title = "Listener"
    facts = ListenerFacts
    reads = frozenset(
        {
            "elbv2.DescribeLoadBalancers",
            "elbv2.DescribeListeners",
            "elbv2.DescribeListenerCertificates",
            "elbv2.DescribeListenerAttributes",
            "elbv2.DescribeTags",
        }
    )
    tagging_types = ("elasticloadbalancing:listener",)
    part_of = ("elbv2.load_balancer",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        name, _, port = only.rpartition(":") if only else ("", "", "")
        for balancer in balancers(site, name if only else None):
            found = [one for one in listeners(site, balancer) if not only or port_of(one) == port]
            tags = tags_of(site, [one["ListenerArn"] for one in found])
            for one, facts in zip(found, site.map(lambda one: _facts(site, one), found), strict=True):
                own = f"{balancer['LoadBalancerName']}:{port_of(one)}"
                yield self.found(site, own, facts, arn=one["ListenerArn"], tags=tags.get(one["ListenerArn"]))

    def needs(self, it: It[ListenerFacts]) -> Iterator[Need]:
        facts, seen_in = it.facts, "elbv2.DescribeListeners Listeners[]"
        yield Need(facts.load_balancer_arn, "attached to", "hard", f"{seen_in}.LoadBalancerArn")
        for group in target_groups(facts.default_actions):
            yield Need(group, "routes to", "hard", f"{seen_in}.DefaultActions[].TargetGroupArn")
        store = facts.mutual_authentication.get("TrustStoreArn")
        if store:
            yield Need(store, "trusts", "hard", f"{seen_in}.MutualAuthentication.TrustStoreArn")
        for certificate in filter(None, (facts.certificate_arn, *facts.more_certificate_arns)):
            yield Need(certificate, "names", "hard", f"{seen_in}.Certificates[].CertificateArn")

    def names(self, it: It[ListenerFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ListenerFacts]) -> dict[str, Json]:
        return facts | {
            "more_certificate_arns": ordered(facts["more_certificate_arns"]),
            "default_actions": one_form(facts["default_actions"]),
        }


def _facts(site: ReadSite, listener: Mapping[str, Any]) -> ListenerFacts:
    arn = listener["ListenerArn"]
    first: str | None = None
    more: list[str] = []
    encrypts = listener.get("Protocol") in ("HTTPS", "TLS")
    if encrypts:
        listed = list(site.pages("elbv2.DescribeListenerCertificates", "Certificates", ListenerArn=arn, PageSize=400))
        first = next((one["CertificateArn"] for one in listed if one.get("IsDefault")), None)
        more = [one["CertificateArn"] for one in listed if not one.get("IsDefault")]
    mutual = {key: value for key, value in (listener.get("MutualAuthentication") or {}).items() if value is not None}
    # What an advertised store shows by itself; CreateListener does not take it.
    mutual.pop("TrustStoreAssociationStatus", None)
    attributes = site.optional("elbv2.DescribeListenerAttributes", missing=(), ListenerArn=arn)
    return ListenerFacts(
        load_balancer_arn=listener["LoadBalancerArn"],
        port=listener.get("Port"),
        protocol=listener.get("Protocol"),
        # An endpoint may show its default where there is nothing to encrypt; CreateListener would refuse it there.
        ssl_policy=listener.get("SslPolicy") if encrypts else None,
        certificate_arn=first,
        more_certificate_arns=ordered(more),
        alpn_policy=list(listener.get("AlpnPolicy") or ()),
        mutual_authentication={} if mutual.get("Mode", "off") == "off" else mutual,
        default_actions=one_form(listener.get("DefaultActions", ())),
        attributes=attributes_of(attributes),
    )
