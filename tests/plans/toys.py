"""Toy kinds for everything between an inventory and a plan: enough of AWS to have networks, names and policies.

No shipped kind is used, so that a change to one never changes what these tests say.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from migrate.config import Config
from migrate.files import digest_of
from migrate.inventory import Gap, Inventory, Resource
from migrate.kind import (
    Action,
    CarryAction,
    Facts,
    It,
    Kind,
    Name,
    Need,
    Phase,
    Place,
    ReadSite,
    Request,
    after,
    join,
)
from migrate.names import AccountId, Ref, Region
from migrate.plan import Inputs
from migrate.runbook import Runbook, parse
from migrate.values import Json, as_json

LEGACY, PROD, DEV, PARTNER = "111111111111", "222222222222", "333333333333", "999988887777"
HERE = Region("eu-west-1")


class ToyFacts(Facts):
    """What every toy shows: what it lies in, what it needs, and a document that may hold anything."""

    inside: str = ""
    hard: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    document: Json = None
    moves: bool = True


class Create(Action[ToyFacts]):
    """Makes it, with its document."""

    name, title = "create", "Create the toy"

    def applies(self, it: It[ToyFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[ToyFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"Document": it.facts.document, "Tags": place.stamp(it.tags), "Needs": [*it.facts.hard]}
        if it.facts.inside:
            own["Inside"] = it.facts.inside
        return [
            Request(
                f"{it.ref.kind.split('.')[0]}.Create",
                own | ({"Name": place.name} if it.ref.kind not in UNNAMED else {}),
                once="tagged",
                creates=True,
                outputs={"id": "Id"},
                undo=Request("toy.Delete", {"Id": after("create", "id")}),
            )
        ]


class Allow(Action[ToyFacts]):
    """Sets the policy, which may name what only exists later."""

    name, title = "allow", "Set the policy"

    def requests(self, it: It[ToyFacts], place: Place) -> Sequence[Request]:
        return [Request("toy.PutPolicy", {"Name": place.name, "Policy": as_json(it.facts.document)})]


class Stop(Action[ToyFacts]):
    """Stops it in legacy."""

    name, title = "stop_legacy", "Stop it in legacy"
    phase: ClassVar[Phase] = "freeze"
    downtime, undo_class = "D2", "R1"

    def requests(self, it: It[ToyFacts], place: Place) -> Sequence[Request]:
        undo = Request("toy.Scale", {"Arn": it.arn, "To": 1}, side="legacy")
        return [Request("toy.Scale", {"Arn": it.arn, "To": 0}, side="legacy", undo=undo)]

    def legacy_after(self, it: It[ToyFacts]) -> Mapping[str, Json]:
        return {"count": 0}


class Copy(CarryAction[ToyFacts]):
    """Copies what is in it."""

    name, title = "copy", "Copy the content"
    phase: ClassVar[Phase] = "data"
    downtime, undo_class = "D3", "R3"
    writes = frozenset({"toy.Put"})

    def summary(self, it: It[ToyFacts], place: Place) -> dict[str, Json]:
        return {"from": it.arn, "to": it.arn, "how": "by hand"}


class Start(Action[ToyFacts]):
    """Starts it in the target."""

    name, title = "start", "Start it"
    phase: ClassVar[Phase] = "cutover"
    downtime = "D2"

    def requests(self, it: It[ToyFacts], place: Place) -> Sequence[Request]:
        return [Request("toy.Scale", {"Name": place.name, "To": 1})]


class Toy(Kind[ToyFacts]):
    """What the toys share."""

    facts = ToyFacts
    title = "Toy"
    reads = frozenset({"toy.Describe"})
    actions: ClassVar[tuple[Action[Any], ...]] = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        return iter(())

    def needs(self, it: It[ToyFacts]) -> Iterator[Need]:
        if it.facts.inside:
            yield Need(it.facts.inside, "in", "hard", "toy.Describe Inside")
        for on in it.facts.hard:
            yield Need(on, "reads", "hard", "toy.Describe Needs[]")
        for on in it.facts.cut:
            yield Need(on, "writes", "cut", "toy.Describe Writes[]")
        for on in it.facts.runs:
            yield Need(on, "runs", "soft", "toy.Describe Runs")


class Network(Toy):
    """AWS gives its id."""

    name, named = "toy.network", False

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        own = after("create", "id")
        yield Name(it.ref.name, own, "id")
        yield Name(it.arn, join(f"arn:aws:toy:{place.region}:{place.account}:network/", own))


class Subnet(Network):
    """Lies in a network."""

    name = "toy.subnet"


class Role(Toy):
    """Made closed, then allowed."""

    name = "toy.role"
    actions = (Create(), Allow())

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))


class Database(Toy):
    """Holds rows; its host has a part that AWS invents."""

    name, stateful = "toy.database", True
    actions = (Create(), Copy())

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))
        yield Name(f"{it.ref.name}.abc123xyz.{it.ref.region}.rds.amazonaws.com", after("create", "host"), "host")


class Queue(Toy):
    """Known by its URL too."""

    name = "toy.queue"

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))
        url = "https://sqs.{}.amazonaws.com/{}/{}"
        legacy = url.format(it.ref.region, it.ref.account, it.ref.name)
        yield Name(legacy, url.format(place.region, place.account, place.name), "url")


class Store(Toy):
    """A bucket: known by its bare name."""

    name, stateful = "s3.bucket", True

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.ref.name, place.name, "bucket")
        yield Name(it.arn, f"arn:aws:s3:::{place.name}")


class Images(Toy):
    """An image repository."""

    name, stateful = "toy.images", True

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))
        uri = "{}.dkr.ecr.{}.amazonaws.com/{}"
        legacy = uri.format(it.ref.account, it.ref.region, it.ref.name)
        yield Name(legacy, uri.format(place.account, place.region, place.name), "url")


class Secret(Toy):
    """AWS invents the end of its ARN."""

    name = "toy.secret"

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, after("create", "arn"))
        base = f"arn:aws:secretsmanager:{place.region}:{place.account}:secret:{place.name}"
        yield Name(it.arn[:-7], base)
        yield Name(f"{it.arn[:-7]}-??????", f"{base}-??????")


class Service(Toy):
    """Stops in legacy, starts in the target."""

    name = "toy.service"
    actions = (Create(), Stop(), Start())


class User(Toy):
    """A person: reported, never moved."""

    name, manual, quiet = "iam.user", "gets a role instead", True
    actions = ()


UNNAMED = ("toy.network", "toy.subnet")
KINDS: dict[str, Kind[Any]] = {
    kind.name: kind
    for kind in (
        Network(), Subnet(), Role(), Database(), Queue(), Store(), Images(), Secret(), Service(), User(),
    )
}  # fmt: skip
ACTIONS = frozenset(f"{kind.name}.{action.name}" for kind in KINDS.values() for action in kind.actions)

_ARNS = {
    "toy.role": "arn:aws:iam::{account}:role/{name}",
    "iam.user": "arn:aws:iam::{account}:user/{name}",
    "toy.database": "arn:aws:rds:{region}:{account}:db:{name}",
    "toy.queue": "arn:aws:sqs:{region}:{account}:{name}",
    "s3.bucket": "arn:aws:s3:::{name}",
    "toy.images": "arn:aws:ecr:{region}:{account}:repository/{name}",
    "toy.secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-a1B2c3",
    "toy.network": "arn:aws:toy:{region}:{account}:network/{name}",
    "toy.logs": "arn:aws:logs:{region}:{account}:log-group:{name}",
}


def ref(kind: str, name: str) -> Ref:
    """A legacy ref."""
    return Ref(AccountId(LEGACY), HERE, kind, name)


def thing(
    kind: str, name: str, tags: Mapping[str, str] | None = None, *, arn: str | None = None, **facts: Any
) -> Resource:
    """A legacy resource."""
    form = _ARNS.get(kind, f"arn:aws:toy:{{region}}:{{account}}:{kind.split('.')[1]}/{{name}}")
    whole = form.format(account=LEGACY, region=HERE, name=name) if arn is None else arn
    shown = ToyFacts(**facts).model_dump(mode="json")
    return Resource(ref(kind, name), whole, dict(tags or {}), None, None, shown)


def inventory(things: Iterable[Resource], gaps: Iterable[Gap] = ()) -> Inventory:
    """A scan's result."""
    return Inventory(AccountId(LEGACY), (HERE,), tuple(KINDS), tuple(things), tuple(gaps))


def config(**more: Any) -> Config:
    """A migration to two accounts."""
    document: dict[str, Any] = {
        "schema": "migrate.config/1",
        "migration": "toys",
        "legacy": {"account": LEGACY, "regions": [HERE]},
        "targets": {"production": {"account": PROD, "role": "Admin"}, "development": {"account": DEV, "role": "Admin"}},
        "environments": {"prod": "production", "dev": "development"},
        "move": [{"runbook": "all", "accounts": ["production", "development"]}],
    }
    return Config.model_validate(document | more)


EVERYTHING: list[dict[str, Any]] = [
    {"id": "build", "do": "all.build"},
    {"id": "told", "ask": "Is everyone told?"},
    {"id": "freeze", "do": "all.freeze"},
    {"id": "data", "do": "all.data"},
    {"id": "cutover", "do": "all.cutover"},
]


def runbook(steps: Sequence[Mapping[str, Any]] = (), name: str = "all") -> Runbook:
    """A runbook over the toys."""
    document = {"schema": "migrate.runbook/1", "name": name, "steps": [dict(step) for step in steps or EVERYTHING]}
    return parse(document, Path(f"{name}.yaml"), ACTIONS)


def inputs(
    things: Iterable[Resource] | Inventory,
    *,
    gaps: Iterable[Gap] = (),
    runbooks: Sequence[Runbook] = (),
    kinds: Mapping[str, Kind[Any]] = KINDS,
    digest: str = "",
    **more: Any,
) -> Inputs:
    """What a plan is made from."""
    found = things if isinstance(things, Inventory) else inventory(things, gaps)
    decided = config(**more)
    digest = digest or digest_of("inventory", [json.dumps(line, sort_keys=True) for line in found.lines()])
    books = tuple(runbooks) or tuple(runbook() for _ in decided.move)
    said = digest_of("config", decided.model_dump(mode="json", by_alias=True))
    return Inputs(decided, said, found, digest, books, kinds)
