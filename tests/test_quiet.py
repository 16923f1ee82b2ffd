"""Whether legacy's traffic has stopped: what silence means for each metric, and what the verb ends with."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.s3.responses import S3Response

from migrate import files, plan
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import AccountId, Ref, Region
from migrate.quiet import LAG_S, Looked, Measured, Meter, judge, meters, period_s, request_meters, whole_periods
from tests.cut_over import CONFIG, told_by
from tests.kinds.plain_site import PlainSite

LEGACY, HOME = AccountId("123456789012"), Region("eu-west-1")
HOUR = 3600.0


def found(kind: str, name: str, arn: str = "", **facts: Any) -> Resource:
    return Resource(Ref(LEGACY, HOME, kind, name), arn, {}, None, None, facts)


BALANCER = found(
    "elbv2.load_balancer", "web", "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c49"
)
DATABASE, API = found("rds.instance", "shop"), found("apigatewayv2.api", "shop", id="a1b2c3")


def verdict(resource: Resource, values: dict[float, float], *, before: bool = False, window_s: float = HOUR) -> str:
    (meter,) = meters(resource)
    return judge(resource, [Measured(meter, values, before)], Looked(), window_s).state


def test_a_load_balancer_is_measured_by_the_end_of_its_arn() -> None:
    assert meters(BALANCER)[0].dimensions == (("LoadBalancer", "app/web/50dc6c49"),)


@pytest.mark.parametrize(
    ("resource", "values", "before", "state"),
    [
        (BALANCER, {}, False, "quiet"),
        (BALANCER, {1.0: 0.0}, False, "quiet"),
        (BALANCER, {1.0: 0.0, 2.0: 3.0}, False, "still used"),
        (DATABASE, {}, True, "could not be known"),
        (DATABASE, {1.0: 0.0}, False, "quiet"),
        (DATABASE, {1.0: 1.0}, False, "still used"),
        (API, {}, False, "could not be known"),
        (API, {}, True, "quiet"),
    ],
)
def test_silence_is_quiet_only_where_aws_publishes_nothing_without_traffic(
    resource: Resource, values: dict[float, float], before: bool, state: str
) -> None:
    assert verdict(resource, values, before=before) == state


def test_right_after_the_cut_over_silence_says_nothing() -> None:
    assert verdict(BALANCER, {}, window_s=LAG_S - 1) == "could not be known"


def test_a_refused_read_is_not_quiet_and_what_nobody_measures_is_not_either() -> None:
    (meter,) = meters(BALANCER)

    assert judge(BALANCER, [Measured(meter, {}, False, "denied")], Looked(), HOUR).state == "could not be known"
    bucket = judge(found("s3.bucket", "files"), [], Looked(), HOUR)
    assert bucket.state == "could not be known"
    assert "access logs" in bucket.why[0]


STREAM = found("kinesis.stream", "clicks", consumers=["billing"])
BUCKET, DISK = found("s3.bucket", "files"), found("efs.file_system", "fs-1")
WHOLE: dict[str, Any] = {"Id": "EntireBucket"}
PART: dict[str, Any] = {"Id": "images", "Filter": {"Prefix": "images/"}}


def test_a_stream_is_measured_by_its_writers_its_pollers_and_each_registered_consumer() -> None:
    named = {(one.metric, dict(one.dimensions).get("ConsumerName", "")): one.silence for one in meters(STREAM)}

    assert named == {
        ("IncomingRecords", ""): "if it spoke before",
        ("GetRecords.Success", ""): "if it spoke before",
        ("SubscribeToShardEvent.Success", "billing"): "quiet",
    }
    silent = [Measured(one, {}, True) for one in meters(STREAM)]
    assert judge(STREAM, silent, Looked(), HOUR).state == "quiet"
    never_spoke = [Measured(one, {}, False) for one in meters(STREAM)]
    assert judge(STREAM, never_spoke, Looked(), HOUR).state == "could not be known"


def test_who_mounts_a_file_system_is_counted() -> None:
    assert verdict(DISK, {1.0: 2.0}) == "still used"
    assert verdict(DISK, {}, before=True) == "quiet"
    assert verdict(DISK, {}) == "could not be known"


def test_only_request_metrics_without_a_filter_speak_for_a_bucket() -> None:
    assert request_meters(BUCKET, [PART]) == ()
    (meter,) = request_meters(BUCKET, [PART, WHOLE])

    assert meter.dimensions == (("BucketName", "files"), ("FilterId", "EntireBucket"))
    assert judge(BUCKET, [Measured(meter, {1.0: 4.0}, True)], Looked(), HOUR).state == "still used"
    assert judge(BUCKET, [Measured(meter, {}, False)], Looked(), HOUR).state == "could not be known"


def test_a_bucket_whose_metrics_were_not_read_is_not_said_to_have_none() -> None:
    said = judge(BUCKET, [], Looked(unread=["s3.ListBucketMetricsConfigurations: denied"]), HOUR)

    assert (said.state, said.why) == ("could not be known", ("s3.ListBucketMetricsConfigurations: denied",))


METER = Meter("AWS/SQS", "NumberOfMessagesSent", (("QueueName", "jobs"),), "quiet")
values = st.dictionaries(st.floats(0, 1e9), st.floats(0, 1e6), max_size=4)
measured = st.builds(Measured, st.just(METER), values, st.booleans(), st.sampled_from(["", "denied"]))


@given(st.lists(measured, min_size=1, max_size=3), st.booleans())
def test_it_is_quiet_exactly_where_nothing_is_used_and_nothing_is_open(many: list[Measured], runs: bool) -> None:
    looked = Looked(used=["2 tasks run"] if runs else [])
    state = judge(found("sqs.queue", "jobs"), many, looked, HOUR).state

    used = runs or any(value > 0 for one in many for value in one.since.values())
    unread = any(one.unread and not any(one.since.values()) for one in many)
    assert state == ("still used" if used else "could not be known" if unread else "quiet")


@given(st.floats(1.0, 4e7), st.floats(1e9, 2e9))
def test_no_period_begins_before_the_cut_over(window: float, now: float) -> None:
    since, period = now - window, period_s(window)
    start, end = whole_periods(since, now, period)

    assert since <= start < since + period
    assert end >= now


@dataclass
class Told:
    """One migration whose run ended an hour ago."""

    folder: Path
    cut_over: float

    def type(self, *words: str) -> tuple[int, dict[str, Any]]:
        return told_by("quiet", self.folder, *words)

    def states(self, *words: str) -> tuple[int, dict[str, str]]:
        code, body = self.type(*words)
        return code, {one["ref"].rpartition("/")[2]: one["state"] for one in body["verdicts"]}


def published(namespace: str, metric: str, at: float, value: float, **dimensions: str) -> None:
    listed = [{"Name": name, "Value": text} for name, text in dimensions.items()]
    datum = {
        "MetricName": metric, "Dimensions": listed, "Timestamp": datetime.fromtimestamp(at, UTC), "Value": value
    }  # fmt: skip
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A queue, a table and a database that were cut over two hours ago; the journal is a real one with a set clock."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", HOME)
    with mock_aws():
        boto3.client("sqs").create_queue(QueueName="jobs")
        boto3.client("dynamodb").create_table(
            TableName="carts", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )  # fmt: skip
        kinds = [every_kind()[name] for name in ("sqs.queue", "dynamodb.table")]
        resources = [
            one for kind in kinds for one in kind.scan(PlainSite(boto3.Session(), LEGACY, HOME, kind.reads), None)
        ]
        (tmp_path / "migration.yaml").write_text(CONFIG)
        files.write_inventory(tmp_path, Inventory(LEGACY, (HOME,), tuple(every_kind()), tuple(resources)))
        migration = Migration(tmp_path)
        made = plan.write(tmp_path, migration.inputs())
        assert made.refusals == []
        now = datetime.now(UTC).timestamp()
        run = migration.run_folder(made)
        run.mkdir()
        with Journal(run / "journal.db", clock=lambda: now - 2 * HOUR) as journal:
            for step in made.steps:
                journal.append(step, "verified")
        yield Told(tmp_path, now - 2 * HOUR)


def test_nothing_used_since_the_cut_over_ends_with_0(told: Told) -> None:
    published("AWS/SQS", "NumberOfMessagesSent", told.cut_over - 600, 9, QueueName="jobs")

    assert told.states() == (0, {"jobs": "quiet", "carts": "quiet"})


def test_one_message_since_the_cut_over_ends_with_5_and_says_when(told: Told) -> None:
    at = told.cut_over + 1800
    published("AWS/SQS", "NumberOfMessagesSent", at, 2, QueueName="jobs")

    code, states = told.states()
    assert (code, states) == (5, {"jobs": "still used", "carts": "quiet"})
    _, body = told.type()
    (used,) = [one for one in body["verdicts"] if one["state"] == "still used"]
    assert "NumberOfMessagesSent 2" in used["why"]
    assert abs(used["last_used"] - at) < 120
    assert told.states("--last", "30m") == (0, {"jobs": "quiet", "carts": "quiet"})


def test_messages_that_nobody_took_are_use_although_no_metric_moves(told: Told) -> None:
    queue = boto3.client("sqs").get_queue_url(QueueName="jobs")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody="order 1")

    assert told.states()[0] == 5


def test_a_thing_that_was_not_read_ends_with_6_unless_it_is_left_out(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=boto3.client("sqs").get_queue_url(QueueName="jobs")["QueueUrl"])

    assert told.states() == (6, {"jobs": "could not be known", "carts": "quiet"})
    assert told.states("--without", "sqs.*") == (0, {"carts": "quiet"})


@pytest.fixture
def counted(told: Told, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The same with a bucket in the place of the table, whose requests S3 counts. The emulator lacks the listing."""
    body = "".join(f"<MetricsConfiguration><Id>{one}</Id></MetricsConfiguration>" for one in ("EntireBucket",))
    answer = (
        f"<ListMetricsConfigurationsResult>{body}<IsTruncated>false</IsTruncated></ListMetricsConfigurationsResult>"
    )
    old = S3Response.bucket_response

    def bucket_response(self: Any, request: Any, full_url: str, headers: Any) -> Any:
        return (200, {}, answer) if "?metrics" in full_url else old(self, request, full_url, headers)

    monkeypatch.setattr(S3Response, "bucket_response", bucket_response)
    monkeypatch.setattr("migrate.verbs.quiet._cut_over", lambda *_: [BUCKET])
    return told


def test_a_bucket_whose_requests_are_counted_gets_a_verdict(counted: Told) -> None:
    dimensions = {"BucketName": "files", "FilterId": "EntireBucket"}
    published("AWS/S3", "AllRequests", counted.cut_over - 7200, 3, **dimensions)
    assert counted.states() == (0, {"files": "quiet"})

    published("AWS/S3", "AllRequests", counted.cut_over + 1800, 3, **dimensions)

    assert counted.states() == (5, {"files": "still used"})


def test_before_the_cut_over_is_done_the_verb_says_so(told: Told) -> None:
    path = next(told.folder.glob("*.run")) / "journal.db"
    with Journal(path) as journal:
        step = next(iter(plan.read(files.latest(told.folder, "plan.json")).steps))
        journal.append(step, "undone")

    code, body = told.type()
    assert code == 4
    assert "not everything was cut over" in json.dumps(body)
    assert told.type("--last", "soon")[0] in (4, 64)
