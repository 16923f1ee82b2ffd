"""The product's own proof over two emulated accounts: a real Ground whose plan and journal are what was sent by hand.

The rule: nothing is compared here; every difference comes from `migrate.proving`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from migrate.ground import Allows, Clients, Ground, RememberingSite, Sender, WallClock
from migrate.inventory import Inventory, Resource
from migrate.journal import Entry, Journal
from migrate.kind import CarryAction, Kind, Proof, ReadSite
from migrate.names import AccountId, Region
from migrate.proving import prove_resource
from migrate.steps import Gate, PlannedRequest, Step
from migrate.values import Json
from tests.kinds.plain_site import PlainSite
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides


class SeenSite(PlainSite):
    """A site that remembers what it sealed and what it was refused."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unsealed: dict[str, str] = {}

    @property
    def refusals(self) -> Sequence[str]:
        return [f"{operation}: {code}" for operation, code in self.gaps]

    def seal(self, name: str, value: str) -> Json:
        sealed = super().seal(name, value)
        if isinstance(sealed, dict):
            self.unsealed[sealed["$sealed"]] = value
        return sealed


@dataclass(frozen=True)
class SentPlan:
    """The steps that were sent."""

    steps: Mapping[str, Step]
    migration: str = "shop"
    legacy: AccountId = LEGACY
    gates: Sequence[Gate] = ()


@dataclass(frozen=True)
class SentJournal:
    """What the answers said; every step is done."""

    world: TwoSides
    steps: Mapping[str, Step]

    def outputs(self, step: str) -> dict[str, str]:
        return {name: value for (of, name), value in self.world.known.items() if of == step}

    def state(self, step: str) -> str:
        return "verified" if step in self.steps else "planned"

    def history(self, step: str) -> list[Entry]:
        return self.forward(step)

    def forward(self, step: str) -> list[Entry]:
        count = len(self.steps[step].requests)
        return [Entry(n, 0.0, "", 0, step, "acted", 1, {"request": n}, "", "") for n in range(count)]


@dataclass(frozen=True)
class SentClients:
    """Reads of both accounts."""

    world: TwoSides

    def reader(
        self, account: AccountId, region: Region, reads: frozenset[str], *, remember: bool = False
    ) -> RememberingSite:
        session = self.world.sessions["legacy" if account == LEGACY else "target"]
        return cast(RememberingSite, SeenSite(session, account, REGION, reads))

    def sender(self, account: AccountId, region: Region, allows: Allows) -> Sender:
        raise AssertionError("a proof writes nothing")

    def refresh(self, account: AccountId) -> None:
        raise AssertionError("no credentials run out")


@dataclass
class SentGround(Ground):
    """As the engine's, but that the target's thing may be given: `shown`."""

    shown: Resource | None = None

    def locate(self, step: Step, site: ReadSite | None = None) -> Resource | None:
        return self.shown or super().locate(step, site)


class Prover:
    """Proves one resource of which the actions in `done` were sent."""

    def __init__(self, world: TwoSides, kind: Kind[Any], resource: Resource, done: Sequence[str]) -> None:
        self.world, self.kind, self.resource, self.done = world, kind, resource, frozenset(done)
        self.place, self.it = world.place(resource), kind.typed(resource)
        steps = {step.id: step for step in map(self._step, done)}
        self.step = next(iter(steps.values()))
        inventory = Inventory(LEGACY, (Region(REGION),), (kind.name,), (resource,))
        self.ground = SentGround(
            plan=SentPlan(steps),
            inventory=inventory,
            kinds={kind.name: kind},
            clients=cast(Clients, SentClients(world)),
            journal=cast(Journal, SentJournal(world, steps)),
            rename=lambda *_: lambda document: world.rewrite(document).value,
            connect=lambda *_, **__: None,
            clock=WallClock(),
        )

    def _step(self, name: str) -> Step:
        action = self.kind.action(name)
        requests = () if name != "create" else tuple(action.requests(self.it, self.place))
        planned = tuple(
            PlannedRequest(
                TARGET, self.place.region, request.operation, dict(request.params), request.once, request.creates,
                "", dict(request.outputs), (), (), None, None, None,
            )
            for request in requests
        )  # fmt: skip
        return Step(
            f"{self.place.step.rpartition(':')[0]}:{name}", self.resource.ref, name, action.title, TARGET,
            self.place.region, self.place.name, (), (), 0, "", planned, {} if isinstance(action, CarryAction) else None,
            None, "D0", "R0",
        )  # fmt: skip

    def prove(self, shown: Resource | None = None, done: Sequence[str] | None = None) -> Proof:
        """Compare the target's thing, or the one that is given in its place, with legacy's. `done`: the run has done
        these alone so far, and plans the others."""
        self.ground.shown = shown
        return prove_resource(self.ground, self.step, self.done if done is None else frozenset(done))

    def locate(self) -> Resource | None:
        """The target's thing, by all that is known of it."""
        self.ground.shown = None
        return self.ground.locate(self.step)

    def locate_anew(self) -> Resource | None:
        """The target's thing without any memory: what is seen after an answer was lost."""
        site = self.ground.target(self.step)
        return self.kind.locate(site, self.place, {}, self.it)


def fields_of(proof: Proof) -> set[str]:
    """The facts that a proof says are different."""
    return {found.group() for line in proof.differences if (found := re.match(r"\w+", line))}
