"""A bucket's objects between two accounts that obey S3's rules: KMS, requester pays, other owners, customers' keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrate.carry import objects, one_key, prove_objects
from migrate.carry.same_object import Buckets
from migrate.demo import world
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.errors import StepFailed
from migrate.kinds.s3_bucket import KINDS
from tests.carry.fake_carrier import FakeCarrier, place

pytestmark = pytest.mark.world
PRODUCTION = TARGETS["production"]
KIND = KINDS[0]


class Two:
    """A legacy bucket that production may read, its new one under KMS, and what carries between them."""

    def __init__(self, a_world: world.World, name: str, folder: Path) -> None:
        self.name = name
        self.sessions: Any = {"legacy": a_world.session(LEGACY), "target": a_world.session(PRODUCTION)}
        self.legacy, self.target = (self.sessions[side].client("s3") for side in ("legacy", "target"))
        self.partner = a_world.session(TARGETS["infra"]).client("s3")
        self.folder = folder
        where = {"LocationConstraint": "eu-west-1"}
        self.legacy.create_bucket(Bucket=name, CreateBucketConfiguration=where)
        self.target.create_bucket(Bucket=f"{name}-p", CreateBucketConfiguration=where)
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
        self.target.put_bucket_encryption(Bucket=f"{name}-p", ServerSideEncryptionConfiguration={"Rules": [rule]})
        reads = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]
        statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PRODUCTION}:root"}, "Action": reads}
        policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": f"arn:aws:s3:::{name}/*"}]}
        self.legacy.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))

    def carrier(self) -> Any:
        action: Any = KIND.action("copy_objects")
        to = FakeCarrier(KIND, action, place(f"{self.name}-p", account=PRODUCTION), self.sessions)
        to.own = self.folder
        return to

    def buckets(self, **more: Any) -> Buckets:
        return Buckets(self.name, f"{self.name}-p", versioned=False, **more)


@pytest.fixture
def two(a_world: world.World, name: str, tmp_path: Path) -> Two:
    return Two(a_world, name, tmp_path)


def test_a_copy_into_a_bucket_under_kms_is_proved_by_content_and_repeated_by_nobody(two: Two) -> None:
    two.legacy.put_object(Bucket=two.name, Key="plain", Body=b"light")
    two.legacy.put_object(Bucket=two.name, Key="checked", Body=b"light", ChecksumAlgorithm="SHA256")
    objects.copy_all(two.carrier(), two.buckets())
    etags = [one["ETag"] for one in two.target.list_objects_v2(Bucket=f"{two.name}-p")["Contents"]]
    assert two.legacy.head_object(Bucket=two.name, Key="plain")["ETag"] not in etags

    proof = prove_objects.prove_all(two.carrier(), two.buckets(), written_since=None)
    again = two.carrier()
    counts = objects.copy_all(again, two.buckets())

    assert proof.state == "equal", proof.differences
    assert proof.evidence["by_md5_etag"] == 0
    assert (counts["equal"], again.writes) == (2, [])
    two.legacy.delete_object(Bucket=two.name, Key="plain")
    assert objects.copy_all(two.carrier(), two.buckets())["deleted"] == 1


def test_a_requester_pays_bucket_is_copied_by_saying_who_pays(two: Two) -> None:
    two.legacy.put_object(Bucket=two.name, Key="k", Body=b"light")
    two.legacy.put_bucket_request_payment(Bucket=two.name, RequestPaymentConfiguration={"Payer": "Requester"})

    objects.copy_all(two.carrier(), two.buckets(requester_pays=True))

    assert two.target.get_object(Bucket=f"{two.name}-p", Key="k")["Body"].read() == b"light"


def test_what_nobody_here_may_read_is_named_by_key_and_the_rest_arrives(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_key, "PATIENCE_S", 0.0)
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    two.legacy.put_bucket_ownership_controls(Bucket=two.name, OwnershipControls=controls)
    policy = json.loads(two.legacy.get_bucket_policy(Bucket=two.name)["Policy"])
    partner = policy["Statement"][0] | {"Action": "s3:PutObject", "Principal": {"AWS": TARGETS["infra"]}}
    policy["Statement"].append(partner)
    two.legacy.put_bucket_policy(Bucket=two.name, Policy=json.dumps(policy))
    two.partner.put_object(Bucket=two.name, Key="theirs", Body=b"x")
    two.legacy.put_object(
        Bucket=two.name, Key="sealed", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32
    )
    two.legacy.put_object(Bucket=two.name, Key="ours", Body=b"x")

    with pytest.raises(StepFailed) as stopped:
        objects.copy_all(two.carrier(), two.buckets())

    assert "sealed: it cannot be read without parameters that only its owner knows" in stopped.value.what
    assert "theirs: access denied: it belongs to the account that wrote it (an ACL)" in stopped.value.what
    held = two.target.list_objects_v2(Bucket=f"{two.name}-p")["Contents"]
    assert [one["Key"] for one in held] == ["ours"]
