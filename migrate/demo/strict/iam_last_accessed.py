"""Rules over IAM's last accessed information, which the emulator lacks.

The one rule it keeps: a use is what somebody really asked of this world, refused calls too; nothing is made up.
"""

from __future__ import annotations

import fnmatch
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from migrate.demo import clock
from migrate.demo.strict import add, strict
from migrate.demo.strict._caller import CALLER, Caller, many
from migrate.demo.strict._held import documents_of
from migrate.demo.strict._refusal import Refusal
from migrate.demo.strict.cloudtrail import DATA_PLANES, USES

_JOBS: dict[str, tuple[str, str, list[dict[str, Any]]]] = {}
"""Id → who asked, the sort of job, and the report as it was then."""
_LOOKS: dict[str, int] = {}
"""Id → how often it was looked at."""
_NAMESPACES = {"email": "ses", "monitoring": "cloudwatch"}
"""Name in a signature → the prefix of its actions, where they differ. Source: Service Authorization Reference."""
_SERVICES = {
    "acm": "acm", "cloudformation": "cloudformation", "cloudwatch": "cloudwatch", "dynamodb": "dynamodb", "ec2": "ec2",
    "ecr": "ecr", "ecs": "ecs", "elasticloadbalancing": "elbv2", "events": "events", "iam": "iam", "kms": "kms",
    "lambda": "lambda", "logs": "logs", "rds": "rds", "route53": "route53", "s3": "s3", "secretsmanager":
    "secretsmanager", "ses": "ses", "sns": "sns", "sqs": "sqs", "ssm": "ssm", "states": "stepfunctions", "sts": "sts",
}  # fmt: skip
"""The services that this world reports on → botocore's names. AWS reports on more than four hundred."""


@strict(
    "iam.last-accessed",
    makes="what a user, group or role used of what its policies allow is reported by service and by action, from what "
    "was called in this world (at once, and finished at the second look; AWS takes up to four hours). Simulated: "
    "which actions AWS tracks, and that the tracking began when this world did",
    source="iam.GenerateServiceLastAccessedDetails, GetServiceLastAccessedDetails, botocore 1.44.5; IAM User Guide, "
    "Refine permissions in AWS using last accessed information: only whoever made a report may see it",
)
def last_accessed() -> None:
    """The emulator has neither operation."""
    from moto.core.responses import ActionResult
    from moto.iam.responses import IamResponse

    def generate(self: Any) -> Any:
        arn, level = self._get_param("Arn"), self._get_param("Granularity") or "SERVICE_LEVEL"
        who, documents = _holder(self.backend, arn)
        job = str(uuid.uuid4())
        _JOBS[job] = (CALLER.get().key, level, [*_services(self.current_account, who, documents, level)])
        _LOOKS[job] = 0
        return ActionResult({"JobId": job})

    def get(self: Any) -> Any:
        job = self._get_param("JobId")
        if job not in _JOBS or _JOBS[job][0] != CALLER.get().key:
            raise Refusal("NoSuchEntity", f"No job with id {job} was made by these credentials")
        _, level, services = _JOBS[job]
        _LOOKS[job] += 1
        answer: dict[str, Any] = {"JobType": level, "JobCreationDate": _time(clock.now_s()), "IsTruncated": False}
        if _LOOKS[job] == 1:
            return ActionResult(answer | {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": []})
        most, first = int(self._get_param("MaxItems") or 100), int(self._get_param("Marker") or 0)
        page = services[first : first + most]
        answer |= {"JobStatus": "COMPLETED", "JobCompletionDate": _time(clock.now_s()), "ServicesLastAccessed": page}
        if len(services) > first + most:
            answer |= {"IsTruncated": True, "Marker": str(first + most)}
        return ActionResult(answer)

    add(IamResponse, "generate_service_last_accessed_details")(generate)
    add(IamResponse, "get_service_last_accessed_details")(get)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _holder(backend: Any, arn: str) -> tuple[frozenset[str], list[str]]:
    """Names of the users or the role whose calls count, each with its sort, and the policies that are looked at."""
    sort, _, path = arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    if sort == "user":
        user = backend.get_user(name)
        groups = backend.get_groups_for_user(name)
        return frozenset({f"user/{name}"}), [text for one in (user, *groups) for text in documents_of(one)]
    if sort == "group":
        group = backend.get_group(name)
        return frozenset(f"user/{one.name}" for one in group.users), list(documents_of(group))
    if sort == "role":
        return frozenset({f"role/{name}"}), list(documents_of(backend.get_role(name)))
    raise Refusal("InvalidInput", f"{arn} is no user, group or role that this world reports on")


def _services(account: str, who: frozenset[str], documents: Iterable[str], level: str) -> Iterator[dict[str, Any]]:
    statements = [one for text in documents for one in many(json.loads(text).get("Statement", []))]
    allowed = [one for one in statements if one.get("Effect") == "Allow"]
    used: dict[tuple[str, str], tuple[float, str, str]] = {}
    for (place, key, service, operation), (at, region) in list(USES.items()):
        arn = Caller(place, key, region, service).arn() if place == account else ""
        name = f"role/{arn.split('/')[1]}" if ":assumed-role/" in arn else f"user/{arn.rpartition('/')[2]}"
        if arn and name in who:
            found = (_NAMESPACES.get(service, service), operation)
            used[found] = max(used.get(found, (0.0, "", "")), (at, region, arn))
    for namespace, library in sorted(_SERVICES.items()):
        granted = [name for name in _operations(library) if _is_granted(allowed, f"{namespace}:{name}")]
        if not granted and not any(_names_service(one, namespace) for one in allowed):
            continue
        seen = [last for (space, _), last in used.items() if space == namespace]
        one: dict[str, Any] = {"ServiceName": namespace, "ServiceNamespace": namespace, "TotalAuthenticatedEntities": 0}
        if seen:
            at, region, arn = max(seen)
            one |= {
                "LastAuthenticated": _time(at), "LastAuthenticatedEntity": arn, "LastAuthenticatedRegion": region,
                "TotalAuthenticatedEntities": len({arn for _, _, arn in seen}),
            }  # fmt: skip
        if level == "ACTION_LEVEL" and namespace not in DATA_PLANES:
            one["TrackedActionsLastAccessed"] = [_action(name, used.get((namespace, name))) for name in granted]
        yield one


def _action(name: str, last: tuple[float, str, str] | None) -> dict[str, Any]:
    if last is None:
        return {"ActionName": name}
    at, region, arn = last
    return {"ActionName": name, "LastAccessedTime": _time(at), "LastAccessedRegion": region, "LastAccessedEntity": arn}


@cache
def _operations(library: str) -> tuple[str, ...]:
    import botocore.session

    return tuple(sorted(botocore.session.get_session().get_service_model(library).operation_names))


def _is_granted(allowed: list[dict[str, Any]], action: str) -> bool:
    def fits(patterns: Any) -> bool:
        return any(fnmatch.fnmatchcase(action.lower(), str(one).lower()) for one in many(patterns))

    return any(not fits(one["NotAction"]) if "NotAction" in one else fits(one.get("Action", [])) for one in allowed)


def _names_service(statement: dict[str, Any], namespace: str) -> bool:
    actions = many(statement.get("Action", []))
    return any(fnmatch.fnmatchcase(namespace, str(one).lower().partition(":")[0]) for one in actions)
