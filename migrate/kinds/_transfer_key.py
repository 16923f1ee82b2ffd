"""A key in legacy for one transfer: what is encrypted under it, the target account may read.

The rule: no key and no key policy of legacy is changed. The key is added, stamped, and goes with the undo.
"""

from migrate.kind import Find, Json, Place, Request, after, tag_pairs
from migrate.names import AccountId
from migrate.values import as_json

TRANSFER_TAG = "migrate:transfer"
READS = frozenset({"resourcegroupstaggingapi.GetResources"})
_GOING = ("NotFoundException", "KMSInvalidStateException")


def transfer_key(owner: AccountId, place: Place, mark: str, action: str, what: str = "") -> list[Request]:
    """Make the key in legacy. Its outputs in the named action: `key_arn`, `key_id`. `mark` tells it from others,
    `what` (the mark, unless said) names for people what it is for."""
    own = {"KeyId": after(action, "key_id")}
    tag = {"TagKey": TRANSFER_TAG, "TagValue": mark}
    return [
        Request(
            "kms.CreateKey",
            {
                "Policy": as_json(_policy(owner, place.account)),
                "Description": f"Transfer of {what or mark}",
                "Tags": [*tag_pairs(place.stamp({}), "TagKey", "TagValue"), tag],
            },
            "legacy",
            once="tagged",
            outputs={"key_arn": "KeyMetadata.Arn", "key_id": "KeyMetadata.KeyId"},
            find=Find(
                "resourcegroupstaggingapi.GetResources",
                {"TagFilters": [{"Key": TRANSFER_TAG, "Values": [mark]}], "ResourceTypeFilters": ["kms:key"]},
                # KMS takes the ARN wherever it takes the id. Source: kms.ScheduleKeyDeletion, botocore 1.44.5.
                dict.fromkeys(("key_arn", "key_id"), "ResourceTagMappingList[0].ResourceARN"),
            ),
            # The shortest that KMS knows. Source: kms.ScheduleKeyDeletion, botocore 1.44.5.
            undo=Request("kms.ScheduleKeyDeletion", own | {"PendingWindowInDays": 7}, "legacy", done=_GOING),
        ),
        # Undone first: a key that waits for its deletion must not be found again by a second try.
        Request(
            "kms.TagResource",
            own | {"Tags": [tag]},
            "legacy",
            undo=Request("kms.UntagResource", own | {"TagKeys": [TRANSFER_TAG]}, "legacy", done=_GOING),
        ),
    ]


def _policy(owner: AccountId, reader: AccountId) -> dict[str, Json]:
    """What a copying account needs. Source: EC2 user guide, Share an encrypted EBS snapshot, read 2026-11; RDS user
    guide, Allowing access to an AWS KMS key, read 2026-09."""

    def statement(sid: str, account: AccountId, actions: str | list[str], **more: Json) -> dict[str, Json]:
        principal = {"AWS": f"arn:aws:iam::{account}:root"}
        return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*", **more}

    copies = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            statement("Owner", owner, "kms:*"),
            statement("Copy", reader, copies),
            statement("Grants", reader, grants, Condition=for_aws),
        ],
    }
