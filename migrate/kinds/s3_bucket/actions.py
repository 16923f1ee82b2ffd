"""How a bucket moves. The rule: in legacy only the right to read is given, and it is taken back by the undo."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from migrate.carry import objects, objects_undo, prove_objects
from migrate.carry.same_object import Buckets
from migrate.kind import Action, Carrier, CarryAction, It, Json, Place, Proof, Request, after, tag_pairs
from migrate.kinds.s3_bucket.facts import SHARED_SID, BucketFacts, is_written_by_aws
from migrate.sites import LOSS_ACCEPTED
from migrate.values import as_json

BEGAN, ENDED = "copying_began", "copying_ended"
COPIED = "copied_once"


class Create(Action[BucketFacts]):
    """The empty bucket with everything that does not react to objects."""

    name = "create"
    title = "Create the bucket"

    def requests(self, it: It[BucketFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        bucket: dict[str, Json] = {"Bucket": place.name}
        tags = tag_pairs(place.stamp(it.tags))
        made: dict[str, Json] = {"Tags": tags}
        # us-east-1 is the region that may not be said. Source: s3.CreateBucket, botocore 1.44.5.
        if place.region != "us-east-1":
            made["LocationConstraint"] = place.region
        lock = {"ObjectLockEnabledForBucket": True} if facts.object_lock else {}
        encryption = {"Rules": facts.encryption}

        def put(operation: str, done: tuple[str, ...] = (), **params: Json) -> Request:
            return Request(f"s3.{operation}", bucket | params, done=done)

        requests = [
            Request(
                "s3.CreateBucket",
                bucket | {"CreateBucketConfiguration": made, "ObjectOwnership": facts.ownership} | lock,
                once="named",
                creates=True,
                done=("BucketAlreadyOwnedByYou",),
                # Not emptied first: a bucket that still holds objects refuses, and a person decides.
                undo=Request("s3.DeleteBucket", dict(bucket), done=("NoSuchBucket",)),
            ),
            # Again, first of all: an endpoint that does not know tags in the creating call ignores them there.
            # Where tags decide about access the call is refused, and these have their tags (the code is unverified).
            put("PutBucketTagging", ("MethodNotAllowed",), Tagging={"TagSet": tags}),
            put("PutBucketOwnershipControls", OwnershipControls={"Rules": [{"ObjectOwnership": facts.ownership}]}),
            put("PutPublicAccessBlock", PublicAccessBlockConfiguration=facts.public_access_block),
            put("PutBucketEncryption", ServerSideEncryptionConfiguration=encryption),
        ]
        if facts.versioning:
            requests.append(put("PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"}))
        if facts.cors:
            requests.append(put("PutBucketCors", CORSConfiguration={"CORSRules": facts.cors}))
        if facts.website:
            requests.append(put("PutBucketWebsite", WebsiteConfiguration=facts.website))
        if facts.acceleration:
            status = {"Status": facts.acceleration}
            requests.append(put("PutBucketAccelerateConfiguration", AccelerateConfiguration=status))
        if facts.request_payer != "BucketOwner":
            payer = {"Payer": facts.request_payer}
            requests.append(put("PutBucketRequestPayment", RequestPaymentConfiguration=payer))
        return requests


class Configure(Action[BucketFacts]):
    """The bucket policy: after create, because it names roles that may name the bucket."""

    name = "configure"
    title = "Write the bucket policy"
    sets = frozenset({"policy"})

    def applies(self, it: It[BucketFacts]) -> bool:
        return it.facts.policy is not None

    def requests(self, it: It[BucketFacts], place: Place) -> Sequence[Request]:
        bucket: dict[str, Json] = {"Bucket": place.name}
        return [
            Request(
                "s3.PutBucketPolicy",
                bucket | {"Policy": as_json(it.facts.policy)},
                # A role that was made a moment ago is no valid principal yet.
                retry=("MalformedPolicy",),
                undo=Request("s3.DeleteBucketPolicy", dict(bucket), done=("NoSuchBucket", "NoSuchBucketPolicy")),
            )
        ]


class CopyObjects(CarryAction[BucketFacts]):
    """The bulk of the objects, while legacy is still in use."""

    name = "copy_objects"
    title = "Copy the objects"
    undo_class = "R1"
    repeats = True
    proved_by = "copy_delta"
    writes = objects.WRITES
    reads = objects.READS

    def requests(self, it: It[BucketFacts], place: Place) -> Sequence[Request]:
        """Let the targets read: in the bucket policy, and by a grant on the key that encrypts the bucket."""
        if _through(it.facts):
            return ()
        bucket: dict[str, Json] = {"Bucket": it.ref.name}
        policy = shared_policy(it, place)
        original: Request
        if it.facts.policy is None:
            original = Request("s3.DeleteBucketPolicy", dict(bucket), "legacy", done=("NoSuchBucketPolicy",))
        else:
            original = Request("s3.PutBucketPolicy", bucket | {"Policy": as_json(it.facts.policy)}, "legacy")
        requests = [Request("s3.PutBucketPolicy", bucket | {"Policy": as_json(policy)}, "legacy", undo=original)]
        if it.facts.key_arn:
            requests += [_grant(it.facts.key_arn, place, account) for account in _accounts(place)]
        return requests

    def legacy_after(self, it: It[BucketFacts]) -> Mapping[str, Json] | None:
        # The policy's own statements stay: where they do not, a person changed them and the undo leaves them alone.
        return None if _through(it.facts) else {"policy": it.facts.policy, "read_shared": True}

    def summary(self, it: It[BucketFacts], place: Place) -> dict[str, Json]:
        return _summary(it, place)

    def carry(self, it: It[BucketFacts], to: Carrier) -> Mapping[str, Json]:
        to.remember(BEGAN, datetime.now(UTC).isoformat())
        if to.outputs.get(objects_undo.BEGUN):
            to.remember(objects_undo.BEGUN, "")
        return _copied(it, to)

    def prove(self, it: It[BucketFacts], to: Carrier) -> Proof:
        return prove_objects.prove_all(to, both_buckets(it, to), written_since=_told(to, BEGAN))

    def uncarry(self, it: It[BucketFacts], to: Carrier) -> None:
        objects_undo.take_away(to, both_buckets(it, to), may_lose=bool(to.outputs.get(LOSS_ACCEPTED)))

    def loses(self, it: It[BucketFacts], to: Carrier) -> Sequence[str]:
        return objects_undo.written_since(to, both_buckets(it, to))


class CopyDelta(CarryAction[BucketFacts]):
    """What changed since the bulk, while nothing writes: after this both sides are equal, key by key."""

    name = "copy_delta"
    title = "Copy what changed since"
    phase = "data"
    downtime = "D2"
    repeats = True
    writes = objects.WRITES
    reads = objects.READS

    def summary(self, it: It[BucketFacts], place: Place) -> dict[str, Json]:
        return _summary(it, place)

    def carry(self, it: It[BucketFacts], to: Carrier) -> Mapping[str, Json]:
        to.remember(BEGAN, datetime.now(UTC).isoformat())
        counts = _copied(it, to)
        to.remember(ENDED, datetime.now(UTC).isoformat())
        return counts

    def prove(self, it: It[BucketFacts], to: Carrier) -> Proof:
        if not is_written_by_aws(it.facts):
            return prove_objects.prove_all(to, both_buckets(it, to), written_since=None)
        # Our own looks at a bucket become lines of its log: where AWS writes, both sides would never be equal. After
        # the cut-over it writes into the target's too.
        since, ended = _told(to, BEGAN), _told(to, ENDED)
        return prove_objects.prove_all(to, both_buckets(it, to), written_since=since, delivered_since=ended)

    def uncarry(self, it: It[BucketFacts], to: Carrier) -> None:
        """Nothing: what came second cannot be told from what came first, and goes with it."""


def _copied(it: It[BucketFacts], to: Carrier) -> Mapping[str, Json]:
    """Copy; the second time a proof found a difference that our own look had not shown."""
    counts = objects.copy_all(to, replace(both_buckets(it, to), thorough=bool(to.outputs.get(COPIED))))
    to.remember(COPIED, "1")
    return counts


def _told(to: Carrier, name: str) -> datetime | None:
    told = to.outputs.get(name)
    # S3 tells times in whole seconds: what was written in the same one may have come after the listing.
    return datetime.fromisoformat(told).replace(microsecond=0) if told else None


class SilenceLegacy(Action[BucketFacts]):
    """Legacy's notifications off: what is still written there is copied, and calls nothing any more."""

    name = "silence_legacy"
    title = "Switch off legacy's notifications"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D1"
    # What a service writes until its last task is gone is still announced.
    after_kinds = ("ecs.service.stop_legacy",)

    def applies(self, it: It[BucketFacts]) -> bool:
        return bool(it.facts.notification)

    def requests(self, it: It[BucketFacts], place: Place) -> Sequence[Request]:
        def put(notification: Json, undo: Request | None = None) -> Request:
            params = {"Bucket": it.ref.name, "NotificationConfiguration": notification}
            return Request("s3.PutBucketNotificationConfiguration", params, "legacy", undo=undo)

        return [put({}, put(it.facts.notification))]

    def legacy_after(self, it: It[BucketFacts]) -> Mapping[str, Json]:
        return {"notification": {}}


def shared_policy(it: It[BucketFacts], place: Place) -> dict[str, Any]:
    """The legacy policy plus one statement that lets the target accounts read objects, versions and tags."""
    digest = hashlib.sha256(place.migration.encode()).hexdigest()[:12]
    policy = dict(it.facts.policy or {"Version": "2012-10-17", "Statement": []})
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    reading = {
        "Sid": f"{SHARED_SID}{digest}",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in _accounts(place)]},
        "Action": [
            "s3:GetObject",
            "s3:GetObjectAttributes",
            "s3:GetObjectTagging",
            "s3:GetObjectVersion",
            "s3:GetObjectVersionAttributes",
            "s3:GetObjectVersionTagging",
            "s3:ListBucket",
            "s3:ListBucketVersions",
        ],
        "Resource": [it.arn, f"{it.arn}/*"],
    }
    return policy | {"Statement": [*statements, reading]}


def _summary(it: It[BucketFacts], place: Place) -> dict[str, Json]:
    how = "s3.CopyObject as the target account; objects uploaded in parts by s3.UploadPartCopy"
    if _through(it.facts):
        how = "read in legacy and written to the target through this process: no other account may use aws/s3"
    if not _is_for_jobs(it.facts):
        how += "; never by S3 Batch Operations (an AWS-managed key, two layers, a website or Object Lock)"
    return {
        **({"remarks": remarks} if (remarks := _remarks(it)) else {}),
        "from": f"s3://{it.ref.name}",
        "to": f"s3://{place.name}",
        "how": how,
        "what": "every version and delete marker, oldest first" if it.facts.versioning else "current objects",
    }


def _remarks(it: It[BucketFacts]) -> list[Json]:
    """What a reader of the plan should know beside the objects."""
    facts = it.facts
    said: list[Json] = []
    if _is_public(facts):
        said.append(
            "anybody may read it by its policy: so it will be under its new name, if the target account's own Block "
            "Public Access allows such a policy"
        )
    if facts.website:
        said.append(
            "it is a website: the new bucket's endpoint has another host name; what points at the old one from outside "
            "(DNS, CloudFront origins) is switched by hand"
        )
    if facts.ownership != "BucketOwnerEnforced" and not facts.public_access_block["IgnorePublicAcls"]:
        # Source: s3.CopyObject, botocore 1.44.5: "the ACL metadata is not preserved and is set to private".
        said.append(
            "its objects may have ACLs of their own (public-read, another account), which do not arrive and are not "
            "compared: every copy is private. What they allow has to be said in its bucket policy"
        )
    if facts.request_payer != "BucketOwner":
        said.append("requester pays: the target account is billed for the requests and transfer of the copy")
    return said


def _is_public(facts: BucketFacts) -> bool:
    statements = (facts.policy or {}).get("Statement", [])
    open_to_all = ("*", {"AWS": "*"}, {"AWS": ["*"]})
    found = any(
        one.get("Effect") == "Allow" and one.get("Principal") in open_to_all and not one.get("Condition")
        for one in (statements if isinstance(statements, list) else [statements])
    )
    return found and not facts.public_access_block["RestrictPublicBuckets"]


def _grant(key_arn: str, place: Place, account: str) -> Request:
    """A grant and not a key policy: it adds, and taking it back cannot lock anybody out."""
    digest = hashlib.sha256(f"{place.migration}/{account}".encode()).hexdigest()[:12]
    output = f"grant_{account}"
    return Request(
        "kms.CreateGrant",
        {
            "KeyId": key_arn,
            "GranteePrincipal": f"arn:aws:iam::{account}:root",
            "Operations": ["Decrypt", "DescribeKey"],
            # With a name, a repeat gives the same grant. Source: kms.CreateGrant Name, botocore 1.44.5.
            "Name": f"migrate-{digest}",
        },
        "legacy",
        outputs={output: "GrantId"},
        undo=Request(
            "kms.RevokeGrant",
            {"KeyId": key_arn, "GrantId": after("copy_objects", output)},
            "legacy",
            done=("NotFoundException",),
        ),
    )


def _accounts(place: Place) -> tuple[str, ...]:
    return tuple(sorted(place.accounts or (place.account,)))


def _through(facts: BucketFacts) -> bool:
    return facts.key_manager == "aws"


def _is_for_jobs(facts: BucketFacts) -> bool:
    # Whether a job copies under two layers of encryption is unverified.
    twice = any("aws:kms:dsse" in str(rule) for rule in facts.encryption)
    return not (facts.key_manager == "aws" or twice or facts.website or facts.object_lock)


def both_buckets(it: It[BucketFacts], to: Carrier) -> Buckets:
    """Both sides, and how objects go from one to the other."""
    facts = it.facts
    batch_from = to.planned.get("batch_from_objects") if _is_for_jobs(facts) else None
    return Buckets(
        it.ref.name,
        to.place.name,
        versioned=bool(facts.versioning),
        through=_through(facts),
        special=bool(facts.website or facts.object_lock),
        requester_pays=facts.request_payer != "BucketOwner",
        read_up_to_bytes=to.planned.get("read_up_to_bytes"),
        restore=to.planned.get("restore"),
        # Jobs say no locks and redirects, and no other account may use aws/s3.
        batch_from=batch_from,
        keys=(facts.key_arn, str(to.rewrite(facts.key_arn))) if facts.key_arn and batch_from is not None else None,
    )
