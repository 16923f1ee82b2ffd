"""Firehose delivery stream: source, destination, encryption. The rule: it begins empty and delivers what the target's
producers put; what lies in legacy's buffer is delivered by legacy's own stream."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, Wait, pair_tags, tag_pairs
from migrate.kinds import _content as content

_GONE = ("ResourceNotFoundException",)
_STATUS = "DeliveryStreamDescription.DeliveryStreamStatus"
_SEEN_IN = "firehose.DescribeDeliveryStream DeliveryStreamDescription"
_SHOWN_WHOLE = ("ExtendedS3", "Amazonopensearchservice", "Elasticsearch", "AmazonOpenSearchServerless", "Iceberg", "S3")
_SIGNING_IN = ("Redshift", "Splunk", "HttpEndpoint", "Snowflake")
"""Destinations with a password or key that AWS shows to nobody, unless it lies in Secrets Manager."""
_SAID_OTHERWISE = {
    "S3DestinationDescription": "S3Configuration",
    "S3BackupDescription": "S3BackupConfiguration",
    "VpcConfigurationDescription": "VpcConfiguration",
}
"""As described → as created. Source: firehose.DescribeDeliveryStream, CreateDeliveryStream, botocore 1.44.5."""


class DeliveryFacts(Facts):
    """Source: firehose.DescribeDeliveryStream, firehose.ListTagsForDeliveryStream."""

    source: str
    """DirectPut, KinesisStreamAsSource, or one that is not moved."""
    source_stream: str | None
    source_role: str | None
    destination: str
    """ExtendedS3, Redshift, …"""
    configuration: dict[str, Json]
    """Of the destination, by the names that creating takes."""
    encryption_type: str | None
    encryption_key: str | None

    @property
    def moves(self) -> bool:
        """Whether AWS shows all that creating it takes."""
        secret = (self.configuration.get("SecretsManagerConfiguration") or {}).get("Enabled")
        known = self.destination in _SHOWN_WHOLE or (self.destination in _SIGNING_IN and bool(secret))
        return known and self.source in ("DirectPut", "KinesisStreamAsSource")


class Create(Action[DeliveryFacts]):
    """The delivery stream; it delivers as soon as something is put in."""

    name = "create"
    title = "Create the delivery stream"

    def applies(self, it: It[DeliveryFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[DeliveryFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own: dict[str, Json] = {"DeliveryStreamName": place.name}
        said: dict[str, Json] = own | {
            "DeliveryStreamType": facts.source,
            f"{facts.destination}DestinationConfiguration": facts.configuration,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        if facts.source_stream:
            said["KinesisStreamSourceConfiguration"] = {
                "KinesisStreamARN": facts.source_stream,
                "RoleARN": facts.source_role,
            }
        if facts.encryption_type:
            key = {"KeyARN": facts.encryption_key} if facts.encryption_key else {}
            said["DeliveryStreamEncryptionConfigurationInput"] = {"KeyType": facts.encryption_type} | key
        gone = Wait("firehose.DescribeDeliveryStream", dict(own), _STATUS, ("gone",), gone=_GONE)
        return [
            Request(
                "firehose.CreateDeliveryStream",
                said,
                once="named",
                creates=True,
                outputs={"arn": "DeliveryStreamARN"},
                # A role just made cannot be assumed for some seconds.
                retry=("InvalidArgumentException",),
                wait=Wait("firehose.DescribeDeliveryStream", dict(own), _STATUS, ("ACTIVE",), ("CREATING_FAILED",)),
                undo=Request(
                    "firehose.DeleteDeliveryStream",
                    own | {"AllowForceDelete": True},
                    done=_GONE,
                    retry=("ResourceInUseException",),
                    wait=gone,
                ),
            )
        ]


class DeliveryStream(Kind[DeliveryFacts]):
    """A delivery stream. Records in its buffer are not carried. A destination that signs in with a password or key of
    its own (Redshift, Splunk, an HTTP endpoint, Snowflake) moves only where that lies in Secrets Manager; one that
    reads from Kafka or a database does not move."""

    name = "firehose.delivery_stream"
    title = "Firehose delivery stream"
    facts = DeliveryFacts
    reads = frozenset(
        {"firehose.DescribeDeliveryStream", "firehose.ListDeliveryStreams", "firehose.ListTagsForDeliveryStream"}
    )
    tagging_types = ("firehose:deliverystream",)
    actions = (Create(),)
    manual = (
        "Create it in the target with `aws firehose create-delivery-stream` and the password or key that AWS does not "
        "show, or put that into Secrets Manager in legacy first and scan again."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "records in the buffer": "legacy's stream delivers them",
        "passwords and keys of a destination": "AWS shows them to nobody",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only else list(_listed(site))

        def described(name: str) -> tuple[dict[str, Any], dict[str, str]] | None:
            answer = site.optional("firehose.DescribeDeliveryStream", missing=_GONE, DeliveryStreamName=name)
            stream: dict[str, Any] = (answer or {}).get("DeliveryStreamDescription") or {}
            if not stream or stream["DeliveryStreamStatus"] == "DELETING":
                return None
            own = {"DeliveryStreamName": name, "Limit": 50}
            tags = site.optional("firehose.ListTagsForDeliveryStream", missing=_GONE, **own) or {}
            return stream, pair_tags(tags.get("Tags"))

        for found in site.map(described, names):
            if found is not None:
                stream, tags = found
                arn = stream["DeliveryStreamARN"]
                yield self.found(site, stream["DeliveryStreamName"], _facts(site, stream), arn=arn, tags=tags)

    def needs(self, it: It[DeliveryFacts]) -> Iterator[Need]:
        facts = it.facts
        if not facts.moves:
            return
        if facts.source_stream:
            yield Need(facts.source_stream, "consumes", "hard", f"{_SEEN_IN}.Source")
        if facts.encryption_key:
            yield Need(facts.encryption_key, "encrypted by", "hard", f"{_SEEN_IN}.DeliveryStreamEncryption…")
        if facts.configuration.get("RoleARN"):
            yield Need(facts.configuration["RoleARN"], "assumes", "hard", f"{_SEEN_IN}.Destinations[].RoleARN")


def _listed(site: ReadSite) -> Iterator[str]:
    """Names over all pages: AWS goes on after the last name that it gave."""
    asked: dict[str, Any] = {"Limit": 50}
    while True:
        page = site.call("firehose.ListDeliveryStreams", **asked)
        names = page["DeliveryStreamNames"]
        yield from names
        if not page.get("HasMoreDeliveryStreams") or not names:
            return
        asked["ExclusiveStartDeliveryStreamName"] = names[-1]


def _facts(site: ReadSite, stream: Mapping[str, Any]) -> DeliveryFacts:
    shown = (stream.get("Destinations") or [{}])[0]
    destination = next(
        (name for name in (*_SHOWN_WHOLE, *_SIGNING_IN) if shown.get(f"{name}DestinationDescription")), "another"
    )
    described = content.sealed(site, "", content.plain(shown.get(f"{destination}DestinationDescription") or {}))
    configuration = {_SAID_OTHERWISE.get(key, key): value for key, value in described.items()}
    if "VpcConfiguration" in configuration:
        # AWS tells the VPC by the subnets.
        vpc = {key: value for key, value in configuration["VpcConfiguration"].items() if key != "VpcId"}
        configuration["VpcConfiguration"] = vpc
    source = (stream.get("Source") or {}).get("KinesisStreamSourceDescription") or {}
    encryption = stream.get("DeliveryStreamEncryptionConfiguration") or {}
    is_encrypted = encryption.get("Status", "ENABLED") in ("ENABLED", "ENABLING") and bool(encryption.get("KeyType"))
    return DeliveryFacts(
        source=stream.get("DeliveryStreamType", "DirectPut"),
        source_stream=source.get("KinesisStreamARN"),
        source_role=source.get("RoleARN"),
        destination=destination,
        configuration=configuration,
        encryption_type=encryption["KeyType"] if is_encrypted else None,
        encryption_key=encryption.get("KeyARN") if is_encrypted else None,
    )


KINDS = (DeliveryStream(),)
