"""Container images by ECR itself: a replication rule for the time of the copy, and a back-fill of what is there.

The rule: the registries' own rules and policies are only added to, and lose again what was added; the proof is the same
as for images that were copied by digest.

Source: ecr.PutReplicationConfiguration, ecr.StartReplicationBackfill, ecr.DescribeReplicationBackfillResults,
ecr.PutRegistryPolicy, botocore 1.44.5.
"""

import hashlib
import json
import threading
from collections.abc import Collection
from typing import Any

from migrate.carry import images
from migrate.carry.refusals import code_of
from migrate.errors import StepFailed
from migrate.kind import Carrier
from migrate.values import Json

READS = images.LOOKS | {
    "ecr.DescribeRegistry",
    "ecr.DescribeReplicationBackfillResults",
    "ecr.GetRegistryPolicy",
}
WRITES = frozenset(
    {
        "ecr.DeleteRegistryPolicy",
        "ecr.PutRegistryPolicy",
        "ecr.PutReplicationConfiguration",
        "ecr.StartReplicationBackfill",
    }
)
WRITES_IN_LEGACY = frozenset({"ecr.PutReplicationConfiguration", "ecr.StartReplicationBackfill"})

EVERY_S = 5.0
BACKFILLS = 2
"""How often it is tried: what failed in one back-fill may pass in the next."""
_ENDED = ("COMPLETE", "FAILED", "STOPPED")
_NO_POLICY = ("RegistryPolicyNotFoundException",)
_REGISTRY = threading.Lock()
"""A registry's rules and its policy are one document each, and the steps of several repositories run at once."""

Rules = list[dict[str, Any]]


def replicate(to: Carrier, repository: str, left: Collection[str] = ()) -> dict[str, Json]:
    """Let ECR bring every image that the target lacks; return counts for the receipt. `left`: archived ones that stay.

    Raises StepFailed with what ECR says of each image that it could not bring.
    """
    before = images.listed(to.target, to.place.name)
    missing = _lacking(to, repository, left)
    if not missing:
        close(to, repository)
        return {"images": 0, "backfills": 0}
    images.remember_carried(to, missing - set(before))
    _open(to, repository)
    failed: list[str] = []
    for count in range(1, BACKFILLS + 1):
        failed = _backfill(to, repository, left)
        if not (lacking := _lacking(to, repository, left)):
            close(to, repository)
            return {"images": len(missing), "backfills": count}
    close(to, repository)
    said = "; ".join(failed[:10]) or ", ".join(sorted(lacking)[:10])
    raise StepFailed(
        f"{len(lacking)} images of {repository} were not replicated: {said}",
        do="correct what ECR says and migrate run; or take the repository out of `stores`, plan again: by digest",
    )


def close(to: Carrier, repository: str) -> None:
    """Take our filter and our statement away again, as far as they stand."""
    if not to.outputs.get("opened"):
        return
    with _REGISTRY:
        rules = _rules(to)
        left = without(rules, to.place, repository)
        if left != rules and to.outputs.get("opened") == "rule":
            _put_rules(to, left)
        policy = _policy(to)
        if policy is not None:
            kept = [one for one in policy["Statement"] if one.get("Sid") != sid(to)]
            if not kept:
                to.write("ecr.DeleteRegistryPolicy")
            elif len(kept) < len(policy["Statement"]):
                to.write("ecr.PutRegistryPolicy", policyText=json.dumps(policy | {"Statement": kept}))
    to.remember("opened", "")


def _open(to: Carrier, repository: str) -> None:
    with _REGISTRY:
        rules = _rules(to)
        wanted = within(rules, to.place, repository)
        if not to.outputs.get("opened"):
            # Who replicates this repository anyway keeps doing so.
            to.remember("opened", "rule" if wanted != rules else "policy")
        policy = _policy(to) or {"Version": "2012-10-17", "Statement": []}
        if not any(one.get("Sid") == sid(to) for one in policy["Statement"]):
            letting_in = policy | {"Statement": [*policy["Statement"], _statement(to)]}
            to.write("ecr.PutRegistryPolicy", policyText=json.dumps(letting_in))
        if wanted != rules:
            _put_rules(to, wanted)


def _backfill(to: Carrier, repository: str, left: Collection[str]) -> list[str]:
    """Start one, wait until it has ended, and give what of this repository failed in it.

    While one of another repository runs to the same registry, AWS starts no second one: it may bring ours too.
    """
    own = ""
    while not own:
        try:
            where = _destination(to.place)
            begun = to.write("ecr.StartReplicationBackfill", side="legacy", destination=where)
            own = str(begun["replicationBackfillId"])
        except Exception as error:
            if code_of(error) not in ("ReplicationBackfillInProgressException", "LimitExceededException"):
                raise
            to.pause(EVERY_S)
            if not _lacking(to, repository, left):
                return []
    while True:
        answer = to.legacy.call("ecr.DescribeReplicationBackfillResults", replicationBackfillId=own)
        if answer["status"] in _ENDED:
            break
        to.pause(EVERY_S)
    failed = [f"the back-fill ended {answer['status']}: {answer['failureCode']}"] if answer.get("failureCode") else []
    results = to.legacy.pages(
        "ecr.DescribeReplicationBackfillResults", "results", replicationBackfillId=own, resultStatusFilter="FAILED"
    )
    return failed + [
        f"{one['imageId'].get('imageDigest')}: {one.get('failureCode')}"
        for one in results
        if one["repositoryName"] == repository
    ]


def _lacking(to: Carrier, repository: str, left: Collection[str]) -> set[str]:
    """Digests that the target does not have, or not under every tag."""
    there = images.listed(to.target, to.place.name)
    nowhere: frozenset[str] = frozenset()
    return {
        digest
        for digest, image in images.to_copy(to.legacy, repository, left).items()
        if digest not in there or image.tags - (there[digest].tags if digest in there else nowhere)
    }


def within(rules: Rules, place: Any, repository: str) -> Rules:
    """The rules with this repository among what goes to the place; the same rules where it is already."""
    where, own = [_destination(place)], {"filter": repository, "filterType": "PREFIX_MATCH"}
    for rule in rules:
        going = where[0] in rule["destinations"]
        filters = rule.get("repositoryFilters") or []
        if going and (not filters or any(repository.startswith(one["filter"]) for one in filters)):
            return rules
    for at, rule in enumerate(rules):
        if rule["destinations"] == where and rule.get("repositoryFilters"):
            return [*rules[:at], rule | {"repositoryFilters": [*rule["repositoryFilters"], own]}, *rules[at + 1 :]]
    return [*rules, {"destinations": where, "repositoryFilters": [own]}]


def without(rules: Rules, place: Any, repository: str) -> Rules:
    """The rules without this repository's own filter. A rule that would be left with none goes: it would take all."""
    where, own = [_destination(place)], {"filter": repository, "filterType": "PREFIX_MATCH"}
    found: Rules = []
    for rule in rules:
        filters = rule.get("repositoryFilters") or []
        if rule["destinations"] != where or own not in filters:
            found.append(rule)
        elif left := [one for one in filters if one != own]:
            found.append(rule | {"repositoryFilters": left})
    return found


def sid(to: Carrier) -> str:
    """How our statement in the target's registry policy is called: one for each repository."""
    return f"migrate{hashlib.sha256(f'{to.place.migration}/{to.place.name}'.encode()).hexdigest()[:16]}"


def _statement(to: Carrier) -> dict[str, Json]:
    return {
        "Sid": sid(to),
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{to.legacy.account}:root"},
        "Action": ["ecr:ReplicateImage"],
        "Resource": [f"arn:aws:ecr:{to.place.region}:{to.place.account}:repository/{to.place.name}"],
    }


def _destination(place: Any) -> dict[str, str]:
    return {"region": str(place.region), "registryId": str(place.account)}


def _rules(to: Carrier) -> Rules:
    return list(to.legacy.call("ecr.DescribeRegistry")["replicationConfiguration"]["rules"])


def _put_rules(to: Carrier, rules: Rules) -> None:
    to.write("ecr.PutReplicationConfiguration", side="legacy", replicationConfiguration={"rules": rules})


def _policy(to: Carrier) -> dict[str, Any] | None:
    answer = to.target.optional("ecr.GetRegistryPolicy", missing=_NO_POLICY)
    return dict(json.loads(answer["policyText"])) if answer else None
