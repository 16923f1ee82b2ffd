"""Four toy kinds, one for each way of telling a repeat from a first time, and a plan of eleven steps over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate.engine import Engine
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    Find,
    It,
    Kind,
    Place,
    Proof,
    ReadSite,
    Request,
    Wait,
    after,
)
from migrate.names import AccountId, Ref
from migrate.steps import Gate, PlannedRequest, Step
from migrate.values import Json
from tests.toy_cloud import HERE, LEGACY, TARGET, Cloud, FakeClock, ToyClients, tags_of


class ThingFacts(Facts):
    """Whatever a toy shows."""

    colour: str
    friend: str = ""
    state: str = "on"
    password: Json = None


def make(sort: str, once: str, *, tags: bool = True, named: bool = True) -> type[Action[ThingFacts]]:
    """A creating action."""

    class Create(Action[ThingFacts]):
        name, title = "create", f"Create the {sort}"

        def requests(self, it: It[ThingFacts], place: Place) -> Sequence[Request]:
            params: dict[str, Json] = {"Colour": it.facts.colour, "Friend": it.facts.friend, "State": "on"}
            if it.facts.password is not None:
                params["Password"] = it.facts.password
            if tags:
                params["Tags"] = place.stamp(it.tags)
            if named:
                params["Name"] = it.ref.name
            return [
                Request(
                    f"toy.Create{sort.title()}",
                    params,
                    once=once,  # type: ignore[arg-type]
                    creates=True,
                    token_param="Token" if once == "token" else "",
                    outputs={"id": "Thing.Id"},
                    undo=Request(f"toy.Delete{sort.title()}", {"Name": after("create", "id")}, done=("NotFound",)),
                )
            ]

    return Create


class Toy(Kind[ThingFacts]):
    """What the toys share."""

    facts = ThingFacts
    sort = ""

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"Name": only} if only else {}
        for thing in site.pages(f"toy.Describe{self.sort.title()}s", "Things", **wanted):
            password = thing.get("Password")
            facts = ThingFacts(
                colour=thing["Colour"],
                friend=thing.get("Friend", ""),
                state=thing.get("State", "on"),
                password=site.seal("SECRET", password) if password else None,
            )
            arn = f"arn:aws:toy:{site.region}:{site.account}:{self.sort}/{thing['Id']}"
            yield self.found(site, thing["Id"], facts, arn=arn, tags=tags_of(thing))


class Paint(Action[ThingFacts]):
    """A second action: the friend, who may be made later (it could be a circle)."""

    name, title, phase = "paint", "Name the friend", "build"

    def applies(self, it: It[ThingFacts]) -> bool:
        return bool(it.facts.friend)

    def requests(self, it: It[ThingFacts], place: Place) -> Sequence[Request]:
        return [Request("toy.PutVault", {"Name": it.ref.name, "Friend": it.facts.friend})]


class Freeze(Action[ThingFacts]):
    """The legacy vault is shut: the only change in legacy."""

    name, title, phase = "freeze", "Shut the legacy vault", "freeze"

    def requests(self, it: It[ThingFacts], place: Place) -> Sequence[Request]:
        undo = Request("toy.PutVault", {"Name": it.ref.name, "State": it.facts.state}, side="legacy")
        return [Request("toy.PutVault", {"Name": it.ref.name, "State": "off"}, side="legacy", undo=undo)]

    def legacy_after(self, it: It[ThingFacts]) -> Mapping[str, Json]:
        return {"state": "off"}


class Shoot(Action[ThingFacts]):
    """A snapshot in legacy, under a name, which no look of the kind sees."""

    name, title, phase = "shoot", "Take a snapshot", "data"

    def requests(self, it: It[ThingFacts], place: Place) -> Sequence[Request]:
        shot = f"{it.ref.name}-shot"
        return [
            Request(
                "toy.CreateShot",
                {"Name": shot},
                side="legacy",
                once="named",
                outputs={"shot": "Thing.Id"},
                find=Find("toy.DescribeShots", {"Name": shot}, {"shot": "Things[0].Id"}),
                wait=Wait("toy.DescribeShots", {"Name": shot}, "Things[].Id", ok=(shot,)),
                undo=Request("toy.DeleteShot", {"Name": shot}, side="legacy", done=("NotFound",)),
            ),
            Request("toy.PutVault", {"Name": it.ref.name, "Shot": after("shoot", "shot")}),
        ]


class Items(CarryAction[ThingFacts]):
    """The items, one by one."""

    name, title, phase = "items", "Copy the items", "data"
    writes = frozenset({"toy.PutItem", "toy.DeleteItem"})
    reads = frozenset({"toy.ListItems"})

    def summary(self, it: It[ThingFacts], place: Place) -> dict[str, Json]:
        return {"from": it.ref.name, "to": place.name, "how": "one by one"}

    def _of(self, site: ReadSite, name: str) -> dict[str, str]:
        items = site.pages("toy.ListItems", "Things")
        return {item["Id"]: item["Body"] for item in items if item["Id"].startswith(name + "/")}

    def carry(self, it: It[ThingFacts], to: Carrier) -> Mapping[str, Json]:
        there = self._of(to.target, to.place.name)
        items = self._of(to.legacy, it.ref.name)
        for name, body in items.items():
            if there.get(name) != body:
                to.write("toy.PutItem", Name=name, Body=body)
        to.remember("copied", str(len(items)))
        return {"items": len(items)}

    def prove(self, it: It[ThingFacts], to: Carrier) -> Proof:
        legacy, target = self._of(to.legacy, it.ref.name), self._of(to.target, to.place.name)
        differences = tuple(sorted(key for key in legacy.keys() | target.keys() if legacy.get(key) != target.get(key)))
        return Proof("different" if differences else "equal", ("items",), differences, {"items": len(legacy)})

    def uncarry(self, it: It[ThingFacts], to: Carrier) -> None:
        for name in self._of(to.target, to.place.name):
            to.write("toy.DeleteItem", Name=name)


class Vault(Toy):
    """Named and stamped."""

    name, title, sort = "toy.vault", "Vault", "vault"
    reads = frozenset({"toy.DescribeVaults"})
    actions = (make("vault", "named")(), Paint(), Freeze(), Shoot(), Items())

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ThingFacts]) -> dict[str, Json]:
        return facts


class Loop(Toy):
    """AWS gives the id; only the stamp tells."""

    name, title, sort, named = "toy.loop", "Loop", "loop", False
    reads = frozenset({"toy.DescribeLoops"})
    actions = (make("loop", "tagged", named=False)(),)


class Ledger(Toy):
    """AWS gives the id; a token makes a repeat harmless."""

    name, title, sort, named = "toy.ledger", "Ledger", "ledger", False
    reads = frozenset({"toy.DescribeLedgers"})
    actions = (make("ledger", "token", named=False)(),)


class Label(Toy):
    """Named, takes no tags: only the journal says it is ours."""

    name, title, sort, stamped = "toy.label", "Label", "label", False
    reads = frozenset({"toy.DescribeLabels"})
    actions = (make("label", "named", tags=False)(),)


KINDS: dict[str, Kind[Any]] = {kind.name: kind for kind in (Vault(), Loop(), Ledger(), Label())}


@dataclass
class ToyPlan:
    """What the engine needs of a plan."""

    migration: str
    legacy: AccountId
    steps: dict[str, Step]
    gates: list[Gate] = field(default_factory=list)


def ids(kind: str, name: str, action: str) -> str:
    """A step's id."""
    return f"{TARGET}/{HERE}/{kind}/{name}:{action}"


def rename(account: AccountId, region: str = HERE) -> Callable[[Json], Json]:
    """Legacy names in target terms: the account, and the ids that AWS gives anew."""

    def walk(value: Json) -> Json:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {k: walk(v) for k, v in value.items()} if "$after" not in value else value
        if isinstance(value, str) and value.startswith("loop-"):
            return {"$after": [ids("toy.loop", value, "create"), "id"]}
        return value.replace(LEGACY, account) if isinstance(value, str) else value

    return walk


def step_of(inventory: Inventory, ref: Ref, action: str, wave: int, needs: Sequence[str]) -> Step:
    """Draft one step the way a planner does."""
    it = KINDS[ref.kind].typed(inventory.by_ref[ref])
    act = KINDS[ref.kind].action(action)
    step_id = ids(ref.kind, ref.name, action)
    place = Place("toys", TARGET, HERE, ref.name, ids(ref.kind, ref.name, "create"))

    def whole(value: Json) -> Json:
        if isinstance(value, dict) and "$after" in value and "/" not in value["$after"][0]:
            return {"$after": [ids(ref.kind, ref.name, value["$after"][0]), value["$after"][1]]}
        if isinstance(value, dict):
            return {key: whole(item) for key, item in value.items()}
        return rename(TARGET)(value)

    def planned(request: Request) -> PlannedRequest:
        account = LEGACY if request.side == "legacy" else TARGET
        find, wait, undo = request.find, request.wait, request.undo
        params = request.params if request.side == "legacy" else whole(request.params)
        return PlannedRequest(
            account, HERE, request.operation, params, request.once, request.creates, request.token_param,
            dict(request.outputs), request.done, request.retry, find, wait,
            planned(undo) if undo else None,
        )  # fmt: skip

    carried = act.summary(it, place) if isinstance(act, CarryAction) else None
    return Step(
        step_id, ref, action, act.title, TARGET, HERE, ref.name, tuple(needs), (), wave, ref.name,
        tuple(map(planned, act.requests(it, place))), carried, dict(act.legacy_after(it) or {}) or None, "D0", "R0",
    )  # fmt: skip


@dataclass
class World:
    """One toy migration: cloud, plan, clock, folder. `engine()` is a new process."""

    folder: Path
    cloud: Cloud
    clock: FakeClock
    plan: ToyPlan
    inventory: Inventory
    clients: ToyClients
    settle_s: float = 300.0
    journal: Journal | None = None
    on_append: Callable[[str, int], None] = lambda when, number: None
    appended: int = 0

    def engine(self, **more: Any) -> Engine:
        """A new process: opens the journal again."""
        self.die()
        self.journal = KillableJournal(self)
        return Engine(
            self.plan, self.inventory, KINDS, self.clients, self.journal, rename,
            clock=self.clock, settle_s=self.settle_s, **more,
        )  # fmt: skip

    def die(self) -> None:
        """End the process, leaving the journal as it is."""
        if self.journal is not None:
            assert self.journal._db is not None or self.journal._lock is None
            if self.journal._db is not None:
                self.journal._db.close()
                self.journal._db = None
            if self.journal._lock is not None:
                self.journal._lock.close()
                self.journal._lock = None
            self.journal = None

    def events(self, step: str) -> list[str]:
        """The step's events, in order."""
        with Journal(self.folder / "journal.db", write=False) as journal:
            return [entry.event for entry in journal.entries(step)]

    def target(self, sort: str) -> dict[str, dict[str, Any]]:
        """What stands in the target."""
        return self.cloud.at(TARGET, sort)


class KillableJournal(Journal):
    """A journal whose process may die before or after each entry. Not synchronous: nobody pulls the plug here."""

    synchronous = "OFF"

    def __init__(self, world: World) -> None:
        self.world: World | None = None
        super().__init__(world.folder / "journal.db", run="run", clock=world.clock.now)
        self.world = world

    def append(self, step: str, event: Any, data: Any = None, attempt: int = 0) -> Any:
        if self.world is None or event == "closed":
            return super().append(step, event, data, attempt)
        number = self.world.appended
        self.world.appended += 1
        self.world.on_append("before", number)
        entry = super().append(step, event, data, attempt)
        self.world.on_append("after", number)
        return entry


def world(folder: Path, *, lag_s: float = 0.0, gates: Sequence[Gate] = ()) -> World:
    """A legacy account with two vaults, a loop, a ledger, a label and items, and the plan that moves them."""
    clock = FakeClock()
    cloud = Cloud(clock)
    made = {"made": 0.0, "State": "on"}
    loop = "loop-0a0a0a0a"
    cloud.at(LEGACY, "vault")["gold"] = {"Colour": "yellow", "Friend": loop, "Tags": {"team": "a"}, **made}
    cloud.at(LEGACY, "vault")["iron"] = {"Colour": "grey", "Password": "hunter2", "Tags": {}, **made}
    cloud.at(LEGACY, "loop")[loop] = {"Colour": "red", "Friend": f"arn:aws:iam::{LEGACY}:role/x", "Tags": {}, **made}
    cloud.at(LEGACY, "ledger")["ledger-0b0b0b0b"] = {"Colour": "blue", "Tags": {"team": "b"}, **made}
    cloud.at(LEGACY, "label")["fragile"] = {"Colour": "white", **made}
    for number in range(3):
        cloud.at(LEGACY, "item")[f"gold/{number}"] = {"Body": f"bar {number}", "made": 0.0}
    clients = ToyClients(cloud)
    found: list[Resource] = []
    for kind in KINDS.values():
        found += kind.scan(clients.reader(LEGACY, HERE, kind.reads))
    cloud.lag_s = lag_s
    inventory = Inventory(LEGACY, (HERE,), tuple(KINDS), tuple(found))
    ref = {resource.ref.name: resource.ref for resource in found}

    def gold(action: str) -> str:
        return ids("toy.vault", "gold", action)

    steps = [
        step_of(inventory, ref["fragile"], "create", 1, ()),
        step_of(inventory, ref["ledger-0b0b0b0b"], "create", 1, ()),
        step_of(inventory, ref[loop], "create", 1, ()),
        step_of(inventory, ref["iron"], "create", 1, ()),
        step_of(inventory, ref["gold"], "create", 2, (ids("toy.loop", loop, "create"),)),
        step_of(inventory, ref["gold"], "paint", 3, (gold("create"), ids("toy.loop", loop, "create"))),
        step_of(inventory, ref["gold"], "freeze", 4, (gold("create"),)),
        step_of(inventory, ref["gold"], "shoot", 5, (gold("freeze"),)),
        step_of(inventory, ref["gold"], "items", 5, (gold("freeze"),)),
    ]
    plan = ToyPlan("toys", LEGACY, {step.id: step for step in steps}, list(gates))
    return World(folder, cloud, clock, plan, inventory, clients)
