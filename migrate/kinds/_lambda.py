"""What the kinds of Lambda share: ARNs with a qualifier, the text that stands for a version's number, permissions.

The rule: a version keeps no number over a move. Whoever wants one says `number_of(version_arn)`, a text of our own that
a function claims as a name, so that the rewriter puts the number there that publishing gave.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from migrate.kind import Json, ReadSite, Request

GONE = ("ResourceNotFoundException",)
LATEST = "$LATEST"


def split(arn: str) -> tuple[str, str]:
    """Function name and qualifier of a function's ARN; the qualifier is empty where it has none or is $LATEST."""
    name, _, qualifier = arn.partition(":function:")[2].partition(":")
    return name, "" if qualifier == LATEST else qualifier


def number_of(version_arn: str) -> str:
    """The text that becomes the number of this version in the target."""
    return f"{version_arn}:number" if split(version_arn)[1] else LATEST


def function_names(site: ReadSite, only: str | None) -> list[str]:
    """The functions to look at: all, or that of a name such as `function:qualifier`."""
    if only is not None:
        name = only.partition(":")[0]
        answer = site.optional("lambda.GetFunctionConfiguration", missing=GONE, FunctionName=name)
        return [name] if answer else []
    return [str(one["FunctionName"]) for one in site.pages("lambda.ListFunctions", "Functions", MaxItems=50)]


def statements(site: ReadSite, name: str, qualifier: str = "") -> list[Json]:
    """The resource policy's statements about the function itself, or about this qualifier, by Sid."""
    asked = {"Qualifier": qualifier} if qualifier else {}
    answer = site.optional("lambda.GetPolicy", missing=GONE, FunctionName=name, **asked) or {}
    document = json.loads(answer["Policy"]) if answer.get("Policy") else {"Statement": []}
    # A statement's Resource says whose it is; an answer may show those of others too.
    own = [one for one in document["Statement"] if split(str(one.get("Resource", "")))[1] == qualifier]
    return sorted(own, key=lambda statement: str(statement.get("Sid", "")))


def permits(policy: Iterable[Mapping[str, Json]], own: Mapping[str, Json]) -> list[Request]:
    """A request a statement. `own`: FunctionName, and Qualifier where there is one."""
    requests = []
    for statement in policy:
        sid = {"StatementId": statement["Sid"]}
        requests.append(
            Request(
                "lambda.AddPermission",
                {**own, **sid, **permission(statement)},
                done=("ResourceConflictException",),
                # A role made a moment ago is no valid principal yet.
                retry=("InvalidParameterValueException",),
                undo=Request("lambda.RemovePermission", {**own, **sid}, done=GONE),
            )
        )
    return requests


def permission(statement: Mapping[str, Json]) -> dict[str, Json]:
    """A policy statement as the parameters that make it. Source: lambda.AddPermission, botocore 1.44.5."""
    principal = statement["Principal"]
    if isinstance(principal, dict):
        principal = principal.get("Service") or principal.get("AWS") or principal.get("Federated")
    said: dict[str, Json] = {"Action": statement["Action"], "Principal": principal}
    for values in (statement.get("Condition") or {}).values():
        for key, value in values.items():
            name = _CONDITIONS.get(str(key).lower())
            if name:
                said[name] = value == "true" if name == "InvokedViaFunctionUrl" else value
    return said


_CONDITIONS = {
    "aws:sourcearn": "SourceArn",
    "aws:sourceaccount": "SourceAccount",
    "aws:principalorgid": "PrincipalOrgID",
    "lambda:eventsourcetoken": "EventSourceToken",
    "lambda:functionurlauthtype": "FunctionUrlAuthType",
    "lambda:invokedviafunctionurl": "InvokedViaFunctionUrl",
}


def kept(answer: Mapping[str, Any], *names: str) -> dict[str, Json]:
    """The named parts of an answer that are set."""
    return {name: answer[name] for name in names if answer.get(name) not in (None, "", [], {})}
