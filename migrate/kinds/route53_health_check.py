"""Health checks: made anew with the same settings, asking the target's names. The rule: an address is never guessed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

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
    join,
    pair_tags,
    tag_pairs,
)
from migrate.names import Ref, Region

ID = after("create", "id")
GONE = ("NoSuchHealthCheck",)
LISTS = ("Regions", "ChildHealthChecks")


class HealthCheckFacts(Facts):
    """Source: route53.ListHealthChecks, route53.GetHealthCheck, route53.ListTagsForResource."""

    managed_by: str | None
    """The AWS service that keeps it."""
    config: dict[str, Json]
    """As CreateHealthCheck takes it; lists sorted."""


class Create(Action[HealthCheckFacts]):
    """The check, and its tags: they are a second call."""

    name = "create"
    title = "Create the health check"

    def applies(self, it: It[HealthCheckFacts]) -> bool:
        return it.facts.managed_by is None

    def requests(self, it: It[HealthCheckFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "route53.CreateHealthCheck",
                # The reference stands for the token, which is another one after a rollback: AWS takes none twice.
                # Source: route53.CreateHealthCheck CallerReference, botocore 1.44.5.
                {"CallerReference": place.step[:64], "HealthCheckConfig": it.facts.config},
                once="token",
                token_param="CallerReference",
                creates=True,
                outputs={"id": "HealthCheck.Id"},
                undo=Request(
                    "route53.DeleteHealthCheck", {"HealthCheckId": ID}, done=GONE, retry=("HealthCheckInUse",)
                ),
            ),
            Request(
                "route53.ChangeTagsForResource",
                {"ResourceType": "healthcheck", "ResourceId": ID, "AddTags": tag_pairs(place.stamp(it.tags))},
            ),
        ]


class HealthCheck(Kind[HealthCheckFacts]):
    """A Route 53 health check. One that asks an address goes on asking that address: give it a host's name first, or
    change it by hand. Its history stays in legacy."""

    name = "route53.health_check"
    title = "Health check"
    facts = HealthCheckFacts
    is_global = True
    named = False
    stamped = False
    reads = frozenset({"route53.ListHealthChecks", "route53.GetHealthCheck", "route53.ListTagsForResource"})
    tagging_types = ("route53:healthcheck",)
    actions = (Create(),)
    quiet = True
    manual = "An AWS service keeps it, and makes it again with what it belongs to."
    left_out: ClassVar[Mapping[str, str]] = {
        "CloudWatchAlarmConfiguration": "what the alarm says; the alarm is a resource of its own",
        "HealthCheckVersion": "a counter of changes",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            found = list(site.pages("route53.ListHealthChecks", "HealthChecks"))
        else:
            missing = (*GONE, "InvalidInput")
            answer = site.optional("route53.GetHealthCheck", missing=missing, HealthCheckId=only)
            found = [answer["HealthCheck"]] if answer else []

        def tags(check: Mapping[str, Any]) -> dict[str, str]:
            own = {"ResourceType": "healthcheck", "ResourceId": check["Id"]}
            answer = site.optional("route53.ListTagsForResource", missing=GONE, **own) or {}
            return pair_tags(answer.get("ResourceTagSet", {}).get("Tags"))

        for check, own in zip(found, site.map(tags, found), strict=True):
            config = {
                key: sorted(value) if key in LISTS else value
                for key, value in sorted(check["HealthCheckConfig"].items())
                if value not in (None, "", [])
            }
            facts = HealthCheckFacts(
                managed_by=(check.get("LinkedService") or {}).get("ServicePrincipal"), config=config
            )
            arn = f"arn:aws:route53:::healthcheck/{check['Id']}"
            yield self.found(site, check["Id"], facts, arn=arn, tags=own)

    def needs(self, it: It[HealthCheckFacts]) -> Iterator[Need]:
        seen_in = "route53.ListHealthChecks HealthChecks[].HealthCheckConfig"
        alarm = it.facts.config.get("AlarmIdentifier")
        if alarm:
            on = Ref(it.ref.account, Region(alarm["Region"]), "cloudwatch.alarm", alarm["Name"])
            yield Need(on, "reads", "hard", f"{seen_in}.AlarmIdentifier")
        for child in it.facts.config.get("ChildHealthChecks", ()):
            yield Need(child, "reads", "hard", f"{seen_in}.ChildHealthChecks[]")

    def names(self, it: It[HealthCheckFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, join("arn:aws:route53:::healthcheck/", ID))
        yield Name(it.ref.name, ID, "id")

    def called(self, it: It[HealthCheckFacts]) -> tuple[str, ...]:
        host = it.facts.config.get("FullyQualifiedDomainName")
        return (str(host),) if host else ()

    def locate(
        self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[HealthCheckFacts]
    ) -> Resource | None:
        if outputs.get("id"):
            return next(iter(self.scan(site, only=outputs["id"])), None)
        # One whose answer was lost before it was tagged is given again for the same reference.
        ours = [one for one in self.scan(site) if one.tags.get(STEP_TAG) == place.step]
        if len(ours) > 1:
            raise ValueError(f"{len(ours)} health checks carry the stamp {place.step}: {[one.arn for one in ours]}")
        return ours[0] if ours else None

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[HealthCheckFacts]) -> dict[str, Json]:
        ordered = {key: sorted(facts["config"][key], key=str) for key in LISTS if key in facts["config"]}
        return facts | {"config": facts["config"] | ordered}


KINDS = (HealthCheck(),)
