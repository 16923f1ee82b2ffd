"""What people may do before and after the move: 500 users in 20 accounts, 50 questions each. Goal: 10 s of CPU.

Half of the users have an inline policy of their own; the other documents are shared, as groups and permission sets are.
Every account lies under two levels of SCPs.
"""

import os
import sys
import time

from migrate.policy_evaluation import DIRECT, FULL_AWS_ACCESS, Asked, Policies, compare, questions

QUICK = os.environ.get("BENCH") == "quick"
USERS, ACCOUNTS = (100 if QUICK else 500), 20
GOAL_S = 10.0 * USERS / 500
LEGACY = "111111111111"
ACTIONS = (
    "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "ec2:RunInstances", "ec2:DescribeInstances",
    "iam:CreateAccessKey", "iam:CreateUser", "rds:DeleteDBInstance", "kms:CreateKey", "sqs:SendMessage",
)  # fmt: skip
REGIONS = {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}


def _document(*statements: tuple[str, list[str], str]) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": actions, "Resource": on} for effect, actions, on in statements],
    }


def main() -> int:
    """Measure, print, and say whether the goal was missed."""
    groups = [
        _document(("Allow", [f"{name}:Get*", f"{name}:Describe*", f"{name}:List*"], "*"), ("Allow", [f"{name}:*"], on))
        for name in ("s3", "ec2", "rds", "sqs", "kms")
        for on in ("*", f"arn:aws:{name}:*:*:team-*")
    ]
    own = _document(("Allow", ["iam:*AccessKey*"], "arn:aws:iam::*:user/${aws:username}"))
    region = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "NotAction": ["iam:*"], "Resource": "*", "Condition": REGIONS}],
    }
    scps = ((FULL_AWS_ACCESS,), (FULL_AWS_ACCESS, region))
    context = {**DIRECT, "aws:requestedregion": ("eu-west-1",)}
    resources = [(f"arn:aws:s3:::bucket-{number}/key", f"arn:aws:s3:::new-{number}/key") for number in range(5)]
    began, rows, gained = time.process_time(), 0, 0
    for user in range(USERS):
        shared = (groups[user % len(groups)], groups[user // 3 % len(groups)])
        inline = _document(("Deny", ["s3:DeleteObject"], f"arn:aws:s3:::bucket-{user}/*"))
        legacy = Policies(identity=(*shared, own, inline) if user % 2 else (*shared, own))
        arn = f"arn:aws:iam::{LEGACY}:user/u{user}"
        before = Asked(arn, "s3:GetObject", "*", context, LEGACY, LEGACY)
        for number in range(ACCOUNTS):
            account = f"{222222222200 + number}"
            session = f"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{user % 10}_abc/u{user}"
            after = Asked(session, "s3:GetObject", "*", context, account, account)
            now = Policies(identity=shared, scps=scps)
            table = compare(legacy, now, questions(ACTIONS, resources, before=before, after=after))
            rows += len(table.rows)
            gained += len(table.of("gained"))
    took = time.process_time() - began
    print(
        f"{rows:,} questions on both sides in {took:.1f} s of CPU, {took / rows / 2 * 1e6:.1f} microseconds an answer"
    )
    print(f"  goal {GOAL_S:.0f} s; {gained} gained")
    return int(took > GOAL_S)


if __name__ == "__main__":
    sys.exit(main())
