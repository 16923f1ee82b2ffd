"""Nothing leaves that was not declared: asserted at the endpoint, not at the guard."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from migrate.aws import NEVER_IN_A_SCAN, Aws, Permit, Writer, forbidden_in_a_scan, guard, permitted
from migrate.errors import GuardError
from migrate.kinds import every_kind
from migrate.names import AccountId, Region
from tests.endpoint import ACCOUNT, FOREIGN, NOTHING, Asked, Endpoint, environment, ok, serving

LEGACY, IRELAND = AccountId(ACCOUNT), Region("eu-west-1")


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Aws, Endpoint]]:
    def answer(asked: Asked) -> Any:
        return NOTHING if asked.operation == "GetCallerIdentity" else ok()

    with pytest.MonkeyPatch.context() as patch, serving(answer) as endpoint:
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in environment(endpoint.url).items():
            patch.setenv(name, value)
        aws = Aws(workers=4)
        aws.whoami(LEGACY)
        yield aws, endpoint
        aws.close()


@pytest.fixture
def aws(shared: tuple[Aws, Endpoint]) -> Aws:
    shared[1].asked.clear()
    return shared[0]


@pytest.fixture
def endpoint(shared: tuple[Aws, Endpoint]) -> Endpoint:
    return shared[1]


def test_without_a_permit_nothing_is_sent(aws: Aws, endpoint: Endpoint) -> None:
    with pytest.raises(GuardError, match="nothing is permitted"):
        aws.site(LEGACY, IRELAND).call("kms.ListKeys")

    assert endpoint.asked == []


def test_a_read_that_was_not_declared_is_not_sent(aws: Aws, endpoint: Endpoint) -> None:
    with permitted(Permit(frozenset({"kms.ListKeys"}))), pytest.raises(GuardError, match="nobody declared"):
        aws.site(LEGACY, IRELAND).call("kms.ListAliases")

    assert endpoint.asked == []


def test_paging_and_optional_and_the_client_itself_are_guarded_too(aws: Aws, endpoint: Endpoint) -> None:
    site = aws.site(LEGACY, IRELAND)

    with permitted(Permit(frozenset())):
        with pytest.raises(GuardError):
            list(site.pages("kms.ListKeys", "Keys"))
        with pytest.raises(GuardError):
            site.optional("kms.ListKeys", missing=())
        with pytest.raises(GuardError):
            aws.sessions.client(LEGACY, "kms").list_keys()
        with pytest.raises(GuardError):
            aws.sessions.client(LEGACY, "kms").get_paginator("list_keys").paginate().build_full_result()

    assert endpoint.asked == []


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("secretsmanager.GetSecretValue", {"SecretId": "s"}),
        ("kms.Decrypt", {"CiphertextBlob": b"x"}),
        ("iam.GenerateCredentialReport", {}),
        ("logs.StartQuery", {"startTime": 1, "endTime": 2, "queryString": "x"}),
        ("lambda.GetFunction", {"FunctionName": "f"}),
        ("ssm.GetParameter", {"Name": "p", "WithDecryption": True}),
        ("ssm.GetParameters", {"Names": ["p"], "WithDecryption": True}),
        ("kms.ScheduleKeyDeletion", {"KeyId": "k"}),
        ("ec2.CreateVpc", {"CidrBlock": "10.0.0.0/16", "DryRun": True}),
    ],
)
def test_a_scan_never_sends_it_even_where_a_kind_declares_it(
    aws: Aws, endpoint: Endpoint, operation: str, params: dict[str, Any]
) -> None:
    with (
        permitted(Permit(frozenset({operation}), scan=True)),
        pytest.raises(GuardError, match="only looks at metadata"),
    ):
        aws.site(LEGACY, IRELAND).call(operation, **params)

    assert endpoint.asked == []


def test_a_step_that_declares_a_read_of_data_may_send_it(aws: Aws, endpoint: Endpoint) -> None:
    with permitted(Permit(frozenset({"secretsmanager.GetSecretValue"}))):
        aws.site(LEGACY, IRELAND).call("secretsmanager.GetSecretValue", SecretId="s")

    assert endpoint.operations() == ["GetSecretValue"]


def test_parameters_without_decryption_are_metadata(aws: Aws, endpoint: Endpoint) -> None:
    with permitted(Permit(frozenset({"ssm.GetParameters"}), scan=True)):
        aws.site(LEGACY, IRELAND).call("ssm.GetParameters", Names=["p"])

    assert endpoint.operations() == ["GetParameters"]


def test_a_write_is_checked_with_account_region_and_parameters_before_it_is_sent(aws: Aws, endpoint: Endpoint) -> None:
    seen: list[tuple[str, str, str, Mapping[str, Any]]] = []

    def allow(account: str, region: str, operation: str, params: Mapping[str, Any]) -> None:
        seen.append((account, region, operation, dict(params)))
        if params.get("Description") != "planned":
            raise GuardError("not in the plan")

    with permitted(Permit(frozenset(), writes=allow)):
        Writer(aws).send(LEGACY, IRELAND, "kms.CreateKey", {"Description": "planned"})
        with pytest.raises(GuardError, match="not in the plan"):
            Writer(aws).send(LEGACY, IRELAND, "kms.CreateKey", {"Description": "other"})

    assert seen[0] == (LEGACY, "eu-west-1", "kms.CreateKey", {"Description": "planned"})
    assert endpoint.operations() == ["CreateKey"]


def test_work_handed_to_the_crew_keeps_the_permit_and_gets_no_other(aws: Aws, endpoint: Endpoint) -> None:
    site = aws.site(LEGACY, IRELAND)

    with permitted(Permit(frozenset({"kms.DescribeKey"}), scan=True)):
        site.map(lambda n: site.call("kms.DescribeKey", KeyId=str(n)), range(20))
    with pytest.raises(GuardError, match="nothing is permitted"):
        site.map(lambda n: site.call("kms.DescribeKey", KeyId=str(n)), range(20))

    assert len(endpoint.asked) == 20


def test_who_am_i_needs_no_permit(aws: Aws, endpoint: Endpoint) -> None:
    aws.read(LEGACY, IRELAND, "sts.GetCallerIdentity", {})

    assert [asked.operation for asked in endpoint.asked] == ["GetCallerIdentity"]


def test_the_clients_that_sign_in_can_do_nothing_else(aws: Aws, endpoint: Endpoint) -> None:
    door = aws.sessions._open_door()

    with permitted(Permit(frozenset({"kms.ListKeys"}))), pytest.raises(GuardError, match="signing in"):
        door.create_client("kms", region_name="eu-west-1").list_keys()

    assert endpoint.asked == []


def test_a_role_cannot_be_assumed_past_the_credential_machinery(aws: Aws, endpoint: Endpoint) -> None:
    with permitted(Permit(frozenset())), pytest.raises(GuardError):
        aws.site(LEGACY, IRELAND).call("sts.AssumeRole", RoleArn="arn:aws:iam::1:role/r", RoleSessionName="x")

    assert endpoint.asked == []


@pytest.mark.parametrize("name", sorted(every_kind()))
def test_no_kind_declares_what_a_scan_must_not_send(name: str) -> None:
    assert [read for read in sorted(every_kind()[name].reads) if forbidden_in_a_scan(read, {})] == []


def test_every_forbidden_operation_exists() -> None:
    import botocore.session

    session = botocore.session.Session()
    known: dict[str, frozenset[str]] = {}
    for operation in NEVER_IN_A_SCAN | guard.ALWAYS | guard.SIGN_IN:
        service, _, name = operation.partition(".")
        if service not in known:
            known[service] = frozenset(session.get_service_model(service).operation_names)
        assert name in known[service], operation
