"""A key with aliases, a policy and rotation, turned off."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.examples._needed import changed
from tests.kinds.two_sides import LEGACY, TARGET, TwoSides

DEAD = "AIDAEXAMPLEEXAMPLE123"


def a_key_policy(account: str, *more: str) -> str:
    owner = needed.statement(f"arn:aws:iam::{account}:root", Action="kms:*", Resource="*")
    return needed.policy(owner, needed.statement(*more, Action="kms:Decrypt", Resource="*"))


def a_key(world: TwoSides) -> Resource:
    role, kms = needed.a_role(world), world.client("legacy", "kms")
    key_id = str(
        kms.create_key(
            Description="the shop's data",
            MultiRegion=True,
            Policy=a_key_policy(LEGACY, role, DEAD),
            Tags=[{"TagKey": key, "TagValue": value} for key, value in needed.TAGS.items()],
        )["KeyMetadata"]["KeyId"]
    )
    for alias in ("alias/shop", "alias/shop-data"):
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=180)
    kms.create_grant(KeyId=key_id, Name="reader", GranteePrincipal=role, Operations=["Decrypt", "DescribeKey"])
    kms.disable_key(KeyId=key_id)
    return needed.scanned(world, "kms.key", key_id)


def key(operation: str, **params: Any) -> Change:
    return changed("kms", operation, "KeyId", **params)


def one_more_alias(world: TwoSides, it: Resource) -> None:
    world.client("target", "kms").create_alias(AliasName="alias/another", TargetKeyId=it.ref.name)


def policy_of(*principals: str) -> Change:
    return key("put_key_policy", PolicyName="default", Policy=a_key_policy(TARGET, *principals))


EXAMPLES = (
    Example(
        "kms.key",
        a_key,
        {
            # First: AWS changes little of a key that is off.
            "state": key("enable_key"),
            "description": key("update_key_description", Description="others"),
            "aliases": one_more_alias,
            "grants": key(
                "create_grant", GranteePrincipal=f"arn:aws:iam::{TARGET}:role/another", Operations=["Encrypt"]
            ),
            "rotation": key("disable_key_rotation"),
            "policy": policy_of(f"arn:aws:iam::{TARGET}:role/another"),
            "dead_principals": policy_of(DEAD),
            "tags": key("tag_resource", Tags=[{"TagKey": "team", "TagValue": "someone else"}]),
        },
        fixed={
            "usage": "said when a key is made, no call changes it",
            "spec": "said when a key is made, no call changes it",
            "rotation_days": "moto 5.2.5 keeps no period",
            "origin": "said when a key is made, no call changes it",
            "multi_region": "said when a key is made; kms.UpdatePrimaryRegion is not in moto 5.2.5",
            "key_manager": "a key that AWS made stays AWS's",
            "owner": "follows from the account that the key is in",
        },
    ),
)
