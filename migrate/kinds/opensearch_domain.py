"""OpenSearch domains: made with legacy's settings, and filled by a person by way of a snapshot repository.

The rule: an empty domain is never taken for a moved one: the step stands until AWS counts legacy's documents in it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.errors import StepFailed
from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    Proof,
    ReadSite,
    Request,
    Wait,
    after,
    pair_tags,
    tag_pairs,
)
from migrate.kinds._by_person import METRIC, ask_for_it, await_content, compared, newest, still_stands
from migrate.kinds._documents import canonical, parsed, without_dead
from migrate.kinds._keys import customers_key
from migrate.values import as_json

GONE = ("ResourceNotFoundException",)
DOCUMENTS = "documents"
READY_S = 2 * 3600.0
SETTINGS = (
    "ClusterConfig", "EBSOptions", "SnapshotOptions", "DomainEndpointOptions", "AdvancedOptions",
    "LogPublishingOptions", "NodeToNodeEncryptionOptions",
)  # fmt: skip
"""What DescribeDomain shows in the form in which CreateDomain takes it. Source: botocore 1.44.5."""


class DomainFacts(Facts):
    """Source: opensearch.DescribeDomain; kms.DescribeKey."""

    engine_version: str
    settings: dict[str, Json]
    """`ClusterConfig`, `EBSOptions` and the others of `SETTINGS`, without what AWS leaves empty."""
    policy: dict[str, Json] | None
    subnet_ids: list[str]
    security_groups: list[str]
    encrypted: bool
    kms_key: str | None
    """A customer's key by its ARN; None: the key that AWS manages, or no encryption."""
    ip_type: str | None
    fine_grained: bool
    """Fine-grained access control: its master user is shown by no call."""
    cognito: dict[str, Json] | None
    host: str | None


class Create(CarryAction[DomainFacts]):
    """The domain, empty. One with fine-grained access control needs a master user, whom AWS shows nobody: a person
    makes it with the values that the step says, the stamp among them, and the step compares what stands then."""

    name = "create"
    title = "Create the domain"
    writes = frozenset()

    def requests(self, it: It[DomainFacts], place: Place) -> Sequence[Request]:
        if by_person(it):
            return ()
        there: dict[str, Json] = {"DomainName": place.name}
        ready = "DomainStatus.Processing"
        return [
            Request(
                "opensearch.CreateDomain",
                parameters(it, place),
                once="named",
                creates=True,
                # A role that was made a moment ago is no valid principal of its policy yet (unverified).
                retry=("InvalidTypeException",),
                wait=Wait("opensearch.DescribeDomain", dict(there), ready, ("False",), every_s=15.0, timeout_s=READY_S),
                undo=Request(
                    "opensearch.DeleteDomain",
                    dict(there),
                    done=GONE,
                    wait=Wait("opensearch.DescribeDomain", dict(there), "gone", (), gone=GONE, timeout_s=READY_S),
                ),
            )
        ]

    def summary(self, it: It[DomainFacts], place: Place) -> dict[str, Json]:
        how = "by hand: opensearch.CreateDomain with MasterUserOptions" if by_person(it) else "opensearch.CreateDomain"
        return {"from": it.arn, "to": place.name, "how": how, "parameters": parameters(it, place)}

    def carry(self, it: It[DomainFacts], to: Carrier) -> Mapping[str, Json]:
        if not by_person(it):
            return {}
        status = _described(to.target, to.place.name)
        if status is None:
            asked = to.rewrite(parameters(it, to.place))
            besides = "its master user (AdvancedSecurityOptions.MasterUserOptions) is known to people only"
            raise ask_for_it(f"the domain {to.place.name}", "opensearch.CreateDomain", dict(asked), besides)
        if status.get("Processing"):
            raise StepFailed(f"the domain {to.place.name} is still being made", do="wait, then migrate run")
        return {"made by": "a person"}

    def prove(self, it: It[DomainFacts], to: Carrier) -> Proof:
        """Its facts are compared by the engine, one by one."""
        return Proof("equal")

    def uncarry(self, it: It[DomainFacts], to: Carrier) -> None:
        if by_person(it) and _described(to.target, to.place.name) is not None:
            raise still_stands("domain", to.place.name, "opensearch.DeleteDomain with DomainName")


class Fill(CarryAction[DomainFacts]):
    """Stands still until a person has restored legacy's snapshot: no call of AWS's moves documents. What is compared is
    the count of documents that both domains publish."""

    name = "fill"
    title = "By hand: bring the documents by a snapshot repository"
    phase = "data"
    undo_class = "R3"
    downtime = "D2"
    writes = frozenset()
    reads = frozenset({METRIC})

    def summary(self, it: It[DomainFacts], place: Place) -> dict[str, Json]:
        return {"from": it.ref.name, "to": place.name, "how": f"by hand: {by_snapshot(it, place)}", "what": DOCUMENTS}

    def carry(self, it: It[DomainFacts], to: Carrier) -> Mapping[str, Json]:
        return await_content(to, DOCUMENTS, *_documents(it, to), by_snapshot(it, to.place))

    def prove(self, it: It[DomainFacts], to: Carrier) -> Proof:
        return compared(DOCUMENTS, *_documents(it, to))

    def uncarry(self, it: It[DomainFacts], to: Carrier) -> None:
        """Nothing: the documents go with the domain, and legacy's were only read."""

    def loses(self, it: It[DomainFacts], to: Carrier) -> Sequence[str]:
        legacy, target = _documents(it, to)
        if target and target != legacy:
            return [f"{target} documents in the target's {to.place.name}, {legacy} in legacy: what was written there"]
        return []


class Domain(Kind[DomainFacts]):
    """An OpenSearch domain (or one of Elasticsearch that AWS still runs).

    It is made with legacy's version, nodes, disks, encryption, network and policy; its documents are brought by a
    person. Users and roles inside of fine-grained access control are made by hand. In an account that never had a
    domain in a VPC, AWS wants its service-linked role first (iam.CreateServiceLinkedRole, es.amazonaws.com).
    """

    name = "opensearch.domain"
    title = "OpenSearch domain"
    facts = DomainFacts
    stateful = True
    reads = frozenset(
        {"opensearch.ListDomainNames", "opensearch.DescribeDomain", "opensearch.ListTags", "kms.DescribeKey"}
    )
    tagging_types = ("es:domain",)
    volatile = frozenset({"host"})
    unordered = frozenset({"subnet_ids", "security_groups"})
    left_out: ClassVar[Mapping[str, str]] = {
        "Documents": "a person restores a snapshot: `fill` says how, and waits",
        "Users, roles and role mappings inside": "made by hand: the index that holds them is not restored",
        "SAMLOptions, JWTOptions": "opensearch.UpdateDomainConfig in the target, once the identity provider knows it",
        "AutoTuneOptions, OffPeakWindowOptions, SoftwareUpdateOptions": "AWS's defaults; opensearch.UpdateDomainConfig",
        "Packages and VPC endpoints": "opensearch.AssociatePackage and opensearch.CreateVpcEndpoint in the target",
    }
    actions: "ClassVar[tuple[Action[Any], ...]]" = (Create(), Fill())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        listed = site.pages("opensearch.ListDomainNames", "DomainNames[].DomainName") if only is None else [only]
        for status in site.map(lambda name: _described(site, name), sorted(map(str, listed))):
            if status is None:
                continue
            tags = site.call("opensearch.ListTags", ARN=status["ARN"]).get("TagList")
            yield self.found(
                site, status["DomainName"], read_facts(site, status), arn=status["ARN"], tags=pair_tags(tags),
                size_bytes=_size_bytes(status),
            )  # fmt: skip

    def names(self, it: It[DomainFacts], place: Place) -> Iterator[Name]:
        yield from super().names(it, place)
        if it.facts.host:
            yield Name(it.facts.host, after("create", "host"), "host")

    def outputs(self, found: Resource) -> dict[str, str]:
        host = {"host": str(found.facts["host"])} if found.facts.get("host") else {}
        return super().outputs(found) | host

    def needs(self, it: It[DomainFacts]) -> Iterator[Need]:
        where = "opensearch.DescribeDomain DomainStatus"
        if it.facts.kms_key:
            yield Need(it.facts.kms_key, "encrypted by", "hard", f"{where}.EncryptionAtRestOptions.KmsKeyId")
        for subnet in it.facts.subnet_ids:
            yield Need(subnet, "in", "hard", f"{where}.VPCOptions.SubnetIds[]")
        for group in it.facts.security_groups:
            yield Need(group, "member of", "hard", f"{where}.VPCOptions.SecurityGroupIds[]")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[DomainFacts]) -> dict[str, Json]:
        policy = without_dead(facts["policy"]) if facts["policy"] else None
        # Renaming changes the order of sorted names; AWS refuses principals that were deleted.
        return facts | {"policy": policy and canonical(policy)}


def by_person(it: It[DomainFacts]) -> bool:
    """Whether a person makes it: no call shows the master user of fine-grained access control."""
    return it.facts.fine_grained


def parameters(it: It[DomainFacts], place: Place) -> dict[str, Json]:
    """What CreateDomain takes, in legacy terms."""
    facts = it.facts
    made: dict[str, Json] = {
        "DomainName": place.name, "EngineVersion": facts.engine_version, **facts.settings,
        "TagList": tag_pairs(place.stamp(it.tags)),
    }  # fmt: skip
    policy = without_dead(facts.policy) if facts.policy else None
    if policy:
        made["AccessPolicies"] = as_json(policy)
    if facts.subnet_ids:
        made["VPCOptions"] = {"SubnetIds": facts.subnet_ids, "SecurityGroupIds": facts.security_groups}
    if facts.encrypted:
        made["EncryptionAtRestOptions"] = {"Enabled": True} | ({"KmsKeyId": facts.kms_key} if facts.kms_key else {})
    if facts.ip_type:
        made["IPAddressType"] = facts.ip_type
    if facts.cognito:
        made["CognitoOptions"] = facts.cognito
    if facts.fine_grained:
        made["AdvancedSecurityOptions"] = {"Enabled": True}
    return made


def by_snapshot(it: It[DomainFacts], place: Place) -> str:
    """What a person does to bring the documents, with the values that are known."""
    room = f"a bucket in {place.region} that both roles below may use"
    return (
        f"in legacy a role that es.amazonaws.com may assume with s3:ListBucket, s3:GetObject, s3:PutObject and "
        f"s3:DeleteObject on {room}, and iam:PassRole on it for the caller; signed, to https://{it.facts.host}: PUT "
        "_snapshot/move with type s3, that bucket, base_path "
        f"{it.ref.name} and role_arn; PUT _snapshot/move/1?wait_for_completion=false with indices "
        '"*,-.kibana*,-.opendistro*,-.plugins*" until GET _snapshot/move/1 says SUCCESS. In '
        f"{place.account} a role of the same rights without PutObject and DeleteObject, the same repository with "
        f"readonly true on the domain {place.name}, POST _snapshot/move/1/_restore. Writers stand still now: the same "
        "once more as snapshot 2, the changed indices closed or deleted in the target before its restore; then migrate "
        "run"
    )


def read_facts(site: ReadSite, status: Mapping[str, Any]) -> DomainFacts:
    """One description as facts."""
    network, rest = status.get("VPCOptions") or {}, status.get("EncryptionAtRestOptions") or {}
    cognito = {key: value for key, value in (status.get("CognitoOptions") or {}).items() if value is not None}
    policy = status.get("AccessPolicies")
    return DomainFacts(
        engine_version=status["EngineVersion"],
        settings={name: without_nothing(status[name]) for name in SETTINGS if status.get(name)},
        policy=parsed(policy) if policy else None,
        subnet_ids=sorted(network.get("SubnetIds") or ()),
        security_groups=sorted(network.get("SecurityGroupIds") or ()),
        encrypted=bool(rest.get("Enabled")),
        kms_key=customers_key(site, rest.get("KmsKeyId")),
        ip_type=status.get("IPAddressType"),
        fine_grained=bool((status.get("AdvancedSecurityOptions") or {}).get("Enabled")),
        cognito=cognito if cognito.get("Enabled") else None,
        host=status.get("Endpoint") or (status.get("Endpoints") or {}).get("vpc"),
    )


def without_nothing(value: Any) -> Json:
    """The settings without those that AWS leaves empty."""
    if isinstance(value, Mapping):
        return {key: without_nothing(item) for key, item in sorted(value.items()) if item is not None}
    return json.loads(json.dumps(value))


def _described(site: ReadSite, name: str) -> dict[str, Any] | None:
    answer = site.optional("opensearch.DescribeDomain", missing=GONE, DomainName=name)
    status = dict(answer["DomainStatus"]) if answer else None
    return None if status is None or status.get("Deleted") else status


def _size_bytes(status: Mapping[str, Any]) -> int | None:
    disks = (status.get("EBSOptions") or {}).get("VolumeSize")
    nodes = (status.get("ClusterConfig") or {}).get("InstanceCount")
    return int(disks) * int(nodes) * 2**30 if disks and nodes else None


def _documents(it: It[DomainFacts], to: Carrier) -> tuple[int | None, int | None]:
    """The documents that legacy's domain and the target's publish. Source: OpenSearch Service developer guide,
    Monitoring cluster metrics, SearchableDocuments, dimensions DomainName and ClientId; unverified."""
    return (
        _count(to.legacy, it.ref.name, str(it.ref.account)),
        _count(to.target, to.place.name, str(to.place.account)),
    )


def _count(site: ReadSite, domain: str, account: str) -> int | None:
    return newest(site, "AWS/ES", "SearchableDocuments", {"DomainName": domain, "ClientId": account}, "Maximum")


KINDS = (Domain(),)
