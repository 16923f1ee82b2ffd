"""Rules over ECR's replication: a back-fill really copies, and fails where the other registry does not let it in.

The one rule it keeps: what is replicated is the same bytes, and only what a rule of the registry names.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

from migrate.demo.strict import add, override, strict
from migrate.demo.strict._caller import Caller, allows
from migrate.demo.strict._refusal import Refusal
from migrate.demo.strict.ecr import layer_bytes
from migrate.demo.strict.ecr_templates import made_for_backfill

MOST_RULES = 25
LOOKS = 2
"""How often a back-fill is asked about before it has ended."""
_COUNT = itertools.count(1)


@strict(
    "ecr.replication-rules",
    makes="a registry takes up to 25 replication rules",
    source="ecr.ReplicationConfiguration rules, botocore 1.44.5",
)
def rules() -> None:
    """The emulator takes one. Source: ecr.ReplicationConfiguration, botocore 1.44.5: rules has at most 25 members."""
    from moto.ecr.models import ECRBackend

    @override(ECRBackend, "put_replication_configuration")
    def put(old: Any, self: Any, replication_config: dict[str, Any]) -> Any:
        wanted = replication_config["rules"]
        if len(wanted) > MOST_RULES:
            raise Refusal("ValidationException", f"at most {MOST_RULES} replication rules")
        for rule in wanted:
            old(self, {"rules": [rule]})
        return old(self, {"rules": wanted[:1]}) and _kept(self, wanted)

    def _kept(backend: Any, wanted: list[dict[str, Any]]) -> dict[str, Any]:
        backend.replication_config = {"rules": wanted}
        return {"replicationConfiguration": {"rules": wanted}}


@strict(
    "ecr.replication-backfill",
    makes="a back-fill copies the images that a rule names, where the other registry's policy lets them in",
    source="ecr.StartReplicationBackfill and ecr.DescribeReplicationBackfillResults, botocore 1.44.5",
)
def backfills() -> None:
    """The emulator has no back-fill and replicates nothing.

    Source: ecr.StartReplicationBackfill, botocore 1.44.5: the destination must be configured; one at a time for each.
    """
    from moto.core.responses import ActionResult
    from moto.ecr.responses import ECRResponse

    def start(self: Any) -> Any:
        backend, where = self.ecr_backend, self._get_param("destination")
        chosen = [rule for rule in backend.replication_config["rules"] if where in rule["destinations"]]
        if not chosen:
            raise Refusal("InvalidParameterException", "The destination is not in the replication configuration.")
        known = backend.__dict__.setdefault("world_backfills", {})
        running = [one for one in known.values() if one["destination"] == where and one["looks"] < LOOKS]
        if running:
            # It goes on although its owner may have died.
            _goes_on(backend, running[0])
            raise Refusal("ReplicationBackfillInProgressException", "A replication backfill is in progress.")
        own = f"backfill-{next(_COUNT)}"
        known[own] = {"destination": where, "looks": 0, "rules": chosen, "results": []}
        return ActionResult({"replicationBackfillId": own, "destination": where, "status": "PREPARING"})

    def describe(self: Any) -> Any:
        known = self.ecr_backend.__dict__.get("world_backfills", {}).get(self._get_param("replicationBackfillId"))
        if known is None:
            raise Refusal("ReplicationBackfillNotFoundException", "The replication backfill could not be found.")
        _goes_on(self.ecr_backend, known)
        only = self._get_param("resultStatusFilter")
        results = [one for one in known["results"] if only in (None, one["status"])]
        ended = known["looks"] >= LOOKS
        answer = {"status": "COMPLETE" if ended else "IN_PROGRESS", "destination": known["destination"]}
        failed = [one for one in known["results"] if one["status"] == "FAILED"]
        total = len(known["results"])
        progress = {
            "totalReplicationCount": total, "completedReplicationCount": total - len(failed),
            "failedReplicationCount": len(failed), "failureCodes": sorted({one["failureCode"] for one in failed}),
        }  # fmt: skip
        return ActionResult(answer | ({"results": results, "progress": progress} if ended else {}))

    add(ECRResponse, "start_replication_backfill")(start)
    add(ECRResponse, "describe_replication_backfill_results")(describe)


def _goes_on(backend: Any, known: dict[str, Any]) -> None:
    """One look later; at the last one the images are there."""
    known["looks"] += 1
    if known["looks"] == LOOKS:
        for name, repository in sorted(backend.repositories.items()):
            if any(_takes(rule, name) for rule in known["rules"]):
                known["results"] += list(_replicated(backend, repository, known["destination"]))


def _takes(rule: dict[str, Any], name: str) -> bool:
    filters = rule.get("repositoryFilters") or []
    return not filters or any(name.startswith(one["filter"]) for one in filters)


def _replicated(backend: Any, repository: Any, where: dict[str, str]) -> Any:
    from moto.ecr.models import ecr_backends

    other = ecr_backends[where["registryId"]][where["region"]]
    there = other.repositories.get(repository.name)
    caller = Caller(backend.account_id, "", where["region"], "ecr")
    arn = f"arn:aws:ecr:{where['region']}:{where['registryId']}:repository/{repository.name}"
    policy = getattr(other, "registry_policy", None)
    refused = "" if policy and allows(policy, caller, "ecr:ReplicateImage", arn) else "ACCESS_DENIED"
    if there is None and not refused and allows(policy, caller, "ecr:CreateRepository", arn):
        there = made_for_backfill(repository.name, other)
    refused = refused or ("" if there is not None else "REPOSITORY_NOT_FOUND")
    for image in repository.images:
        result = {"repositoryName": repository.name, "imageId": {"imageDigest": image.image_digest}}
        if refused:
            yield result | {"status": "FAILED", "failureCode": refused}
            continue
        assert there is not None
        layer_bytes(there).update(layer_bytes(repository))
        there.layers.update(repository.layers)
        held = next((one for one in there.images if one.image_digest == image.image_digest), None)
        if held is None:
            made = copy.copy(image)
            made.image_tags = list(image.image_tags or [])
            there.images.append(made)
        else:
            for tag in image.image_tags or []:
                if tag not in held.image_tags:
                    held.update_tag(tag)
        yield result | {"status": "COMPLETE"}
