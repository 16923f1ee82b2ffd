"""Lambda function: code, configuration, the versions that something names, and who may call it.

The rule: made beside legacy, and nothing calls it before the cut-over: triggers are kinds of their own.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Json, Kind, Name, Need, Place, ReadSite, Remainder, after, join
from migrate.kinds._lambda import GONE, number_of
from migrate.kinds.lambda_function.actions import Configure, Create, Permit
from migrate.kinds.lambda_function.facts import READS, FunctionFacts, consumers, read_facts
from migrate.kinds.lambda_function.version import Version

DEPRECATED = frozenset(
    {
        "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
        "nodejs16.x", "python2.7", "python3.6", "python3.7", "python3.8", "ruby2.5", "ruby2.7", "java8", "go1.x",
        "provided", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "dotnet6",
    }
)  # fmt: skip
"""Runtimes that AWS's list calls deprecated. From when on no function is made with each is another date, which AWS has
moved several times: unverified for the newest of them, so a person may answer for one. Source: Lambda developer guide,
"Lambda runtimes" and "Runtime support policy", read 2026-11."""


class Function(Kind[FunctionFacts]):
    """A function, by package or image. Runtime management and recursion settings are not carried: both begin at AWS's
    default. An image's address is read when the function is created, because no metadata call tells it. Values that
    the function's own code decrypts are not carried over to the new key: kms:ReEncrypt by hand."""

    name = "lambda.function"
    title = "Lambda function"
    facts = FunctionFacts
    reads = READS
    tagging_types = ("lambda:function",)
    volatile = frozenset({"versions"})
    unordered = frozenset({"subnet_ids", "security_group_ids"})
    actions = (Create(), Configure(), Permit())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            functions = list(site.pages("lambda.ListFunctions", "Functions", MaxItems=50))
        else:
            answer = site.optional("lambda.GetFunctionConfiguration", missing=GONE, FunctionName=only)
            functions = [answer] if answer else []
        consumed = consumers(site, only) if functions else frozenset()
        facts = site.map(lambda function: read_facts(site, function, consumed), functions)
        tags = site.map(
            lambda function: (
                site.optional("lambda.ListTags", missing=GONE, Resource=function["FunctionArn"]) or {}
            ).get("Tags", {}),
            functions,
        )
        for function, read, tagged in zip(functions, facts, tags, strict=True):
            yield self.found(
                site,
                function["FunctionName"],
                read,
                arn=function["FunctionArn"],
                tags=tagged,
                size_bytes=function.get("CodeSize"),
            )

    def needs(self, it: It[FunctionFacts]) -> Iterator[Need]:
        facts, config, seen_in = it.facts, it.facts.config, "lambda.GetFunctionConfiguration"
        yield Need(config.role, "assumes", "hard", f"{seen_in} Role")
        for layer in config.layers:
            yield Need(layer, "reads", "hard", f"{seen_in} Layers[].Arn")
        for subnet in facts.subnet_ids:
            yield Need(subnet, "in", "hard", f"{seen_in} VpcConfig.SubnetIds[]")
        for group in facts.security_group_ids:
            yield Need(group, "attached to", "hard", f"{seen_in} VpcConfig.SecurityGroupIds[]")
        if config.kms_key_arn:
            yield Need(config.kms_key_arn, "encrypted by", "hard", f"{seen_in} KMSKeyArn")
        if config.dead_letter_arn:
            yield Need(config.dead_letter_arn, "writes", "hard", f"{seen_in} DeadLetterConfig.TargetArn")

        for file_system in config.file_systems:
            yield Need(file_system["Arn"], "reads", "hard", f"{seen_in} FileSystemConfigs[].Arn")

    def remains(self, it: It[FunctionFacts]) -> Iterator[Remainder]:
        runtime = it.facts.config.runtime
        if runtime in DEPRECATED:
            yield Remainder(
                "runtime",
                f"its runtime {runtime} is deprecated, and AWS makes no new function with a deprecated runtime",
                "change it in legacy to one that is supported (`aws lambda update-function-configuration --runtime`), "
                "test it there and scan again",
            )

    def names(self, it: It[FunctionFacts], place: Place) -> Iterator[Name]:
        arn = self.target_arn(it, place)
        yield Name(it.arn, arn)
        for published in it.facts.versions:
            version = f"{it.arn}:{published.version}"
            number = after("create", f"version_{published.version}")
            yield Name(version, join(arn, ":", number))
            yield Name(number_of(version), number, "id")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[FunctionFacts]) -> dict[str, Json]:
        shown = dict(facts)
        if "configure" not in done:
            shown["reserved_concurrency"] = None
        if "permit" not in done:
            shown["policy"] = []
        return shown


KINDS = (Function(), Version())
