"""Metric filters: numbers drawn from a log group. The rule: a filter lies in its group and goes where that goes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, same_place

GONE = ("ResourceNotFoundException",)
BUSY = ("OperationAbortedException",)


class MetricFilterFacts(Facts):
    """Source: logs.DescribeMetricFilters."""

    log_group: str
    pattern: str
    """Empty: everything."""
    transformations: list[dict[str, Json]]
    """As PutMetricFilter takes them."""
    on_transformed: bool
    selection: str | None
    """The criteria on system fields, for filters that are made for many groups."""
    system_fields: list[str]
    """System fields that become dimensions."""


class Create(Action[MetricFilterFacts]):
    """The filter; the group is empty still, so that it counts nothing."""

    name = "create"
    title = "Create the metric filter"

    def requests(self, it: It[MetricFilterFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own: dict[str, Json] = {"logGroupName": facts.log_group, "filterName": place.name.partition(":")[2]}
        made: dict[str, Json] = own | {
            "filterPattern": facts.pattern,
            "metricTransformations": facts.transformations,
        }
        if facts.on_transformed:
            made["applyOnTransformedLogs"] = True
        if facts.selection:
            made["fieldSelectionCriteria"] = facts.selection
        if facts.system_fields:
            made["emitSystemFieldDimensions"] = facts.system_fields
        undo = Request("logs.DeleteMetricFilter", own, done=GONE, retry=BUSY)
        return [Request("logs.PutMetricFilter", made, once="named", creates=True, retry=BUSY, undo=undo)]


class MetricFilter(Kind[MetricFilterFacts]):
    """A metric filter, called `<log group>:<filter>`. The metrics that it wrote before stay in legacy."""

    name = "logs.metric_filter"
    title = "Metric filter"
    facts = MetricFilterFacts
    stamped = False
    reads = frozenset({"logs.DescribeMetricFilters"})
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        for one in _listed(site, only):
            own = f"{one['logGroupName']}:{one['filterName']}"
            if only in (None, own):
                yield self.found(site, own, _facts(one), arn="")

    def needs(self, it: It[MetricFilterFacts]) -> Iterator[Need]:
        group = same_place(it, "logs.log_group", it.facts.log_group)
        yield Need(group, "in", "hard", "logs.DescribeMetricFilters metricFilters[].logGroupName")


def _listed(site: ReadSite, only: str | None) -> Iterable[dict[str, Any]]:
    if only is None:
        # Without a group's name one call lists the filters of all groups.
        return site.pages("logs.DescribeMetricFilters", "metricFilters", limit=50)
    group, _, name = only.partition(":")
    if not name:
        return ()
    narrow = {"logGroupName": group, "filterNamePrefix": name}
    answer = site.optional("logs.DescribeMetricFilters", missing=GONE, limit=50, **narrow)
    found: list[dict[str, Any]] = (answer or {}).get("metricFilters", [])
    return found


def _facts(one: dict[str, Any]) -> MetricFilterFacts:
    return MetricFilterFacts(
        log_group=one["logGroupName"],
        pattern=one.get("filterPattern") or "",
        transformations=[
            {key: value for key, value in sorted(made.items()) if value not in (None, {}, "")}
            for made in one.get("metricTransformations") or ()
        ],
        on_transformed=bool(one.get("applyOnTransformedLogs")),
        selection=one.get("fieldSelectionCriteria") or None,
        system_fields=sorted(one.get("emitSystemFieldDimensions") or ()),
    )


KINDS = (MetricFilter(),)
