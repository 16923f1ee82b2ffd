"""Load balancer: application, network and gateway ones, with their attributes. Nothing is asked of it before DNS moves.

The rule: it is standing and whole before traffic comes; its host name is new, and is rewritten where it is named.
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
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    join,
    same_place,
    tag_pairs,
)
from migrate.kinds.elbv2.shared import ARN, attribute_pairs, attributes_of, balancers, ordered, tags_of

HELD_BACK = ("deletion_protection.enabled",)
LOGS = ("access_logs.", "connection_logs.", "health_check_logs.")


class BalancerFacts(Facts):
    """Source: elbv2.DescribeLoadBalancers, elbv2.DescribeLoadBalancerAttributes. The host name is AWS's choice."""

    balancer_type: str
    scheme: str
    ip_address_type: str
    vpc_id: str
    subnets: list[dict[str, str]]
    """SubnetId, and for network load balancers the elastic or private address that a person chose there."""
    security_group_ids: list[str]
    attributes: dict[str, str]
    private_link_rules: str | None
    """Whether inbound rules hold for what comes by PrivateLink: for network load balancers with security groups."""
    ipv6_source_nat: str | None
    dns_name: str


class Create(Action[BalancerFacts]):
    """The load balancer with its attributes, but for logs (their bucket may not let it write yet)."""

    name = "create"
    title = "Create the load balancer"
    # A dual-stack one wants subnets that have their IPv6 part.
    after_kinds = ("ec2.subnet.ipv6",)

    def requests(self, it: It[BalancerFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "Name": place.name,
            "Type": facts.balancer_type,
            "IpAddressType": facts.ip_address_type,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        if facts.balancer_type != "gateway":
            made["Scheme"] = facts.scheme
        if any(len(subnet) > 1 for subnet in facts.subnets):
            made["SubnetMappings"] = facts.subnets
        else:
            made["Subnets"] = [subnet["SubnetId"] for subnet in facts.subnets]
        if facts.security_group_ids:
            made["SecurityGroups"] = facts.security_group_ids
        if facts.ipv6_source_nat == "on":
            made["EnablePrefixForIpv6SourceNat"] = "on"
        requests = [
            Request(
                "elbv2.CreateLoadBalancer",
                made,
                once="named",
                creates=True,
                outputs={"arn": "LoadBalancers[0].LoadBalancerArn", "dns_name": "LoadBalancers[0].DNSName"},
                wait=Wait(
                    "elbv2.DescribeLoadBalancers",
                    {"LoadBalancerArns": [ARN]},
                    "LoadBalancers[].State.Code",
                    ok=("active", "active_impaired"),
                    failed=("failed",),
                    timeout_s=1800.0,
                ),
                undo=Request(
                    "elbv2.DeleteLoadBalancer",
                    {"LoadBalancerArn": ARN},
                    done=("LoadBalancerNotFound",),
                    wait=Wait(
                        "elbv2.DescribeLoadBalancers",
                        {"LoadBalancerArns": [ARN]},
                        "LoadBalancers[].State.Code",
                        ok=(),
                        gone=("LoadBalancerNotFound",),
                    ),
                ),
            )
        ]
        if facts.private_link_rules == "off":
            # CreateLoadBalancer does not take it, and on is what it begins with. Source: elbv2.SetSecurityGroups,
            # botocore 1.44.5.
            groups: dict[str, Json] = {"LoadBalancerArn": ARN, "SecurityGroups": facts.security_group_ids}
            groups["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] = "off"
            requests.append(Request("elbv2.SetSecurityGroups", groups))
        attributes = {key: value for key, value in facts.attributes.items() if not key.startswith(LOGS)}
        if attributes:
            held = {key: "false" for key in HELD_BACK if attributes.get(key) == "true"}
            # A protected load balancer could not be taken away again.
            undo = _modify(held, done=("LoadBalancerNotFound",)) if held else None
            requests.append(_modify(attributes, undo=undo))
        return requests


class WriteLogs(Action[BalancerFacts]):
    """Logs into their bucket. AWS tries it at once, so the bucket's policy has to be there."""

    name = "logs"
    title = "Let the load balancer write its logs"
    sets = frozenset({"attributes"})
    after_kinds = ("s3.bucket.configure",)

    def applies(self, it: It[BalancerFacts]) -> bool:
        return _logs_on(it.facts.attributes)

    def requests(self, it: It[BalancerFacts], place: Place) -> Sequence[Request]:
        logs = _logs(it.facts.attributes)
        off = {key: "false" for key in logs if key.endswith(".enabled")}
        return [
            _modify(
                logs,
                # A bucket policy takes moments to be known. Source: elbv2 guide, "Access logs", read 2026-08.
                retry=("InvalidConfigurationRequest",),
                undo=_modify(off, done=("LoadBalancerNotFound",)),
            )
        ]


class LoadBalancer(Kind[BalancerFacts]):
    """A load balancer. Classic ones, web ACLs, trust stores and capacity units are not moved.

    A Gateway Load Balancer's addresses and the IPv6 ranges of a subnet are AWS's choice. Logs that were switched off
    leave no trace of their bucket.
    """

    name = "elbv2.load_balancer"
    title = "Load balancer"
    facts = BalancerFacts
    reads = frozenset({"elbv2.DescribeLoadBalancers", "elbv2.DescribeLoadBalancerAttributes", "elbv2.DescribeTags"})
    # A classic one's ARN has no type here: `loadbalancer/<name>`.
    tagging_types = tuple(f"elasticloadbalancing:loadbalancer/{sort}" for sort in ("app", "net", "gwy"))
    volatile = frozenset({"dns_name"})
    actions = (Create(), WriteLogs())

    left_out: ClassVar[Mapping[str, str]] = {
        "CanonicalHostedZoneId": "AWS's own for each region and sort",
        "CustomerOwnedIpv4Pool": "it is of an Outpost's own addresses",
        "IpamPools": "a pool is shared with the target account first: set it by hand with elbv2.ModifyIpPools",
        "MinimumLoadBalancerCapacity": "reserved capacity is paid for: reserve it by hand with "
        "elbv2.ModifyCapacityReservation before traffic comes",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = balancers(site, only)
        arns = [balancer["LoadBalancerArn"] for balancer in found]
        tags = tags_of(site, arns)
        attributes = site.map(lambda arn: site.call("elbv2.DescribeLoadBalancerAttributes", LoadBalancerArn=arn), arns)
        for balancer, answer in zip(found, attributes, strict=True):
            yield self.found(
                site,
                balancer["LoadBalancerName"],
                _facts(balancer, attributes_of(answer)),
                arn=balancer["LoadBalancerArn"],
                tags=tags.get(balancer["LoadBalancerArn"]),
            )

    def needs(self, it: It[BalancerFacts]) -> Iterator[Need]:
        seen_in = "elbv2.DescribeLoadBalancers LoadBalancers[]"
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "in", "hard", f"{seen_in}.VpcId")
        for subnet in it.facts.subnets:
            on = same_place(it, "ec2.subnet", subnet["SubnetId"])
            yield Need(on, "in", "hard", f"{seen_in}.AvailabilityZones[].SubnetId")
            if "AllocationId" in subnet:
                on = same_place(it, "ec2.elastic_ip", subnet["AllocationId"])
                yield Need(on, "attached to", "hard", f"{seen_in}.AvailabilityZones[].LoadBalancerAddresses[]")
        for group in it.facts.security_group_ids:
            on = same_place(it, "ec2.security_group", group)
            yield Need(on, "member of", "hard", f"{seen_in}.SecurityGroups[]")
        for key, bucket in _logs(it.facts.attributes).items():
            if key.endswith(".s3.bucket"):
                # Soft: the load balancer is made without its logs.
                seen_in = f"elbv2.DescribeLoadBalancerAttributes Attributes[{key}]"
                yield Need(bucket, "logs to", "soft", seen_in)

    def names(self, it: It[BalancerFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)
        host = after("create", "dns_name")
        # Route 53 shows an alias's host in small letters, whatever the load balancer is called.
        for own in dict.fromkeys((it.facts.dns_name, it.facts.dns_name.lower())):
            yield Name(own, host, "host")
            # How Route 53's console writes aliases.
            yield Name(f"dualstack.{own}", join("dualstack.", host), "host")
        # How metrics, alarms and scaling policies know it: `app/<name>/<id>`.
        yield Name(_label(it.arn), after("create", "label"), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        # The label is in no answer for itself: it is known once the load balancer was looked at.
        return super().outputs(found) | {"dns_name": found.facts["dns_name"], "label": _label(found.arn)}

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[BalancerFacts]) -> dict[str, Json]:
        lists = {name: ordered(facts[name]) for name in ("subnets", "security_group_ids")}
        attributes = facts["attributes"]
        if "logs" not in done:
            attributes = {key: value for key, value in attributes.items() if not key.startswith(LOGS)}
        return facts | lists | {"attributes": attributes}

    def quota(self, it: It[BalancerFacts]) -> tuple[str, str] | None:
        codes = {"application": "L-53DA6B97", "network": "L-69A177A2"}
        code = codes.get(it.facts.balancer_type)
        return ("elasticloadbalancing", code) if code else None


def _facts(balancer: Mapping[str, Any], attributes: dict[str, str]) -> BalancerFacts:
    subnets = []
    for zone in balancer.get("AvailabilityZones", ()):
        subnet = {"SubnetId": zone["SubnetId"]}
        # A private address that AWS chose is not shown; of a public one only the elastic address is the owner's.
        for address in (zone.get("LoadBalancerAddresses") or ()) if balancer["Type"] == "network" else ():
            subnet |= {key: address[key] for key in ("AllocationId", "PrivateIPv4Address") if address.get(key)}
        subnets.append(subnet)
    if not _logs_on(attributes):
        attributes = {key: value for key, value in attributes.items() if not key.startswith(LOGS)}
    return BalancerFacts(
        balancer_type=balancer["Type"],
        scheme=balancer.get("Scheme", "internet-facing"),
        ip_address_type=balancer.get("IpAddressType", "ipv4"),
        vpc_id=balancer["VpcId"],
        subnets=ordered(subnets),
        security_group_ids=ordered(balancer.get("SecurityGroups", ())),
        attributes=attributes,
        private_link_rules=balancer.get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic") or None,
        ipv6_source_nat=balancer.get("EnablePrefixForIpv6SourceNat") or None,
        dns_name=balancer["DNSName"],
    )


def _label(arn: str) -> str:
    return arn.partition(":loadbalancer/")[2]


def _logs(attributes: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if key.startswith(LOGS)}


def _logs_on(attributes: Mapping[str, str]) -> bool:
    return any(key.endswith(".enabled") and value == "true" for key, value in _logs(attributes).items())


def _modify(
    attributes: Mapping[str, str],
    *,
    done: tuple[str, ...] = (),
    retry: tuple[str, ...] = (),
    undo: Request | None = None,
) -> Request:
    params: dict[str, Json] = {"LoadBalancerArn": ARN, "Attributes": attribute_pairs(attributes)}
    return Request("elbv2.ModifyLoadBalancerAttributes", params, done=done, retry=retry, undo=undo)
