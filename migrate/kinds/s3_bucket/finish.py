"""What is switched on in a bucket last. The rule: nothing here is on while objects are copied or compared."""

from collections.abc import Sequence

from migrate.kind import Action, It, Json, Place, Request
from migrate.kinds.s3_bucket.facts import NAMED, BucketFacts


class Finish(Action[BucketFacts]):
    """What reacts to objects or writes of them. Source: S3 user guide, Replicating existing objects: lifecycle last."""

    name = "finish"
    title = "Switch on lifecycle, notifications, logging, replication and reports"
    sets = frozenset({"lifecycle", "lifecycle_minimum", "notification", "logging", "replication", "abac", *NAMED})
    phase = "cutover"
    undo_class = "R2"

    def applies(self, it: It[BucketFacts]) -> bool:
        facts = it.facts
        lock_rule = bool(facts.object_lock and facts.object_lock.get("Rule"))
        suspended = facts.versioning == "Suspended"
        reacting = facts.lifecycle or facts.notification or facts.logging or facts.replication or facts.abac
        return bool(reacting or suspended or lock_rule or any(getattr(facts, name) for name in NAMED))

    def requests(self, it: It[BucketFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        bucket: dict[str, Json] = {"Bucket": place.name}

        def put(operation: str, member: str, value: Json, before: Json) -> Request:
            undo = Request(f"s3.{operation}", bucket | {member: before}, done=("NoSuchBucket",))
            return Request(f"s3.{operation}", bucket | {member: value}, undo=undo)

        requests: list[Request] = []
        if facts.versioning == "Suspended":
            suspended = {"Status": "Suspended"}
            requests.append(put("PutBucketVersioning", "VersioningConfiguration", suspended, {"Status": "Enabled"}))
        if facts.object_lock and facts.object_lock.get("Rule"):
            bare = {"ObjectLockEnabled": "Enabled"}
            requests.append(put("PutObjectLockConfiguration", "ObjectLockConfiguration", facts.object_lock, bare))
        if facts.logging:
            on = {"LoggingEnabled": facts.logging}
            requests.append(put("PutBucketLogging", "BucketLoggingStatus", on, {}))
        if facts.lifecycle:
            least = facts.lifecycle_minimum
            more = {"TransitionDefaultMinimumObjectSize": least} if least else {}
            requests.append(
                Request(
                    "s3.PutBucketLifecycleConfiguration",
                    bucket | {"LifecycleConfiguration": {"Rules": facts.lifecycle}} | more,
                    undo=Request("s3.DeleteBucketLifecycle", dict(bucket), done=("NoSuchBucket",)),
                )
            )
        if facts.replication:
            requests.append(
                Request(
                    "s3.PutBucketReplication",
                    bucket | {"ReplicationConfiguration": facts.replication},
                    # A role that was made a moment ago, and a destination that is not seen yet.
                    retry=("InvalidRequest", "InvalidArgument"),
                    undo=Request("s3.DeleteBucketReplication", dict(bucket), done=("NoSuchBucket",)),
                )
            )
        for name, called in NAMED.items():
            for one in getattr(facts, name):
                own = bucket | {"Id": one["Id"]}
                off = Request(
                    f"s3.DeleteBucket{called}Configuration", own, done=("NoSuchBucket", "NoSuchConfiguration")
                )
                requests.append(
                    Request(f"s3.PutBucket{called}Configuration", own | {f"{called}Configuration": one}, undo=off)
                )
        if facts.notification:
            off = Request("s3.PutBucketNotificationConfiguration", bucket | {"NotificationConfiguration": {}})
            requests.append(
                Request(
                    "s3.PutBucketNotificationConfiguration",
                    bucket | {"NotificationConfiguration": facts.notification},
                    # AWS tries each destination first; a permission made a moment ago is not seen yet.
                    retry=("InvalidArgument",),
                    undo=off,
                )
            )
        if facts.abac:
            # Last: from then on PutBucketTagging is refused.
            requests.append(put("PutBucketAbac", "AbacStatus", {"Status": "Enabled"}, {"Status": "Disabled"}))
        return requests
