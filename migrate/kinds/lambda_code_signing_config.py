"""Code signing configuration: whose signatures a function's code must carry. The rule: attached after the functions
stand, because their code is brought as it is and is not signed again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    STEP_TAG,
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    after,
)
from migrate.kinds._lambda import GONE, function_names

# A function by image has none, and what AWS answers for it is unverified.
_NONE = ("CodeSigningConfigNotFoundException", "InvalidParameterValueException", *GONE)


class SigningFacts(Facts):
    """Source: lambda.GetCodeSigningConfig, lambda.GetFunctionCodeSigningConfig, lambda.ListTags."""

    description: str
    profiles: list[str]
    """ARNs of the versions of signing profiles whose signatures count."""
    untrusted: str
    """Warn or Enforce."""
    functions: list[str]
    """ARNs of the functions that it is set on."""


class Create(Action[SigningFacts]):
    """The configuration, on no function yet."""

    name = "create"
    title = "Create the code signing configuration"

    def requests(self, it: It[SigningFacts], place: Place) -> Sequence[Request]:
        facts, own = it.facts, {"CodeSigningConfigArn": after("create", "arn")}
        said: dict[str, Json] = {"Description": facts.description} if facts.description else {}
        return [
            Request(
                "lambda.CreateCodeSigningConfig",
                said
                | {
                    "AllowedPublishers": {"SigningProfileVersionArns": facts.profiles},
                    "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": facts.untrusted},
                    "Tags": place.stamp(it.tags),
                },
                once="tagged",
                creates=True,
                outputs={
                    "id": "CodeSigningConfig.CodeSigningConfigId",
                    "arn": "CodeSigningConfig.CodeSigningConfigArn",
                },
                undo=Request("lambda.DeleteCodeSigningConfig", own, done=GONE),
            )
        ]


class Attach(Action[SigningFacts]):
    """Set it on the functions. What they run already is not judged by it, only what is deployed from then on."""

    name = "attach"
    title = "Set the code signing configuration on its functions"
    sets = frozenset({"functions"})

    def applies(self, it: It[SigningFacts]) -> bool:
        return bool(it.facts.functions)

    def requests(self, it: It[SigningFacts], place: Place) -> Sequence[Request]:
        own = {"CodeSigningConfigArn": after("create", "arn")}
        return [
            Request(
                "lambda.PutFunctionCodeSigningConfig",
                own | {"FunctionName": function},
                retry=("ResourceConflictException",),
                undo=Request("lambda.DeleteFunctionCodeSigningConfig", {"FunctionName": function}, done=_NONE),
            )
            for function in it.facts.functions
        ]


class CodeSigningConfig(Kind[SigningFacts]):
    """A code signing configuration that a function uses; one that none uses is not carried. The signing profile that it
    names is not carried: it stays in legacy and its ARN has to be allowed or replaced by a person, or the plan says so.
    """

    name = "lambda.code_signing_config"
    title = "Lambda code signing configuration"
    facts = SigningFacts
    named = False
    reads = frozenset(
        {
            "lambda.GetCodeSigningConfig",
            "lambda.GetFunctionCodeSigningConfig",
            "lambda.GetFunctionConfiguration",
            "lambda.ListCodeSigningConfigs",
            "lambda.ListFunctions",
            "lambda.ListFunctionsByCodeSigningConfig",
            "lambda.ListTags",
        }
    )
    tagging_types = ("lambda:code-signing-config",)
    unordered = frozenset({"functions", "profiles"})
    actions = (Create(), Attach())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            arn = only if only.startswith("arn:") else _arn(site, only)
            arns = [arn] if "code-signing-config:csc-" in arn else []
        else:
            # By function and not by lambda.ListCodeSigningConfigs: what none uses stays where it is.
            configs = site.map(
                lambda name: site.optional("lambda.GetFunctionCodeSigningConfig", missing=_NONE, FunctionName=name),
                function_names(site, None),
            )
            arns = sorted({one["CodeSigningConfigArn"] for one in configs if one and one.get("CodeSigningConfigArn")})
        for found in site.map(lambda arn: self._read(site, arn), arns):
            if found is not None:
                yield found

    def _read(self, site: ReadSite, arn: str) -> Resource | None:
        answer = site.optional("lambda.GetCodeSigningConfig", missing=GONE, CodeSigningConfigArn=arn)
        if answer is None:
            return None
        one: dict[str, Any] = answer["CodeSigningConfig"]
        own = {"CodeSigningConfigArn": arn}
        functions = list(site.pages("lambda.ListFunctionsByCodeSigningConfig", "FunctionArns", **own))
        tags = (site.optional("lambda.ListTags", missing=GONE, Resource=arn) or {}).get("Tags", {})
        facts = SigningFacts(
            description=one.get("Description", ""),
            profiles=sorted(one["AllowedPublishers"]["SigningProfileVersionArns"]),
            untrusted=one["CodeSigningPolicies"]["UntrustedArtifactOnDeployment"],
            functions=sorted(functions),
        )
        return self.found(site, one["CodeSigningConfigId"], facts, arn=arn, tags=tags)

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[SigningFacts]) -> Resource | None:
        if outputs.get("id"):
            return next(iter(self.scan(site, only=outputs["id"])), None)
        # It is on no function yet: only the whole list shows it.
        arns = site.pages("lambda.ListCodeSigningConfigs", "CodeSigningConfigs[].CodeSigningConfigArn")
        read = [found for arn in arns if (found := self._read(site, arn))]
        ours = [found for found in read if found.tags.get(STEP_TAG) == place.step]
        if len(ours) > 1:
            raise ValueError(f"{len(ours)} live resources carry the stamp {place.step}: {[r.arn for r in ours]}")
        return ours[0] if ours else None

    def names(self, it: It[SigningFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, after("create", "arn"))

    def needs(self, it: It[SigningFacts]) -> Iterator[Need]:
        for function in it.facts.functions:
            yield Need(function, "attached to", "soft", "lambda.ListFunctionsByCodeSigningConfig FunctionArns[]")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[SigningFacts]) -> dict[str, Json]:
        return facts if "attach" in done else facts | {"functions": []}


def _arn(site: ReadSite, name: str) -> str:
    return f"arn:aws:lambda:{site.region}:{site.account}:code-signing-config:{name}"


KINDS = (CodeSigningConfig(),)
