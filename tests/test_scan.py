"""A scan: everything that is there is found, everything that is not shown is said, and nothing is written."""

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest

from migrate.errors import AccessError
from migrate.inventory import Gap, Resource
from migrate.kind import ReadSite
from migrate.kinds.ec2_vpc import Vpc
from migrate.names import GLOBAL, AccountId, Ref, Region
from migrate.ownership import owned
from migrate.progress import Progress, heartbeat, shown
from migrate.scan import scan
from migrate.sealing import Sealer
from tests.endpoint import Answer, Asked, ok, refused, xml
from tests.made_up_account import (
    EVERYTHING,
    GROUPS,
    IRELAND,
    KEY,
    KEYS,
    LEGACY,
    PARIS,
    RULES,
    SECRETS,
    TABLES,
    VIRGINIA,
    Account,
    Listed,
    NameFacts,
    lines,
    made_up,
    names,
    told,
)


@pytest.fixture(scope="module")
def standing() -> Iterator[Account]:
    with made_up() as account:
        yield account


@pytest.fixture
def account(standing: Account) -> Account:
    return standing.fresh()


def test_three_denied_services_are_three_gaps_and_the_rest_is_found(account: Account) -> None:
    for operation in ("ListSecrets", "ListTables", "DescribeLogGroups"):
        account.refusals[operation] = refused("AccessDeniedException", f"not authorized to {operation}")

    found = account.scan(*(Listed(*kind) for kind in (KEYS, SECRETS, TABLES, GROUPS, RULES)))

    assert names(found) == ["eu-west-1/events.rule/rule", "eu-west-1/kms.key/key"]
    assert told(found) == [
        ("dynamodb.table", "eu-west-1", "dynamodb.ListTables", "denied"),
        ("logs.log_group", "eu-west-1", "logs.DescribeLogGroups", "denied"),
        ("secretsmanager.secret", "eu-west-1", "secretsmanager.ListSecrets", "denied"),
    ]
    assert found.gaps[0].said == "AccessDeniedException: not authorized to ListTables"


def test_throttling_loses_nothing(account: Account) -> None:
    served = {"at": 0.0}

    def slowly(asked: Asked) -> Answer:
        now = time.monotonic()
        if now - served["at"] < 0.03:
            return refused("ThrottlingException", "Rate exceeded")
        served["at"] = now
        return ok(KeyMetadata={"KeyId": asked.params["KeyId"]})

    account.refusals["DescribeKey"] = slowly
    kind = Listed(*KEYS, "kms.DescribeKey")
    described: list[Any] = []

    def each(site: ReadSite) -> None:
        answers = site.map(lambda n: site.call("kms.DescribeKey", KeyId=f"k{n}"), range(30))
        described.extend(answer["KeyMetadata"]["KeyId"] for answer in answers)

    kind.before = each
    looks: list[Progress] = []
    found = account.scan(kind, progress=looks.append)

    assert described == [f"k{n}" for n in range(30)]
    assert found.gaps == ()
    assert looks[-1].throttled > 0


def test_a_kind_with_a_defect_is_a_gap_that_names_class_and_place_and_no_value(account: Account) -> None:
    broken = Listed(*KEYS)

    def crash(site: ReadSite) -> None:
        raise ValueError("a value out of the account: hunter2")

    broken.before = crash
    found = account.scan(broken, Listed(*RULES))

    assert names(found) == ["eu-west-1/events.rule/rule", "eu-west-1/kms.key/key"]
    assert told(found) == [("kms.key", "eu-west-1", "scan", "failed")]
    assert "ValueError at test_scan.py:" in found.gaps[0].said
    assert "hunter2" not in lines(found)


def test_a_kind_that_would_write_is_stopped_and_said(account: Account) -> None:
    writer = Listed(*KEYS, "kms.CreateKey")

    def write(site: ReadSite) -> None:
        site.call("kms.CreateKey")

    writer.before = write
    found = account.scan(writer)

    assert account.endpoint.operations() == ["ListKeys"]
    assert found.gaps[0].said.startswith("GuardError")


def test_a_kind_that_names_an_operation_that_does_not_exist_is_a_gap(account: Account) -> None:
    found = account.scan(Listed("kms.nothing", "kms.ListNothing", "X"), Listed(*RULES))

    assert names(found) == ["eu-west-1/events.rule/rule"]
    assert told(found) == [("kms.nothing", "eu-west-1", "scan", "failed")]


def test_a_refused_secondary_call_is_a_gap_and_the_resource_is_there(account: Account) -> None:
    account.refusals["ListAliases"] = refused("AccessDeniedException")
    kind = Listed(*KEYS, "kms.ListAliases")

    def look(site: ReadSite) -> None:
        assert site.optional("kms.ListAliases", missing=()) is None

    kind.before = look
    found = account.scan(kind)

    assert names(found) == ["eu-west-1/kms.key/key"]
    assert told(found) == [("kms.key", "eu-west-1", "kms.ListAliases", "denied")]


def test_a_global_kind_is_asked_once_and_its_refs_and_gaps_are_global(account: Account) -> None:
    account.refusals["ListRules"] = refused("AccessDeniedException")

    found = account.scan(
        Listed(*KEYS, is_global=True), Listed(*RULES, is_global=True), regions=(IRELAND, PARIS, VIRGINIA)
    )

    assert names(found) == ["global/kms.key/key"]
    assert told(found) == [("events.rule", "global", "events.ListRules", "denied")]
    assert [asked.region for asked in account.endpoint.asked if asked.operation == "ListKeys"] == ["us-east-1"]


def test_a_region_that_is_off_is_one_gap_and_not_one_for_each_kind(account: Account) -> None:
    def off(asked: Asked) -> Answer:
        good = asked.region != "eu-west-3"
        return ok(**EVERYTHING[asked.operation]) if good else refused("UnrecognizedClientException", "token invalid")

    account.refusals |= {"ListKeys": off, "ListRules": off}

    found = account.scan(Listed(*KEYS), Listed(*RULES), regions=(IRELAND, PARIS))

    assert names(found) == ["eu-west-1/events.rule/rule", "eu-west-1/kms.key/key"]
    assert told(found) == [("*", "eu-west-3", "every listing", "region off")]


def test_the_same_account_gives_the_same_bytes(account: Account) -> None:
    account.refusals["ListSecrets"] = refused("AccessDeniedException", "no (Request ID: 11-22)")
    kinds = [Listed(*kind) for kind in (KEYS, SECRETS, TABLES, RULES)]

    first = account.scan(*kinds, regions=(IRELAND, PARIS))
    second = account.scan(*reversed(kinds), regions=(PARIS, IRELAND))

    assert lines(first) == lines(second)
    assert first == second


def test_what_two_kinds_find_is_there_once(account: Account) -> None:
    found = account.scan(Listed(*KEYS), Listed(*KEYS))

    assert names(found) == ["eu-west-1/kms.key/key"]


def test_credentials_that_end_end_the_scan(account: Account) -> None:
    account.refusals["ListTables"] = refused("ExpiredTokenException", "expired")

    with pytest.raises(AccessError, match="credentials any more"):
        account.scan(Listed(*KEYS), Listed(*TABLES))


def test_a_wrong_account_ends_the_scan_before_it_begins(account: Account) -> None:
    with pytest.raises(AccessError, match="answered where 222222222222"):
        scan(account.aws, AccountId("222222222222"), (IRELAND,), [Listed(*KEYS)], seal_key=KEY)

    assert account.endpoint.operations() == []


def test_values_that_look_secret_are_sealed_and_can_be_unsealed_by_who_remembers(account: Account) -> None:
    class Env(Listed):
        def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
            yield self.found(site, "env", NameFacts(secret=site.seal("DB_PASSWORD", "hunter2")), arn="")

    sealer = Sealer(KEY, remember=True)
    plain = account.scan(Env(*KEYS))
    remembered = account.scan(Env(*KEYS), seal=sealer)

    assert "hunter2" not in lines(plain)
    assert lines(plain) == lines(remembered)
    assert sealer.unseal(remembered.resources[0].facts["secret"]["$sealed"]) == "hunter2"


# Ownership


def resource(
    kind: str, name: str, *, arn: str = "", facts: Any = None, tags: Any = None, region: str = "r"
) -> Resource:
    return Resource(Ref(LEGACY, Region(region), kind, name), arn, dict(tags or {}), None, None, dict(facts or {}))


def test_what_a_stack_manages_is_owned_by_it_through_tag_id_url_or_arn() -> None:
    members = {
        "Jobs": {"type": "AWS::SQS::Queue", "physical_id": f"https://sqs.r.amazonaws.com/{LEGACY}/jobs"},
        "Db": {"type": "AWS::RDS::DBInstance", "physical_id": "orders"},
        "Role": {"type": "AWS::IAM::Role", "physical_id": "orders"},
        "Lb": {"type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "physical_id": "arn:lb"},
        "User": {"type": "AWS::IAM::User", "physical_id": "ci"},
    }
    found = owned(
        [
            resource("cloudformation.stack", "shop", facts={"resources": members}),
            resource("sqs.queue", "jobs"),
            resource("rds.instance", "orders"),
            resource("iam.role", "orders", region=GLOBAL),
            resource("iam.user", "ci", region=GLOBAL),
            resource("elbv2.load_balancer", "web", arn="arn:lb"),
            resource("s3.bucket", "tagged", tags={"aws:cloudformation:stack-name": "other"}),
            resource("s3.bucket", "orders"),
            resource("sqs.queue", "jobs", region="elsewhere"),
            resource("iam.policy", "orders", region=GLOBAL),
        ]
    )

    assert {f"{one.ref.region}/{one.ref.kind}/{one.ref.name}": one.owner for one in found if one.owner} == {
        "r/sqs.queue/jobs": "cloudformation:shop",
        "r/rds.instance/orders": "cloudformation:shop",
        "global/iam.role/orders": "cloudformation:shop",
        "global/iam.user/ci": "cloudformation:shop",
        "r/elbv2.load_balancer/web": "cloudformation:shop",
        "r/s3.bucket/tagged": "cloudformation:other",
    }


# Progress


def test_progress_is_told_while_it_runs_and_at_the_end(account: Account) -> None:
    looks: list[Progress] = []

    account.scan(Listed(*KEYS), Listed(*RULES), regions=(IRELAND, PARIS), progress=looks.append)

    last = looks[-1]
    assert (last.done, last.queued, last.total, last.gaps) == (4, 0, 4, 0)
    assert last.per_s > 0


def test_elsewhere_than_on_a_terminal_there_is_a_line_each_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("migrate.progress.time.monotonic", lambda: now[0])
    out = io.StringIO()
    show = heartbeat(out)

    for second in range(26):
        now[0] = float(second)
        show(Progress(second * 9, 3, 10, 9.0, 2, 1, "kms.eu-west-1.ListKeys"))

    assert out.getvalue().splitlines() == [
        "scan: 7 of 10 listings · 90 calls · 9/s · 2 throttled · 1 gaps · kms.eu-west-1.ListKeys",
        "scan: 7 of 10 listings · 180 calls · 9/s · 2 throttled · 1 gaps · kms.eu-west-1.ListKeys",
    ]


def test_on_a_terminal_there_is_a_bar_that_goes_away() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()

    with shown(out) as show:
        show(Progress(9, 3, 10, 9.0, 0, 0, "kms.eu-west-1.ListKeys"))

    assert "scan" in out.getvalue()


def test_a_gap_needs_no_subject_to_be_waived() -> None:
    assert Gap("kms.key", "eu-west-1", "kms.ListKeys", "denied", "no").key == "kms.key/eu-west-1"


def test_xml_services_are_scanned_through_the_same_way(account: Account) -> None:
    empty = "<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>"
    account.refusals["DescribeVpcs"] = xml(empty)

    assert account.scan(Vpc()).gaps == ()
