"""An OpenSearch domain in a VPC under a customer's key, with a policy and settings of its own."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TwoSides

DOMAIN = f"arn:aws:es:{REGION}:{LEGACY}:domain/books"


def a_domain(world: TwoSides) -> Resource:
    network = ground.a_network(world)
    readers = needed.policy(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"}, "Action": ["es:ESHttpGet"],
         "Resource": f"{DOMAIN}/*"}
    )  # fmt: skip
    world.client("legacy", "opensearch").create_domain(
        DomainName="books",
        EngineVersion="OpenSearch_2.11",
        ClusterConfig={"InstanceType": "r6g.large.search", "InstanceCount": 2, "ZoneAwarenessEnabled": True,
                       "ZoneAwarenessConfig": {"AvailabilityZoneCount": 2}},
        EBSOptions={"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 100},
        AccessPolicies=readers,
        SnapshotOptions={"AutomatedSnapshotStartHour": 3},
        VPCOptions={"SubnetIds": network.subnets, "SecurityGroupIds": [network.group]},
        EncryptionAtRestOptions={"Enabled": True, "KmsKeyId": needed.a_key(world)},
        NodeToNodeEncryptionOptions={"Enabled": True},
        AdvancedOptions={"rest.action.multi.allow_explicit_index": "false"},
        DomainEndpointOptions={"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"},
        TagList=needed.PAIRS,
    )  # fmt: skip
    return needed.scanned(world, "opensearch.domain", "books")


def changed(**settings: Any) -> Change:
    """Change these settings of the target's domain."""

    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "opensearch").update_domain_config(DomainName=it.ref.name, **settings)

    return change


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "opensearch").add_tags(ARN=it.arn, TagList=needed.OTHER_PAIRS)


CREATION = "AWS allows it at creation only"
EMULATOR = "the emulator's opensearch.UpdateDomainConfig does not take it"

EXAMPLES = (
    Example(
        "opensearch.domain",
        a_domain,
        {
            "settings": changed(EBSOptions={"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 50}),
            "policy": changed(AccessPolicies=needed.policy(needed.statement("arn:aws:iam::222222222222:root"))),
            "tags": tagged,
        },
        {
            "engine_version": "opensearch.UpgradeDomain changes it, which the emulator does not have",
            "subnet_ids": EMULATOR,
            "security_groups": EMULATOR,
            "encrypted": "AWS never switches it off (unverified)",
            "kms_key": CREATION,
            "ip_type": EMULATOR,
            "fine_grained": EMULATOR,
            "cognito": EMULATOR,
        },
        done=("create",),
    ),
)
