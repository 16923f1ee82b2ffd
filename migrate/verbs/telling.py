"""policy, explain, schema: what the product knows about itself, from the same data that it acts by."""

import json

from migrate.errors import MigrateError, UsageError
from migrate.kind import Action, CarryAction, Kind
from migrate.kinds import every_kind
from migrate.out import Out
from migrate.review import DOWN, UNDO
from migrate.runbook import PHASES
from migrate.values import Json

EXIT_CODES = {
    0: "done",
    1: "error",
    2: "differences exist (only with --detailed-exitcode)",
    3: "stopped at a gate: a person is needed",
    4: "plan stale, tampered with or not approved; nothing was written",
    5: "verification failed: the sides differ, each difference is named",
    6: "incomplete: gaps under --strict, or failures tolerated",
    64: "usage: the command line or a file's name",
    130: "interrupted; the journal knows what was done, run again to go on",
}

IAM_ACTIONS = {
    "s3.ListObjectsV2": "s3:ListBucket", "s3.ListObjects": "s3:ListBucket", "s3.ListBuckets": "s3:ListAllMyBuckets",
    "s3.HeadBucket": "s3:ListBucket", "s3.HeadObject": "s3:GetObject", "s3.ListObjectVersions": "s3:ListBucketVersions",
    "s3.GetBucketEncryption": "s3:GetEncryptionConfiguration", "s3.GetBucketCors": "s3:GetBucketCORS",
    "s3.GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3.GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3.GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3.GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3.GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3.GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3.ListBucketMetricsConfigurations": "s3:GetMetricsConfiguration",
    "s3control.GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "s3control.PutPublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "s3control.DeletePublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "budgets.DescribeBudgets": "budgets:ViewBudget", "budgets.DescribeNotificationsForBudget": "budgets:ViewBudget",
    "budgets.CreateBudget": "budgets:ModifyBudget", "budgets.DeleteBudget": "budgets:ModifyBudget",
}  # fmt: skip
"""Where the IAM action is not `service:Operation`. Source: Service Authorization Reference, Amazon S3 and AWS Budget
Service; read 2026-11, unverified against the live page."""

_PREFIX = {"resourcegroupstaggingapi": "tag", "elbv2": "elasticloadbalancing", "logs": "logs", "events": "events",
           "application-autoscaling": "application-autoscaling", "efs": "elasticfilesystem",
           "stepfunctions": "states", "opensearch": "es", "opensearchserverless": "aoss", "elb": "elasticloadbalancing",
           "emr": "elasticmapreduce", "sso-admin": "sso", "kinesisanalyticsv2": "kinesisanalytics",
           "marketplace-agreement": "aws-marketplace"}  # fmt: skip

_INLINE, _MANAGED = 10_240, 6_144
"""Characters that a role's inline policies, and a managed policy, may have, white space not counted. Source: IAM User
Guide, "IAM and AWS STS quotas"; unverified against the live page."""


def policy(out: Out, purpose: str) -> int:
    """The IAM policy of a verb's role: the operations that its kinds declare, and nothing else."""
    from migrate.organisation.permissions import NARROW

    title = "".join(word.capitalize() for word in f"migrate-{purpose}".split("-"))
    rest, statements = _operations(purpose), list[dict[str, Json]]()
    for resource, narrow in NARROW.items() if purpose.startswith("org") else ():
        if rest & narrow:
            statements.append(_allow(f"{title}Only{len(statements) + 1}", rest & narrow, resource))
        rest -= narrow
    document = {"Version": "2012-10-17", "Statement": [_allow(title, rest, "*"), *statements]}
    size = len(json.dumps(document, separators=(",", ":")))
    if size > _MANAGED:
        fits = "as a role's inline policy" if size <= _INLINE else "only in parts"
        out.say(f"{size} characters: more than a managed policy takes ({_MANAGED}); it fits {fits} ({_INLINE})")
    out.result(json.dumps(document, indent=1), document)
    return 0


def _allow(title: str, operations: set[str], resource: str) -> dict[str, Json]:
    actions: list[Json] = sorted({iam_action(operation) for operation in operations})
    return {"Sid": title, "Effect": "Allow", "Action": actions, "Resource": resource}


def _operations(purpose: str) -> set[str]:
    """What the verb may send."""
    from migrate.organisation import permissions
    from migrate.quiet import READS
    from migrate.scan import GET_RESOURCES
    from migrate.unhandled import PROBES

    if purpose == "scan":
        probes = {GET_RESOURCES, "iam.ListAccountAliases", *(probe.operation for probe in PROBES)}
        return probes.union(*(kind.reads for kind in every_kind().values()))
    if purpose == "quiet":
        return set(READS)
    return set(permissions.of_management() if purpose == "org" else permissions.of_members())


def iam_action(operation: str) -> str:
    """The IAM action that an operation needs; the same name but for the exceptions listed here."""
    service, _, name = operation.partition(".")
    if service == "apigateway" or service == "apigatewayv2":
        return "apigateway:GET"
    return IAM_ACTIONS.get(operation, f"{_PREFIX.get(service, service)}:{name}")


def explain(out: Out, word: str | None) -> int:
    """Explain one word, or list the words."""
    from migrate.organisation.kinds import wanted_kinds

    wanted = wanted_kinds()
    kinds = every_kind() | wanted
    if word is None:
        lines = [
            f"{kind.name:36} {kind.title}{'' if kind.actions else ' (reported, not moved)'}"
            for kind in every_kind().values()
        ]
        lines += ["", "of the organisation (migrate org), wanted and not found:"]
        lines += [f"{kind.name:36} {kind.title}" for kind in wanted.values()]
        lines += ["", "classes: " + ", ".join([*UNDO, *DOWN]), "exit codes: " + ", ".join(map(str, EXIT_CODES))]
        out.result("\n".join(lines), {"kinds": list(kinds), "classes": UNDO | DOWN, "exit_codes": EXIT_CODES})
        return 0
    if word in kinds:
        text = _kind(kinds[word])
    elif word.rpartition(".")[0] in kinds:
        kind = kinds[word.rpartition(".")[0]]
        try:
            text = _action(kind, kind.action(word.rpartition(".")[2]))
        except KeyError:
            raise UsageError(
                f"{kind.name} has no action {word.rpartition('.')[2]!r}", do=f"migrate explain {kind.name}"
            ) from None
    elif word in UNDO:
        text = f"{word}, the way back: {UNDO[word]}"
    elif word in DOWN:
        text = f"{word}, downtime: {DOWN[word]}"
    elif word.isdigit() and int(word) in EXIT_CODES:
        text = f"exit code {word}: {EXIT_CODES[int(word)]}"
    elif word in PHASES:
        text = f"phase {word}: {_PHASE[word]}"
    else:
        raise UsageError(f"nothing here is called {word!r}", do="migrate explain lists the words")
    out.result(text, {"word": word, "text": text})
    return 0


_PHASE = {
    "build": "made beside legacy, without downtime",
    "freeze": "legacy's writers and triggers stop",
    "data": "copied while nothing writes, and what can only be made from it",
    "cutover": "the target's triggers and services start",
    "close": "what stood only for the time of the move goes: temporary bridges to legacy",
}


def _kind(kind: Kind) -> str:  # type: ignore[type-arg]
    lines = [f"{kind.name}: {kind.title}", (type(kind).__doc__ or "").strip(), ""]
    lines += [f"facts ({(kind.facts.__doc__ or '').strip()}):"]
    lines += [f"  {name}{' (may differ)' if name in kind.volatile else ''}" for name in kind.facts.model_fields]
    lines += ["actions:"] + [f"  {kind.name}.{action.name}: {action.title} ({action.phase})" for action in kind.actions]
    if not kind.actions:
        lines.append(f"  none: {kind.manual or 'reported only'}")
    return "\n".join([*lines, "reads: " + ", ".join(sorted(kind.reads))])


def _action(kind: Kind, action: Action) -> str:  # type: ignore[type-arg]
    lines = [f"{kind.name}.{action.name}: {action.title}", (type(action).__doc__ or "").strip()]
    lines += [f"phase {action.phase}: {_PHASE[action.phase]}"]
    lines += [
        f"downtime {action.downtime}: {DOWN[action.downtime]}",
        f"way back {action.undo_class}: {UNDO[action.undo_class]}",
    ]
    if isinstance(action, CarryAction):
        lines.append("carries content; may write: " + (", ".join(sorted(action.writes)) or "nothing"))
    return "\n".join(lines)


def schema(out: Out, what: str) -> int:
    """The JSON schema of migration.yaml, or of a runbook in words."""
    from migrate.config import Config

    if what == "config":
        document = Config.model_json_schema(by_alias=True)
    elif what == "runbook":
        document = {
            "schema": "migrate.runbook/1",
            "steps": [
                {"id": "text", "do": "kind.action, a list of them, or all.<phase>", "timeout": "12h"},
                {"id": "text", "ask": "a question", "approvers": 1, "within": "24h", "before": "a line"},
            ],
            "phases": list(PHASES),
        }
    else:
        raise MigrateError(f"no schema is called {what}")
    out.result(json.dumps(document, indent=1), document)
    return 0
