"""Inventory + migration.yaml + runbooks → the plan: every step, every request, in order. Pure: it calls nothing.

The rule: what stands in a plan is complete. A gap, a conflict, an unresolved reference or a dangling one that
nobody waived makes the plan a refused one: it is written, so that people can read why, and cannot be approved.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from migrate import (
    __version__,
    addresses,
    bridging,
    ciphertext,
    files,
    objections,
    old_bucket_names,
    precedence,
    senders,
    staying,
)
from migrate.blueprint import planning as copying
from migrate.config import Config
from migrate.drafting import Drafting, enter_decided
from migrate.errors import FileError
from migrate.graph import Graph, build
from migrate.inventory import Inventory, Resource
from migrate.kind import Kind, Place
from migrate.names import AccountId, Ref
from migrate.ordering import order
from migrate.placement import Placement, place
from migrate.reachability import comparing
from migrate.runbook import Runbook
from migrate.steps import Gate, Step
from migrate.tokens import Index, index_of
from migrate.values import Json


@dataclass(frozen=True)
class Plan:
    """What will be done, and everything a reader has to know before they say yes."""

    migration: str
    legacy: AccountId
    digest: str
    body: Mapping[str, Json]
    steps: Mapping[str, Step]
    """In the order in which they may run."""
    gates: tuple[Gate, ...]
    path: Path | None = None

    @property
    def refusals(self) -> list[dict[str, Json]]:
        """Why this plan cannot be approved, each with what to do. Empty: it can."""
        return list(self.body["refusals"])

    @property
    def waves(self) -> int:
        """How many waves there are."""
        return max((step.wave for step in self.steps.values()), default=0)

    def whole(self, inventory: Inventory) -> Inventory:
        """What was scanned, and beside it what is wanted and cannot be found by a scan: temporary bridges."""
        wanted = tuple(map(Resource.from_json, self.body.get("wanted", ())))
        return replace(inventory, resources=(*inventory.resources, *wanted)) if wanted else inventory

    def names(self, inventory: Inventory, kinds: Mapping[str, Kind[Any]]) -> Index:
        """Every legacy name with its target, as the steps of this plan say and nothing newer: what a run renames by."""
        there: dict[Ref, dict[AccountId, Place]] = defaultdict(dict)
        for step in self.steps.values():
            there[step.ref].setdefault(step.account, step.place(self.migration))
        stays = {ref for ref, placed in self.body["placement"].items() if placed["accounts"] == ["legacy"]}
        index = index_of(
            inventory.resources,
            kinds,
            inventory.account,
            lambda ref: [replace(place, accounts=tuple(there[ref])) for place in there.get(ref, {}).values()],
            lambda ref: str(ref) in stays,
        )
        moved = addresses.AddressMap(map(addresses.Block.from_json, self.body.get("addresses", ())))
        index.is_of_a_copy = "blueprint" in self.body
        enter_decided(index, self.body.get("given", {}), map(AccountId, self.body["targets"].values()), moved)
        return index


@dataclass(frozen=True)
class Inputs:
    """Everything a plan is made from."""

    config: Config
    config_digest: str
    inventory: Inventory
    inventory_digest: str
    runbooks: tuple[Runbook, ...]
    """In the order of `config.move`."""
    kinds: Mapping[str, Kind[Any]] = field(repr=False)


def make(inputs: Inputs) -> dict[str, Json]:
    """The body of the plan file as plain JSON. Same inputs, same body. Raises as `draw` does."""
    body = draw(inputs)
    return body | {"steps": [step.as_json() for step in body["steps"]]}


def draw(inputs: Inputs) -> dict[str, Json]:
    """The body of the plan file, its steps as values: they become JSON one by one, while the file is written.

    Raises ConfigError where a runbook's order contradicts the graph.
    """
    with files.collector_off():
        graph = build(inputs.inventory, inputs.kinds)
        copied = copying.of(inputs.config, graph, inputs.kinds)
        if copied is None:
            placement = place(graph, inputs.config, inputs.kinds)
            blocks = addresses.drawn(inputs.config, graph, placement, inputs.kinds)
        else:
            inputs, placement, blocks = replace(inputs, config=copied.config), copied.placement, copied.blocks
        moved = addresses.AddressMap(blocks)
        bridges = bridging.wanted(inputs.config, inputs.inventory, placement, blocks)
        if bridges.resources:
            inputs = replace(inputs, inventory=bridges.inventory(inputs.inventory))
            graph, placement = build(inputs.inventory, inputs.kinds), bridges.placement(placement)
        drafting = Drafting(inputs.config, inputs.inventory, graph, placement, inputs.kinds, moved)
        drafting.index.is_of_a_copy = copied is not None
        drafts = drafting.steps()
        precedence.add(drafts, drafting.users)
        graph.forget(placement.movable)
        changed = {draft.ref for draft in drafts}
        made = {(draft.ref, draft.place.account) for draft in drafts if draft.action.name == "create"}
        aliases = {AccountId(target.account): alias for alias, target in inputs.config.targets.items()}
        steps, gates = order(drafts, inputs)
        body = _body(inputs, graph, placement, drafting, steps, gates)
        body["addresses"] = [block.as_json() for block in blocks]
        left_out = [
            f"{does} is left out for {', '.join(sorted({ref.name for ref in refs}))}: say otherwise under test_launches"
            for does, refs in sorted(drafting.left_out.items())
        ]
        body["findings"] = [
            *drafting.findings,
            *addresses.consequences(blocks, inputs.config),
            *bridges.findings,
            *comparing.planned(inputs.inventory, graph, made, moved, aliases, is_copy=copied is not None),
            *left_out,
        ]
        if copied is None:
            body["findings"] += staying.findings(graph, placement, inputs.kinds, changed)
            body["findings"] += old_bucket_names.findings(steps, inputs.inventory, drafting.places)
            body["findings"] += senders.findings(inputs.inventory, inputs.kinds, drafting.places, made, aliases)
        else:
            copied.enter(body, inputs.inventory, inputs.kinds)
        body["refusals"] += bridges.refusals
        body["ciphertext"] = ciphertext.listed(graph, placement, inputs.kinds)
        body["wanted"] = [bridge.as_json() for bridge in bridges.resources]
        return body


def write(folder: Path, inputs: Inputs) -> Plan:
    """Make the plan and write it into the migration's folder."""
    body = draw(inputs)
    written = files.write(folder, "plan.json", files.PLAN, body)
    return from_body(written.body, written.digest, written.path)


def read(path: Path) -> Plan:
    """Read a plan file. Raises StaleError where a byte of it was changed, FileError where it is no plan."""
    written = files.read(path, files.PLAN)
    try:
        return from_body(written.body, written.digest, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"{path} is whole, but no plan: {error!r}", do="plan again") from None


def from_body(body: Mapping[str, Json], digest: str, path: Path | None = None) -> Plan:
    """The plan as values."""
    with files.collector_off():
        steps = [line if isinstance(line, Step) else Step.from_json(line) for line in body["steps"]]
    gates = tuple(map(Gate.from_json, body["gates"]))
    by_id = {step.id: step for step in steps}
    return Plan(body["migration"], AccountId(body["legacy"]["account"]), digest, body, by_id, gates, path)


def _body(
    inputs: Inputs, graph: Graph, placement: Placement, drafting: Drafting, steps: list[Step], gates: list[Gate]
) -> dict[str, Json]:
    config, inventory = inputs.config, inputs.inventory
    notes = objections.notes(inputs, graph, placement, drafting)
    return {
        "migration": config.migration,
        "version": __version__,
        "legacy": {"account": config.legacy.account, "regions": list(config.legacy.regions)},
        "targets": {alias: target.account for alias, target in config.targets.items()},
        "inventory": inputs.inventory_digest,
        "config": inputs.config_digest,
        "runbooks": {runbook.name: runbook.digest for runbook in inputs.runbooks},
        "counts": {
            "resources": len(inventory.resources),
            "moved": len(placement.placed) - sum(1 for p in placement.placed.values() if p.accounts == ("legacy",)),
            "reported": len(inventory.resources) - len(placement.movable),
            "gaps": len(inventory.gaps),
            "edges": len(graph.edges),
            "requests": sum(len(step.requests) for step in steps),
        },
        "steps": steps,
        "gates": [gate.as_json() for gate in gates],
        "placement": {
            str(ref): {"accounts": list(p.accounts), "by": p.by, "score": p.score, "evidence": list(p.evidence)}
            for ref, p in placement.placed.items()
        },
        "groups": {group: [str(ref) for ref in refs] for group, refs in graph.members().items()},
        "cycles": [[str(ref) for ref in cycle] for cycle in graph.cycles],
        "legacy_changes": [
            {"step": step.id, "ref": str(step.ref), "fact": fact, "becomes": value}
            for step in steps
            for fact, value in (step.legacy_after or {}).items()
        ],
        "renames": drafting.renames(),
        "given": config.given,
        "dropped": {str(person): sorted(map(str, those)) for person, those in sorted(drafting.dropped.items())},
        **notes,
    }
