"""S3 replication: what is written to a bucket with a rule is written to the rule's bucket, as the rule's role.

The one rule it keeps: a replica is made only where the role, and the policies of another account's bucket and key,
allow it; else the object says FAILED. Simulated: a replica is there at once; changes of tags, ACLs and locks made
later are not replicated, nor is what stood before the rule.
"""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import unquote, urlparse

from migrate.demo.strict import add, override, strict
from migrate.demo.strict._as_role import bucket_of, may, may_key, role_of
from migrate.demo.strict.s3_configurations import replication_of

PRINCIPAL = "s3.amazonaws.com"
_HEADER = "x-amz-replication-status"


@strict(
    "s3.replication",
    makes="new objects of a bucket with replication rules arrive in the rules' buckets, or say that it failed",
    source="S3 user guide, Replicating objects within and across Regions; What does Amazon S3 replicate?",
)
def replication() -> None:
    """The emulator keeps the rules and follows none.

    Source: S3 user guide, Setting up permissions for live replication (trust of s3.amazonaws.com,
    s3:GetReplicationConfiguration, GetObjectVersionForReplication, ReplicateObject, ReplicateDelete; a bucket policy
    for another account's bucket); What does Amazon S3 replicate (no replicas, no objects under KMS unless selected,
    delete markers where said); read 2026-11. The same version id in both buckets: Replication status information.
    """
    from moto.s3.models import FakeKey, S3Backend
    from moto.s3.responses import S3Response

    plain: Any = FakeKey.__dict__["response_dict"]

    def response_dict(self: Any) -> Any:
        status = getattr(self, "replication_status", None)
        return plain.fget(self) | ({_HEADER: status} if status else {})

    add(FakeKey, "response_dict")(property(response_dict))

    @override(S3Response, "_key_response")
    def key_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        answer = old(self, request, full_url)
        if request.method in ("PUT", "POST"):
            bucket = bucket_of(self.parse_bucket_name_from_url(request, full_url) or "")
            key = unquote(self.parse_key_name() or urlparse(full_url).path.lstrip("/"))
            _replicate(bucket, key)
        return answer

    @override(S3Backend, "delete_object")
    def delete_object(old: Any, self: Any, bucket_name: str, key_name: str, *words: Any, **named: Any) -> Any:
        answer = old(self, bucket_name, key_name, *words, **named)
        _replicate(bucket_of(bucket_name), key_name)
        return answer


def _replicate(bucket: Any, key: str) -> None:
    """Follow the rules for the newest version of a key, once."""
    text = replication_of(bucket) if bucket is not None else ""
    versions = bucket.keys.getlist(key, []) if text else []
    if not versions or getattr(versions[-1], "replication_status", None):
        return
    held, asked = versions[-1], _parsed(text)
    done: dict[str, bool] = {}
    for rule in sorted(asked["Rule"], key=lambda one: -int(one.get("Priority", 0))):
        there = rule["Destination"]["Bucket"]
        # Of several rules to one bucket the one of the highest priority counts.
        if rule["Status"] == "Enabled" and there not in done and _selects(rule, held, bucket):
            done[there] = _made(asked["Role"], rule, held, bucket)
    if done:
        held.replication_status = "COMPLETED" if all(done.values()) else "FAILED"


def _parsed(text: str) -> Any:
    import xmltodict  # type: ignore[import-untyped]

    return xmltodict.parse(text, force_list=("Rule", "Tag"))["ReplicationConfiguration"]


def _selects(rule: dict[str, Any], held: Any, bucket: Any) -> bool:
    """Whether a rule is about this object or delete marker."""
    wanted = rule.get("Filter") or {}
    wanted = wanted.get("And") or wanted
    tags = {tag["Key"]: tag.get("Value") or "" for tag in wanted.get("Tag", ())}
    if not held.name.startswith(wanted.get("Prefix") or rule.get("Prefix") or ""):
        return False
    if _is_marker(held):
        # Never by a rule that filters by tags. Source: S3 user guide, Replicating delete markers between buckets.
        return not tags and (rule.get("DeleteMarkerReplication") or {}).get("Status") == "Enabled"
    if str(held.encryption or "").startswith("aws:kms"):
        chosen = (rule.get("SourceSelectionCriteria") or {}).get("SseKmsEncryptedObjects") or {}
        if chosen.get("Status") != "Enabled":
            return False
    own = {tag["Key"]: tag["Value"] for tag in _backend(bucket).get_object_tagging(held)["Tags"]}
    return tags.items() <= own.items()


def _made(arn: str, rule: dict[str, Any], held: Any, bucket: Any) -> bool:
    """Make the replica; False where something forbids it."""
    account, there = bucket.account_id, bucket_of(rule["Destination"]["Bucket"])
    role = role_of(arn, account, PRINCIPAL)
    if role is None or there is None or not there.is_versioned:
        return False
    writes = "ReplicateDelete" if _is_marker(held) else "ReplicateObject"
    reads = [may(role, account, one, bucket) for one in ("GetReplicationConfiguration", "ListBucket")]
    if not all(reads) or not may(role, account, writes, there, held.name):
        return False
    if _is_marker(held):
        replica = copy.copy(held)
        replica.replication_status = "REPLICA"
        there.keys.setlist(held.name, [*there.keys.getlist(held.name, []), replica])
        return True
    if not may(role, account, "GetObjectVersionForReplication", bucket, held.name):
        return False
    key_id = ((rule["Destination"].get("EncryptionConfiguration")) or {}).get("ReplicaKmsKeyID")
    under = str(held.encryption or "").startswith("aws:kms")
    if under and not (may_key(role, account, held.kms_key_id, "Decrypt") and may_key(role, account, key_id, "Encrypt")):
        return False
    backend = _backend(there)
    replica = backend.put_object(
        there.name, held.name, held.value, storage=rule["Destination"].get("StorageClass") or held.storage_class,
        etag=held.etag, multipart=held.multipart, encryption=held.encryption if under else None,
        kms_key_id=key_id if under else None, disable_notification=True,
    )  # fmt: skip
    replica.set_metadata(held.metadata)
    for name in ("_version_id", "checksum_algorithm", "checksum_type", "checksum_value", "checksum_parts"):
        setattr(replica, name, getattr(held, name))
    replica.replication_status = "REPLICA"
    if tags := _backend(bucket).get_object_tagging(held)["Tags"]:
        backend.put_object_tagging(replica, {tag["Key"]: tag["Value"] for tag in tags})
    return True


def _is_marker(held: Any) -> bool:
    from moto.s3.models import FakeDeleteMarker

    return isinstance(held, FakeDeleteMarker)


def _backend(bucket: Any) -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[bucket.account_id]["aws"]
