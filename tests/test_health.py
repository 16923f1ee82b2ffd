"""Whether the target answers as well as legacy: what is worse, what is too little, what the verb ends with."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.cloudwatch.models import Statistics

from migrate import files, plan
from migrate.cli import main
from migrate.gauges import BALANCER, GAUGES, balancer_label, gauge_of
from migrate.health import Figures, figures, judge
from migrate.inventory import Inventory
from migrate.journal import Journal
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import AccountId, Region
from migrate.sections import Health
from tests.cut_over import CONFIG, told_by
from tests.kinds.plain_site import PlainSite

LEGACY, TARGET, HOME = AccountId("123456789012"), AccountId("222222222222"), Region("eu-west-1")
HOUR = 3600.0
REQUESTS, ERRORS, SECONDS = BALANCER.requests, BALANCER.errors, BALANCER.time
LIMITS = Health()
GOOD = Figures(1000, 2, 0.2)


def state(before: Figures, since: Figures, *unread: str) -> str:
    return judge("ref", TARGET, before, since, LIMITS, unread).state


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (GOOD, "as well"),
        (Figures(1000, 12, 0.2), "as well"),
        (Figures(1000, 13, 0.2), "worse"),
        (Figures(1000, 2, 0.31), "worse"),
        (Figures(1000, 2, 0.3), "as well"),
        (Figures(99, 0, 0.2), "could not be compared"),
        (Figures(1000, 2, None), "could not be compared"),
    ],
)
def test_more_errors_or_slower_answers_are_worse_and_too_few_say_nothing(since: Figures, expected: str) -> None:
    assert state(GOOD, since) == expected


def test_errors_before_a_target_was_chosen_are_no_requests_for_aws_and_count_all_the_same() -> None:
    assert state(GOOD, Figures(0, 500, None)) == "worse"
    assert state(GOOD, Figures(0, 50, None)) == "could not be compared"


def test_nobody_notices_two_milliseconds_however_many_times_slower_they_are() -> None:
    assert state(Figures(1000, 0, 0.001), Figures(1000, 0, 0.003)) == "as well"


def test_what_legacy_never_answered_is_compared_with_nothing() -> None:
    assert state(Figures(0, 0, None), GOOD) == "could not be compared"


def test_a_refused_read_is_no_answer_however_good_or_bad_the_rest_looks() -> None:
    for since in (GOOD, Figures(1000, 900, 9.0)):
        assert state(GOOD, since, "RequestCount: denied") == "could not be compared"


def test_a_periods_answering_time_weighs_as_much_as_its_requests() -> None:
    shown = figures({REQUESTS: {0.0: 90, 60.0: 10}, SECONDS: {0.0: 1.0, 60.0: 2.0}, ERRORS[0]: {60.0: 4}})

    assert shown == Figures(100, 4, pytest.approx(1.1))
    assert figures({}) == Figures(0, 0, None)


some = st.builds(
    Figures, st.floats(0, 1e6), st.floats(0, 1e6), st.one_of(st.none(), st.floats(0, 60))
)  # fmt: skip


@given(some, some, st.lists(st.just("denied"), max_size=1))
def test_well_means_that_both_sides_spoke_and_no_figure_is_past_its_limit(
    before: Figures, since: Figures, unread: list[str]
) -> None:
    said = judge("ref", TARGET, before, since, LIMITS, unread)

    if said.state == "as well":
        assert not unread
        assert min(before.answers, since.answers) >= LIMITS.requests
        assert since.errors_percent <= before.errors_percent + LIMITS.errors_percent
        assert before.p95_s is not None
        assert since.p95_s is not None
    assert said.why


def test_a_balancer_is_known_by_the_end_of_its_arn_and_measured_by_its_sort() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/{}/web/50dc6c49"

    assert balancer_label(arn.format("app")) == "app/web/50dc6c49"
    assert balancer_label(arn.format("gwy")) == balancer_label("") == ""
    assert gauge_of("elbv2.load_balancer", balancer_label(arn.format("app"))) is BALANCER
    assert gauge_of("elbv2.load_balancer", balancer_label(arn.format("net"))).requests == "NewFlowCount"


FLOWS, CALLS, AGE = {"NewFlowCount": 1000}, {"Invocations": 1000, "Duration": 200}, "ApproximateAgeOfOldestMessage"
ANSWERS, DONE = {"Count": 500, "Latency": 80}, {"NumberOfMessagesDeleted": 500}


@pytest.mark.parametrize(
    ("kind", "before", "since", "expected", "why"),
    [
        ("net", FLOWS, FLOWS | {"TCP_Target_Reset_Count": 9}, "as well", "0.90% of 1000"),
        ("net", FLOWS, FLOWS | {"TCP_Target_Reset_Count": 40}, "worse", "4.00% of 1000"),
        ("net", {"NewFlowCount": 10}, {"NewFlowCount": 10}, "could not be compared", "10 new connections"),
        # What was throttled is not among AWS's invocations, and an attempt all the same.
        ("lambda.function", CALLS, {"Invocations": 50, "Throttles": 150, "Duration": 200}, "worse", "75.00% of 200"),
        ("lambda.function", CALLS, CALLS | {"Duration": 900}, "worse", "0.900 s"),
        ("lambda.function", {"Invocations": 3, "Duration": 200}, {}, "idle on both sides", "legacy 3"),
        ("lambda.function", {"Invocations": 3}, {"Invocations": 3, "Errors": 3}, "could not be compared", "3 of them"),
        ("lambda.function", CALLS, {}, "could not be compared", "0 invocations"),
        ("apigatewayv2.api", ANSWERS, ANSWERS | {"5xx": 20}, "worse", "5xx 4.00%"),
        ("sqs.queue", DONE, DONE | {AGE: 50}, "as well", "the oldest message waited 50.000 s, legacy 0.000 s"),
        ("sqs.queue", DONE | {AGE: 20}, DONE | {AGE: 900}, "worse", "waited 900.000 s"),
    ],
)  # fmt: skip
def test_each_kind_is_judged_by_what_aws_measures_of_it(
    kind: str, before: dict[str, float], since: dict[str, float], expected: str, why: str
) -> None:
    gauge = GAUGES[kind]
    one, other = (figures({name: {0.0: value} for name, value in shown.items()}, gauge) for shown in (before, since))

    said = judge("ref", TARGET, one, other, LIMITS, gauge=gauge)

    assert said.state == expected
    assert why in "; ".join(said.why)


BUILT = ("ec2.vpc", "ec2.subnet", "ec2.security_group", "elbv2.load_balancer", "events.rule", "sqs.queue")
BY_AWS = {"is_default", "in_default_vpc"}


@dataclass
class Told:
    """One migration whose run ended two hours ago, after a night of one hour."""

    folder: Path
    cut_over: float
    labels: dict[str, str]

    def type(self, *words: str) -> tuple[int, dict[str, Any]]:
        return told_by("healthy", self.folder, *words)

    def only(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and state and reason of the one load balancer."""
        code, body = self.type(*words)
        (one,) = (one for one in body["compared"] if one["ref"].endswith("elbv2.load_balancer/web"))
        return code, one["state"], "; ".join(one["why"])

    def answered(self, account: str, at: float, requests: int, errors: int, seconds: float) -> None:
        """One minute's figures, as the load balancer sends them: what is zero is not sent."""
        values = {REQUESTS: float(requests), ERRORS[0]: float(errors), SECONDS: seconds}
        data = [
            {
                "MetricName": name, "Value": value, "Timestamp": datetime.fromtimestamp(at, UTC),
                "Dimensions": [{"Name": "LoadBalancer", "Value": self.labels[account]}],
            }
            for name, value in values.items() if value
        ]  # fmt: skip
        client(account, "cloudwatch").put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)


def client(account: str, service: str) -> Any:
    """Plain boto3 in one of the accounts."""
    role = f"arn:aws:iam::{account}:role/Migrate"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        service, aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip


def a_balancer() -> None:
    ec2, elb = client(LEGACY, "ec2"), client(LEGACY, "elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{at}.0/24", AvailabilityZone=f"{HOME}{zone}")["Subnet"][
            "SubnetId"
        ]
        for at, zone in enumerate("ab")
    ]
    elb.create_load_balancer(Name="web", Subnets=subnets)
    client(LEGACY, "sqs").create_queue(QueueName="jobs")


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The folder, made once: planned from a scan of legacy, with a real journal that has a set clock."""
    folder = tmp_path_factory.mktemp("healthy") / "m"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        in_a_shell(patch)
        a_balancer()
        client(LEGACY, "events").put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
        kinds = [every_kind()[name] for name in BUILT]
        scans = [kind.scan(PlainSite(boto3.Session(), LEGACY, HOME, kind.reads)) for kind in kinds]
        resources = [one for scan in scans for one in scan if not BY_AWS & {key for key in one.facts if one.facts[key]}]
        (folder / "migration.yaml").write_text(CONFIG)
        files.write_inventory(folder, Inventory(LEGACY, (HOME,), tuple(every_kind()), tuple(resources)))
    migration = Migration(folder)
    made = plan.write(folder, migration.inputs())
    assert made.refusals == []
    run = migration.run_folder(made)
    run.mkdir()
    own_arn = next(one.arn for one in resources if one.ref.kind == "elbv2.load_balancer")
    arn = own_arn.replace(LEGACY, TARGET)[:-4] + "beef"
    cut_over = datetime.now(UTC).timestamp() - 2 * HOUR
    with Journal(run / "journal.db", clock=lambda: cut_over) as journal:
        for step in made.steps:
            if step.endswith("elbv2.load_balancer/web:create"):
                journal.append(step, "learned", {"outputs": {"arn": arn}})
            journal.append(step, "verified")
    return Told(folder, cut_over, {LEGACY: balancer_label(own_arn), TARGET: balancer_label(arn)})


@pytest.fixture
def told(a_run: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A copy of it, and two accounts with nothing but CloudWatch."""
    in_a_shell(monkeypatch)
    # The emulator has no percentiles: the largest value stands for one. Simulated.
    monkeypatch.setattr(Statistics, "get_statistics_for_type", percentile(Statistics.get_statistics_for_type))
    with mock_aws():
        yield replace(a_run, folder=Path(shutil.copytree(a_run.folder, tmp_path / "m")))


def in_a_shell(patch: pytest.MonkeyPatch) -> None:
    """What a person's shell holds."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_DEFAULT_REGION", HOME)


def percentile(old: Any) -> Any:
    def statistic(self: Any, stat: str) -> Any:
        return max(one.value for one in self.metric_data) if stat == "p95" else old(self, stat)

    return statistic


def test_as_well_as_before_ends_with_0(told: Told) -> None:
    told.answered(LEGACY, told.cut_over - 5 * HOUR, 4000, 4, 0.2)
    told.answered(TARGET, told.cut_over + HOUR, 500, 0, 0.22)

    code, state, why = told.only()

    assert (code, state) == (0, "as well")
    assert "legacy 0.10%" in why


def test_more_errors_than_before_end_with_5_and_the_figures_of_both_sides(told: Told) -> None:
    told.answered(LEGACY, told.cut_over - 5 * HOUR, 4000, 4, 0.2)
    told.answered(TARGET, told.cut_over + HOUR, 500, 25, 0.2)

    code, state, why = told.only()

    assert (code, state) == (5, "worse")
    assert why == "5xx 5.00% of 500 answers, legacy 0.10%"
    assert told.only("--last", "30m")[:2] == (6, "could not be compared")


def test_slower_answers_than_before_end_with_5_and_migration_yaml_says_how_much_slower(told: Told) -> None:
    told.answered(LEGACY, told.cut_over - 5 * HOUR, 4000, 0, 0.2)
    told.answered(TARGET, told.cut_over + HOUR, 500, 0, 0.5)
    path = told.folder / "migration.yaml"

    assert told.only()[:2] == (5, "worse")
    path.write_text(path.read_text() + "health: {times_slower: 3}\n")
    assert told.only()[:2] == (0, "as well")


def test_a_queue_whose_messages_wait_longer_than_before_ends_with_5(told: Told) -> None:
    told.answered(LEGACY, told.cut_over - 5 * HOUR, 4000, 4, 0.2)
    told.answered(TARGET, told.cut_over + HOUR, 500, 0, 0.2)
    assert {one["ref"]: one["state"] for one in told.type()[1]["compared"]} == {
        f"{LEGACY}/{HOME}/elbv2.load_balancer/web": "as well", f"{LEGACY}/{HOME}/sqs.queue/jobs": "idle on both sides"
    }  # fmt: skip
    for account, at, age in ((LEGACY, told.cut_over - 5 * HOUR, 30.0), (TARGET, told.cut_over + HOUR, 4000.0)):
        values = {"NumberOfMessagesDeleted": 700.0, "ApproximateAgeOfOldestMessage": age}
        data = [
            {"MetricName": name, "Value": value, "Timestamp": datetime.fromtimestamp(at, UTC),
             "Dimensions": [{"Name": "QueueName", "Value": "jobs"}]} for name, value in values.items()
        ]  # fmt: skip
        client(account, "cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=data)

    code, body = told.type()

    worse = [one for one in body["compared"] if one["state"] == "worse"]
    assert (code, [one["ref"] for one in worse]) == (5, [f"{LEGACY}/{HOME}/sqs.queue/jobs"])
    assert worse[0]["why"] == ["the oldest message waited 4000.000 s, legacy 30.000 s"]


def test_no_data_is_no_answer_and_ends_with_6(told: Told) -> None:
    assert told.only()[:2] == (6, "could not be compared")

    told.answered(TARGET, told.cut_over + HOUR, 500, 0, 0.5)
    code, state, why = told.only()

    assert (code, state) == (6, "could not be compared")
    assert why.startswith("legacy before the cut-over: 0 answers")


def test_what_legacy_answered_long_ago_or_after_its_stop_is_not_what_it_is_compared_with(told: Told) -> None:
    told.answered(LEGACY, told.cut_over - 30 * HOUR, 4000, 0, 0.2)
    told.answered(LEGACY, told.cut_over + HOUR, 4000, 0, 0.2)
    told.answered(TARGET, told.cut_over + HOUR, 500, 0, 0.2)

    assert told.only()[1] == "could not be compared"
    path = told.folder / "migration.yaml"
    path.write_text(path.read_text() + "health: {before_hours: 48}\n")
    assert told.only()[1] == "as well"


def test_while_the_cut_over_stands_at_a_gate_it_is_compared_and_before_it_began_it_is_not(told: Told) -> None:
    told.answered(LEGACY, told.cut_over - 5 * HOUR, 4000, 0, 0.2)
    told.answered(TARGET, told.cut_over + HOUR, 500, 0, 0.2)
    steps = list(plan.read(files.latest(told.folder, "plan.json")).steps)
    with Journal(next(told.folder.glob("*.run")) / "journal.db") as journal:
        journal.append(next(step for step in steps if "subnet" in step), "undone")

    code, body = told.type()
    assert (code, body["steps_to_go"]) == (0, 1)

    with Journal(next(told.folder.glob("*.run")) / "journal.db") as journal:
        journal.append(next(step for step in steps if step.endswith(":start")), "undone")
    code, body = told.type()
    assert code == 4
    assert "none of the cut-over is" in body["what"]


def test_one_that_does_not_stand_yet_is_said_and_not_called_well(told: Told) -> None:
    told.answered(LEGACY, told.cut_over - 5 * HOUR, 4000, 0, 0.2)
    with Journal(next(told.folder.glob("*.run")) / "journal.db") as journal:
        steps = plan.read(files.latest(told.folder, "plan.json")).steps
        journal.append(next(step for step in steps if step.endswith("elbv2.load_balancer/web:create")), "undone")

    assert told.only() == (6, "could not be compared", "it does not stand in the target yet")


def test_what_is_called_worse_is_no_part_of_what_a_plan_is_made_from(told: Told) -> None:
    path = told.folder / "migration.yaml"
    before = Migration(told.folder).config_digest
    path.write_text(path.read_text() + "health: {times_slower: 3}\n")

    assert Migration(told.folder).config_digest == before


def test_one_that_is_left_out_is_not_compared_and_nothing_compared_is_not_well(told: Told) -> None:
    code, body = told.type("--without", "we*", "--without", "jobs")

    assert body["compared"] == []
    assert code == 6


def test_a_target_that_lets_nobody_in_is_said_and_not_called_well(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    send = BaseClient._make_api_call

    def denied(self: Any, operation: str, params: Any) -> Any:
        if operation == "GetMetricData":
            said: Any = {"Code": "AccessDenied", "Message": "not authorized"}
            raise ClientError({"Error": said, "ResponseMetadata": {"HTTPStatusCode": 403}}, operation)
        return send(self, operation, params)

    told.answered(LEGACY, told.cut_over - 5 * HOUR, 4000, 0, 0.2)
    monkeypatch.setattr(BaseClient, "_make_api_call", denied)

    code, state, why = told.only()

    assert (code, state) == (6, "could not be compared")
    assert "denied" in why


def test_the_policy_of_healthy_allows_what_it_reads() -> None:
    said = CliRunner().invoke(main, ["policy", "--for", "healthy"])

    assert json.loads(said.output)["Statement"][0]["Action"] == [
        "cloudtrail:LookupEvents", "cloudwatch:GetMetricData"
    ]  # fmt: skip
