"""The buckets and their objects, with every oddity that a copy loses: keys, headers, tags, versions, parts.

Rule: objects are written before notifications are switched on, so that building sends no event of its own.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from migrate.demo.legacy.site import DOMAIN, ENVS, PARTNER_ACCOUNT, Env, Site, allow, document, pairs

ODD_KEYS = (
    "reports/with space.csv",
    "reports/plus+sign.csv",
    "reports/percent%20literal.csv",
    "reports/ünïcödé/日本語.txt",
    "reports/emoji-🛒.txt",
    "folder/",
    "zero-bytes.bin",
    "deep/a/b/c/d/e/f.txt",
    "quotes'and&ersand=.txt",
    "double//slash.txt",
)
PLAIN_OBJECTS = 50
MIB = 1024 * 1024
# bucket, tags, the key that encrypts it (None: SSE-S3)
SHARED_BUCKETS: tuple[tuple[str, dict[str, str], str | None], ...] = (
    ("shop-assets-shared", {}, None),
    ("shop-shared", {}, "shared"),
    ("shop-training-data", {"data-class": "sensitive", "team": "data"}, "shared"),
)
ARCHIVE = "shop-archive-prod"


def build(site: Site, key_arns: dict[str, str]) -> None:
    """Create every bucket but the archive, with configuration and objects."""
    for env in ENVS:
        _uploads(site, env, key_arns[env])
    for bucket, tags, key in SHARED_BUCKETS:
        _bucket(site, bucket, tags, key_arns[key] if key else None)
    _assets(site)
    _put_all(site, "shop-shared", ((f"lookup/table-{number}.json", _json(number)) for number in range(5)))
    _put_all(
        site,
        "shop-training-data",
        ((f"features/part-{number:03d}.bin", {"Body": _noise(f"train:{number}", 2048)}) for number in range(12)),
    )


def _bucket(site: Site, bucket: str, tags: dict[str, str], key_arn: str | None) -> None:
    s3 = site.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": site.region})
    if tags:
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": pairs(tags)})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn} if key_arn else {"SSEAlgorithm": "AES256"}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": key_arn is not None}]
        },
    )
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": bucket != "shop-assets-shared",
        },
    )


def _uploads(site: Site, env: Env, key_arn: str) -> None:
    s3 = site.client("s3")
    bucket = f"shop-uploads-{env}"
    _bucket(site, bucket, {"env": env, "Name": bucket}, key_arn)
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=document(
            allow(
                ["s3:GetObject", "s3:PutObject"],
                f"arn:aws:s3:::{bucket}/*",
                Sid="Containers",
                Principal={"AWS": site.role(f"shop-{env}-ecs-task")},
            ),
            {
                "Sid": "OnlyThisAccount",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:DeleteBucket",
                "Resource": f"arn:aws:s3:::{bucket}",
                "Condition": {"StringNotEquals": {"aws:PrincipalAccount": site.account}},
            },
        ),
    )
    s3.put_bucket_cors(
        Bucket=bucket,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedMethods": ["PUT", "GET"],
                    "AllowedOrigins": [f"https://{env}.{DOMAIN}"],
                    "AllowedHeaders": ["*"],
                    "ExposeHeaders": ["ETag"],
                    "MaxAgeSeconds": 600,
                }
            ]
        },
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "expire-temporary",
                    "Status": "Enabled",
                    "Filter": {"Prefix": "tmp/"},
                    "Expiration": {"Days": 7},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
                }
            ]
        },
    )
    _put_all(site, bucket, _upload_objects(env))
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": "new-upload",
                    "QueueArn": site.arn("sqs", f"shop-{env}-jobs"),
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "images/"}]}},
                }
            ]
        },
    )


def _upload_objects(env: Env) -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(PLAIN_OBJECTS):
        key = f"images/2024/{number:03d}.png" if number % 2 else f"invoices/2024/{number:03d}.pdf"
        item: dict[str, Any] = {
            "Body": _noise(f"{env}:{number}", 200 + 37 * number),
            "ContentType": "image/png" if number % 2 else "application/pdf",
        }
        if number % 3 == 0:
            item["Metadata"] = {"customer": str(number), "origin": f"web-{env}"}
        if number % 5 == 0:
            item["CacheControl"] = "private, max-age=3600"
        if number % 7 == 0:
            item["Tagging"] = urlencode({"retention": "7y", "kind": "invoice + more: paid"})
        if number == 11:
            item |= {
                "ContentDisposition": 'attachment; filename="eleven.png"',
                "ContentLanguage": "de",
                "ContentEncoding": "gzip",
            }
        yield key, item
    for key in ODD_KEYS:
        empty = key in ("folder/", "zero-bytes.bin")
        yield (
            key,
            {"Body": b"" if empty else f"{env}: {key}".encode(), "ContentType": "text/plain; charset=utf-8"},
        )


def _assets(site: Site) -> None:
    s3 = site.client("s3")
    bucket = "shop-assets-shared"
    _put_all(
        site,
        bucket,
        (
            (
                f"catalogue/{number:02d}.webp",
                {
                    "Body": _noise(f"asset:{number}", 512),
                    "ContentType": "image/webp",
                    "CacheControl": "public, max-age=31536000, immutable",
                },
            )
            for number in range(20)
        ),
    )
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=document(
            allow(
                ["s3:GetObject", "s3:ListBucket"],
                [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                Principal={"AWS": [site.root, f"arn:aws:iam::{PARTNER_ACCOUNT}:root"]},
            )
        ),
    )


def archive(site: Site, key_arn: str) -> Iterator[None]:
    """Build the archive in three chapters: versions, then delete markers, then a version after a marker.

    S3 dates things to the second only, so the order of a marker and a version shows if a second lies between: the
    caller does other work between the chapters, and what is left of the second is slept.
    """
    s3 = site.client("s3")
    _bucket(site, ARCHIVE, {"team": "finance"}, key_arn)
    s3.put_bucket_versioning(Bucket=ARCHIVE, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(
        Bucket=ARCHIVE,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "old-versions",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 365},
                }
            ]
        },
    )
    for number in range(8):
        for version in range(1, 2 + number % 4):
            s3.put_object(
                Bucket=ARCHIVE,
                Key=f"ledger/{number}.csv",
                Body=f"ledger {number}, version {version}\n".encode() * version,
                ContentType="text/csv",
                Metadata={"revision": str(version)},
                Tagging=urlencode({"year": str(2020 + number), "version": str(version)}),
            )
    _dump(site)
    written = time.time()
    yield
    _next_second(written)
    for key in ("ledger/3.csv", "ledger/5.csv", "ledger/7.csv", "ledger/7.csv"):
        s3.delete_object(Bucket=ARCHIVE, Key=key)
    deleted = time.time()
    yield
    _next_second(deleted)
    s3.put_object(Bucket=ARCHIVE, Key="ledger/5.csv", Body=b"back again\n", ContentType="text/csv")


def _next_second(after: float) -> None:
    time.sleep(max(0.0, int(after) + 1.01 - time.time()))


def _dump(site: Site) -> None:
    s3 = site.client("s3")
    upload = s3.create_multipart_upload(
        Bucket=ARCHIVE,
        Key="dumps/full backup.tar",
        ContentType="application/x-tar",
        Metadata={"parts": "2"},
        Tagging=urlencode({"kind": "dump"}),
    )["UploadId"]
    target = {"Bucket": ARCHIVE, "Key": "dumps/full backup.tar", "UploadId": upload}
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**target, PartNumber=number, Body=_noise(f"part:{number}", size))["ETag"],
        }
        for number, size in ((1, 8 * MIB), (2, 3 * MIB + 17))
    ]
    s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})


def _put_all(site: Site, bucket: str, items: Iterator[tuple[str, dict[str, Any]]]) -> None:
    s3 = site.client("s3")
    for key, item in items:
        s3.put_object(Bucket=bucket, Key=key, **item)


def _json(number: int) -> dict[str, Any]:
    return {"Body": json.dumps({"table": number}).encode(), "ContentType": "application/json"}


def _noise(seed: str, size_bytes: int) -> bytes:
    return random.Random(seed).randbytes(size_bytes)
