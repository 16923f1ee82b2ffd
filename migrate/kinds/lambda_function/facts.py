"""What is known of a function. The rule: code and images are named by their sha256 and never read by a scan."""

import json
from typing import Any

from migrate.kind import Facts, Json, ReadSite

READS = frozenset(
    {
        "lambda.GetFunctionConcurrency",
        "lambda.GetFunctionConfiguration",
        "lambda.GetFunctionEventInvokeConfig",
        "lambda.GetFunctionUrlConfig",
        "lambda.GetPolicy",
        "lambda.ListAliases",
        "lambda.ListFunctions",
        "lambda.ListTags",
        "lambda.ListVersionsByFunction",
    }
)
GONE = ("ResourceNotFoundException",)
LATEST = "$LATEST"


class Config(Facts):
    """What lambda.CreateFunction takes. Source: lambda.GetFunctionConfiguration."""

    package_type: str
    code_sha256: str
    runtime: str | None
    handler: str | None
    role: str
    description: str
    timeout_s: int
    memory_mib: int
    storage_mib: int
    architectures: list[str]
    environment: dict[str, Json]
    layers: list[str]
    """In order: later ones win."""
    kms_key_arn: str | None
    dead_letter_arn: str | None
    tracing: str
    snap_start: str
    logging: Json
    file_systems: list[Json]
    image_config: Json


class Version(Facts):
    """A published version that an alias points to."""

    version: str
    config: Config


class Alias(Facts):
    """An alias by what it runs. Source: lambda.ListAliases."""

    name: str
    description: str
    code_sha256: str


class FunctionFacts(Facts):
    """Source: lambda.ListFunctions and what is read of each function."""

    config: Config
    subnet_ids: list[str]
    security_group_ids: list[str]
    ipv6: bool
    versions: list[Version]
    alias_versions: dict[str, str]
    """Alias → the version it names."""
    alias_shares: dict[str, dict[str, float]]
    """Alias → a second version, with its share of the calls."""
    aliases: list[Alias]
    policy: list[Json]
    """The statements of the resource policy, and of each alias's."""
    reserved_concurrency: int | None
    event_invoke: Json
    url: Json


def read_config(site: ReadSite, found: dict[str, Any]) -> Config:
    """One configuration, of the newest code or of a version."""
    variables = found.get("Environment", {}).get("Variables", {})
    logging = {name: value for name, value in found.get("LoggingConfig", {}).items() if value}
    return Config(
        package_type=found.get("PackageType", "Zip"),
        code_sha256=found["CodeSha256"],
        runtime=found.get("Runtime"),
        handler=found.get("Handler"),
        role=found["Role"],
        description=found.get("Description", ""),
        timeout_s=found.get("Timeout", 3),
        memory_mib=found.get("MemorySize", 128),
        storage_mib=found.get("EphemeralStorage", {}).get("Size", 512),
        architectures=sorted(found.get("Architectures", ["x86_64"])),
        environment={name: site.seal(name, value) for name, value in sorted(variables.items())},
        layers=[layer["Arn"] for layer in found.get("Layers", ())],
        kms_key_arn=found.get("KMSKeyArn"),
        dead_letter_arn=found.get("DeadLetterConfig", {}).get("TargetArn"),
        tracing=found.get("TracingConfig", {}).get("Mode", "PassThrough"),
        snap_start=found.get("SnapStart", {}).get("ApplyOn", "None"),
        logging=logging or None,
        file_systems=list(found.get("FileSystemConfigs", ())),
        image_config=found.get("ImageConfigResponse", {}).get("ImageConfig") or None,
    )


def read_facts(site: ReadSite, found: dict[str, Any]) -> FunctionFacts:
    """Everything of one function but its tags."""
    name = found["FunctionName"]

    def read(operation: str, **more: Any) -> dict[str, Any]:
        return site.optional(f"lambda.{operation}", missing=GONE, FunctionName=name, **more) or {}

    aliases = list(site.pages("lambda.ListAliases", "Aliases", FunctionName=name, MaxItems=100))
    routed = {alias["Name"]: alias["FunctionVersion"] for alias in aliases}
    wanted = set(routed.values()) - {LATEST}
    described: dict[str, dict[str, Any]] = {}
    if wanted:
        listed = site.pages("lambda.ListVersionsByFunction", "Versions", FunctionName=name, MaxItems=50)
        described = {version["Version"]: version for version in listed if version["Version"] in wanted}
    configs = {version: read_config(site, described[version]) for version in sorted(described, key=int)}
    config = read_config(site, found)
    digests = {version: one.code_sha256 for version, one in configs.items()} | {LATEST: config.code_sha256}
    event_invoke = read("GetFunctionEventInvokeConfig")
    url = read("GetFunctionUrlConfig")
    vpc = found.get("VpcConfig", {})
    return FunctionFacts(
        config=config,
        subnet_ids=sorted(vpc.get("SubnetIds", ())),
        security_group_ids=sorted(vpc.get("SecurityGroupIds", ())),
        ipv6=vpc.get("Ipv6AllowedForDualStack", False),
        versions=[Version(version=version, config=one) for version, one in configs.items()],
        alias_versions=routed,
        alias_shares={alias["Name"]: shares for alias in aliases if (shares := _shares(alias))},
        aliases=[
            Alias(
                name=alias["Name"],
                description=alias.get("Description", ""),
                code_sha256=digests.get(alias["FunctionVersion"], ""),
            )
            for alias in sorted(aliases, key=lambda alias: str(alias["Name"]))
        ],
        policy=_statements(read("GetPolicy"))
        + [
            statement
            for alias in sorted(routed)
            for statement in _statements(read("GetPolicy", Qualifier=alias))
            # A statement of the alias names it; one of the function is not counted twice.
            if str(statement.get("Resource", "")).endswith(f":{alias}")
        ],
        reserved_concurrency=read("GetFunctionConcurrency").get("ReservedConcurrentExecutions"),
        event_invoke=_kept(event_invoke, "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"),
        url=_kept(url, "AuthType", "Cors", "InvokeMode"),
    )


def _shares(alias: dict[str, Any]) -> dict[str, float]:
    return dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})


def _statements(answer: dict[str, Any]) -> list[Json]:
    document = json.loads(answer["Policy"]) if answer.get("Policy") else {"Statement": []}
    return sorted(document["Statement"], key=lambda statement: str(statement.get("Sid", "")))


def _kept(answer: dict[str, Any], *names: str) -> Json:
    kept = {name: answer[name] for name in names if answer.get(name) is not None}
    return kept or None
