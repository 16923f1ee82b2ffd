"""What a plan of a copy is made from, and what its reader has to know besides.

The rule: what belongs to the original is decided exactly as its own migration decides it; then all of it goes to the
copy's account, and nothing else goes anywhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from migrate.addresses import Block, consequences, drawn
from migrate.blueprint import originals, outward
from migrate.blueprint.actions import NOT_MADE
from migrate.blueprint.blank import blanks
from migrate.blueprint.shaped import Shaped
from migrate.config import Config
from migrate.graph import Graph
from migrate.inventory import Inventory
from migrate.kind import Kind
from migrate.names import AccountId, Ref
from migrate.placement import Placed, Placement, moves, place
from migrate.sections import Blueprint
from migrate.steps import Step
from migrate.values import Json


@dataclass(frozen=True)
class Copied:
    """What a plan of a copy is drafted from."""

    blueprint: Blueprint
    whole: Config
    """As the file says it."""
    config: Config
    """By which steps are drafted: one target, and no way of moving data."""
    placement: Placement
    blocks: list[Block]
    """The copy's own IPv4 blocks."""
    others: list[Block]
    """Those of every account of the migration."""
    absent: Mapping[Ref, tuple[str, bool]]
    """What belongs to the original and is not made → why, and whether it is left out on purpose."""

    def enter(self, body: dict[str, Json], inventory: Inventory, kinds: Mapping[str, Kind[Any]]) -> None:
        """What the plan says besides: on its first page, and what refuses it."""
        for own in self.blocks:
            for other in self.others:
                body["findings"] += consequences([own, other], self.whole)
        body["blueprint"] = told(self, inventory, kinds, body["legacy"]["account"])
        for ref, (why, on_purpose) in sorted(self.absent.items()):
            if not on_purpose:
                key = f"blueprint/{ref}"
                self._ask(body, key, f"{ref} cannot be made without its content: {why}")
        body["refusals"] += touches_legacy(body["steps"], AccountId(body["legacy"]["account"]))

    def _ask(self, body: dict[str, Json], key: str, what: str) -> None:
        waiver = self.config.waiver_for(key)
        if waiver is None:
            do = f"make it in the copy by hand and waive it in migration.yaml: waivers: [{{gap: {key!r}, because: …}}]"
            body["refusals"].append({"key": key, "what": what, "do": do})
            return
        body["waived"].append({"key": key, "what": what, "because": waiver.because})
        body["idle_waivers"] = [one for one in body["idle_waivers"] if one != waiver.gap]


def of(config: Config, graph: Graph, kinds: Mapping[str, Kind[Any]]) -> Copied | None:
    """What the plan is drafted from, where migration.yaml says that it is a copy's. Raises as `addresses.drawn`."""
    blueprint = config.blueprint
    if blueprint is None:
        return None
    whole = place(graph, config, originals(kinds))
    whose = {blueprint.of, blueprint.to}
    theirs = {ref: there for ref, there in whole.placed.items() if not whose.isdisjoint(there.accounts)}
    found = {
        ref: Placed((blueprint.to,), there.by, there.score, (f"as {blueprint.of}", *there.evidence))
        for ref, there in theirs.items()
        if moves(graph.its[ref], kinds)
    }
    conflicts = tuple(one for one in whole.conflicts if not whose.isdisjoint(one.votes))
    blocks = _blocks(config, blueprint, graph, whole, theirs, kinds)
    account = config.account(blueprint.to)
    nothing = {"stores": (), "databases": (), "switches": (), "bridges": (), "test_launches": ()}
    only = {"targets": {blueprint.to: config.targets[blueprint.to]}}
    return Copied(
        blueprint,
        config,
        config.model_copy(update=nothing | only),
        Placement(found, conflicts, (), whole.movable),
        [block for block in blocks if block.account == account],
        [block for block in blocks if block.account != account],
        {ref: _why_absent(kinds[ref.kind]) for ref in theirs if ref not in found},
    )


def _blocks(
    config: Config, blueprint: Blueprint, graph: Graph, whole: Placement, theirs: Mapping[Ref, Placed], kinds: Any
) -> list[Block]:
    """IPv4 blocks: the copy's are drawn after all others', which are then as in the migration's own folder."""
    targets = {alias: one for alias, one in config.targets.items() if alias != blueprint.to}
    last = config.model_copy(update={"targets": targets | {blueprint.to: config.targets[blueprint.to]}})
    both = {
        ref: replace(there, accounts=(*(one for one in there.accounts if one != blueprint.to), blueprint.to))
        for ref, there in theirs.items()
    }
    return drawn(last, graph, replace(whole, placed={**whole.placed, **both}), kinds)


def _why_absent(kind: Kind[Any]) -> tuple[str, bool]:
    if kind.name in NOT_MADE:
        return NOT_MADE[kind.name], True
    cannot = kind.cannot if isinstance(kind, Shaped) else ""
    return cannot or "no action makes it without its content", False


def touches_legacy(steps: Iterable[Step], legacy: AccountId) -> Iterator[dict[str, Json]]:
    """Refusals, which nobody can waive, for steps that would write in legacy."""
    for step in steps:
        theirs = [one.operation for one in step.requests if one.account == legacy]
        if theirs or step.legacy_after:
            what = f"{step.id} would change legacy ({', '.join(theirs) or 'by what it carries'}): a copy never does"
            yield {"key": f"legacy/{step.id}", "what": what, "do": f"placement: [{{ref: '{step.ref}', to: legacy}}]"}


def told(copied: Copied, inventory: Inventory, kinds: Mapping[str, Kind[Any]], legacy: str) -> dict[str, Json]:
    """What is different from the original, what of it is not there, and whom the copy could still speak to."""
    blueprint, account = copied.blueprint, copied.whole.account(copied.blueprint.to)
    different: dict[str, list[str]] = defaultdict(list)
    for ref in copied.placement.placed:
        kind = kinds[ref.kind]
        it = kind.typed(inventory.by_ref[ref])
        if not isinstance(kind, Shaped):
            continue
        whole = kind.original.typed(inventory.by_ref[ref])
        # A kind's left actions say the same for several things, or several of them the same of one.
        for said in {kind.left[a.name] for a in kind.original.actions if a.name in kind.left and a.applies(whole)}:
            if said:
                different[f"{ref.kind}: {said}"].append(ref.name)
        for said in _by_people(ref, it, blueprint):
            different[f"{ref.kind}: {said}"].append(ref.name)
        paths = blanks(inventory.by_ref[ref].facts)
        if paths:
            named = f"{ref.kind} {ref.name} ({'; '.join(paths)})"
            different["what looks like a credential is not copied"].append(named)
    nothing: dict[str, list[str]] = defaultdict(list)
    for ref, (why, _) in copied.absent.items():
        nothing[f"{ref.kind}: {why}"].append(ref.name)
    resources = [inventory.by_ref[ref] for ref in copied.placement.placed]
    return {
        "of": blueprint.of,
        "to": blueprint.to,
        "account": account,
        "different": [f"{said}: {', '.join(sorted(names))}" for said, names in sorted(different.items())],
        "absent": [f"{said}: {', '.join(sorted(names))}" for said, names in sorted(nothing.items())],
        "outward": list(outward.findings(resources, legacy, account)),
    }


def _by_people(ref: Ref, it: Any, blueprint: Blueprint) -> Iterator[str]:
    if ref.kind == "secretsmanager.secret":
        yield "it is made without a value, rotation and replicas; a person puts a value of its own in"
    elif ref.kind == "rds.instance":
        yield "it is made empty; RDS makes its master password and keeps it in a secret of its own (rds!db-…)"
    elif ref.kind == "ssm.parameter" and it.facts.type == "SecureString":
        yield "it is made with a stand-in; a person puts a value of its own in"
    elif ref.kind == "ecs.service":
        yield f"{it.facts.desired_count} tasks (blueprint.services: {blueprint.services})"
    elif ref.kind == "acm.certificate":
        yield "it is requested anew, and a person writes the records that validate it"
