"""What of a bucket does not arrive is asked about before a plan is approved; what a reader should know stands in it."""

from typing import Any

import pytest

from migrate import plan
from migrate.carry.same_object import Buckets
from migrate.inventory import Resource
from migrate.kind import It, Place, Remainder
from migrate.kinds.s3_bucket import KINDS
from migrate.kinds.s3_bucket.actions import both_buckets
from migrate.kinds.s3_bucket.facts import NO_ACCESS_BLOCK, PLAIN_ENCRYPTION, BucketFacts
from tests.carry.fake_carrier import FakeCarrier, place
from tests.plans.toys import KINDS as TOYS
from tests.plans.toys import Store, config, inputs, ref, thing

BUCKET = KINDS[0]
PUBLIC = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::old/*"}],
}
REPLICATED = {
    "Role": "arn:aws:iam::111111111111:role/r",
    "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::spare", "Account": "999999999999"}}],
}
NOBODY: Any = {"legacy": None, "target": None}
GRANT = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}, "Permission": "WRITE"}


def bucket(**facts: Any) -> It[BucketFacts]:
    bare: dict[str, Any] = {
        "versioning": "", "mfa_delete": False, "encryption": PLAIN_ENCRYPTION, "key_manager": "none", "key_arn": None,
        "policy": None, "read_shared": False, "public_access_block": NO_ACCESS_BLOCK, "ownership": "ObjectWriter",
        "acl_grants": [], "cors": [], "lifecycle": [], "lifecycle_minimum": "", "notification": {}, "website": None,
        "logging": None, "acceleration": "", "request_payer": "BucketOwner", "object_lock": None, "replication": None,
        "inventories": [], "analytics": [], "metrics": [], "tiering": [], "abac": False,
    }  # fmt: skip
    return It(ref("s3.bucket", "old"), "arn:aws:s3:::old", {}, BucketFacts(**(bare | facts)))


@pytest.mark.parametrize(
    ("facts", "key", "said"),
    [
        ({"replication": REPLICATED}, "replication", "replicates to spare of another account"),
        ({"acl_grants": [GRANT]}, "acl", "groups/s3/LogDelivery"),
        ({"mfa_delete": True}, "mfa", "root"),
        ({"object_lock": {"ObjectLockEnabled": "Enabled"}}, "lock", "COMPLIANCE"),
    ],
)
def test_a_part_that_stays_behind_is_said(facts: dict[str, Any], key: str, said: str) -> None:
    (one,) = BUCKET.remains(bucket(**facts))

    assert one.key == key
    assert said in one.what


def test_nothing_is_said_of_a_plain_bucket_and_of_grants_that_mean_nothing() -> None:
    assert not list(BUCKET.remains(bucket()))
    assert not list(BUCKET.remains(bucket(acl_grants=[GRANT], ownership="BucketOwnerEnforced")))


def test_a_plan_is_refused_until_a_person_answers_for_what_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    left = Remainder("replication", "its replication is not set up", "set it up by hand")
    monkeypatch.setattr(Store, "remains", lambda self, it: iter([left]))
    store = thing("s3.bucket", "data-prod")
    key = f"remains/{store.ref}/replication"
    waiver = {"gap": key, "because": "we set it up by hand"}

    refused = plan.make(inputs([store]))["refusals"]
    answered = plan.make(inputs([store], waivers=[waiver]))
    stays = plan.make(inputs([store], placement=[{"name": "data-prod", "to": "legacy"}]))["refusals"]

    assert [(line["key"], line["what"]) for line in refused] == [(key, f"{store.ref}: its replication is not set up")]
    assert answered["refusals"] == []
    assert [line["key"] for line in answered["waived"]] == [key]
    assert stays == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"policy": PUBLIC}, "anybody may read it"),
        ({"website": {"IndexDocument": {"Suffix": "index.html"}}}, "CloudFront origins"),
        ({"request_payer": "Requester"}, "the target account is billed"),
        ({"ownership": "ObjectWriter", "public_access_block": NO_ACCESS_BLOCK}, "objects may have ACLs of their own"),
    ],
)
def test_what_a_reader_should_know_stands_in_the_plan(facts: dict[str, Any], said: str) -> None:
    summary = BUCKET.action("copy_objects").summary(bucket(**facts), place("new"))  # type: ignore[attr-defined]

    assert any(said in remark for remark in summary["remarks"])


def test_a_policy_that_is_fenced_in_is_not_called_public() -> None:
    fenced = {**NO_ACCESS_BLOCK, "RestrictPublicBuckets": True}
    summary = BUCKET.action("copy_objects").summary(  # type: ignore[attr-defined]
        bucket(policy=PUBLIC, public_access_block=fenced, ownership="BucketOwnerEnforced"), place("new")
    )

    assert "remarks" not in summary


def test_what_migration_yaml_says_of_objects_reaches_the_step_through_the_plan() -> None:
    def carried(**more: Any) -> dict[str, Any]:
        kinds = {**TOYS, "s3.bucket": BUCKET}
        it = bucket()
        found = Resource(it.ref, it.arn, {"env": "prod"}, None, None, it.facts.model_dump(mode="json"))
        body = plan.make(inputs([found], kinds=kinds, placement=[{"name": "old", "to": "production"}], **more))
        (carry,) = [step["carry"] for step in body["steps"] if step["action"] == "copy_objects"]
        return dict(carry)

    assert "read_up_to_bytes" not in carried()
    assert carried(objects={"read_up_to_bytes": 1024})["read_up_to_bytes"] == 1024
    to = FakeCarrier(BUCKET, BUCKET.action("copy_objects"), place("new"), NOBODY, planned={"read_up_to_bytes": 7})  # type: ignore[arg-type]
    assert both_buckets(bucket(request_payer="Requester"), to) == Buckets(
        "old", "new", versioned=False, requester_pays=True, read_up_to_bytes=7
    )
    assert config().objects.read_up_to_bytes is None
    assert isinstance(to.place, Place)


@pytest.mark.parametrize(
    ("facts", "jobs"),
    [
        ({}, 5),
        ({"key_manager": "customer", "key_arn": "arn:aws:kms:eu-west-1:111111111111:key/k"}, 5),
        ({"key_manager": "aws"}, None),
        ({"object_lock": {"ObjectLockEnabled": "Enabled"}}, None),
        ({"website": {"IndexDocument": {"Suffix": "index.html"}}}, None),
    ],
)
def test_a_job_copies_only_buckets_that_it_can_copy_whole(facts: dict[str, Any], jobs: int | None) -> None:
    planned = {"batch_from_objects": 5, "restore": "Bulk"}
    to = FakeCarrier(BUCKET, BUCKET.action("copy_objects"), place("new"), NOBODY, planned=planned)  # type: ignore[arg-type]
    to.names = {"111111111111:key/k": "222222222222:key/new"}

    buckets = both_buckets(bucket(**facts), to)

    if buckets.keys is not None:
        assert buckets.keys == (facts["key_arn"], "arn:aws:kms:eu-west-1:222222222222:key/new")
    assert (buckets.keys is not None) == ("key_arn" in facts)
    assert (buckets.batch_from, buckets.restore) == (jobs, "Bulk")
    how = BUCKET.action("copy_objects").summary(bucket(**facts), place("new"))["how"]  # type: ignore[attr-defined]
    assert ("never by S3 Batch Operations" in how) == (jobs is None)
