"""What becomes of a function's asynchronous calls: retries, greatest age, destinations. The rule: of the same function,
alias or version as in legacy; a version by its new number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, same_place
from migrate.kinds._content import plain
from migrate.kinds._lambda import GONE, LATEST, function_names, number_of, split


class AsyncFacts(Facts):
    """Source: lambda.ListFunctionEventInvokeConfigs."""

    function_arn: str
    """With the alias or version that it is about."""
    retries: int | None
    age_s: int | None
    on_success: str | None
    on_failure: str | None


class Create(Action[AsyncFacts]):
    """Retries, age and destinations in one."""

    name = "create"
    title = "Set what becomes of asynchronous calls"

    def requests(self, it: It[AsyncFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        function, qualifier = split(facts.function_arn)
        own: dict[str, Json] = {"FunctionName": place.name.partition(":")[0] or function}
        if qualifier:
            own["Qualifier"] = number_of(facts.function_arn) if qualifier.isdigit() else qualifier
        ends = {"OnSuccess": facts.on_success, "OnFailure": facts.on_failure}
        destinations = {key: {"Destination": arn} for key, arn in ends.items() if arn}
        said: dict[str, Json] = {
            "MaximumRetryAttempts": facts.retries,
            "MaximumEventAgeInSeconds": facts.age_s,
            "DestinationConfig": destinations or None,
        }
        return [
            Request(
                "lambda.PutFunctionEventInvokeConfig",
                own | {key: value for key, value in said.items() if value is not None},
                creates=True,
                # As AWS writes it, with $LATEST where it is the function's own.
                outputs={"arn": "FunctionArn"},
                # AWS checks that the function's role may write to the destination.
                retry=("InvalidParameterValueException",),
                undo=Request("lambda.DeleteFunctionEventInvokeConfig", dict(own), done=GONE),
            )
        ]


class EventInvokeConfig(Kind[AsyncFacts]):
    """The settings for asynchronous calls of a function, an alias or a version. Calls that wait for a retry at the
    freeze stay in legacy and are made there."""

    name = "lambda.event_invoke_config"
    title = "Lambda settings for asynchronous calls"
    facts = AsyncFacts
    named = False
    stamped = False
    reads = frozenset(
        {"lambda.GetFunctionConfiguration", "lambda.ListFunctionEventInvokeConfigs", "lambda.ListFunctions"}
    )
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = None if only is None else ":".join(filter(None, _parts(only)))
        names = function_names(site, wanted)
        key = "FunctionEventInvokeConfigs"
        found = site.map(
            lambda n: list(site.pages("lambda.ListFunctionEventInvokeConfigs", key, FunctionName=n, MaxItems=50)), names
        )
        for config in (one for some in found for one in some):
            name = ":".join(filter(None, split(config["FunctionArn"])))
            if wanted in (None, name):
                yield self.found(site, name, _facts(config), arn="")

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.ref.name, "arn": found.facts["function_arn"]}

    def names(self, it: It[AsyncFacts], place: Place) -> Iterator[Name]:
        """None: nobody names it."""
        return iter(())

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[AsyncFacts]) -> Resource | None:
        key = outputs.get("arn") or it.ref.name
        if "arn" not in outputs and split(it.facts.function_arn)[1].isdigit():
            return None  # the number is another one: only the answer that created it says which
        return next(iter(self.scan(site, only=key)), None)

    def needs(self, it: It[AsyncFacts]) -> Iterator[Need]:
        seen_in = "lambda.ListFunctionEventInvokeConfigs FunctionEventInvokeConfigs[]"
        function, qualifier = split(it.facts.function_arn)
        yield Need(same_place(it, "lambda.function", function), "member of", "hard", f"{seen_in}.FunctionArn")
        if qualifier:
            kind = "lambda.version" if qualifier.isdigit() else "lambda.alias"
            yield Need(same_place(it, kind, f"{function}:{qualifier}"), "member of", "hard", f"{seen_in}.FunctionArn")
        for arn in (it.facts.on_success, it.facts.on_failure):
            if arn:
                yield Need(arn, "writes", "hard", f"{seen_in}.DestinationConfig")


def _parts(only: str) -> tuple[str, str]:
    """Function and qualifier of an ARN, or of a ref's name."""
    if only.startswith("arn:"):
        return split(only)
    function, _, qualifier = only.partition(":")
    return function, "" if qualifier == LATEST else qualifier


def _facts(config: Mapping[str, Any]) -> AsyncFacts:
    ends = plain(config.get("DestinationConfig") or {})
    return AsyncFacts(
        function_arn=config["FunctionArn"],
        retries=config.get("MaximumRetryAttempts"),
        age_s=config.get("MaximumEventAgeInSeconds"),
        on_success=(ends.get("OnSuccess") or {}).get("Destination"),
        on_failure=(ends.get("OnFailure") or {}).get("Destination"),
    )


KINDS = (EventInvokeConfig(),)
