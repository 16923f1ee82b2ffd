"""What a secret does by itself: it rotates, and is replicated to other regions. The rule: one owner rotates it."""

from collections.abc import Mapping, Sequence

from migrate.kind import Action, Find, It, Json, Place, Request, Wait, after
from migrate.kinds._secret_facts import SecretFacts, is_moved


class StopRotation(Action[SecretFacts]):
    """Legacy's rotation off before anything is copied: a rotation in between would leave a stale copy, and change the
    password of a database whose snapshot is taken."""

    name = "stop_legacy"
    title = "Stop legacy's rotation of the secret"
    phase = "freeze"
    undo_class = "R1"

    def applies(self, it: It[SecretFacts]) -> bool:
        return is_moved(it) and it.facts.rotation_lambda_arn is not None

    def requests(self, it: It[SecretFacts], place: Place) -> Sequence[Request]:
        again = Request("secretsmanager.RotateSecret", rotation(it.facts, it.arn), "legacy")
        return [Request("secretsmanager.CancelRotateSecret", {"SecretId": it.arn}, "legacy", undo=again)]

    def legacy_after(self, it: It[SecretFacts]) -> Mapping[str, Json]:
        return {"rotation_lambda_arn": None, "rotation_rules": {}}


class Replicate(Action[SecretFacts]):
    """The replicas in other regions of the target account, once the value is there."""

    name = "replicate"
    title = "Make the secret's replicas in other regions"
    phase = "data"
    sets = frozenset({"replicas"})

    def applies(self, it: It[SecretFacts]) -> bool:
        return is_moved(it) and bool(it.facts.replicas)

    def requests(self, it: It[SecretFacts], place: Place) -> Sequence[Request]:
        own = {"SecretId": after("create", "arn")}
        regions: list[Json] = [
            {"Region": region} | ({"KmsKeyId": key} if key else {}) for region, key in sorted(it.facts.replicas.items())
        ]
        return [
            Request(
                # Without ForceOverwriteReplicaSecret: a secret of that name in that region is a person's.
                "secretsmanager.ReplicateSecretToRegions",
                {**own, "AddReplicaRegions": regions},
                find=Find("secretsmanager.DescribeSecret", {**own}, {"replicas": "ReplicationStatus[0].Region"}),
                wait=Wait(
                    "secretsmanager.DescribeSecret",
                    {**own},
                    "ReplicationStatus[].Status",
                    ("InSync",),
                    failed=("Failed",),
                ),
                undo=Request(
                    "secretsmanager.RemoveRegionsFromReplication",
                    {**own, "RemoveReplicaRegions": sorted(it.facts.replicas)},
                    done=("ResourceNotFoundException",),
                ),
            )
        ]


class StartRotation(Action[SecretFacts]):
    """Rotation on again, last, by the moved function. Not at once: AWS only tests the function, and the first rotation
    comes with the schedule. Source: secretsmanager.RotateSecret RotateImmediately, botocore 1.44.5."""

    name = "start"
    title = "Switch the secret's rotation on again"
    phase = "cutover"
    undo_class = "R2"
    sets = frozenset({"rotation_lambda_arn", "rotation_rules"})
    # The function must let Secrets Manager in by then, and the services use the value that was copied.
    after_kinds = ("lambda.function.permit", "ecs.service.start")

    def applies(self, it: It[SecretFacts]) -> bool:
        return is_moved(it) and it.facts.rotation_lambda_arn is not None

    def requests(self, it: It[SecretFacts], place: Place) -> Sequence[Request]:
        own = after("create", "arn")
        return [
            Request(
                "secretsmanager.RotateSecret",
                rotation(it.facts, own),
                # The function's permission was given a moment ago (unverified).
                retry=("AccessDeniedException",),
                undo=Request(
                    "secretsmanager.CancelRotateSecret",
                    {"SecretId": own},
                    done=("ResourceNotFoundException", "InvalidRequestException"),
                ),
            )
        ]


def rotation(facts: SecretFacts, secret: Json) -> dict[str, Json]:
    """How the rotation is switched on, without a rotation now."""
    return {
        "SecretId": secret,
        "RotationLambdaARN": facts.rotation_lambda_arn,
        "RotationRules": facts.rotation_rules,
        "RotateImmediately": False,
    }
