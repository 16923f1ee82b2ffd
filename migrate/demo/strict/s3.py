"""Rules over S3: another account's bucket opens by its policy only, and notifications need their destination.

The one rule it keeps: identity policies are not evaluated, so an account's own buckets are open to its principals;
a Deny in a bucket policy is enforced against other accounts only.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from migrate.demo.strict import override, strict
from migrate.demo.strict._caller import CALLER, allows
from migrate.demo.strict._principals import ghosts

# Operations whose IAM action has another name. Source: S3 user guide, Required permissions, unverified.
_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectAttributes": "GetObject",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
_OF_VERSION = {
    "GetObject",
    "GetObjectAcl",
    "GetObjectTagging",
    "DeleteObject",
    "PutObjectTagging",
    "DeleteObjectTagging",
}


@strict(
    "s3.other-accounts-bucket",
    makes="reading, writing or copying from a bucket of another account needs its bucket policy to allow the caller",
    source="S3 user guide, Bucket owner granting cross-account bucket permissions, unverified",
)
def other_accounts_bucket() -> None:
    """The emulator opens every bucket to every account.

    Source: S3 user guide, example-walkthroughs-managing-access, unverified; 403 AccessDenied.
    """
    from moto.s3.exceptions import BucketAccessDeniedError
    from moto.s3.models import s3_backends
    from moto.s3.responses import S3Response

    def bucket_of(name: str) -> Any:
        _, owner = s3_backends.bucket_accounts.get(name, ("", ""))
        return s3_backends[owner]["aws"].buckets.get(name) if owner else None

    def demand(name: str, action: str, key: str | None) -> None:
        bucket, caller = bucket_of(name), CALLER.get()
        if bucket is None or bucket.account_id == caller.account:
            return
        resource = f"arn:aws:s3:::{name}/{key}" if key is not None else f"arn:aws:s3:::{name}"
        if not allows(bucket.policy, caller, f"s3:{action}", resource):
            raise BucketAccessDeniedError(name)

    def check(response: Any, request: Any, full_url: str) -> None:
        name = response.parse_bucket_name_from_url(request, full_url)
        bucket = bucket_of(name) if name else None
        source = request.headers.get("x-amz-copy-source")
        if source:
            _check_source(source, str(request.headers.get("x-amz-tagging-directive", "COPY")), demand, bucket_of)
        if bucket is None or bucket.account_id == CALLER.get().account:
            return
        operation = response._get_action_from_method_and_request_uri(request) or "Unknown"
        action = _ACTIONS.get(operation, operation)
        key = unquote(urlparse(full_url).path).lstrip("/").partition("/")[2] or None
        if action in _OF_VERSION and "versionId" in parse_qs(urlparse(full_url).query):
            action = action.replace("Object", "ObjectVersion", 1)
        demand(name, action, "*" if operation == "DeleteObjects" else key)

    @override(S3Response, "_bucket_response")
    def bucket_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        if not (request.method == "PUT" and not request.args):
            # PutBucket itself answers BucketAlreadyExists whoever asks.
            check(self, request, full_url)
        return old(self, request, full_url)

    @override(S3Response, "_key_response")
    def key_response(old: Any, self: Any, request: Any, full_url: str) -> Any:
        check(self, request, full_url)
        return old(self, request, full_url)


@strict(
    "s3.tags-at-creation",
    makes="a bucket has its tags from the moment on in which it is there, where the creating call gives them",
    source="s3.CreateBucket CreateBucketConfiguration.Tags, botocore 1.44.5",
)
def tags_at_creation() -> None:
    """The emulator ignores them. Source: s3.CreateBucket CreateBucketConfiguration, botocore 1.44.5."""
    import xmltodict  # type: ignore[import-untyped]
    from moto.s3.responses import S3Response

    @override(S3Response, "_bucket_response_put")
    def put(old: Any, self: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        is_new = not querystring and bucket_name not in self.backend.buckets
        answer = old(self, request, bucket_name, querystring)
        if is_new and self.body:
            asked = xmltodict.parse(self.body, force_list=("Tag",)).get("CreateBucketConfiguration") or {}
            if tags := (asked.get("Tags") or {}).get("Tag"):
                self.backend.put_bucket_tagging(bucket_name, {tag["Key"]: tag["Value"] or "" for tag in tags})
        return answer


def _check_source(source: str, tagging: str, demand: Any, bucket_of: Any) -> None:
    """A copy reads its source, and its source's tags unless they are replaced."""
    from moto.s3.models import FakeDeleteMarker, s3_backends

    parsed = urlparse(source)
    name, _, key = unquote(parsed.path).lstrip("/").partition("/")
    wanted = parse_qs(parsed.query).get("versionId", [None])[0]
    version = "Version" if wanted else ""
    demand(name, f"GetObject{version}", key)
    bucket = bucket_of(name)
    held = None
    if bucket is not None:
        versions = bucket.keys.getlist(key, [])
        held = next((one for one in versions if one.version_id == wanted), None) if wanted else bucket.keys.get(key)
    if tagging == "REPLACE" or held is None or isinstance(held, FakeDeleteMarker):
        return
    if s3_backends[bucket.account_id]["aws"].get_object_tagging(held)["Tags"]:
        demand(name, f"GetObject{version}Tagging", key)


@strict(
    "s3.one-set-of-tags",
    makes="an object's tags are the same for every account that may read them, and a copy between accounts keeps them",
    source="s3.CopyObject, botocore 1.44.5: TaggingDirective is COPY by default",
)
def one_set_of_tags() -> None:
    """The emulator keeps tags per caller's account, so another account sees none and a copy loses them.

    Source: s3.CopyObject, botocore 1.44.5.
    """
    from moto.s3.models import S3Backend
    from moto.utilities.tagging_service import TaggingService

    # Bucket names are unique over all accounts, and an object's tags are kept under its bucket's ARN.
    shared = TaggingService()

    @override(S3Backend, "__init__")
    def init(old: Any, self: Any, *words: Any, **named: Any) -> None:
        old(self, *words, **named)
        self.tagger = shared


@strict(
    "s3.no-ghosts-in-policy",
    makes="PutBucketPolicy naming a role or user that does not exist in an account of the world is refused",
    source="S3 user guide, error MalformedPolicy: Invalid principal in policy, unverified",
)
def no_ghosts_in_policy() -> None:
    """AWS resolves principals when a policy is written.

    Source: S3 error list, MalformedPolicy, unverified.
    """
    from moto.s3.exceptions import S3ClientError
    from moto.s3.models import S3Backend

    @override(S3Backend, "put_bucket_policy")
    def put_bucket_policy(old: Any, self: Any, bucket_name: str, policy: Any) -> Any:
        if ghosts(policy):
            raise S3ClientError("MalformedPolicy", "Invalid principal in policy")
        return old(self, bucket_name, policy)


@strict(
    "s3.notification-destination",
    makes="PutBucketNotificationConfiguration naming a function, queue or topic that does not exist is refused",
    source="s3.PutBucketNotificationConfiguration, botocore 1.44.5 (AWS sends a test message first)",
)
def notification_destination() -> None:
    """The emulator stores any destination. Whether the destination's own policy lets S3 in is not checked here.

    Source: s3.PutBucketNotificationConfiguration, botocore 1.44.5; error text from AWS answers, unverified.
    """
    from moto.s3.exceptions import InvalidArgumentError
    from moto.s3.models import S3Backend

    @override(S3Backend, "put_bucket_notification_configuration")
    def put_notification(old: Any, self: Any, bucket_name: str, notification_config: dict[str, Any]) -> Any:
        for kind, field in (
            ("TopicConfiguration", "Topic"),
            ("QueueConfiguration", "Queue"),
            ("CloudFunctionConfiguration", "CloudFunction"),
        ):
            for entry in (notification_config or {}).get(kind) or []:
                if not _exists(entry[field]):
                    text = "Unable to validate the following destination configurations"
                    raise InvalidArgumentError(text, name=entry[field], value="not found")
        return old(self, bucket_name, notification_config)


def _exists(arn: str) -> bool:
    from moto.awslambda.models import lambda_backends
    from moto.sns.models import sns_backends
    from moto.sqs.models import sqs_backends

    _, _, service, region, account, *rest = arn.split(":")
    if service == "lambda":
        name = rest[1] if len(rest) > 1 else ""
        return any(function.function_name == name for function in lambda_backends[account][region].list_functions())
    if service == "sqs":
        return rest[0] in sqs_backends[account][region].queues
    return service == "sns" and arn in sns_backends[account][region].topics
