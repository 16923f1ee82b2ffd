"""Provisioned concurrency of an alias: environments kept warm. The rule: it costs money from the moment it stands, so
it is set while the data is moved, and ready when the first trigger starts."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, Wait, same_place
from migrate.kinds._lambda import GONE, function_names

_UNSET = ("ProvisionedConcurrencyConfigNotFoundException", *GONE)


class ProvisionedFacts(Facts):
    """Source: lambda.GetProvisionedConcurrencyConfig."""

    requested: int


def _key(name: str) -> dict[str, Json]:
    function, _, alias = name.partition(":")
    return {"FunctionName": function, "Qualifier": alias}


class Create(Action[ProvisionedFacts]):
    """Ask for the environments and wait until they stand."""

    name = "create"
    title = "Provision the alias's concurrency"
    phase = "data"

    def requests(self, it: It[ProvisionedFacts], place: Place) -> Sequence[Request]:
        own = _key(place.name)
        return [
            Request(
                "lambda.PutProvisionedConcurrencyConfig",
                own | {"ProvisionedConcurrentExecutions": it.facts.requested},
                creates=True,
                wait=Wait("lambda.GetProvisionedConcurrencyConfig", dict(own), "Status", ("READY",), ("FAILED",)),
                undo=Request("lambda.DeleteProvisionedConcurrencyConfig", dict(own), done=_UNSET),
            )
        ]


class ProvisionedConcurrency(Kind[ProvisionedFacts]):
    """Provisioned concurrency of an alias. That of a bare version is not carried: put an alias on the version first.
    What Application Auto Scaling does to it is moved with the scalable target; a value it set is carried as it is."""

    name = "lambda.provisioned_concurrency"
    title = "Lambda provisioned concurrency"
    facts = ProvisionedFacts
    stamped = False
    reads = frozenset(
        {
            "lambda.GetFunctionConfiguration",
            "lambda.GetProvisionedConcurrencyConfig",
            "lambda.ListAliases",
            "lambda.ListFunctions",
        }
    )
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            names = [only] if ":" in only else []
        else:
            functions = function_names(site, None)
            key = "Aliases[].Name"
            aliases = site.map(
                lambda n: list(site.pages("lambda.ListAliases", key, FunctionName=n, MaxItems=100)), functions
            )
            names = [f"{name}:{alias}" for name, some in zip(functions, aliases, strict=True) for alias in some]
        configs = site.map(
            lambda name: site.optional("lambda.GetProvisionedConcurrencyConfig", missing=_UNSET, **_key(name)), names
        )
        for name, config in zip(names, configs, strict=True):
            if config:
                facts = ProvisionedFacts(requested=config["RequestedProvisionedConcurrentExecutions"])
                yield self.found(site, name, facts, arn="")

    def names(self, it: It[ProvisionedFacts], place: Place) -> Iterator[Name]:
        """None: nobody names it."""
        return iter(())

    def needs(self, it: It[ProvisionedFacts]) -> Iterator[Need]:
        alias = same_place(it, "lambda.alias", it.ref.name)
        yield Need(alias, "member of", "hard", "lambda.GetProvisionedConcurrencyConfig Qualifier")


KINDS = (ProvisionedConcurrency(),)
