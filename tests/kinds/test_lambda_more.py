"""What stands around a function where the emulator has no operations: provisioned concurrency and code signing, by
AWS's shapes and told answers; and that nobody keeps a version's old number."""

from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kind import STEP_TAG, It, Kind, Place
from migrate.kinds import every_kind
from migrate.kinds._lambda import number_of, split
from migrate.kinds.lambda_function.facts import Config, FunctionFacts
from migrate.names import GLOBAL, AccountId, Ref, Region
from migrate.values import resolve
from tests.kinds.shapes import check_request
from tests.kinds.told_site import ToldSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides

FUNCTION = f"arn:aws:lambda:{REGION}:{LEGACY}:function:orders"
CONFIG = f"arn:aws:lambda:{REGION}:{LEGACY}:code-signing-config:csc-0123456789abcdef0"
PROFILE = f"arn:aws:signer:{REGION}:999999999999:/signing-profiles/shop/Ab12Cd34Ef"


def site(kind: Kind[Any], **more: Any) -> ToldSite:
    answers = {
        "lambda.ListFunctions": lambda _: {"Functions": [{"FunctionName": "orders"}]},
        "lambda.GetFunctionConfiguration": lambda asked: {} if asked["FunctionName"] == "orders" else None,
        "lambda.ListAliases": lambda _: {"Aliases": [{"Name": "live"}, {"Name": "cold"}]},
    }
    return ToldSite(LEGACY, REGION, kind.reads, answers | {f"lambda.{name}": more[name] for name in more})


def place(kind: str, name: str) -> Place:
    return Place("shop", TARGET, Region(REGION), name, f"{TARGET}/{REGION}/{kind}/{name}:create", (TARGET,))


def sent(kind: Kind[Any], it: It[Any], action: str) -> list[tuple[str, dict[str, Any]]]:
    """The requests of an action and of its undo, last first, each checked against AWS's shapes."""
    requests = kind.action(action).requests(it, place(kind.name, it.ref.name))
    said = [(request.operation, dict(request.params)) for request in requests]
    said += [(one.undo.operation, dict(one.undo.params)) for one in reversed(requests) if one.undo]
    known = {("create", "arn"): CONFIG.replace(LEGACY, TARGET), ("create", "id"): "csc-1"}
    filled = [(operation, resolve(params, known)) for operation, params in said]
    for operation, params in filled:
        check_request(operation, params)
    for request in requests:
        if request.wait:
            check_request(request.wait.operation, request.wait.params)
    return filled


def test_provisioned_concurrency_is_asked_for_again_and_waited_for() -> None:
    kind = every_kind()["lambda.provisioned_concurrency"]
    looks = site(
        kind,
        GetProvisionedConcurrencyConfig=lambda asked: (
            {"RequestedProvisionedConcurrentExecutions": 5, "Status": "READY"} if asked["Qualifier"] == "live" else None
        ),
    )

    (found,) = kind.scan(looks)

    assert (found.ref.name, found.facts) == ("orders:live", {"requested": 5})
    assert list(kind.scan(looks, only="orders:live")) == [found]
    assert not list(kind.scan(looks, only="orders:cold"))
    own = {"FunctionName": "orders", "Qualifier": "live"}
    assert sent(kind, kind.typed(found), "create") == [
        ("lambda.PutProvisionedConcurrencyConfig", own | {"ProvisionedConcurrentExecutions": 5}),
        ("lambda.DeleteProvisionedConcurrencyConfig", own),
    ]
    (request,) = kind.action("create").requests(kind.typed(found), place(kind.name, "orders:live"))
    assert request.wait is not None
    assert request.wait.ok == ("READY",)
    assert [need.on for need in kind.needs(kind.typed(found))] == [found.ref._replace(kind="lambda.alias")]


def signing(tags: dict[str, str]) -> dict[str, Any]:
    return {
        "GetFunctionCodeSigningConfig": lambda _: {"CodeSigningConfigArn": CONFIG},
        "ListCodeSigningConfigs": lambda _: {"CodeSigningConfigs": [{"CodeSigningConfigArn": CONFIG}]},
        "ListFunctionsByCodeSigningConfig": lambda _: {"FunctionArns": [FUNCTION]},
        "ListTags": lambda _: {"Tags": tags},
        "GetCodeSigningConfig": lambda asked: (
            {
                "CodeSigningConfig": {
                    "CodeSigningConfigId": "csc-0123456789abcdef0", "CodeSigningConfigArn": CONFIG,
                    "Description": "ours alone", "AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]},
                    "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"}, "LastModified": "2026",
                }
            }
            if asked["CodeSigningConfigArn"] == CONFIG
            else None
        ),
    }  # fmt: skip


def test_a_code_signing_configuration_is_made_and_then_set_on_its_functions() -> None:
    kind = every_kind()["lambda.code_signing_config"]
    (found,) = kind.scan(site(kind, **signing({"team": "shop"})))

    assert found.facts == {
        "description": "ours alone", "profiles": [PROFILE], "untrusted": "Enforce", "functions": [FUNCTION],
    }  # fmt: skip
    it = kind.typed(found)
    made, undone = sent(kind, it, "create")
    assert made[1]["Tags"] == place(kind.name, found.ref.name).stamp({"team": "shop"})
    assert made[1]["AllowedPublishers"] == {"SigningProfileVersionArns": [PROFILE]}
    assert made[1]["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Enforce"}
    assert undone == ("lambda.DeleteCodeSigningConfig", {"CodeSigningConfigArn": CONFIG.replace(LEGACY, TARGET)})
    assert [operation for operation, _ in sent(kind, it, "attach")] == [
        "lambda.PutFunctionCodeSigningConfig", "lambda.DeleteFunctionCodeSigningConfig",
    ]  # fmt: skip
    facts = dict(found.facts)
    assert kind.expected(facts, frozenset({"create"}), it)["functions"] == []
    assert kind.expected(facts, frozenset({"create", "attach"}), it) == facts


def test_a_code_signing_configuration_is_found_by_its_stamp_before_any_function_has_it() -> None:
    kind = every_kind()["lambda.code_signing_config"]
    there = place(kind.name, "csc-0123456789abcdef0")
    none = {"GetFunctionCodeSigningConfig": lambda _: None}
    (found,) = kind.scan(site(kind, **signing({})))
    it = kind.typed(found)

    stamped = kind.locate(site(kind, **signing({STEP_TAG: there.step}) | none), there, {}, it)

    assert stamped is not None
    assert stamped.arn == CONFIG
    assert kind.locate(site(kind, **signing({STEP_TAG: "another"}) | none), there, {}, it) is None
    assert kind.locate(site(kind, **signing({}) | none), there, {"id": "csc-0123456789abcdef0"}, it) is not None
    assert not list(kind.scan(site(kind, **signing({})), only="csc-9"))


@pytest.mark.parametrize(
    ("arn", "parts", "number"),
    [
        (FUNCTION, ("orders", ""), "$LATEST"),
        (f"{FUNCTION}:$LATEST", ("orders", ""), "$LATEST"),
        (f"{FUNCTION}:7", ("orders", "7"), f"{FUNCTION}:7:number"),
    ],
)
def test_a_function_arn_is_taken_apart(arn: str, parts: tuple[str, str], number: str) -> None:
    assert split(arn) == parts
    assert number_of(arn) == number


def test_settings_of_a_version_go_to_its_new_number(monkeypatch: pytest.MonkeyPatch) -> None:
    kind, function = every_kind()["lambda.event_invoke_config"], every_kind()["lambda.function"]
    with two_sides(monkeypatch) as world:
        facts = {"function_arn": f"{FUNCTION}:7", "retries": 0, "age_s": 60, "on_success": None, "on_failure": None}
        its = Resource(Ref(LEGACY, Region(REGION), kind.name, "orders:7"), "", {}, None, None, facts)
        publish(world, function, "7", "2")

        ((_, params),) = world.planned(kind, its, "create")

    assert resolve(params, world.known) == {
        "FunctionName": "orders", "Qualifier": "2", "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60,
    }  # fmt: skip
    assert world.renamed(f"{FUNCTION}:7") == FUNCTION.replace(LEGACY, TARGET) + ":2"


def publish(world: TwoSides, kind: Kind[Any], number: str, becomes: str) -> None:
    """A function in legacy of which one version is in use, and the number that it got."""
    config: dict[str, Any] = {
        "package_type": "Zip", "code_sha256": "x", "runtime": None, "handler": None, "description": "",
        "role": f"arn:aws:iam::{LEGACY}:role/runner", "timeout_s": 3, "memory_mib": 128, "storage_mib": 512,
        "architectures": ["arm64"], "environment": {}, "layers": [], "kms_key_arn": None, "dead_letter_arn": None,
        "tracing": "PassThrough", "snap_start": "None", "logging": None, "file_systems": [], "image_config": None,
    }  # fmt: skip
    facts = {
        "config": config, "subnet_ids": [], "security_group_ids": [], "ipv6": False, "policy": [],
        "versions": [{"version": number, "config": config}], "reserved_concurrency": None,
    }  # fmt: skip
    function = Resource(Ref(LEGACY, Region(REGION), kind.name, "orders"), FUNCTION, {}, None, None, facts)
    world.kinds[kind.name], world.resources[str(function.ref)] = kind, function
    world.known[world.place(function).step, f"version_{number}"] = becomes


def test_the_url_of_a_function_stands_for_the_new_one_wherever_it_is_named() -> None:
    kind = every_kind()["lambda.url"]
    facts = {
        "host": "abc.lambda-url.eu-west-1.on.aws", "function_arn": FUNCTION, "auth_type": "NONE", "cors": {},
        "invoke_mode": "BUFFERED",
    }  # fmt: skip
    it = kind.typed(Resource(Ref(AccountId(LEGACY), GLOBAL, kind.name, "orders"), "", {}, None, None, facts))

    names = {
        name.legacy: resolve(name.target, {("create", "host"): "new.host"}) for name in kind.names(it, place("", ""))
    }

    assert names == {"abc.lambda-url.eu-west-1.on.aws": "new.host", f"https://{facts['host']}": "https://new.host"}


@pytest.mark.parametrize(("runtime", "said"), [("python3.7", ["runtime"]), ("python3.13", []), (None, [])])
def test_a_function_whose_runtime_aws_makes_no_new_function_with_is_asked_about_before_the_run(
    runtime: str | None, said: list[str]
) -> None:
    kind = every_kind()["lambda.function"]
    facts: Any = FunctionFacts.model_construct(config=Config.model_construct(runtime=runtime))
    it = It(Ref(AccountId("111111111111"), Region("eu-west-1"), kind.name, "mail"), "", {}, facts)
    assert [one.key for one in kind.remains(it)] == said
