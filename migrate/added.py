"""What stands in a target inside a moved thing and nobody planned: one more rule of a listener, a new subscriber.

The rule: only what is a part of something that moved is looked for. A new thing beside it (a service in a moved
network, say) is its owner's own business. What could not be listed could not be proved.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from migrate.errors import AccessError
from migrate.ground import Ground
from migrate.kind import MIGRATION_TAG, Kind, Proof
from migrate.names import AccountId, Ref, Region
from migrate.steps import Step

Found = tuple[Ref, AccountId, Proof]
Parents = Mapping[Ref | str, Ref]
"""All that a moved thing is known by in its target → what it was in legacy."""


def proofs(ground: Ground, workers: int = 8) -> list[Found]:
    """A proof for each moved thing with parts that are in no plan, and for each sort of part that was not shown."""
    places = sorted({(step.account, step.region) for step in ground.plan.steps.values()})
    looks = [(kind, *place) for kind in ground.kinds.values() if kind.part_of for place in places]
    with ThreadPoolExecutor(workers) as pool:
        return [one for found in pool.map(lambda look: _look(ground, *look), looks) for one in found]


def _look(ground: Ground, kind: Kind[Any], account: AccountId, region: Region) -> list[Found]:
    own = [s for s in ground.plan.steps.values() if (s.ref.kind, s.account, s.region) == (kind.name, account, region)]
    if any(ground.journal.state(step.id) not in ("verified", "undone", "planned", None) for step in own):
        return []  # What is under way is told as not finished.
    parents = _parents(ground, kind, account, region)
    if not parents:
        return []
    site = ground.clients.reader(account, region, kind.reads)
    first = next(iter(parents.values()))
    try:
        found = list(_unplanned(ground, kind, site, own, parents))
    except AccessError as error:
        return [(first, account, Proof("could not be proved", (), (f"what was added as {kind.name}: {error.what}",)))]
    lines: dict[Ref, list[str]] = {}
    for parent, said in found:
        lines.setdefault(parent, []).append(said)
    told = [(ref, account, Proof("different", (kind.name,), tuple(sorted(those)))) for ref, those in lines.items()]
    if site.refusals:
        refused = tuple(f"what was added as {kind.name}: {said}" for said in site.refusals)
        told.append((first, account, Proof("could not be proved", (), refused)))
    return told


def _parents(ground: Ground, kind: Kind[Any], account: AccountId, region: Region) -> Parents:
    """The moved things that this kind can be a part of, by every name that a part may call them."""
    known: dict[Ref | str, Ref] = {}
    for step in ground.plan.steps.values():
        is_here = step.ref.kind in kind.part_of and (step.account, step.region) == (account, region)
        if not is_here or step.id != step.create_id or ground.journal.state(step.id) != "verified":
            continue
        if not ground.makes(step):
            continue  # AWS made it, for all of the account: its other parts are others'.
        outputs = ground.journal.outputs(step.id)
        for name in {step.name, outputs.get("id", step.name)}:
            known[Ref(account, region, step.ref.kind, name)] = step.ref
        if outputs.get("arn"):
            known[outputs["arn"]] = step.ref
    return known


def _unplanned(
    ground: Ground, kind: Kind[Any], site: Any, own: list[Step], parents: Parents
) -> Iterator[tuple[Ref, str]]:
    planned = {text for step in own for text in (step.name, *_learnt(ground, step))}
    for found in kind.scan(site):
        if {found.ref.name, found.arn or found.ref.name} & planned:
            continue
        if found.tags.get(MIGRATION_TAG) == ground.plan.migration:
            continue  # Another run's of this migration.
        named = (parents.get(need.on) for need in kind.needs(kind.typed(found)))
        parent = next((ref for ref in named if ref is not None), None)
        if parent is not None:
            called = found.arn or str(found.ref)
            yield parent, f"{kind.name} {called} was added in the target: it is in no plan"


def _learnt(ground: Ground, step: Step) -> list[str]:
    outputs = ground.journal.outputs(step.create_id)
    return [outputs[name] for name in ("id", "arn") if outputs.get(name)]
