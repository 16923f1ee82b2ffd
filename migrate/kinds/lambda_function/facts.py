"""What is known of a function. The rule: code and images are named by their sha256 and never read by a scan."""

from typing import Any

from migrate.kind import Facts, Json, ReadSite
from migrate.kinds._lambda import GONE, split, statements

READS = frozenset(
    {
        "lambda.GetFunctionConcurrency",
        "lambda.GetFunctionConfiguration",
        "lambda.GetPolicy",
        "lambda.ListAliases",
        "lambda.ListEventSourceMappings",
        "lambda.ListFunctionEventInvokeConfigs",
        "lambda.ListFunctions",
        "lambda.ListTags",
        "lambda.ListVersionsByFunction",
    }
)


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


class Published(Facts):
    """A version that an alias, an event source mapping or a setting names."""

    version: str
    config: Config


class FunctionFacts(Facts):
    """Source: lambda.ListFunctions and what is read of each function."""

    config: Config
    subnet_ids: list[str]
    security_group_ids: list[str]
    ipv6: bool
    versions: list[Published]
    """In the order of their numbers. The target gives them numbers of its own."""
    policy: list[Json]
    """The statements of the resource policy; those of an alias or a version are the alias's or the version's."""
    reserved_concurrency: int | None


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


def read_facts(site: ReadSite, found: dict[str, Any], consumed: frozenset[str]) -> FunctionFacts:
    """Everything of one function but its tags. `consumed`: function ARNs that event source mappings name."""
    name = found["FunctionName"]
    concurrency = site.optional("lambda.GetFunctionConcurrency", missing=GONE, FunctionName=name) or {}
    vpc = found.get("VpcConfig", {})
    return FunctionFacts(
        config=read_config(site, found),
        subnet_ids=sorted(vpc.get("SubnetIds", ())),
        security_group_ids=sorted(vpc.get("SecurityGroupIds", ())),
        ipv6=vpc.get("Ipv6AllowedForDualStack", False),
        versions=[
            Published(version=version["Version"], config=read_config(site, version))
            for version in in_use(site, name, consumed)
        ],
        policy=statements(site, name),
        reserved_concurrency=concurrency.get("ReservedConcurrentExecutions"),
    )


def consumers(site: ReadSite, name: str | None) -> frozenset[str]:
    """Function ARNs that event source mappings name, with their qualifiers; of one function where `name` is given."""
    asked = {"FunctionName": name} if name else {}
    mappings = site.pages("lambda.ListEventSourceMappings", "EventSourceMappings", MaxItems=100, **asked)
    return frozenset(str(one["FunctionArn"]) for one in mappings)


def in_use(site: ReadSite, name: str, consumed: frozenset[str]) -> list[dict[str, Any]]:
    """The function's published versions that something names, as AWS describes them, lowest number first."""
    wanted: set[str] = {qualifier for function, qualifier in map(split, consumed) if function == name}
    for alias in site.pages("lambda.ListAliases", "Aliases", FunctionName=name, MaxItems=100):
        shares = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        wanted |= {alias["FunctionVersion"], *shares}
    key = "FunctionEventInvokeConfigs[].FunctionArn"
    for arn in site.pages("lambda.ListFunctionEventInvokeConfigs", key, FunctionName=name, MaxItems=50):
        wanted.add(split(arn)[1])
    numbers = {version for version in wanted if version.isdigit()}
    if not numbers:
        return []
    listed = site.pages("lambda.ListVersionsByFunction", "Versions", FunctionName=name, MaxItems=50)
    return sorted((one for one in listed if one["Version"] in numbers), key=lambda one: int(one["Version"]))
