"""The bucket that a service of AWS delivers files into.

The rule: what was delivered stays. A bucket that stood before is taken as it is, and no rollback deletes it; one that
was made here is deleted by a rollback only while it is empty.
"""

from migrate.names import Region
from migrate.requests import Find, Request
from migrate.values import Json

READS = frozenset({"s3.ListBuckets"})


def created(bucket: str, region: Region) -> Request:
    """The request that makes it. In us-east-1 AWS answers well for a bucket that is one's own already, elsewhere with
    BucketAlreadyOwnedByYou: so it is looked for first. Source: s3.CreateBucket errors, botocore 1.44.5."""
    named: dict[str, Json] = {"Bucket": bucket}
    where: dict[str, Json] = (
        {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    return Request(
        "s3.CreateBucket", named | where, outputs={"location": "Location"},
        undo=Request("s3.DeleteBucket", named, done=("NoSuchBucket", "BucketNotEmpty")),
        find=Find("s3.ListBuckets", {"Prefix": bucket}, {"location": f"Buckets[?Name=='{bucket}'].Name | [0]"}),
    )  # fmt: skip
