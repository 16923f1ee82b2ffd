"""Functions arrive with checked code, layers by their new ARN, and triggers switched off until the cut-over."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from migrate.carry import refusals
from migrate.demo.legacy.functions import archive
from migrate.errors import Conflict, StepFailed
from migrate.kind import CarryAction, It, Kind, Request
from migrate.kinds import lambda_event_source_mapping, lambda_function, lambda_layer
from migrate.kinds._lambda import permission
from migrate.values import resolve
from tests.carry.fake_carrier import LEGACY, REGION, TARGET, FakeCarrier, place, session
from tests.kinds.plain_site import PlainSite
from tests.kinds.shapes import check_request

FUNCTION, LAYER = lambda_function.KINDS[0], lambda_layer.KINDS[0]
MAPPING = lambda_event_source_mapping.KINDS[0]
CODE, LAYER_CODE = archive({"app.py": "print('v1')"}), archive({"python/x.py": "X = 1"})
NEW = place("notify")
PLACE_ARN = f"arn:aws:lambda:{REGION}:{LEGACY}:function:notify"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, boto3.Session]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        sessions = {"legacy": session(LEGACY), "target": session(TARGET)}
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        for side in sessions.values():
            side.client("iam").create_role(RoleName="runner", AssumeRolePolicyDocument=trust)
            side.client("sqs").create_queue(QueueName="orders")
        yield sessions


def site(aws: dict[str, boto3.Session], side: str, kind: Kind[Any]) -> PlainSite:
    return PlainSite(aws[side], LEGACY if side == "legacy" else TARGET, REGION, kind.reads)


def found(aws: dict[str, boto3.Session], side: str, kind: Kind[Any], name: str) -> It[Any]:
    return kind.typed(next(iter(kind.scan(site(aws, side, kind), only=name))))


def function(aws: dict[str, boto3.Session], **more: Any) -> It[Any]:
    client = aws["legacy"].client("lambda")
    client.create_function(
        **{
            "FunctionName": "notify", "Runtime": "python3.12", "Handler": "app.handler", "Code": {"ZipFile": CODE},
            "Role": f"arn:aws:iam::{LEGACY}:role/runner", "Timeout": 30, "MemorySize": 256, "Tags": {"env": "dev"},
            "Environment": {"Variables": {"QUEUE": f"arn:aws:sqs:{REGION}:{LEGACY}:orders", "API_TOKEN": "hunter2"}},
            "Architectures": ["arm64"], "EphemeralStorage": {"Size": 1024}, "TracingConfig": {"Mode": "Active"},
        } | more
    )  # fmt: skip
    client.add_permission(
        FunctionName="notify", StatementId="bucket", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::uploads", SourceAccount=LEGACY,
    )  # fmt: skip
    client.put_function_concurrency(FunctionName="notify", ReservedConcurrentExecutions=3)
    return found(aws, "legacy", FUNCTION, "notify")


class Sealed(FakeCarrier):
    """Gives back what the test site sealed, as the real carrier does."""

    def rewrite(self, document: Any) -> Any:
        if isinstance(document, dict) and "$sealed" in document:
            return "hunter2"
        return super().rewrite(document)


def carrier(aws: dict[str, boto3.Session], kind: Kind[Any] = FUNCTION, at: Any = NEW, code: bytes = CODE) -> Any:
    action = kind.action("create")
    assert isinstance(action, CarryAction)
    client = aws["legacy"].client("lambda")
    downloads = {"s3://": LAYER_CODE}
    for listed in client.list_functions(FunctionVersion="ALL")["Functions"]:
        name = {"FunctionName": listed["FunctionName"], "Qualifier": listed["Version"]}
        downloads[client.get_function(**name)["Code"].get("Location", "")] = code
    return Sealed(kind, action, at, aws, names={LEGACY: TARGET}, downloads=downloads)


def carry(to: Any, it: It[Any]) -> Any:
    return to.action.carry(it, to)


def renamed(value: Any) -> Any:
    return json.loads(json.dumps(value).replace(LEGACY, TARGET))


def send(aws: dict[str, boto3.Session], request: Request, known: dict[tuple[str, str], str] | None = None) -> Any:
    params = resolve(request.params if request.side == "legacy" else renamed(request.params), known or {})
    check_request(request.operation, params)
    service, _, name = request.operation.partition(".")
    return getattr(aws[request.side].client(service), xform_name(name))(**params)


def test_a_function_is_found_whole_and_its_code_is_not_read(aws: dict[str, boto3.Session]) -> None:
    function(aws)
    reading = site(aws, "legacy", FUNCTION)

    it = FUNCTION.typed(next(iter(FUNCTION.scan(reading))))

    config = it.facts.config
    assert (config.runtime, config.handler, config.timeout_s, config.memory_mib) == (
        "python3.12", "app.handler", 30, 256,
    )  # fmt: skip
    assert (config.architectures, config.storage_mib, config.tracing) == (["arm64"], 1024, "Active")
    assert config.environment["API_TOKEN"] == {"$sealed": "hash-of-7", "length": 7}
    assert it.facts.reserved_concurrency == 3
    assert [statement["Sid"] for statement in it.facts.policy] == ["bucket"]
    assert it.tags == {"env": "dev"}
    assert "lambda.GetFunction" not in reading.called
    assert not list(FUNCTION.scan(reading, only="absent"))


def test_an_image_function_gets_the_image_of_its_own_account(aws: dict[str, boto3.Session]) -> None:
    for side, account in (("legacy", LEGACY), ("target", TARGET)):
        ecr = aws[side].client("ecr")
        ecr.create_repository(repositoryName="shop")
        sort = "application/vnd.docker.distribution.manifest.v2+json"
        config = {"digest": "sha256:" + "0" * 64, "size": 1}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": sort, "config": config, "layers": []})
        ecr.put_image(repositoryName="shop", imageManifest=manifest, imageTag="1", registryId=account)
    image = f"{LEGACY}.dkr.ecr.{REGION}.amazonaws.com/shop:1"
    aws["legacy"].client("lambda").create_function(
        FunctionName="boxed", Role=f"arn:aws:iam::{LEGACY}:role/runner", PackageType="Image", Code={"ImageUri": image}
    )
    it = found(aws, "legacy", FUNCTION, "boxed")
    to = carrier(aws, at=place("boxed"))

    carry(to, it)

    sent = next(params for _, operation, params in to.writes if operation == "lambda.CreateFunction")
    assert sent["Code"] == {"ImageUri": image.replace(LEGACY, TARGET)}
    assert "ecr.repository.copy_images" in to.action.after_kinds


def test_the_function_arrives_equal_after_each_stage(aws: dict[str, boto3.Session]) -> None:
    it = function(aws)
    legacy = renamed(it.facts.model_dump(mode="json"))
    to = carrier(aws)

    def compared(done: set[str]) -> None:
        shown = found(aws, "target", FUNCTION, "notify").facts.model_dump(mode="json")
        expected = FUNCTION.expected(legacy, frozenset(done), it)
        for name in shown.keys() - FUNCTION.volatile:
            assert shown[name] == expected[name], name

    carry(to, it)
    compared({"create"})
    assert to.action.prove(it, to).state == "equal"
    for action in ("configure", "permit"):
        requests = FUNCTION.action(action).requests(it, NEW)
        for request in requests:
            send(aws, request)
        compared({"create", "configure"} if action == "configure" else {"create", "configure", "permit"})
    tags = found(aws, "target", FUNCTION, "notify").tags
    assert tags == {"env": "dev", "migrate:migration": "move", "migrate:step": "step:create"}
    variables = aws["target"].client("lambda").get_function_configuration(FunctionName="notify")["Environment"]
    assert variables["Variables"] == {"QUEUE": f"arn:aws:sqs:{REGION}:{TARGET}:orders", "API_TOKEN": "hunter2"}

    for name in ("permit", "configure"):
        for request in reversed(FUNCTION.action(name).requests(it, NEW)):
            assert request.undo is not None
            send(aws, request.undo)
    compared({"create"})
    to.action.uncarry(it, to)
    assert not list(FUNCTION.scan(site(aws, "target", FUNCTION), only="notify"))


def test_code_with_another_digest_is_not_handed_over(aws: dict[str, boto3.Session]) -> None:
    it = function(aws)
    to = carrier(aws, code=b"tampered")

    with pytest.raises(StepFailed, match="has sha256"):
        carry(to, it)

    assert not to.writes


def test_running_again_creates_nothing_twice_and_a_foreign_function_is_left_alone(
    aws: dict[str, boto3.Session],
) -> None:
    it = function(aws)
    carry(carrier(aws), it)
    again = carrier(aws)
    carry(again, it)
    assert not again.writes

    arn = f"arn:aws:lambda:{REGION}:{TARGET}:function:notify"
    aws["target"].client("lambda").untag_resource(Resource=arn, TagKeys=["migrate:step"])
    foreign = carrier(aws)
    for attempt in (foreign.action.carry, foreign.action.uncarry):
        with pytest.raises(Conflict, match="not made by this migration"):
            attempt(it, foreign)
    assert not foreign.writes


def test_a_role_that_is_not_known_yet_is_waited_for(
    aws: dict[str, boto3.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = function(aws)
    to = carrier(aws)
    sent: list[str] = []
    slept: list[float] = []
    send_it = to.write
    monkeypatch.setattr(refusals.patiently, "__kwdefaults__", {**_defaults(), "sleep": slept.append})

    def write(operation: str, **params: Any) -> Any:
        sent.append(operation)
        if len(sent) < 3:
            said = {"Code": "InvalidParameterValueException", "Message": "The role cannot be assumed by Lambda."}
            raise ClientError({"Error": said}, "CreateFunction")
        return send_it(operation, **params)

    to.write = write
    carry(to, it)

    assert sent == ["lambda.CreateFunction"] * 3
    assert slept == [5.0, 5.0]


def _defaults() -> dict[str, Any]:
    return dict(refusals.patiently.__kwdefaults__ or {})


def test_only_versions_that_something_names_are_published_and_their_numbers_begin_anew(
    aws: dict[str, boto3.Session],
) -> None:
    function(aws)
    client = aws["legacy"].client("lambda")
    for release in range(4):
        client.update_function_configuration(FunctionName="notify", Description=f"release {release}")
        client.publish_version(FunctionName="notify")
    share = {"AdditionalVersionWeights": {"4": 0.1}}
    client.create_alias(FunctionName="notify", Name="live", FunctionVersion="2", RoutingConfig=share)
    it = found(aws, "legacy", FUNCTION, "notify")
    assert [version.version for version in it.facts.versions] == ["2", "4"]
    to = carrier(aws)

    carry(to, it)

    assert {name: number for name, number in to.outputs.items() if name != "id"} == {"version_2": "1", "version_4": "2"}
    names = {name.legacy: name.target for name in FUNCTION.names(it, NEW)}
    known = {("create", name): value for name, value in to.outputs.items()}
    assert resolve(names[f"{it.arn}:4"], known) == f"arn:aws:lambda:{REGION}:{TARGET}:function:notify:2"
    listed = aws["target"].client("lambda").list_versions_by_function(FunctionName="notify")["Versions"]
    assert [one["Description"] for one in listed if one["Version"] != "$LATEST"] == ["release 1", "release 3"]


@pytest.mark.parametrize(
    ("statement", "params"),
    [
        (
            {
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Condition": {"ArnLike": {"AWS:SourceArn": "a"}, "StringEquals": {"AWS:SourceAccount": "b"}},
            },
            {"Principal": "sns.amazonaws.com", "SourceArn": "a", "SourceAccount": "b"},
        ),
        (
            {
                "Principal": "*",
                "Action": "lambda:InvokeFunctionUrl",
                "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
            },
            {"Principal": "*", "FunctionUrlAuthType": "NONE"},
        ),
        (
            {"Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": "lambda:InvokeFunction"},
            {"Principal": "arn:aws:iam::1:root"},
        ),
    ],
)
def test_a_statement_becomes_the_parameters_that_make_it(statement: Any, params: Any) -> None:
    assert permission(statement) == {"Action": statement["Action"], **params}


def test_a_layer_is_published_once_with_its_description(aws: dict[str, boto3.Session]) -> None:
    client = aws["legacy"].client("lambda")
    for text in ("old", "numbers"):
        client.publish_layer_version(
            LayerName="features", Description=text, Content={"ZipFile": LAYER_CODE}, LicenseInfo="Apache-2.0",
            CompatibleRuntimes=["python3.12"],
        )  # fmt: skip
    layers = list(LAYER.scan(site(aws, "legacy", LAYER)))
    assert [layer.ref.name for layer in layers] == ["features:2"]
    it = LAYER.typed(layers[0])
    to = carrier(aws, LAYER, place("features:2"))

    carry(to, it)
    carry(to, it)

    assert [operation for _, operation, _ in to.writes] == ["lambda.PublishLayerVersion"]
    assert to.outputs["id"] == "features:1"
    arrived = found(aws, "target", LAYER, "features:1")
    assert arrived.facts == it.facts
    assert to.action.prove(it, to).state == "equal"
    assert not list(LAYER.scan(site(aws, "target", LAYER), only="features:9"))

    to.action.uncarry(it, to)
    assert not aws["target"].client("lambda").list_layers()["Layers"]


def test_a_layer_whose_publishing_was_cut_off_is_found_again_by_its_code(aws: dict[str, boto3.Session]) -> None:
    aws["legacy"].client("lambda").publish_layer_version(LayerName="features", Content={"ZipFile": LAYER_CODE})
    it = LAYER.typed(next(iter(LAYER.scan(site(aws, "legacy", LAYER)))))
    to = carrier(aws, LAYER, place("features:1"))
    carry(to, it)
    for lost in ("arn", "id"):
        del to.outputs[lost]

    carry(to, it)

    assert len(to.writes) == 1
    assert to.outputs["id"] == "features:1"


def test_a_layer_in_use_is_found_though_a_newer_one_stands(aws: dict[str, boto3.Session]) -> None:
    client = aws["legacy"].client("lambda")
    for _ in range(3):
        arn = client.publish_layer_version(LayerName="features", Content={"ZipFile": LAYER_CODE})["LayerVersionArn"]
    function(aws, Layers=[arn.replace(":3", ":1")])

    names = [layer.ref.name for layer in LAYER.scan(site(aws, "legacy", LAYER))]

    assert sorted(names) == ["features:1", "features:3"]


def mapping(aws: dict[str, boto3.Session]) -> It[Any]:
    function(aws)
    client = aws["legacy"].client("lambda")
    client.create_event_source_mapping(
        FunctionName="notify", EventSourceArn=f"arn:aws:sqs:{REGION}:{LEGACY}:orders", BatchSize=5,
        MaximumBatchingWindowInSeconds=2, Enabled=True,
    )  # fmt: skip
    return MAPPING.typed(next(iter(MAPPING.scan(site(aws, "legacy", MAPPING)))))


def test_a_mapping_is_made_switched_off_and_switched_on_only_after_legacys_is_off(
    aws: dict[str, boto3.Session],
) -> None:
    it = mapping(aws)
    carry(carrier(aws), found(aws, "legacy", FUNCTION, "notify"))
    assert it.facts.enabled
    legacy = renamed(it.facts.model_dump(mode="json"))

    made = send(aws, MAPPING.action("create").requests(it, NEW)[0])
    known = {("create", "id"): made["UUID"]}
    standing = MAPPING.locate(site(aws, "target", MAPPING), NEW, {}, it)
    assert standing is not None
    assert standing.ref.name == made["UUID"]
    assert standing.facts == MAPPING.expected(legacy, frozenset({"create"}), it)

    stop = MAPPING.action("stop_legacy")
    send(aws, stop.requests(it, NEW)[0])
    changed = found(aws, "legacy", MAPPING, it.ref.name).facts.model_dump(mode="json")
    assert changed == it.facts.model_dump(mode="json") | dict(stop.legacy_after(it) or {})

    start = MAPPING.action("start").requests(it, NEW)[0]
    send(aws, start, known)
    shown = found(aws, "target", MAPPING, made["UUID"]).facts.model_dump(mode="json")
    assert shown == MAPPING.expected(legacy, frozenset({"create", "start"}), it)

    for request in (start, stop.requests(it, NEW)[0], MAPPING.action("create").requests(it, NEW)[0]):
        assert request.undo is not None
        send(aws, request.undo, known)
    assert found(aws, "legacy", MAPPING, it.ref.name).facts == it.facts
    assert not list(MAPPING.scan(site(aws, "target", MAPPING)))


def test_a_mapping_that_is_off_stays_off(aws: dict[str, boto3.Session]) -> None:
    it = mapping(aws)
    aws["legacy"].client("lambda").update_event_source_mapping(UUID=it.ref.name, Enabled=False)
    off = found(aws, "legacy", MAPPING, it.ref.name)

    assert [action.name for action in MAPPING.actions if action.applies(off)] == ["create"]
    assert not list(MAPPING.scan(site(aws, "legacy", MAPPING), only="absent"))
    assert [(need.why, need.strength) for need in MAPPING.needs(off)] == [("runs", "hard"), ("consumes", "cut")]
