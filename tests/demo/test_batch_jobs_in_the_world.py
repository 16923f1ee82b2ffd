"""S3 Batch Operations through the product's own way to AWS, in the world that has AWS's rules."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.aws import Aws, Permit, Writer, permitted
from migrate.carry import batch_jobs, objects, prove_objects
from migrate.carry.same_object import Buckets
from migrate.demo import world
from migrate.demo.accounts import LEGACY, TARGETS
from migrate.kinds.s3_bucket import KINDS
from migrate.names import AccountId, Region
from tests.carry.fake_carrier import FakeCarrier, place

pytestmark = pytest.mark.world
PRODUCTION = AccountId(TARGETS["production"])
HOME = Region("eu-west-1")


class ByTheProduct(FakeCarrier):
    """Reads and writes as a run sends them, and nothing that the action did not declare."""

    aws: Aws

    def __post_init__(self) -> None:
        super().__post_init__()
        self.legacy = self.aws.site(AccountId(LEGACY), HOME)  # type: ignore[assignment]
        self.target = self.aws.site(PRODUCTION, HOME)  # type: ignore[assignment]

    def write(self, operation: str, *, side: Any = "target", **params: Any) -> dict[str, Any]:
        assert operation in self.action.writes
        self.writes.append((side, operation, params))
        account = PRODUCTION if side == "target" else AccountId(LEGACY)
        return Writer(self.aws).send(account, HOME, operation, params)


def test_a_job_copies_between_accounts_as_its_own_role_and_leaves_nothing_of_itself(
    a_world: world.World, legacy: Any, target: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_jobs, "POLL_S", 0.0)
    for key, value in a_world.env().items():
        monkeypatch.setenv(key, value)
    where = {"LocationConstraint": "eu-west-1"}
    legacy("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    target("s3").create_bucket(Bucket=f"{name}-p", CreateBucketConfiguration=where)
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PRODUCTION}:root"}}
    allow |= {"Action": ["s3:GetObject", "s3:GetObjectTagging"], "Resource": f"arn:aws:s3:::{name}/*"}  # type: ignore[dict-item]
    # One object is kept from everybody but its own account, and so from the job.
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/kept back"}
    deny |= {"Condition": {"StringNotEquals": {"aws:PrincipalAccount": LEGACY}}}  # type: ignore[dict-item]
    legacy("s3").put_bucket_policy(
        Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})
    )
    for key in ("a", "b c", "ü/日本", "kept back"):
        legacy("s3").put_object(Bucket=name, Key=key, Body=key.encode(), Tagging="t=1", StorageClass="STANDARD_IA")
    monkeypatch.setattr("migrate.carry.one_key.PATIENCE_S", 0.0)
    aws = Aws(roles={PRODUCTION: f"arn:aws:iam::{PRODUCTION}:role/OrganizationAccountAccessRole"})
    monkeypatch.setattr(ByTheProduct, "aws", aws, raising=False)
    action: Any = KINDS[0].action("copy_objects")
    sessions: Any = {"legacy": SimpleNamespace(), "target": SimpleNamespace()}
    to: Any = ByTheProduct(KINDS[0], action, place(f"{name}-p", account=PRODUCTION), sessions)
    to.own = tmp_path
    buckets = Buckets(name, f"{name}-p", versioned=False, batch_from=2)

    with permitted(Permit(action.reads, writes=lambda *_: None)):
        with pytest.raises(Exception, match="kept back: access denied"):
            objects.copy_all(to, buckets)
        legacy("s3").put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
        objects.copy_all(to, buckets)
        proof = prove_objects.prove_all(to, buckets, written_since=None)
    aws.close()

    assert proof.state == "equal", proof.differences
    sent = [operation for _, operation, _ in to.writes]
    assert sent.count("s3control.CreateJob") == 1
    assert sent.count("s3.CopyObject") == 2  # the refused one, and once more
    (report,) = tmp_path.glob("*.batch-*.csv")
    assert ",kept%20back,,failed,AccessDenied,403,Access Denied" in report.read_text()
    assert not [one for one in target("s3").list_buckets()["Buckets"] if one["Name"].startswith("migrate-batch-")]
    assert not [one for one in target("iam").list_roles()["Roles"] if one["RoleName"].startswith("migrate-batch-")]
