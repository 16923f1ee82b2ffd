"""Seconds, bytes, money for steps. The rule: no figure without its basis, and a default is called uncalibrated.

A plan's durations are guesses until the same runbook has run for another environment: the journal has the real ones.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from migrate.inventory import Resource
from migrate.values import Json

_FIXED_S: Mapping[str, float] = {
    "ec2.nat_gateway:create": 120, "ec2.vpc_endpoint:create": 60, "elbv2.load_balancer:create": 150,
    "rds.instance:snapshot": 600, "rds.instance:copy": 600, "rds.instance:create": 900, "rds.instance:prove_rows": 60,
    "rds.cluster:snapshot": 600, "rds.cluster:copy": 600, "rds.cluster:create": 900, "rds.cluster:prove_rows": 60,
    "rds.instance:rotate_password": 60, "rds.cluster:rotate_password": 60,
    "rds.instance:replicate": 300, "rds.instance:catch_up": 30,
    "rds.cluster:replicate": 300, "rds.cluster:catch_up": 30,
    "ecs.service:start": 180, "ecs.service:test_launch": 120, "ecs.service:test_launch_on_instances": 180,
    "ecs.service:stop_legacy": 60,
    "dynamodb.table:catch_up": 60, "dynamodb.table:export": 1800, "dynamodb.table:look_again": 30,
    "lambda.event_source_mapping:stop_legacy": 60,
}  # fmt: skip
_RATE_BYTES_S: Mapping[str, float] = {
    "s3.bucket:copy_objects": 100e6, "s3.bucket:copy_delta": 1e9,
    "s3.bucket:look_again": 10e9, "dynamodb.table:look_again": 20e6, "ecr.repository:copy_images": 30e6,
    "dynamodb.table:copy_items": 5e6, "dynamodb.table:export": 100e6,
    "rds.instance:snapshot": 80e6, "rds.instance:copy": 80e6, "rds.instance:create": 200e6,
    "rds.cluster:snapshot": 80e6, "rds.cluster:copy": 80e6, "rds.cluster:create": 200e6,
    "rds.instance:replicate": 30e6, "rds.cluster:replicate": 30e6,
}  # fmt: skip
_DEFAULT_S = 3.0
UNCALIBRATED = "uncalibrated default; the journal of an earlier run replaces it"

_MONTHLY_USD: Mapping[str, float] = {
    "ec2.nat_gateway": 35.0, "elbv2.load_balancer": 18.4, "kms.key": 1.0, "secretsmanager.secret": 0.4,
    "route53.hosted_zone": 0.5,
}  # fmt: skip
_PER_ZONE_ENDPOINT_USD = 8.0
MONEY_BASIS = "remembered list price, order of magnitude, unverified: check the AWS price list of your region"


def of_step(kind: str, action: str, resource: Resource) -> dict[str, Json]:
    """Seconds and bytes of one step with their basis."""
    key = f"{kind}:{action}"
    return _estimate(key, resource.size_bytes if key in _RATE_BYTES_S else 0)


@cache
def _estimate(key: str, size_bytes: int | None) -> dict[str, Json]:
    """One dictionary for all steps that are alike: nobody changes it, and there may be very many."""
    seconds, rate = _FIXED_S.get(key, _DEFAULT_S), _RATE_BYTES_S.get(key)
    if rate is None:
        return {"basis": UNCALIBRATED, "seconds": round(seconds)}
    if size_bytes is None:
        return {"basis": f"size unknown to the scan; {UNCALIBRATED}", "bytes": None, "seconds": round(seconds)}
    return {"basis": UNCALIBRATED, "bytes": size_bytes, "seconds": round(seconds + size_bytes / rate)}


def monthly_usd(resource: Resource) -> float | None:
    """What one more of these costs a month while both sides run; None where no price is known here."""
    if resource.ref.kind == "ec2.vpc_endpoint":
        subnets: Any = resource.facts.get("subnet_ids")
        return _PER_ZONE_ENDPOINT_USD * len(subnets) if subnets else 0.0
    return _MONTHLY_USD.get(resource.ref.kind)


UNPRICED = frozenset({"rds.cluster", "rds.instance", "ecs.service", "s3.bucket"})
"""Kinds that cost real money and for which no price is kept: named on the page, so that nobody adds them as zero."""
