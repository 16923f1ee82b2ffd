"""What no kind handles is found and said: by its tag, or by one listing of its service."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import botocore.session
import jmespath
import pytest
from moto import mock_aws

from migrate.aws import Aws, forbidden_in_a_scan
from migrate.kinds.ec2_vpc import Vpc
from migrate.kinds.s3_bucket import Bucket
from migrate.names import AccountId, Ref
from migrate.scan import scan
from migrate.unhandled import NOT_LISTED, PROBES, covered, manual_for, typed
from migrate.unhandled.sizes import SIZES
from tests.endpoint import FOREIGN, Answer, environment, ok, refused
from tests.made_up_account import (
    IRELAND,
    KEY,
    KEYS,
    LEGACY,
    MOTO,
    VIRGINIA,
    Account,
    Listed,
    made_up,
    told,
)


@pytest.fixture(scope="module")
def standing() -> Iterator[Account]:
    with made_up() as account:
        yield account


@pytest.fixture
def account(standing: Account) -> Account:
    return standing.fresh()


# What no kind handles


def tagged(*arns: str) -> Answer:
    return ok(ResourceTagMappingList=[{"ResourceARN": arn, "Tags": []} for arn in arns], PaginationToken="")


def test_what_no_kind_covers_is_found_through_the_tagging_api(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrate.scan.PROBES", ())
    pool = f"arn:aws:cognito-idp:eu-west-1:{LEGACY}:userpool/p"
    bucket = "arn:aws:s3:::bucket"
    seen: dict[str, list[str]] = {
        "eu-west-1": [pool, f"arn:aws:kms:eu-west-1:{LEGACY}:key/key", bucket],
        "us-east-1": [f"arn:aws:cloudfront::{LEGACY}:distribution/D", f"arn:aws:sqs:us-east-1:{LEGACY}:elsewhere"],
    }
    account.refusals["GetResources"] = lambda asked: tagged(*seen[asked.region])
    keys = Listed(*KEYS)
    keys.tagging_types = ("kms:key",)  # type: ignore[misc]

    found = account.scan(keys, unhandled=True)

    assert [(gap.kind, gap.region, gap.reason, gap.subject) for gap in found.gaps] == [
        ("cloudfront:distribution", "global", "no kind", f"arn:aws:cloudfront::{LEGACY}:distribution/D"),
        ("cognito-idp:userpool", "eu-west-1", "no kind", pool),
        ("s3:bucket", "global", "no kind", bucket),
    ]


def test_a_tagging_api_that_is_denied_is_a_gap(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.scan.PROBES", ())
    account.refusals["GetResources"] = refused("AccessDeniedException")

    found = account.scan(unhandled=True, regions=(VIRGINIA,))

    assert told(found) == [("resourcegroupstaggingapi", "us-east-1", "resourcegroupstaggingapi.GetResources", "denied")]


@pytest.mark.parametrize(
    ("service", "resource", "kind"),
    [
        ("s3", "bucket", "s3:bucket"),
        ("sqs", "queue", "sqs:queue"),
        ("ec2", "vpc/vpc-1", "ec2:vpc"),
        ("rds", "db:orders", "rds:db"),
        ("apigateway", "/restapis/a1", "apigateway:restapis"),
        ("logs", "log-group:/a/b", "logs:log-group"),
    ],
)
def test_an_arn_is_told_by_service_and_type(service: str, resource: str, kind: str) -> None:
    assert typed(service, resource) == kind
    assert covered(service, resource, frozenset({kind}))
    assert covered(service, resource, frozenset({service}))
    assert not covered(service, resource, frozenset({f"{service}:other"}))


def test_a_longer_type_covers_only_what_begins_with_it() -> None:
    types = frozenset({"elasticloadbalancing:loadbalancer/app"})

    assert covered("elasticloadbalancing", "loadbalancer/app/web/1", types)
    assert not covered("elasticloadbalancing", "loadbalancer/old", types)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.type)
def test_each_probe_is_a_read_that_exists_and_shows_what_it_looks_for(probe: Any) -> None:
    service, _, name = probe.operation.partition(".")
    model = botocore.session.Session().get_service_model(service).operation_model(name)
    needed = set(model.input_shape.required_members) if model.input_shape else set()

    assert not forbidden_in_a_scan(probe.operation, probe.params)
    assert needed <= set(probe.params) <= set(model.input_shape.members)
    assert jmespath.search(probe.ids.partition("[")[0], _example(model.output_shape)) is not None
    # What a filter leaves out exists too.
    ids = re.sub(r"\[\?!(\w+)\]", r"[?\1]", probe.ids)
    assert jmespath.search(ids, _example(model.output_shape)), "the path leads nowhere in the answer"


TEXTS = [pytest.param(f"{probe.manual} {probe.verify}", id=probe.type) for probe in PROBES]
TEXTS += [pytest.param(text, id=what) for what, text in NOT_LISTED.items()]


@pytest.mark.parametrize("text", TEXTS)
def test_what_a_person_is_told_to_call_exists(text: str) -> None:
    named = re.findall(r"\b([a-z][a-z0-9-]*)\.([A-Z][A-Za-z0-9]+)", text)

    assert [f"{service}.{name}" for service, name in named if name not in operations(service)] == []


@cache
def operations(service: str) -> frozenset[str]:
    """Every operation of a service; none where botocore does not know it."""
    session = botocore.session.Session()
    known = service in session.get_available_services()
    return frozenset(session.get_service_model(service).operation_names) if known else frozenset()


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.type)
def test_whoever_reads_of_a_gap_learns_what_to_do_and_how_to_see_that_it_is_done(probe: Any) -> None:
    said = manual_for(probe.type)

    assert probe.manual.endswith(".")
    assert probe.verify
    assert not probe.verify.endswith(".")
    assert probe.manual in said
    assert probe.verify in said


def test_what_has_no_text_of_its_own_is_still_somebodys_work() -> None:
    assert manual_for("robomaker:robot") == "see to it by hand"


REPORTED = """
apigateway:restapis cognito-idp:userpool elasticache:cluster elasticfilesystem:file-system es:domain kinesis:stream
states:stateMachine cloudfront:distribution wafv2:regional wafv2:global ses:identity glue:database athena:workgroup
sagemaker:endpoint batch:job-queue ec2:instance ec2:volume ec2:image backup:backup-vault backup:backup-plan
codepipeline:pipeline aws-marketplace:agreement savingsplans:savingsplan ec2:reserved-instances cur:definition
"""


def test_what_people_move_between_accounts_is_at_least_seen() -> None:
    assert set(REPORTED.split()) <= {probe.type for probe in PROBES}
    assert "Support plan" in NOT_LISTED


def _example(shape: Any, deep: int = 0) -> Any:
    if shape.type_name == "structure":
        return {key: _example(one, deep + 1) for key, one in shape.members.items()} if deep < 8 else {}
    if shape.type_name == "list":
        return [_example(shape.member, deep + 1)]
    return {"string": "text", "integer": 1, "long": 1, "double": 1.0}.get(shape.type_name)


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Aws, Any, list[str]]]:
    for name in (*FOREIGN, "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment("").items():
        if name != "AWS_ENDPOINT_URL":
            monkeypatch.setenv(name, value)
    sent: list[str] = []
    with mock_aws():
        aws = Aws(workers=8)
        make = aws.sessions._client

        def client(account: AccountId, service: str) -> Any:
            made = make(account, service)
            if not hasattr(made, "_recorded"):
                made._recorded = True
                made.meta.events.register(
                    "before-send", lambda event_name, **_: sent.append(event_name.removeprefix("before-send."))
                )
            return made

        monkeypatch.setattr(aws.sessions, "_client", client)
        yield aws, boto3.Session(region_name="eu-west-1"), sent
        aws.close()


def test_untagged_things_of_services_without_a_kind_are_gaps_and_a_scan_only_reads(
    moto: tuple[Aws, Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws, session, sent = moto
    wanted = ("apigateway:restapis", "cognito-idp:userpool", "elasticache:cluster", "dynamodb:table", "ec2:volume")
    monkeypatch.setattr("migrate.scan.PROBES", tuple(probe for probe in PROBES if probe.type in wanted))
    api = session.client("apigateway").create_rest_api(name="api")["id"]
    pool = session.client("cognito-idp").create_user_pool(PoolName="people")["UserPool"]["Id"]
    session.client("elasticache").create_cache_cluster(
        CacheClusterId="cache", Engine="redis", CacheNodeType="cache.t4g.micro", NumCacheNodes=1
    )
    vpc = session.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    volume = session.client("ec2").create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]

    found = scan(aws, MOTO, (IRELAND,), [Vpc()], seal_key=KEY)

    assert Ref(MOTO, IRELAND, "ec2.vpc", vpc) in found.by_ref
    assert {gap.subject for gap in found.gaps} == {
        f"arn:aws:apigateway:eu-west-1::/restapis/{api}",
        f"arn:aws:cognito-idp:eu-west-1:{MOTO}:userpool/{pool}",
        f"arn:aws:elasticache:eu-west-1:{MOTO}:cluster:cache",
        f"arn:aws:ec2:eu-west-1:{MOTO}:volume/{volume}",
    }
    assert len(sent) > 8
    verbs = {name.rpartition(".")[2] for name in sent}
    assert {verb for verb in verbs if not verb.startswith(("Describe", "List", "Get"))} == set()


def test_an_access_point_is_somebodys_work_and_its_bucket_is_not(
    moto: tuple[Aws, Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws, session, _ = moto
    monkeypatch.setattr("migrate.scan.PROBES", tuple(probe for probe in PROBES if probe.type == "s3:accesspoint"))
    where = {"LocationConstraint": "eu-west-1"}
    session.client("s3").create_bucket(Bucket="files", CreateBucketConfiguration=where)
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    session.client("s3").put_bucket_tagging(Bucket="files", Tagging=tags)
    session.client("s3control").create_access_point(AccountId=str(MOTO), Name="door", Bucket="files")

    found = scan(aws, MOTO, (IRELAND,), [Bucket()], seal_key=KEY)

    (point,) = [gap.subject for gap in found.gaps if gap.kind == "s3:accesspoint"]
    assert point.endswith(f":{MOTO}:accesspoint/door")
    assert not [gap for gap in found.gaps if gap.kind in ("s3:bucket", "s3")]


def test_what_a_kind_covers_is_not_probed(moto: tuple[Aws, Any, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    aws, session, sent = moto
    monkeypatch.setattr("migrate.scan.PROBES", tuple(probe for probe in PROBES if probe.type == "ec2:volume"))
    session.client("ec2").create_volume(AvailabilityZone="eu-west-1a", Size=1)
    vpc = Vpc()
    monkeypatch.setattr(Vpc, "tagging_types", ("ec2:vpc", "ec2:volume"))

    found = scan(aws, MOTO, (IRELAND,), [vpc], seal_key=KEY)

    assert found.gaps == ()
    assert "ec2.DescribeVolumes" not in sent


@pytest.mark.parametrize("kind", sorted(SIZES))
def test_each_size_is_read_where_aws_shows_it(kind: str) -> None:
    size, [probe] = SIZES[kind], [probe for probe in PROBES if probe.type == kind]
    service, _, name = (size.operation or probe.operation).partition(".")
    model = botocore.session.get_session().get_service_model(service).operation_model(name)

    found = jmespath.search(size.path, _example(model.output_shape))
    row = found if size.operation else found[0][1:]

    assert not forbidden_in_a_scan(size.operation or probe.operation, {})
    assert None not in row, "the path leads nowhere in the answer"
    assert len(row) == size.says.count("{}")
    if size.operation:
        assert {size.parameter} == set(model.input_shape.required_members)


def test_a_gap_says_how_large_the_store_is_also_where_it_has_a_tag(
    moto: tuple[Aws, Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws, session, _ = moto
    wanted = ("elasticache:cluster", "es:domain")
    monkeypatch.setattr("migrate.scan.PROBES", tuple(probe for probe in PROBES if probe.type in wanted))
    session.client("elasticache").create_cache_cluster(
        CacheClusterId="cache", Engine="redis", CacheNodeType="cache.t4g.micro", NumCacheNodes=1, EngineVersion="7.1",
        Tags=[{"Key": "team", "Value": "shop"}],
    )  # fmt: skip
    session.client("opensearch").create_domain(
        DomainName="search", EngineVersion="OpenSearch_2.11",
        ClusterConfig={"InstanceType": "r6g.large.search", "InstanceCount": 2},
        EBSOptions={"EBSEnabled": True, "VolumeSize": 100},
    )  # fmt: skip

    found = scan(aws, MOTO, (IRELAND,), [Vpc()], seal_key=KEY)

    said = {gap.kind: gap.said for gap in found.gaps}
    assert said["elasticache:cluster"].endswith("(1 × cache.t4g.micro, redis 7.1)")
    assert said["es:domain"].endswith("(2 × r6g.large.search with 100 GiB each, OpenSearch_2.11)")
