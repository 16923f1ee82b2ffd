"""Dashboards: the same widgets over the target's names. The rule: a body is a document, and is rewritten as one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Place, ReadSite, Request, pair_tags, tag_pairs
from migrate.values import as_json

GONE = ("DashboardNotFoundError", "ResourceNotFound", "ResourceNotFoundException")


class DashboardFacts(Facts):
    """Source: cloudwatch.ListDashboards, cloudwatch.GetDashboard, cloudwatch.ListTagsForResource."""

    body: dict[str, Json]


class Create(Action[DashboardFacts]):
    """The dashboard. It shows nothing of the time before."""

    name = "create"
    title = "Create the dashboard"

    def requests(self, it: It[DashboardFacts], place: Place) -> Sequence[Request]:
        undo = Request("cloudwatch.DeleteDashboards", {"DashboardNames": [place.name]}, done=GONE)
        made = {
            "DashboardName": place.name,
            "DashboardBody": as_json(it.facts.body),
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        return [Request("cloudwatch.PutDashboard", made, once="named", creates=True, undo=undo)]


class Dashboard(Kind[DashboardFacts]):
    """A CloudWatch dashboard: the same in every region. What it is shared with (people outside, by a link) is not
    carried. A load balancer or target group within a search expression is not renamed."""

    name = "cloudwatch.dashboard"
    title = "Dashboard"
    facts = DashboardFacts
    is_global = True
    # Tags are shown where the endpoint knows them: the journal is the surer proof.
    stamped = False
    reads = frozenset({"cloudwatch.ListDashboards", "cloudwatch.GetDashboard", "cloudwatch.ListTagsForResource"})
    tagging_types = ("cloudwatch:dashboard",)
    actions = (Create(),)
    left_out: ClassVar[Mapping[str, str]] = {"LastModified, Size": "of the day"}

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"DashboardNamePrefix": only} if only else {}
        names = sorted(
            one["DashboardName"]
            for one in site.pages("cloudwatch.ListDashboards", "DashboardEntries", **wanted)
            if only in (None, one["DashboardName"])
        )

        def look(name: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
            answer = site.optional("cloudwatch.GetDashboard", missing=GONE, DashboardName=name)
            if answer is None:
                return None, {}
            arn = f"arn:aws:cloudwatch::{site.account}:dashboard/{name}"
            tags = site.optional("cloudwatch.ListTagsForResource", missing=GONE, ResourceARN=arn) or {}
            return answer, pair_tags(tags.get("Tags"))

        for name, (answer, tags) in zip(names, site.map(look, names), strict=True):
            if answer is not None:
                arn = f"arn:aws:cloudwatch::{site.account}:dashboard/{name}"
                facts = DashboardFacts(body=json.loads(answer["DashboardBody"]))
                yield self.found(site, name, facts, arn=arn, tags=tags)

    def names(self, it: It[DashboardFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, f"arn:aws:cloudwatch::{place.account}:dashboard/{place.name}")


KINDS = (Dashboard(),)
