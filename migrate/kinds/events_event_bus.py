"""EventBridge bus: custom ones made anew; of the default bus only its policy moves. The rule: a partner's bus is made
by the partner, so it is reported and not moved."""

from collections.abc import Iterator, Mapping, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Place, ReadSite, Request, pair_tags, tag_pairs
from migrate.kinds._documents import canonical, parsed, without_dead
from migrate.values import as_json

_GONE = ("ResourceNotFoundException",)


class BusFacts(Facts):
    """Source: events.DescribeEventBus, events.ListTagsForResource."""

    description: str | None
    kms_key: str | None
    dead_letter_arn: str | None
    log_config: dict[str, Json] | None
    policy: dict[str, Json] | None


def _is_partners(it: It[BusFacts]) -> bool:
    return it.ref.name.startswith("aws.partner/")


class Create(Action[BusFacts]):
    """The bus. The default one stands in every account and is only looked at."""

    name = "create"
    title = "Create the event bus"

    def applies(self, it: It[BusFacts]) -> bool:
        return not _is_partners(it)

    def requests(self, it: It[BusFacts], place: Place) -> Sequence[Request]:
        if place.name == "default":
            return [Request("events.DescribeEventBus", {"Name": "default"}, outputs={"arn": "Arn"})]
        facts = it.facts
        optional: dict[str, Json] = {
            "Description": facts.description,
            "KmsKeyIdentifier": facts.kms_key,
            "DeadLetterConfig": {"Arn": facts.dead_letter_arn} if facts.dead_letter_arn else None,
            "LogConfig": facts.log_config,
        }
        return [
            Request(
                "events.CreateEventBus",
                {"Name": place.name, "Tags": tag_pairs(place.stamp(it.tags))}
                | {key: value for key, value in optional.items() if value},
                once="named",
                creates=True,
                outputs={"arn": "EventBusArn"},
                undo=Request("events.DeleteEventBus", {"Name": place.name}, done=_GONE),
            )
        ]


class Configure(Action[BusFacts]):
    """Who may put events."""

    name = "configure"
    title = "Set the event bus's policy"
    sets = frozenset({"policy"})

    def applies(self, it: It[BusFacts]) -> bool:
        return _sendable(it.facts.policy) is not None and not _is_partners(it)

    def requests(self, it: It[BusFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "events.PutPermission",
                {"EventBusName": place.name, "Policy": as_json(_sendable(it.facts.policy))},
                retry=("ConcurrentModificationException",),
                undo=Request(
                    "events.RemovePermission",
                    {"EventBusName": place.name, "RemoveAllPermissions": True},
                    done=_GONE,
                ),
            )
        ]


class EventBus(Kind[BusFacts]):
    """A bus of its own, or the default bus where it has a policy. Archives and their events stay in the account."""

    name = "events.event_bus"
    title = "EventBridge bus"
    facts = BusFacts
    reads = frozenset({"events.ListEventBuses", "events.DescribeEventBus", "events.ListTagsForResource"})
    tagging_types = ("events:event-bus",)
    actions = (Create(), Configure())
    manual = "A partner's bus (aws.partner/…) is made anew by the partner: ask them to send to the target account."

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only else [bus["Name"] for bus in site.pages("events.ListEventBuses", "EventBuses")]

        def described(name: str) -> tuple[Mapping[str, Json], dict[str, str]] | None:
            bus = site.optional("events.DescribeEventBus", missing=_GONE, Name=name)
            if bus is None or (name == "default" and not bus.get("Policy")):
                return None
            tags = site.optional("events.ListTagsForResource", missing=_GONE, ResourceARN=bus["Arn"]) or {}
            return bus, pair_tags(tags.get("Tags"))

        for both in site.map(described, names):
            if both is None:
                continue
            bus, tags = both
            yield self.found(
                site,
                bus["Name"],
                BusFacts(
                    description=bus.get("Description") or None,
                    kms_key=bus.get("KmsKeyIdentifier") or None,
                    dead_letter_arn=(bus.get("DeadLetterConfig") or {}).get("Arn"),
                    log_config=bus.get("LogConfig") or None,
                    policy=parsed(bus["Policy"]) if bus.get("Policy") else None,
                ),
                arn=bus["Arn"],
                tags=tags,
            )

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[BusFacts]) -> dict[str, Json]:
        policy = _sendable(facts["policy"])
        # Renaming changes the order of sorted names.
        return facts | {"policy": policy and canonical(policy)}


def _sendable(policy: dict[str, Json] | None) -> dict[str, Json] | None:
    """The policy without principals that were deleted, which AWS refuses; None where nothing is left."""
    return without_dead(policy) if policy else None


KINDS = (EventBus(),)
