"""The guard: no call leaves this process that the current verb or step did not declare.

The rule: with no permit at all, everything is refused. The guard hangs on the event before anything of a request is
built, on every client, so no code path goes around it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias

from migrate.errors import GuardError

CheckWrite: TypeAlias = Callable[[str, str, str, Mapping[str, Any]], None]
"""(account, region, `service.Operation`, params): returns where that write is declared, else raises GuardError."""

ALWAYS = frozenset({"sts.GetCallerIdentity", "iam.ListAccountAliases"})
"""Who am I: asked before any permit exists."""

SIGN_IN = frozenset(
    {"sts.AssumeRole", "sts.AssumeRoleWithWebIdentity", "sts.GetCallerIdentity", "sso.GetRoleCredentials"}
)
"""What the credential machinery itself sends, through clients that nothing else can reach."""

SIGN_IN_SERVICES = frozenset({"sso-oidc", "signin"})

_READING_VERB = re.compile(r"(?:Describe|List|Get|Head|BatchGet|BatchDescribe|Lookup|Search)(?=[A-Z])")

# They look like reads but start a job, cost money, or hand out data, code or credentials.
# Source: operation documentation in botocore 1.44.5; prices unverified.
NEVER_IN_A_SCAN = frozenset(
    {
        "ce.GetCostAndUsage",
        "ce.GetCostAndUsageWithResources",
        "ce.GetCostForecast",
        "cloudtrail.GetQueryResults",
        "codeartifact.GetAuthorizationToken",
        "cognito-identity.GetCredentialsForIdentity",
        "dynamodb.BatchGetItem",
        "dynamodb.GetItem",
        "dynamodbstreams.GetRecords",
        "ec2.GetConsoleOutput",
        "ec2.GetConsoleScreenshot",
        "ec2.GetPasswordData",
        "ecr-public.GetAuthorizationToken",
        "ecr.GetAuthorizationToken",
        "ecr.GetDownloadUrlForLayer",
        "glue.GetUnfilteredTableMetadata",
        "iam.GenerateCredentialReport",
        "iam.GenerateServiceLastAccessedDetails",
        "iam.GetCredentialReport",
        "kinesis.GetRecords",
        "kms.Decrypt",
        "kms.GenerateDataKey",
        "lambda.GetFunction",
        "lightsail.GetInstanceAccessDetails",
        "lightsail.GetRelationalDatabaseMasterUserPassword",
        "logs.FilterLogEvents",
        "logs.GetLogEvents",
        "logs.GetLogObject",
        "logs.GetQueryResults",
        "logs.StartQuery",
        "rds-data.ExecuteStatement",
        "redshift.GetClusterCredentials",
        "redshift.GetClusterCredentialsWithIAM",
        "s3.GetObject",
        "s3.GetObjectTorrent",
        "secretsmanager.BatchGetSecretValue",
        "secretsmanager.GetRandomPassword",
        "secretsmanager.GetSecretValue",
        "sqs.ReceiveMessage",
        "sso.GetRoleCredentials",
        "sts.GetFederationToken",
        "sts.GetSessionToken",
    }
)


@dataclass(frozen=True, slots=True)
class Permit:
    """What may be sent while it is held."""

    reads: frozenset[str]
    writes: CheckWrite | None = None
    scan: bool = False
    """Of the declared reads only those that show metadata, start nothing and cost nothing."""


_PERMIT: ContextVar[Permit | None] = ContextVar("migrate_permit", default=None)


@contextmanager
def permitted(permit: Permit) -> Iterator[None]:
    """Hold a permit in this thread and in the work that it hands to a crew."""
    token = _PERMIT.set(permit)
    try:
        yield
    finally:
        _PERMIT.reset(token)


def forbidden_in_a_scan(operation: str, params: Mapping[str, Any]) -> bool:
    """Whether a scan must never send this, whatever a kind declares."""
    service, _, name = operation.partition(".")
    if operation in NEVER_IN_A_SCAN or not _READING_VERB.match(name):
        return True
    return service == "ssm" and bool(params.get("WithDecryption"))


def check(account: str, region: str, operation: str, params: Mapping[str, Any]) -> None:
    """Return where the current permit covers this call. Raises GuardError; nothing was sent then."""
    if operation in ALWAYS:
        return
    permit = _PERMIT.get()
    where = f"{operation} in {account}/{region}"
    if permit is None:
        raise GuardError(f"{where} was stopped: nothing is permitted here", do="this is a defect: please report it")
    if permit.scan and forbidden_in_a_scan(operation, params):
        raise GuardError(
            f"{where} was stopped: a scan only looks at metadata", do="remove it from the kind's reads, and its use"
        )
    if operation in permit.reads:
        return
    if permit.writes is None:
        raise GuardError(f"{where} was stopped: nobody declared it", do=f"add {operation} to the kind's reads")
    permit.writes(account, region, operation, params)


def check_sign_in(operation: str) -> None:
    """The same for the credential machinery's own clients. Raises GuardError."""
    if operation not in SIGN_IN and operation.partition(".")[0] not in SIGN_IN_SERVICES:
        raise GuardError(
            f"{operation} was stopped: signing in does not need it", do="this is a defect: please report it"
        )
