"""Cloud Map: namespaces and the services in them, without their instances. The rule: who runs registers himself.

ECS registers its tasks when its services start; legacy's names go on leading to what legacy runs.
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
    pair_tags,
    same_place,
    tag_pairs,
)
from migrate.names import Arn

ID, ARN = after("create", "id"), after("create", "arn")
BAD_ID = "InvalidInput"
CREATE = {
    "HTTP": "servicediscovery.CreateHttpNamespace",
    "DNS_PRIVATE": "servicediscovery.CreatePrivateDnsNamespace",
    "DNS_PUBLIC": "servicediscovery.CreatePublicDnsNamespace",
}
OF_ECS = "AmazonECSManaged"
"""The tag of services that ECS makes for Service Connect. Source: Amazon ECS Developer Guide, Service Connect, read
2026-11; unverified."""


class NamespaceFacts(Facts):
    """Source: servicediscovery.ListNamespaces, servicediscovery.ListTagsForResource, route53.GetHostedZone."""

    domain: str
    type: str
    description: str | None
    soa_ttl_s: int | None
    vpc: str | None
    """Of a private one: where its zone is seen."""


class CreateNamespace(Action[NamespaceFacts]):
    """The namespace; AWS makes its zone. The answer names an operation only, so its id is looked up."""

    name = "create"
    title = "Create the namespace"

    def requests(self, it: It[NamespaceFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {"Name": facts.domain, "Tags": tag_pairs(place.stamp(it.tags))}
        if facts.description:
            made["Description"] = facts.description
        if facts.type == "DNS_PRIVATE":
            made["Vpc"] = facts.vpc
        if facts.soa_ttl_s is not None and facts.type != "HTTP":
            made["Properties"] = {"DnsProperties": {"SOA": {"TTL": facts.soa_ttl_s}}}
        wanted: dict[str, Json] = {
            "Filters": [
                {"Name": "NAME", "Values": [facts.domain], "Condition": "EQ"},
                {"Name": "TYPE", "Values": [facts.type], "Condition": "EQ"},
            ]
        }
        own = f"Namespaces[?Name=={_quoted(facts.domain)} && Type=='{facts.type}']"
        gone = ("NamespaceNotFound",)
        return [
            Request(
                CREATE[facts.type],
                made,
                once="token",
                token_param="CreatorRequestId",
                creates=True,
                # Exactly one: another of the same name and sort would not be told apart below.
                wait=Wait(
                    "servicediscovery.ListNamespaces", wanted, f"to_string(length({own}))", ("1",), timeout_s=900
                ),
                undo=Request(
                    "servicediscovery.DeleteNamespace",
                    {"Id": ID},
                    done=gone,
                    retry=("ResourceInUse",),
                    wait=Wait("servicediscovery.GetNamespace", {"Id": ID}, "Namespace.Id", ("gone",), gone=gone),
                ),
            ),
            Request(
                "servicediscovery.ListNamespaces",
                wanted,
                outputs={"id": f"{own} | [0].Id", "arn": f"{own} | [0].Arn"},
            ),
        ]


class Namespace(Kind[NamespaceFacts]):
    """A namespace: HTTP, private DNS in a VPC, or public DNS.

    Its zone is made by AWS with it. Further VPCs that people associated with a private one's zone are not carried. A
    public one answers only once its domain's name servers are delegated to: a person does that. One that another
    account shares is not in the inventory.
    """

    name = "servicediscovery.namespace"
    title = "Cloud Map namespace"
    facts = NamespaceFacts
    named = False
    reads = frozenset(
        {
            "servicediscovery.ListNamespaces",
            "servicediscovery.GetNamespace",
            "servicediscovery.ListTagsForResource",
            "route53.GetHostedZone",
        }
    )
    tagging_types = ("servicediscovery:namespace",)
    actions = (CreateNamespace(),)
    left_out: ClassVar[Mapping[str, str]] = {"HttpName": "the same as the name", "ServiceCount": "a count of the day"}

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            listed = list(site.pages("servicediscovery.ListNamespaces", "Namespaces", MaxResults=100))
        else:
            answer = site.optional("servicediscovery.GetNamespace", missing=("NamespaceNotFound", BAD_ID), Id=only)
            listed = [answer["Namespace"]] if answer else []
        found = [one for one in listed if _is_own(site, one)]
        for one, (facts, tags) in zip(found, site.map(lambda one: _namespace(site, one), found), strict=True):
            yield self.found(site, one["Id"], facts, arn=one["Arn"], tags=tags)

    def needs(self, it: It[NamespaceFacts]) -> Iterator[Need]:
        if it.facts.vpc:
            yield Need(same_place(it, "ec2.vpc", it.facts.vpc), "in", "hard", "route53.GetHostedZone VPCs[].VPCId")

    def names(self, it: It[NamespaceFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)
        yield Name(it.ref.name, ID, "id")

    def called(self, it: It[NamespaceFacts]) -> tuple[str, ...]:
        return (it.facts.domain,)


class ServiceFacts(Facts):
    """Source: servicediscovery.GetService, servicediscovery.GetServiceAttributes,
    servicediscovery.ListTagsForResource."""

    service: str
    namespace_id: str
    description: str | None
    type: str | None
    dns_config: dict[str, Json]
    health_check: dict[str, Json]
    custom_health_check: dict[str, Json]
    attributes: dict[str, str]


class CreateService(Action[ServiceFacts]):
    """The service, empty."""

    name = "create"
    title = "Create the service"

    def applies(self, it: It[ServiceFacts]) -> bool:
        return it.tags.get(OF_ECS) != "true"

    def requests(self, it: It[ServiceFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "Name": facts.service,
            "NamespaceId": facts.namespace_id,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        for name, value in (
            ("Description", facts.description),
            ("DnsConfig", facts.dns_config),
            ("HealthCheckConfig", facts.health_check),
            ("HealthCheckCustomConfig", facts.custom_health_check),
            # The only one that may be said; the others follow from the namespace. Source: servicediscovery.
            # CreateService Type, botocore 1.44.5.
            ("Type", facts.type if facts.type == "HTTP" else None),
        ):
            if value:
                made[name] = value
        requests = [
            Request(
                "servicediscovery.CreateService",
                made,
                once="token",
                token_param="CreatorRequestId",
                creates=True,
                outputs={"id": "Service.Id", "arn": "Service.Arn"},
                undo=Request(
                    "servicediscovery.DeleteService", {"Id": ID}, done=("ServiceNotFound",), retry=("ResourceInUse",)
                ),
            )
        ]
        if facts.attributes:
            params: dict[str, Json] = {"ServiceId": ID, "Attributes": facts.attributes}
            requests.append(Request("servicediscovery.UpdateServiceAttributes", params))
        return requests


class Service(Kind[ServiceFacts]):
    """A service of a namespace. Its instances are not moved: ECS registers tasks when its services start, and what
    people registered by hand they register by hand again."""

    name = "servicediscovery.service"
    title = "Cloud Map service"
    facts = ServiceFacts
    named = False
    reads = frozenset(
        {
            "servicediscovery.ListServices",
            "servicediscovery.GetService",
            "servicediscovery.GetServiceAttributes",
            "servicediscovery.ListTagsForResource",
        }
    )
    tagging_types = ("servicediscovery:service",)
    actions = (CreateService(),)
    quiet = True
    manual = "ECS made it for Service Connect, and makes it again when the service starts in the target."
    left_out: ClassVar[Mapping[str, str]] = {"InstanceCount": "a count of the day"}

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            ids = [one["Id"] for one in site.pages("servicediscovery.ListServices", "Services", MaxResults=100)]
        else:
            ids = [only]
        missing = ("ServiceNotFound", BAD_ID)
        answers = site.map(lambda one: site.optional("servicediscovery.GetService", missing=missing, Id=one), ids)
        found = [answer["Service"] for answer in answers if answer and _is_own(site, answer["Service"])]
        for one, (facts, tags) in zip(found, site.map(lambda one: _service(site, one), found), strict=True):
            yield self.found(site, one["Id"], facts, arn=one["Arn"], tags=tags)

    def needs(self, it: It[ServiceFacts]) -> Iterator[Need]:
        namespace = same_place(it, "servicediscovery.namespace", it.facts.namespace_id)
        yield Need(namespace, "in", "hard", "servicediscovery.GetService Service.NamespaceId")

    def names(self, it: It[ServiceFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)
        yield Name(it.ref.name, ID, "id")

    def called(self, it: It[ServiceFacts]) -> tuple[str, ...]:
        return (it.facts.service,)


def _is_own(site: ReadSite, one: Mapping[str, Any]) -> bool:
    arn = Arn.parse(one["Arn"])
    return arn is None or arn.account == site.account


def _tags(site: ReadSite, one: Mapping[str, Any]) -> dict[str, str]:
    missing = ("ResourceNotFoundException",)
    answer = site.optional("servicediscovery.ListTagsForResource", missing=missing, ResourceARN=one["Arn"]) or {}
    return pair_tags(answer.get("Tags"))


def _namespace(site: ReadSite, one: Mapping[str, Any]) -> tuple[NamespaceFacts, dict[str, str]]:
    dns = (one.get("Properties") or {}).get("DnsProperties") or {}
    vpc = None
    if one["Type"] == "DNS_PRIVATE" and dns.get("HostedZoneId"):
        # No call of Cloud Map shows the VPC.
        zone = site.optional("route53.GetHostedZone", missing=("NoSuchHostedZone",), Id=dns["HostedZoneId"]) or {}
        vpc = next(iter(sorted(one["VPCId"] for one in zone.get("VPCs") or ())), None)
    facts = NamespaceFacts(
        domain=one["Name"],
        type=one["Type"],
        description=one.get("Description") or None,
        soa_ttl_s=(dns.get("SOA") or {}).get("TTL"),
        vpc=vpc,
    )
    return facts, _tags(site, one)


def _service(site: ReadSite, one: Mapping[str, Any]) -> tuple[ServiceFacts, dict[str, str]]:
    # Its NamespaceId is deprecated and stands beside. Source: servicediscovery.DnsConfig, botocore 1.44.5.
    dns = {key: value for key, value in sorted((one.get("DnsConfig") or {}).items()) if key != "NamespaceId" and value}
    answer = site.optional("servicediscovery.GetServiceAttributes", missing=("ServiceNotFound",), ServiceId=one["Id"])
    attributes = ((answer or {}).get("ServiceAttributes") or {}).get("Attributes") or {}
    facts = ServiceFacts(
        service=one["Name"],
        namespace_id=one["NamespaceId"],
        description=one.get("Description") or None,
        type=one.get("Type") or None,
        dns_config=dns,
        health_check=dict(one.get("HealthCheckConfig") or {}),
        custom_health_check=dict(one.get("HealthCheckCustomConfig") or {}),
        attributes=dict(sorted(attributes.items())),
    )
    return facts, _tags(site, one)


def _quoted(text: str) -> str:
    """A text as JMESPath spells it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


KINDS = (Namespace(), Service())
