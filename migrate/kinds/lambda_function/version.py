"""A published version that something names: the function's creation publishes it, and here it is found and compared.

The rule: numbers begin anew in the target. An alias or a caller gets the number that publishing gave, never legacy's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, same_place
from migrate.kinds._lambda import GONE, function_names, number_of, permits, split, statements
from migrate.kinds.lambda_function.facts import Config, consumers, in_use, read_config

_SEEN_IN = "lambda.ListVersionsByFunction Versions[]"


class VersionFacts(Facts):
    """Source: lambda.ListVersionsByFunction, lambda.GetPolicy."""

    function_arn: str
    """Without the number."""
    config: Config
    """With the code's sha256: what an alias runs."""
    policy: list[Json]
    """The statements of this version alone."""


class Find(Action[VersionFacts]):
    """Find the version that the function's creation published from the same code and configuration."""

    name = "create"
    title = "Find the version that was published with the function"

    def requests(self, it: It[VersionFacts], place: Place) -> Sequence[Request]:
        # The function knows the number that publishing gave: the ARN becomes the target's.
        return [
            Request(
                "lambda.GetFunctionConfiguration",
                {"FunctionName": it.arn},
                outputs={"id": "join(':', [FunctionName, Version])", "code_sha256": "CodeSha256"},
            )
        ]


class Permit(Action[VersionFacts]):
    """Who may call this version."""

    name = "permit"
    title = "Let its callers call the version"
    sets = frozenset({"policy"})

    def applies(self, it: It[VersionFacts]) -> bool:
        return bool(it.facts.policy)

    def requests(self, it: It[VersionFacts], place: Place) -> Sequence[Request]:
        return permits(it.facts.policy, {"FunctionName": it.facts.function_arn, "Qualifier": number_of(it.arn)})


class Version(Kind[VersionFacts]):
    """A version that an alias, an event source mapping or a setting for asynchronous calls names. The others are not
    carried: one that only a rule, a schedule or a document names needs an alias on it before the scan."""

    name = "lambda.version"
    title = "Lambda version"
    facts = VersionFacts
    named = False
    stamped = False
    reads = frozenset(
        {
            "lambda.GetFunctionConfiguration",
            "lambda.GetPolicy",
            "lambda.ListAliases",
            "lambda.ListEventSourceMappings",
            "lambda.ListFunctionEventInvokeConfigs",
            "lambda.ListFunctions",
            "lambda.ListVersionsByFunction",
        }
    )
    actions = (Find(), Permit())
    left_out: ClassVar[Mapping[str, str]] = {
        "its number": "AWS gives numbers in the order of publishing and never the same one twice",
        "versions that nothing names": "they run nowhere; deploy again from the source, or put an alias on one first",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            consumed = consumers(site, None)
            names = function_names(site, None)
            listed = [
                (name, one)
                for name, some in zip(names, site.map(lambda n: in_use(site, n, consumed), names), strict=True)
                for one in some
            ]
        else:
            name, _, number = only.partition(":")
            answer = None
            if number.isdigit():
                answer = site.optional(
                    "lambda.GetFunctionConfiguration", missing=GONE, FunctionName=name, Qualifier=number
                )
            listed = [(name, answer)] if answer else []
        policies = site.map(lambda one: statements(site, one[0], one[1]["Version"]), listed)
        for (name, one), policy in zip(listed, policies, strict=True):
            arn = f"arn:aws:lambda:{site.region}:{site.account}:function:{name}"
            facts = VersionFacts(function_arn=arn, config=read_config(site, one), policy=policy)
            yield self.found(site, f"{name}:{one['Version']}", facts, arn=f"{arn}:{one['Version']}")

    def needs(self, it: It[VersionFacts]) -> Iterator[Need]:
        name = split(it.facts.function_arn)[0]
        yield Need(same_place(it, "lambda.function", name), "member of", "hard", f"{_SEEN_IN}.FunctionArn")

    def names(self, it: It[VersionFacts], place: Place) -> Iterator[Name]:
        """None: the function answers for its versions' ARNs, because it publishes them."""
        return iter(())

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[VersionFacts]) -> Resource | None:
        if outputs.get("id"):
            return next(iter(self.scan(site, only=outputs["id"])), None)
        name = split(it.facts.function_arn)[0]
        alike = [found for found in self.scan(site) if _is_same(self.typed(found).facts, name, it.facts.config)]
        return alike[0] if len(alike) == 1 else None

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[VersionFacts]) -> dict[str, Json]:
        return facts if "permit" in done else facts | {"policy": []}


def _is_same(facts: VersionFacts, name: str, config: Config) -> bool:
    """Whether code and description are the same: two versions may have the same code."""
    there: Any = facts.config
    same_text = (there.code_sha256, there.description) == (config.code_sha256, config.description)
    return split(facts.function_arn)[0] == name and same_text
