"""What is encrypted under each key of legacy, and how it gets under the target's key: for the plan's reader.

The rule: what has an edge to a key is in the list, whether it moves or not; a kind that nobody has thought about says
so. What applications encrypt by themselves cannot be seen, and that is said too.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.graph import Graph
from migrate.inventory import Inventory
from migrate.kind import Kind
from migrate.names import Ref
from migrate.placement import Placement
from migrate.values import Json

KEY = "kms.key"
WHY = "encrypted by"
UNSEEN = (
    "what applications encrypt by themselves (kms.Encrypt, data keys of the AWS Encryption SDK, fields in rows, "
    "client-side encrypted objects) cannot be seen by a scan and cannot be read with the new key: ask who calls "
    "kms.Encrypt and kms.GenerateDataKey (CloudTrail), decrypt with the old key and encrypt with the new one "
    "(kms.ReEncrypt), or let them use the old key across accounts until then; nor does it see objects that name "
    "another key than their bucket's, and what lies in services and backups of which the plan shows a gap"
)
_ANEW = "holds no content that moves: what is written in the target is encrypted under the new key"
_IN_MEMORY = "the value is decrypted in legacy, held in memory, and encrypted by the target's service under the new key"
HOW: Mapping[str, str] = {
    "dynamodb.table": "items are read decrypted and written to a table that is made under the new key",
    "ec2.image": "the snapshots of its disks are copied in the target under the new key",
    "ec2.instance": "an image of it is made and copied, its disks under the new key",
    "ecr.repository": "layers are read decrypted and stored by a repository that is made under the new key",
    "efs.file_system": "made under the new key; a person's copy of the files writes them under it",
    "elasticache.replication_group": "made under the new key; what it holds is written there, or read from a snapshot",
    "elasticache.serverless_cache": "made under the new key; what it holds is written there, or read from a snapshot",
    "events.archive": _ANEW,
    "events.connection": "the credentials are given again by a person; AWS keeps them in a secret under the new key",
    "firehose.delivery_stream": _ANEW,
    "kinesis.stream": _ANEW,
    "lambda.function": "its environment is sent again and encrypted under the new key; its package is copied",
    "logs.log_group": "made empty under the new key; log contents stay in legacy under the old one",
    "opensearch.domain": "made under the new key; a snapshot that a person restores is written under it",
    "pipes.pipe": "its definition is sent again and encrypted under the new key",
    "rds.cluster": "a snapshot is copied under the transfer key, shared, copied and restored under the new one",
    "rds.instance": "a snapshot is copied under the transfer key, shared, copied and restored under the new one",
    "s3.bucket": "S3 decrypts each object in legacy and encrypts the copy under the new key",
    "scheduler.schedule": "its definition is sent again and encrypted under the new key",
    "secretsmanager.secret": _IN_MEMORY,
    "sns.topic": _ANEW,
    "sqs.queue": "made empty under the new key; messages stay in legacy: drain it",
    "ssm.parameter": _IN_MEMORY,
    "states.activity": "its definition is sent again and encrypted under the new key",
    "states.state_machine": "its definition is sent again and encrypted under the new key; executions stay",
}
"""By the kind that holds it. A judgement of ours from what the kinds do; the proof is each step's own."""
NOBODY_SAID = "how its content gets under the new key is not known to this tool: look at it by hand"
STAYS = "does not move: it stays encrypted under legacy's key, which must not be deleted"


def listed(graph: Graph, placement: Placement, kinds: Mapping[str, Kind[Any]]) -> list[dict[str, Json]]:
    """For each key with something under it, or that moves: each resource with how it gets under the new key."""
    under: dict[Ref, dict[Ref, str]] = defaultdict(dict)
    for edge in graph.edges:
        if edge.why == WHY and edge.needs.kind == KEY:
            under[edge.needs].setdefault(edge.ref, edge.seen_in)
    keys = sorted(set(under) | {ref for ref in placement.movable if ref.kind == KEY})
    return [
        {
            "key": str(key),
            "moves": key in placement.movable and key in placement.placed,
            "under": [line for ref in sorted(under[key]) for line in _line(ref, under[key][ref], placement, kinds)],
        }
        for key in keys
    ]


def unreadable(graph: Graph, placement: Placement, inventory: Inventory) -> Iterator[tuple[str, str, str]]:
    """What moves and is encrypted under a key that is off: key of the objection, what, and what to do.

    Nobody can read it, and what is made under the moved key could not be written. Source: KMS developer guide, Key
    states of AWS KMS keys (Disabled, PendingImport, Unavailable), read 2026-11.
    """
    for edge in graph.edges:
        if edge.why != WHY or edge.needs.kind != KEY or edge.ref not in placement.placed:
            continue
        state = inventory.by_ref[edge.needs].facts["state"]
        if state != "Enabled" and edge.ref in placement.movable and placement.placed[edge.ref].accounts != ("legacy",):
            name = inventory.by_ref[edge.needs].arn
            yield (
                f"key is off/{edge.ref}",
                f"{edge.ref} is encrypted under {name}, which is {state}: nobody can read or write what lies under it",
                f"kms.EnableKey in legacy (a key without material: kms.ImportKeyMaterial; one in a store: connect the "
                f"store) and scan again; or placement: [{{ref: {str(edge.ref)!r}, to: legacy}}]",
            )


def _line(ref: Ref, seen_in: str, placement: Placement, kinds: Mapping[str, Kind[Any]]) -> Iterator[dict[str, Json]]:
    placed = placement.placed.get(ref)
    goes = ref in placement.movable and placed is not None and placed.accounts != ("legacy",)
    how = HOW.get(ref.kind, NOBODY_SAID) if goes and kinds[ref.kind].actions else STAYS
    yield {"ref": str(ref), "seen_in": seen_in, "how": how}
