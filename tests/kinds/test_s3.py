"""A bucket with every sub-resource is found whole, made anew equal under its new name, and undone."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from migrate.kind import CarryAction, It, Request
from migrate.kinds.s3_bucket import KINDS
from migrate.values import resolve
from tests.carry.fake_carrier import LEGACY, REGION, TARGET, FakeCarrier, place, session
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request

BUCKET = KINDS[0]
NEW = place("new-uploads")
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"}, "Action": "s3:GetObject",
         "Resource": "arn:aws:s3:::old-uploads/*"}
    ],
}  # fmt: skip


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, boto3.Session]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield {"legacy": session(LEGACY), "target": session(TARGET)}


def site(aws: dict[str, boto3.Session], side: str, region: str = REGION) -> PlainSite:
    return PlainSite(aws[side], LEGACY if side == "legacy" else TARGET, region, BUCKET.reads)


def build(aws: dict[str, boto3.Session], name: str = "old-uploads", *, key: str | None = None) -> None:
    """A bucket with everything set."""
    s3 = aws["legacy"].client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "env", "Value": "dev"}]})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    if key:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(POLICY))
    s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True}
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={**block, "RestrictPublicBuckets": False})
    s3.put_bucket_cors(
        Bucket=name, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    )
    rules = [{"ID": "tmp", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}}]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_bucket_accelerate_configuration(Bucket=name, AccelerateConfiguration={"Status": "Enabled"})
    for side in ("legacy", "target"):
        aws[side].client("sqs").create_queue(QueueName="jobs")
    queue = {"QueueArn": f"arn:aws:sqs:{REGION}:{LEGACY}:jobs", "Events": ["s3:ObjectCreated:*"], "Id": "new"}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"QueueConfigurations": [queue]})


def found(aws: dict[str, boto3.Session], side: str, name: str) -> It[Any]:
    return BUCKET.typed(next(iter(BUCKET.scan(site(aws, side), only=name))))


def renamed(value: Any) -> Any:
    """What the planner makes of a legacy document, for the names of these tests."""
    text = json.dumps(value).replace("old-uploads", "new-uploads").replace(LEGACY, TARGET)
    return json.loads(text)


def send(aws: dict[str, boto3.Session], request: Request, known: dict[tuple[str, str], str] | None = None) -> Any:
    check_request(request.operation, request.params)
    params = request.params if request.side == "legacy" else renamed(request.params)
    service, _, name = request.operation.partition(".")
    client = aws[request.side].client(service, region_name=REGION)
    return getattr(client, xform_name(name))(**resolve(params, known or {}))


def everything(aws: dict[str, boto3.Session], it: It[Any], *actions: str) -> list[Request]:
    requests = [request for name in actions for request in BUCKET.action(name).requests(it, NEW)]
    for request in requests:
        send(aws, request)
    return requests


def test_every_sub_resource_is_a_fact(aws: dict[str, boto3.Session]) -> None:
    key = aws["legacy"].client("kms", region_name=REGION).create_key()["KeyMetadata"]
    build(aws, key=key["KeyId"])

    it = found(aws, "legacy", "old-uploads")

    assert it.arn == "arn:aws:s3:::old-uploads"
    assert it.tags == {"env": "dev"}
    facts = it.facts
    assert (facts.versioning, facts.key_manager, facts.key_arn) == ("Suspended", "customer", key["Arn"])
    assert facts.policy == POLICY
    assert facts.public_access_block["BlockPublicPolicy"]
    assert facts.ownership == "BucketOwnerPreferred"
    assert facts.cors[0]["AllowedMethods"] == ["GET"]
    assert facts.lifecycle[0]["ID"] == "tmp"
    assert facts.website == {"IndexDocument": {"Suffix": "index.html"}}
    assert facts.notification["QueueConfigurations"][0]["Id"] == "new"
    assert facts.acceleration == "Enabled"
    assert [need.on for need in BUCKET.needs(it)] == [key["Arn"], f"arn:aws:sqs:{REGION}:{LEGACY}:jobs"]


def test_a_bucket_is_found_in_its_own_region_and_account_only(aws: dict[str, boto3.Session]) -> None:
    s3 = aws["legacy"].client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="american")
    s3.create_bucket(Bucket="irish", CreateBucketConfiguration={"LocationConstraint": REGION})

    assert [bucket.ref.name for bucket in BUCKET.scan(site(aws, "legacy"))] == ["irish"]
    assert [bucket.ref.name for bucket in BUCKET.scan(site(aws, "legacy", "us-east-1"))] == ["american"]
    assert not list(BUCKET.scan(site(aws, "target"), only="irish"))
    assert not list(BUCKET.scan(site(aws, "legacy"), only="iris"))


def test_an_unset_configuration_is_written_as_what_it_means(aws: dict[str, boto3.Session]) -> None:
    aws["legacy"].client("s3").create_bucket(Bucket="bare", CreateBucketConfiguration={"LocationConstraint": REGION})

    facts = found(aws, "legacy", "bare").facts

    assert not any(facts.public_access_block.values())
    assert facts.ownership == "ObjectWriter"
    assert facts.encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_target_is_equal_after_each_stage_and_reacts_to_objects_only_at_the_end(
    aws: dict[str, boto3.Session],
) -> None:
    build(aws)
    it = found(aws, "legacy", "old-uploads")
    legacy = renamed(it.facts.model_dump(mode="json"))

    done: set[str] = set()
    for action in ("create", "configure", "finish"):
        everything(aws, it, action)
        done.add(action)
        shown = found(aws, "target", "new-uploads").facts.model_dump(mode="json")
        expected = BUCKET.expected(legacy, frozenset(done), it)

        assert {name: shown[name] for name in shown.keys() - BUCKET.volatile} == {
            name: expected[name] for name in expected.keys() - BUCKET.volatile
        }
        assert bool(shown["notification"]) == bool(shown["lifecycle"]) == (action == "finish")
    tags = found(aws, "target", "new-uploads").tags
    assert tags == {"env": "dev", "migrate:migration": "move", "migrate:step": "step:create"}


def test_undoing_all_leaves_no_bucket_and_the_stages_go_back_one_by_one(aws: dict[str, boto3.Session]) -> None:
    build(aws)
    it = found(aws, "legacy", "old-uploads")
    requests = everything(aws, it, "create", "configure")
    before = found(aws, "target", "new-uploads").facts
    finishing = everything(aws, it, "finish")

    for request in reversed(finishing):
        assert request.undo is not None
        send(aws, request.undo)
    assert found(aws, "target", "new-uploads").facts == before

    for request in reversed(requests):
        if request.undo:
            send(aws, request.undo)
    assert not list(BUCKET.scan(site(aws, "target"), only="new-uploads"))


def test_legacy_lets_the_target_read_and_gets_its_own_policy_back(aws: dict[str, boto3.Session]) -> None:
    key = aws["legacy"].client("kms", region_name=REGION).create_key()["KeyMetadata"]
    build(aws, key=key["KeyId"])
    it = found(aws, "legacy", "old-uploads")
    action = BUCKET.action("copy_objects")
    requests = action.requests(it, NEW)
    known: dict[tuple[str, str], str] = {}
    for request in requests:
        answer = send(aws, request)
        known |= {("copy_objects", name): answer[path] for name, path in request.outputs.items()}

    policy = json.loads(aws["legacy"].client("s3").get_bucket_policy(Bucket="old-uploads")["Policy"])
    assert policy["Statement"][0] == POLICY["Statement"][0]
    assert policy["Statement"][1]["Principal"] == {"AWS": [f"arn:aws:iam::{TARGET}:root"]}
    assert {"s3:GetObjectVersion", "s3:GetObjectTagging"} <= set(policy["Statement"][1]["Action"])
    kms = aws["legacy"].client("kms", region_name=REGION)
    grants = kms.list_grants(KeyId=key["KeyId"])["Grants"]
    assert [grant["GranteePrincipal"] for grant in grants] == [f"arn:aws:iam::{TARGET}:root"]
    after = found(aws, "legacy", "old-uploads").facts.model_dump(mode="json")
    changed = action.legacy_after(it)
    assert changed is not None
    assert {name: after[name] for name in changed} == dict(changed)
    assert after["read_shared"]

    for request in reversed(requests):
        assert request.undo is not None
        send(aws, request.undo, known)

    assert found(aws, "legacy", "old-uploads").facts == it.facts
    assert not kms.list_grants(KeyId=key["KeyId"])["Grants"]


def test_legacy_stops_calling_before_the_last_copy_and_calls_again_after_the_undo(
    aws: dict[str, boto3.Session],
) -> None:
    build(aws)
    it = found(aws, "legacy", "old-uploads")
    action = BUCKET.action("silence_legacy")
    (request,) = action.requests(it, NEW)
    send(aws, request)

    after = found(aws, "legacy", "old-uploads").facts
    assert after == it.facts.model_copy(update=dict(action.legacy_after(it) or {}))
    assert not after.notification
    order = [one.name for one in BUCKET.actions]
    assert order.index("silence_legacy") < order.index("copy_delta") < order.index("finish")
    assert action.phase == "freeze"

    assert request.undo is not None
    send(aws, request.undo)
    assert found(aws, "legacy", "old-uploads").facts == it.facts


def test_a_bucket_that_calls_nothing_is_not_silenced(aws: dict[str, boto3.Session]) -> None:
    aws["legacy"].client("s3").create_bucket(Bucket="mute", CreateBucketConfiguration={"LocationConstraint": REGION})

    assert not BUCKET.action("silence_legacy").applies(found(aws, "legacy", "mute"))


def test_a_bucket_without_policy_gets_none_back(aws: dict[str, boto3.Session]) -> None:
    s3 = aws["legacy"].client("s3")
    s3.create_bucket(Bucket="old-uploads", CreateBucketConfiguration={"LocationConstraint": REGION})
    it = found(aws, "legacy", "old-uploads")
    request = BUCKET.action("copy_objects").requests(it, NEW)[0]
    send(aws, request)
    assert found(aws, "legacy", "old-uploads").facts.policy is None

    assert request.undo is not None
    send(aws, request.undo)

    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="old-uploads")


def test_the_managed_key_is_not_named_and_its_objects_go_through_this_process(
    aws: dict[str, boto3.Session],
) -> None:
    build(aws, key="alias/aws/s3")

    it = found(aws, "legacy", "old-uploads")

    assert it.facts.key_manager == "aws"
    assert it.facts.encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms"}
    copying = BUCKET.action("copy_objects")
    assert not copying.requests(it, NEW)
    assert copying.legacy_after(it) is None
    assert "through this process" in copying.summary(it, NEW)["how"]  # type: ignore[attr-defined]


def test_a_locked_bucket_gets_its_default_retention_only_after_the_copies(aws: dict[str, boto3.Session]) -> None:
    s3 = aws["legacy"].client("s3")
    s3.create_bucket(
        Bucket="old-uploads",
        CreateBucketConfiguration={"LocationConstraint": REGION},
        ObjectLockEnabledForBucket=True,
    )
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket="old-uploads", ObjectLockConfiguration=lock)
    it = found(aws, "legacy", "old-uploads")

    made = BUCKET.action("create").requests(it, NEW)
    finishing = [request.operation for request in BUCKET.action("finish").requests(it, NEW)]

    assert made[0].params["ObjectLockEnabledForBucket"] is True
    assert all(request.operation != "s3.PutObjectLockConfiguration" for request in made)
    assert "s3.PutObjectLockConfiguration" in finishing


def test_us_east_1_is_never_said(aws: dict[str, boto3.Session]) -> None:
    build(aws)
    it = found(aws, "legacy", "old-uploads")

    there = BUCKET.action("create").requests(it, place("new", region="us-east-1"))[0]
    here = BUCKET.action("create").requests(it, NEW)[0]

    assert "LocationConstraint" not in there.params["CreateBucketConfiguration"]
    assert here.params["CreateBucketConfiguration"]["LocationConstraint"] == REGION


ELB = "arn:aws:iam::156460612806:root"
"""Source: Elastic Load Balancing, Access logs, account ids of the regions before August 2022 (eu-west-1)."""


def log_statement(**changes: Any) -> dict[str, Any]:
    """As AWS's documentation has it for server access logs."""
    return {
        "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::old-logs/*",
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "is_late"),
    [
        (log_statement(), True),
        (log_statement(Principal={"AWS": ELB}, Resource="arn:aws:s3:::old-logs/AWSLogs/*"), True),
        (log_statement(Effect="Deny"), False),
        (log_statement(Action=["s3:GetObject"]), False),
        (log_statement(Principal={"AWS": f"arn:aws:iam::{LEGACY}:root"}), False),
    ],
)  # fmt: skip
def test_what_aws_still_delivers_into_legacy_after_the_last_copy_is_counted_and_holds_nothing_up(
    aws: dict[str, boto3.Session], statement: dict[str, Any], is_late: bool
) -> None:
    for side, name in (("legacy", "old-logs"), ("target", "new-uploads")):
        s3 = aws[side].client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3 = aws["legacy"].client("s3")
    s3.put_bucket_policy(Bucket="old-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    it = found(aws, "legacy", "old-logs")
    s3.delete_bucket_policy(Bucket="old-logs")  # moto lets nobody else write under it
    s3.put_object(Bucket="old-logs", Key="early", Body=b"1")
    action = BUCKET.action("copy_delta")
    assert isinstance(action, CarryAction)
    to: Any = FakeCarrier(BUCKET, action, NEW, aws)
    time.sleep(1.1)  # S3 tells times in whole seconds

    action.carry(it, to)
    s3.put_object(Bucket="old-logs", Key="late", Body=b"2")
    proof = action.prove(it, to)

    assert (proof.state, proof.evidence["changed_since"]) == (("equal", 1) if is_late else ("different", 0))
    assert ("1 keys changed since" in proof.compared[0]) is is_late
    assert ("AWS may write into bucket old-logs" in BUCKET.finding(it)) is is_late
    target = aws["target"].client("s3")
    target.put_object(Bucket="new-uploads", Key="log of the target", Body=b"3")
    assert (action.prove(it, to).state == "equal") is is_late
    target.put_object(Bucket="new-uploads", Key="early", Body=b"9")
    assert action.prove(it, to).state == "different"
