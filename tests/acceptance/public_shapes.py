"""An account that a CloudFormation template of a common public shape made, and the migration of it, told in verbs.

Rule: nothing of the product is imported but the embedded world to live in; a shape is its template, the few things
that the emulator's CloudFormation cannot make, and a migration.yaml written from docs/configuration.md alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from ruamel.yaml import YAML

from migrate.demo import world as worlds

from .documents import read_documents
from .documents_of_machines import machines
from .foreign_account import ENDPOINT_LIMITS
from .foreign_story import Story, endpoint

LEGACY, TARGET = "111111111111", "222222222222"
REGION = "eu-west-1"
ROLE = "OrganizationAccountAccessRole"
SHAPES = Path(__file__).with_name("shapes")
_ENDPOINT_LACKS = ("unsupported by endpoint", "unreachable", "The emulator failed")
_MOMENTS = re.compile(
    r'("(?:LastModified|LastModifiedTimestamp|CreatedTimestamp|updatedAt|createdAt|LatestRestorableTime)": )'
    r'(?:"[^"]*"|[0-9.]+)'
)
_NOTHING_SAID = re.compile(
    r', "SuspendedState": \{"DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, '
    r'"ScheduledScalingSuspended": false\}|"MixedInstancesPolicy": \{\}, '
)
"""What the emulator shows once it was set and not before, though it means the same."""
_OWN_ID = re.compile(
    r"\b(?:vpc|subnet|sg|rtb|acl|igw|nat|eni|eipalloc|eipassoc|rtbassoc|i|lt|vol|vpce|key|snap|sgr|pl|dopt)-[0-9a-f]{8,17}\b"
)


@dataclass
class Cloud:
    """Somewhere to stand: an endpoint, and the key of somebody in the legacy account."""

    url: str
    key: dict[str, str]
    more: dict[str, str] = field(default_factory=dict)
    """What else the shell holds."""

    def session(self, account: str = LEGACY) -> boto3.Session:
        """A plain session in an account; `client` of it needs `endpoint_url`, see `client`."""
        key = self.key
        if account != LEGACY:
            arn = f"arn:aws:iam::{account}:role/{ROLE}"
            given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="reader")["Credentials"]
            key = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        return worlds.WorldSession(self.url, region_name=REGION, **key)

    def client(self, service: str) -> Any:
        """A plain client in legacy."""
        return self.session().client(service)

    def story(self, folder: Path, shape: str) -> Story:
        """A migration's folder with the shape's migration.yaml in it."""
        folder.mkdir()
        shutil.copy(SHAPES / f"{shape}.migration.yaml", folder / "migration.yaml")
        shell = {name.upper(): value for name, value in self.key.items()} | self.more
        shell |= {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
        return Story(folder, shell | {"HOME": str(folder.parent), "PYTHONPATH": os.getcwd()})


@contextlib.contextmanager
def embedded(home: Path) -> Iterator[Cloud]:
    """The embedded world without its company: rows, code and images are real in it."""
    world = worlds.up(home / "world")
    try:
        shell = world.env()
        key = {name: shell[name.upper()] for name in ("aws_access_key_id", "aws_secret_access_key")}
        yield Cloud(world.endpoint, key, {"MIGRATE_TUNNELS": str(world.tunnels)})
    finally:
        worlds.down(home / "world")


@contextlib.contextmanager
def plain(home: Path) -> Iterator[Cloud]:
    """A plain emulator."""
    with endpoint(home) as one:
        named: dict[str, Any] = {"region_name": REGION, "endpoint_url": one.url, "config": ENDPOINT_LIMITS}
        anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anybody"}
        role = f"arn:aws:iam::{LEGACY}:role/{ROLE}"
        given = boto3.client("sts", **named, **anybody).assume_role(RoleArn=role, RoleSessionName="builder")[
            "Credentials"
        ]
        iam = boto3.client(
            "iam",
            **named,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        iam.create_user(UserName="operator")
        made = iam.create_access_key(UserName="operator")["AccessKey"]
        yield Cloud(
            one.url,
            {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]},
        )


def deploy(cloud: Cloud, shape: str, **parameters: str) -> dict[str, str]:
    """Create the stack of a shape; gives its outputs."""
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(
        StackName=shape.replace("_", "-"),
        TemplateBody=(SHAPES / f"{shape}.yaml").read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "owner", "Value": "platform"}],
    )
    (stack,) = cloudformation.describe_stacks(StackName=shape.replace("_", "-"))["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}


def planned(story: Story) -> None:
    """From doctor to an approved plan, with what migration.yaml says and nothing more.

    Only what this endpoint cannot list at all is waived as it is met: how much that is changes with the kinds that
    there are, not with the shape. Any other refusal is a failure.
    """
    story.type("doctor")
    story.type("scan")
    if story.type("plan", ends=(0, 1)).code:
        refusals = story.newest("plan.json")["body"]["refusals"]
        others = [one for one in refusals if not any(words in one["what"] for words in _ENDPOINT_LACKS)]
        assert not others, others
        yaml = YAML()
        config: Any = yaml.load(story.config.read_text())
        because = "this endpoint cannot list it; the template has none"
        config.setdefault("waivers", []).extend({"gap": one["key"], "because": because} for one in refusals)
        with story.config.open("w") as file:
            yaml.dump(config, file)
        story.type("plan")
    story.type("review")
    story.type("approve", "--by", "the owner")


@dataclass(frozen=True)
class Seen:
    """Both accounts at one moment, by plain boto3."""

    legacy: dict[str, str]
    target: dict[str, str]
    legacy_owns: frozenset[str]
    """The triggers and workers that are switched on in legacy."""
    target_owns: frozenset[str]


def look(cloud: Cloud) -> Seen:
    """Read both accounts whole."""
    legacy, target = cloud.session(), cloud.session(TARGET)
    return Seen(shown(legacy), shown(target), owned(legacy), owned(target))


def shown(session: boto3.Session) -> dict[str, str]:
    """Every document of an account, without what tells only when it was looked at or last touched.

    Left out is what is gone and still listed: AWS shows a deleted gateway or cluster for an hour, the emulator
    the default network ACL of a VPC that is no more.
    """
    documents = read_documents(session) | machines(session)
    for path in doomed(session):
        documents.pop(path, None)
    networks = {json.loads(text)["VpcId"] for path, text in documents.items() if path.startswith("ec2.Vpcs/")}
    living = {
        path: text
        for path, text in documents.items()
        if '"State": "deleted"' not in text
        and not (path.startswith(("ecs.cluster/", "ecs.service/")) and '"status": "INACTIVE"' in text)
        and not (path.startswith("ec2.NetworkAcls/") and json.loads(text)["VpcId"] not in networks)
    }
    return {path: _MOMENTS.sub(r'\1"when"', _NOTHING_SAID.sub("", text)) for path, text in living.items()}


def doomed(session: boto3.Session) -> set[str]:
    """Keys that are scheduled for deletion: AWS keeps each for seven days at least."""
    kms = session.client("kms")
    keys = [kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"]]
    return {f"kms.key/{one['KeyId']}/policy" for one in keys if one["KeyState"] == "PendingDeletion"}


def owned(session: boto3.Session) -> frozenset[str]:
    """What would do something by itself now: fire, consume, call or run."""
    found: set[str] = set()
    for rule in session.client("events").list_rules()["Rules"]:
        if rule["State"] == "ENABLED":
            found.add(f"rule {rule['Name']}")
    for mapping in session.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
        if mapping["State"] not in ("Disabled", "Disabling"):
            source, function = mapping["EventSourceArn"], mapping["FunctionArn"]
            found.add(f"mapping {source.rpartition(':')[2]} to {function.rpartition(':')[2]}")
    s3 = session.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        calls = s3.get_bucket_notification_configuration(Bucket=bucket["Name"])
        if len(calls) > 1:  # one is the answer's envelope
            found.add(f"bucket {bucket['Name'].removesuffix('-production')}")
    ecs = session.client("ecs")
    for cluster in ecs.list_clusters()["clusterArns"]:
        names = ecs.list_services(cluster=cluster)["serviceArns"]
        for service in ecs.describe_services(cluster=cluster, services=names)["services"] if names else ():
            if service["desiredCount"]:
                found.add(f"service {service['serviceName']} x {service['desiredCount']}")
    for reservation in session.client("ec2").describe_instances()["Reservations"]:
        for one in reservation["Instances"]:
            tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", ())}
            if one["State"]["Name"] == "running" and "aws:autoscaling:groupName" not in tags:
                found.add(f"machine {tags.get('Name', one['InstanceId'])}")
    for group in session.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]:
        if group["DesiredCapacity"]:
            found.add(f"group {group['AutoScalingGroupName']} x {group['DesiredCapacity']}")
    return frozenset(found)


def residue(legacy: dict[str, str], target: dict[str, str]) -> list[str]:
    """Where in the target's documents the legacy account or one of its ids still stands."""
    theirs = {LEGACY} | {one for text in legacy.values() for one in _OWN_ID.findall(text)}
    assert target, "the target has no document: nothing was searched"
    return [
        f"{path}: {one}"
        for path, text in sorted(target.items())
        for one in sorted(theirs)
        if re.search(rf"(?<![0-9A-Za-z-]){re.escape(one)}(?![0-9A-Za-z])", text)
    ]


def there_and_back(cloud: Cloud, folder: Path, shape: str, arrived: Callable[[Seen], None]) -> Story:
    """The whole story of a shape, and what is true of every one of them; `arrived` says what is true of this one."""
    before = look(cloud)
    assert before.legacy_owns, "nothing is switched on in legacy, so nothing is handed over"
    story = cloud.story(folder, shape)
    planned(story)
    story.run_through("local")

    now = look(cloud)
    left = residue(before.legacy, now.target)
    assert not left, left
    owners = (now.legacy_owns, now.target_owns)
    assert owners == (frozenset(), before.legacy_owns), owners
    arrived(now)
    verified = story.type("verify").err
    assert " 0 different, 0 could not be proved" in verified, verified

    story.roll_back()
    after = look(cloud)
    for were, are in ((before.target, after.target), (before.legacy, after.legacy)):
        changed = differing(were, are)
        assert not changed, changed
    owners = (after.legacy_owns, after.target_owns)
    assert owners == (before.legacy_owns, frozenset()), owners
    return story


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """The documents that are not the same in both."""
    paths = sorted(one.keys() | other.keys())
    return {path: (one.get(path), other.get(path)) for path in paths if one.get(path) != other.get(path)}
