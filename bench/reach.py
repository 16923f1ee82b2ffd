"""Who reaches what: 10,000 things and 100 principals, each with policies of its own. Goal: 10 s of CPU.

Half of the buckets and queues have a policy of their own; every principal names what belongs to its team.
"""

import os
import sys
import time

from migrate.policy_evaluation import Policies
from migrate.policy_evaluation.crowds import Item
from migrate.reach.counting import Holder, Thing, World, reached

QUICK = os.environ.get("BENCH") == "quick"
THINGS, HOLDERS = (2_000 if QUICK else 10_000), 100
GOAL_S = 10.0 * THINGS / 10_000
ACCOUNT = "111111111111"
ARNS = {
    "s3.bucket": "arn:aws:s3:::{name}", "sqs.queue": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{{name}}",
    "dynamodb.table": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{{name}}",
    "lambda.function": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{{name}}",
    "secretsmanager.secret": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{{name}}",
}  # fmt: skip


def _document(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _thing(number: int) -> Thing:
    kind = list(ARNS)[number % len(ARNS)]
    name = f"team{number % 40}-thing-{number}"
    arn = ARNS[kind].format(name=name)
    own = None
    if kind in ("s3.bucket", "sqs.queue") and number % 2:
        secure = {"Bool": {"aws:SecureTransport": "false"}}
        own = _document(
            {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": [arn, f"{arn}/*"], "Condition": secure},
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/u{number % 100}"}, "Action": "s3:*",
             "Resource": f"{arn}/*"},
        )  # fmt: skip
    return Thing(kind, name, ACCOUNT, ("prod", "dev")[number % 2], Item(arn, "eu-west-1", {}, own), True, False)


def _holder(number: int) -> Holder:
    service, team = ("s3", "sqs", "dynamodb", "lambda", "secretsmanager")[number % 5], number % 40
    policies = Policies(identity=(
        _document({"Effect": "Allow", "Action": f"{service}:*", "Resource": f"arn:aws:*:*:*:*team{team}-*"}),
        _document({"Effect": "Allow", "Action": ["s3:Get*", "sqs:Receive*"], "Resource": "*"}),
        _document({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::team{number}-*/*"}),
    ))  # fmt: skip
    return Holder("user", f"u{number}", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/u{number}", policies)


def main() -> int:
    """Measure, print, and say whether the goal was missed."""
    things, holders = [_thing(number) for number in range(THINGS)], [_holder(number) for number in range(HOLDERS)]
    began = time.process_time()
    found = reached(holders, World(things))
    spent = time.process_time() - began
    most = max(one.total for one in found)
    print(f"{THINGS} things, {HOLDERS} principals: {spent:.1f} s of CPU (goal {GOAL_S:.1f}); one reaches {most}")
    return int(spent > GOAL_S)


if __name__ == "__main__":
    sys.exit(main())
