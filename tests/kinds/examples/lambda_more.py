"""What stands around a function: versions whose numbers begin anew, an alias with shares, a URL, asynchronous calls."""

import io
import zipfile
from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TARGET, Side, TwoSides

NAME = "orders"
ARN = f"arn:aws:lambda:{REGION}:{LEGACY}:function:{NAME}"
TARGET_ARN = f"arn:aws:lambda:{REGION}:{TARGET}:function:{NAME}"
PUBLISHED = {"legacy": (1, 2, 3, 4), "target": (2, 4)}
"""Releases published on each side: those that something names in legacy get numbers of their own in the target."""
CALLER: dict[str, Any] = {
    "StatementId": "shop", "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com",
    "SourceArn": f"arn:aws:sns:{REGION}:{LEGACY}:orders", "SourceAccount": LEGACY,
}  # fmt: skip


def code(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py", (2020, 1, 1, 0, 0, 0)), text)
    return packed.getvalue()


def a_function(world: TwoSides) -> None:
    """On both sides, as its creation would leave it; an alias in legacy names releases 2 and 4."""
    role = needed.a_role(world, "runner", "lambda.amazonaws.com")
    made: dict[Side, str] = {"legacy": role, "target": role.replace(LEGACY, TARGET)}
    for side, its_role in made.items():
        client = world.client(side, "lambda")
        client.create_function(
            FunctionName=NAME, Runtime="python3.12", Handler="app.handler", Role=its_role, Timeout=30, MemorySize=256,
            Code={"ZipFile": code("0")}, Architectures=["arm64"],
        )  # fmt: skip
        for release in PUBLISHED[side]:
            client.update_function_code(FunctionName=NAME, ZipFile=code(str(release)))
            client.update_function_configuration(FunctionName=NAME, Description=f"release {release}")
            client.publish_version(FunctionName=NAME, Description=f"release {release}")


def know_the_numbers(world: TwoSides) -> None:
    """Legacy's function as it is now, and the numbers that its creation in the target gave."""
    function = needed.scanned(world, "lambda.function", NAME)
    step = world.place(function).step
    world.known |= {(step, f"version_{release}"): str(n) for n, release in enumerate(PUBLISHED["target"], start=1)}


def an_alias(world: TwoSides) -> Resource:
    a_function(world)
    client = world.client("legacy", "lambda")
    share = {"AdditionalVersionWeights": {"4": 0.25}}
    client.create_alias(
        FunctionName=NAME, Name="live", FunctionVersion="2", Description="what customers use", RoutingConfig=share
    )
    client.add_permission(FunctionName=NAME, Qualifier="live", **CALLER)
    know_the_numbers(world)
    return needed.scanned(world, "lambda.alias", f"{NAME}:live")


def alias_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        # All of it each time: the emulator drops what an update leaves out.
        said = {"FunctionVersion": it.facts["version_arn"].rpartition(":")[2], "Description": it.facts["description"]}
        world.client("target", "lambda").update_alias(FunctionName=NAME, Name="live", **said | params)

    return change


def may_call(qualifier: str) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "lambda").add_permission(
            FunctionName=NAME, Qualifier=qualifier, **CALLER | {"StatementId": "another"}
        )

    return change


def a_version(world: TwoSides) -> Resource:
    a_function(world)
    client = world.client("legacy", "lambda")
    client.create_alias(FunctionName=NAME, Name="old", FunctionVersion="2")
    client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="4")
    client.add_permission(FunctionName=NAME, Qualifier="4", **CALLER)
    know_the_numbers(world)
    for alias in ("old", "live"):
        needed.moved(world, "lambda.alias", f"{NAME}:{alias}", "create")
    return needed.scanned(world, "lambda.version", f"{NAME}:4")


def a_url(world: TwoSides) -> Resource:
    a_function(world)
    world.client("legacy", "lambda").create_function_url_config(
        FunctionName=NAME, AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM",
        Cors={"AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET", "POST"], "MaxAge": 60},
    )  # fmt: skip
    know_the_numbers(world)
    url = needed.scanned(world, "lambda.url", NAME)
    # What its creation remembers: the carrier of these tests forgets it.
    world.known[world.place(url).step, "id"] = NAME
    return url


def url_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "lambda").update_function_url_config(FunctionName=NAME, **params)

    return change


def asynchronous(world: TwoSides) -> Resource:
    a_function(world)
    done, dead = needed.a_queue(world, "done"), needed.a_queue(world, "dead")
    world.client("legacy", "lambda").put_function_event_invoke_config(
        FunctionName=NAME, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=600,
        DestinationConfig={"OnSuccess": {"Destination": done}, "OnFailure": {"Destination": dead}},
    )  # fmt: skip
    know_the_numbers(world)
    return needed.scanned(world, "lambda.event_invoke_config", NAME)


def asynchronously(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        client = world.client("target", "lambda")
        whole = client.get_function_event_invoke_config(FunctionName=NAME)
        kept = {key: whole[key] for key in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")}
        # The emulator goes on showing the first that was put.
        client.delete_function_event_invoke_config(FunctionName=NAME)
        client.put_function_event_invoke_config(FunctionName=NAME, **kept | params)

    return change


def destined(**ends: str) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        config = world.client("target", "lambda").get_function_event_invoke_config(FunctionName=NAME)
        new = {end: {"Destination": f"arn:aws:sqs:{REGION}:{TARGET}:{queue}"} for end, queue in ends.items()}
        asynchronously(DestinationConfig=config["DestinationConfig"] | new)(world, it)

    return change


EXAMPLES = (
    Example(
        "lambda.url",
        a_url,
        {"auth_type": url_says(AuthType="NONE"), "cors": url_says(Cors={"AllowOrigins": ["*"], "MaxAge": 60})},
        fixed={
            "invoke_mode": "the emulator's UpdateFunctionUrlConfig leaves it as it was",
            "function_arn": "a URL belongs to its function for ever",
        },
        done=("create",),
    ),
    Example(
        "lambda.event_invoke_config",
        asynchronous,
        {
            "retries": asynchronously(MaximumRetryAttempts=2),
            "age_s": asynchronously(MaximumEventAgeInSeconds=601),
            "on_success": destined(OnSuccess="another"),
            "on_failure": destined(OnFailure="another"),
        },
        fixed={"function_arn": "the settings belong to their function for ever"},
    ),
    Example(
        "lambda.alias",
        an_alias,
        {
            "description": alias_says(Description="another"),
            "shares": alias_says(RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}),
            "version_arn": alias_says(FunctionVersion="2"),
            "policy": may_call("live"),
        },
        done=("create", "weigh", "permit"),
    ),
    Example(
        "lambda.version",
        a_version,
        {"policy": may_call("2")},
        fixed={
            "config": "a published version never changes",
            "function_arn": "a version belongs to its function for ever",
        },
        why_undo_leaves="it is published and deleted with its function",
    ),
)
