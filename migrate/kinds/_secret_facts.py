"""What is known of a secret without its value. The rule: nothing here reads a value."""

from collections.abc import Mapping
from typing import Any

from migrate.kind import Facts, It, Json, ReadSite
from migrate.kinds._new_password import LABEL

AWSS_LABELS = frozenset({"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"})
OWN_LABELS = frozenset({LABEL})
"""What this tool gives to a version: nobody reads by it."""
DEFAULT_KEY = "alias/aws/secretsmanager"


class SecretFacts(Facts):
    """Source: secretsmanager.ListSecrets, secretsmanager.DescribeSecret, secretsmanager.GetResourcePolicy."""

    description: str
    kms_key_id: str | None
    """None: the service's default key."""
    owning_service: str | None
    """The service that made this secret and will make its own in the target, as `rds`."""
    has_value: bool
    own_labels: list[str]
    """Staging labels that people gave to versions: none of them arrives."""
    rotation_lambda_arn: str | None
    """None: it does not rotate."""
    rotation_rules: dict[str, Json]
    replicas: dict[str, str | None]
    """Region of each replica → the customer's key there; None: the service's default key."""
    primary_region: str | None
    """Where the secret stands of which this one is the replica; None: it is no replica."""
    resource_policy: dict[str, Json] | None
    dead_principals: list[str]


def own_labels(secret: Mapping[str, Any]) -> list[str]:
    """The staging labels that are neither Secrets Manager's own nor this tool's."""
    stages: Mapping[str, list[str]] = secret.get("VersionIdsToStages") or {}
    return sorted({label for labels in stages.values() for label in labels} - AWSS_LABELS - OWN_LABELS)


def is_moved(it: It[SecretFacts]) -> bool:
    """Whether the secret is the account's own: one that a service made (`rds!db-…`) comes with that service."""
    own = it.facts.owning_service is None and "!" not in it.ref.name
    # A replica comes with its primary.
    return own and it.facts.primary_region is None


def rules(secret: Mapping[str, Any]) -> dict[str, Json]:
    """The schedule as it may be sent: days that AWS reckons from an expression are left out.

    Source: secretsmanager.RotationRulesType AutomaticallyAfterDays, botocore 1.44.5.
    """
    known = dict(secret.get("RotationRules") or {})
    if known.get("ScheduleExpression"):
        known.pop("AutomaticallyAfterDays", None)
    return known


def own_key(replica: Mapping[str, Any]) -> str | None:
    """A replica's key where it is the customer's."""
    key: str = replica.get("KmsKeyId") or DEFAULT_KEY
    return None if key.endswith(DEFAULT_KEY) else key


def primary_region(site: ReadSite, secret: Mapping[str, Any]) -> str | None:
    """The region of the primary, for a replica."""
    primary: str = secret.get("PrimaryRegion") or ""
    return primary if primary not in ("", site.region) else None
