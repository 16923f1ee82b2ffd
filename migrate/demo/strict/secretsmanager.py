"""Rules over Secrets Manager: schedules that are kept, rotation that needs its function, replicas with their own keys.

The one rule it keeps: switching rotation on without rotating leaves every value as it is. The function is not run.
"""

from __future__ import annotations

import json
from typing import Any

from migrate.demo.strict import override, strict
from migrate.demo.strict._refusal import Refusal

SERVICE = "secretsmanager.amazonaws.com"


@strict(
    "secretsmanager.rotation",
    makes="rotation needs a function that lets Secrets Manager in, keeps its schedule, and need not rotate at once",
    source="secretsmanager.RotateSecret and RotationRulesType, botocore 1.44.5",
)
def rotation() -> None:
    """The emulator knows no expressions, leaves a pending version behind, and asks for no permission.

    Source: secretsmanager.RotateSecret RotateImmediately, botocore 1.44.5: with false the function is only tested, in a
    version that is removed again. That a function must name the service in its policy: Secrets Manager User Guide,
    Permissions for rotation, unverified.
    """
    from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

    @override(SecretsManagerBackend, "rotate_secret")
    def rotate(
        old: Any, self: Any, secret_id: str, client_request_token: Any = None, rotation_lambda_arn: Any = None,
        rotation_rules: Any = None, rotate_immediately: bool = True,
    ) -> Any:  # fmt: skip
        secret = self.secrets[secret_id]
        if rotate_immediately or not rotation_lambda_arn:
            return old(self, secret_id, client_request_token, rotation_lambda_arn, rotation_rules, rotate_immediately)
        _demand_function(self, rotation_lambda_arn)
        secret.rotation_requested = secret.rotation_enabled = True
        secret.rotation_lambda_arn = rotation_lambda_arn
        secret.world_rotation_rules = dict(rotation_rules or {})
        secret.auto_rotate_after_days = int((rotation_rules or {}).get("AutomaticallyAfterDays") or 0)
        return secret.to_short_dict()

    @override(FakeSecret, "to_dict")
    def to_dict(old: Any, self: Any) -> Any:
        answer = old(self)
        rules = getattr(self, "world_rotation_rules", None)
        if rules and "RotationRules" in answer:
            answer["RotationRules"] = {**answer["RotationRules"], **rules}
        return answer


def _demand_function(backend: Any, arn: str) -> None:
    from moto.awslambda.utils import get_backend

    try:
        function = get_backend(backend.account_id, backend.region_name).get_function(arn)
    except Exception as error:
        text = "Secrets Manager cannot find the Lambda function that rotates the secret."
        raise Refusal("ResourceNotFoundException", text) from error
    statements: list[dict[str, Any]] = function.policy.statements
    if not any(SERVICE in json.dumps(one.get("Principal")) for one in statements):
        text = (
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access"
        )
        raise Refusal("AccessDeniedException", f"{text} to the principal {SERVICE}.")


@strict(
    "secretsmanager.replica-keys",
    makes="a replica shows the key that it was asked for, and a name that is taken in that region is a failed replica",
    source="secretsmanager.ReplicateSecretToRegions AddReplicaRegions, botocore 1.44.5",
)
def replica_keys() -> None:
    """The emulator shows the default key for each replica. Source: ReplicaRegionType KmsKeyId, botocore 1.44.5."""
    from moto.secretsmanager.models import FakeSecret

    @override(FakeSecret, "create_replicas")
    def create(old: Any, self: Any, replica_regions: list[dict[str, str]], force_overwrite: bool) -> Any:
        made = old(self, replica_regions, force_overwrite)
        for replica, asked in zip(made, replica_regions or [], strict=True):
            if asked.get("KmsKeyId"):
                replica.config["KmsKeyId"] = asked["KmsKeyId"]
        return made


@strict(
    "secretsmanager.labels",
    makes="a label that another version has is moved by naming that version, and who moves AWSCURRENT moves the value",
    source="secretsmanager.UpdateSecretVersionStage RemoveFromVersionId, botocore 1.44.5",
)
def labels() -> None:
    """The emulator moves the label and goes on giving the old value, and lets two versions have one label.

    Source: secretsmanager.UpdateSecretVersionStage, botocore 1.44.5: each label is on one version at a time.
    """
    from moto.secretsmanager.models import SecretsManagerBackend

    @override(SecretsManagerBackend, "update_secret_version_stage")
    def update(
        old: Any, self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> Any:
        versions = self.secrets[secret_id].versions if secret_id in self.secrets else {}
        having = [key for key, one in versions.items() if version_stage in one["version_stages"]]
        if move_to_version_id and having and remove_from_version_id not in having and having != [move_to_version_id]:
            text = f"Staging label {version_stage} is currently attached to version {having[0]}"
            raise Refusal(
                "InvalidParameterException", f"{text}, so you must explicitly reference it in RemoveFromVersionId."
            )
        moved = old(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        if version_stage == "AWSCURRENT" and move_to_version_id:
            self.secrets[secret_id].set_default_version_id(move_to_version_id)
        return moved
