"""cloudtrail.data_trail: who read and wrote which object of a sensitive account. The rule: it does not log itself.

Its bucket lies in the same account. A rollback deletes the trail, and the bucket only while it is empty: logs stay.
Sources: cloudtrail.CreateTrail, cloudtrail.PutEventSelectors, botocore 1.44.5; the bucket's policy: CloudTrail User
Guide, "Amazon S3 bucket policy for CloudTrail", read 2026-11.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Place, ReadSite, Request
from migrate.names import Region
from migrate.organisation.kinds import _delivered_to
from migrate.organisation.wanted import Make, Wanted, WantedKind
from migrate.values import Json, as_json

TRAIL = "migrate-data-events"
MISSING = ("TrailNotFoundException",)


class DataTrail(Wanted):
    """Source: cloudtrail.GetTrail, GetTrailStatus, GetEventSelectors. The name is the account's id."""

    bucket: str
    is_logging: bool = True
    selectors: list[dict[str, Json]]


def bucket_of(account: str) -> str:
    """The name of the bucket that its logs lie in."""
    return f"{TRAIL}-{account}"


def selectors(account: str) -> list[dict[str, Json]]:
    """Management events, and every object but those of the trail's own bucket: they would log their own writing."""

    def field(name: str, how: str, *values: str) -> dict[str, Json]:
        return {"Field": name, how: list(values)}

    objects = [
        field("eventCategory", "Equals", "Data"),
        field("resources.type", "Equals", "AWS::S3::Object"),
        field("resources.ARN", "NotStartsWith", f"arn:aws:s3:::{bucket_of(account)}/"),
    ]
    return [
        {"Name": "management", "FieldSelectors": [field("eventCategory", "Equals", "Management")]},
        {"Name": "objects", "FieldSelectors": list(objects)},
    ]


def _policy(account: str, region: Region) -> dict[str, Json]:
    bucket = f"arn:aws:s3:::{bucket_of(account)}"
    source = {"aws:SourceArn": f"arn:aws:cloudtrail:{region}:{account}:trail/{TRAIL}"}
    service = {"Service": "cloudtrail.amazonaws.com"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AWSCloudTrailAclCheck", "Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl",
                "Resource": bucket, "Condition": {"StringEquals": source},
            },
            {
                "Sid": "AWSCloudTrailWrite", "Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
                "Resource": f"{bucket}/AWSLogs/{account}/*",
                "Condition": {"StringEquals": source | {"s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ],
    }  # fmt: skip


class CreateDataTrail(Make[DataTrail]):
    """CreateBucket, PutBucketPolicy, CreateTrail, PutEventSelectors, StartLogging."""

    title = "Log who reads and writes objects"

    def requests(self, it: It[DataTrail], place: Place) -> list[Request]:
        bucket: dict[str, Json] = {"Bucket": it.facts.bucket}
        trail: dict[str, Json] = {"Name": TRAIL}
        made = trail | {
            "S3BucketName": it.facts.bucket, "IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": True,
            "EnableLogFileValidation": True,
        }  # fmt: skip
        policy = as_json(_policy(it.ref.name, place.region))
        return [
            _delivered_to.created(it.facts.bucket, place.region),
            Request("s3.PutBucketPolicy", bucket | {"Policy": policy}),
            Request(
                "cloudtrail.CreateTrail", made, once="named", creates=True,
                retry=("InsufficientS3BucketPolicyException",),
                undo=Request("cloudtrail.DeleteTrail", trail, done=MISSING),
            ),
            Request(
                "cloudtrail.PutEventSelectors", {"TrailName": TRAIL, "AdvancedEventSelectors": list(it.facts.selectors)}
            ),
            Request("cloudtrail.StartLogging", trail),
        ]  # fmt: skip


class DataTrailKind(WantedKind[DataTrail]):
    """A trail with the data events of S3."""

    name = "cloudtrail.data_trail"
    title = "Trail of data events"
    facts = DataTrail
    reads = frozenset({"cloudtrail.GetEventSelectors", "cloudtrail.GetTrail", "cloudtrail.GetTrailStatus"})
    reads |= _delivered_to.READS
    is_global = False
    per_account = True
    stamped = False
    actions = (CreateDataTrail(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The trail, where it stands. Another one of the account is not looked at."""
        answer = site.optional("cloudtrail.GetTrail", missing=MISSING, Name=TRAIL)
        if answer is None or only not in (None, site.account):
            return
        status = site.call("cloudtrail.GetTrailStatus", Name=TRAIL)
        shown = site.call("cloudtrail.GetEventSelectors", TrailName=TRAIL)
        facts = DataTrail(
            id=site.account, stands=True, bucket=answer["Trail"]["S3BucketName"], is_logging=bool(status["IsLogging"]),
            selectors=list(shown.get("AdvancedEventSelectors") or ()),
        )  # fmt: skip
        yield self.found(site, site.account, facts, arn=answer["Trail"].get("TrailARN") or "")


KINDS = (DataTrailKind(),)
