"""What changed in legacy since the plan, but for what this run did itself. The rule: unexplained means stop."""

from collections.abc import Mapping
from typing import Any

from migrate.ground import Known, left_in_legacy
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.kind import MIGRATION_TAG, STEP_TAG, Kind
from migrate.names import Ref
from migrate.plan import Plan
from migrate.proving import compare
from migrate.values import Json


def unexplained(
    before: Inventory, now: Inventory, plan: Plan, journal: Journal, kinds: Mapping[str, Kind[Any]]
) -> list[str]:
    """Every difference, a line each, that no step of this run explains.

    A fact that a begun step changes in legacy may have its old value or the new one. What carries this migration's
    stamp was made by it.
    """
    allowed = _allowed(before, plan, journal, kinds)
    blind = {(gap.kind, gap.region) for gap in set(now.gaps) - set(before.gaps) if gap.reason != "no kind"}
    # What a listing that failed would have shown is not gone: the gap is the difference.
    missing = [ref for ref in sorted(before.by_ref) if ref not in now.by_ref and (ref.kind, ref.region) not in blind]
    lines = [f"- {ref} is gone" for ref in missing]
    for ref, resource in sorted(now.by_ref.items()):
        if ref not in before.by_ref:
            if not _ours(resource, plan):
                lines.append(f"+ {ref} is new")
            continue
        kind = kinds.get(ref.kind)
        passing = kind.passing if kind is not None else frozenset()
        found = _differences(before.by_ref[ref], resource, allowed.get(ref, {}), passing)
        lines += [f"~ {ref}: {line}" for line in found]
    gone = sorted(set(now.gaps) - set(before.gaps))
    lines += [f"+ gap {gap.key}: {gap.reason}: {gap.said}" for gap in gone]
    return lines


def unread(before: Inventory, now: Inventory) -> list[str]:
    """The listings that got no answer this time, a line each: such a scan says nothing about what changed."""
    lost = sorted(gap for gap in set(now.gaps) - set(before.gaps) if gap.reason in ("unreachable", "throttled"))
    return [f"{gap.key}: {gap.reason}: {gap.said}" for gap in lost]


def _differences(before: Resource, now: Resource, allowed: dict[str, list[Json]], passing: frozenset[str]) -> list[str]:
    one, two = before.as_json(), now.as_json()
    facts = dict(two["facts"]) | {fact: before.facts.get(fact) for fact in passing}
    for fact, values in allowed.items():
        if facts.get(fact) in values:
            facts[fact] = before.facts.get(fact)
    # A size is a measure of the moment, not something that anybody decided.
    ignored = {"size_bytes": None}
    return list(compare(one | ignored, two | ignored | {"facts": facts}))


def _allowed(
    before: Inventory, plan: Plan, journal: Journal, kinds: Mapping[str, Kind[Any]]
) -> dict[Ref, dict[str, list[Json]]]:
    found: dict[Ref, dict[str, list[Json]]] = {}
    planned, known = plan.whole(before).by_ref, Known(journal)
    for step in plan.steps.values():
        if step.legacy_after and any(e.event in ("acting", "undoing") for e in journal.history(step.id)):
            after = left_in_legacy(step, kinds[step.ref.kind], planned[step.ref], known)
            for fact, value in after.items():
                found.setdefault(step.ref, {}).setdefault(fact, []).append(value)
    return found


def _ours(resource: Resource, plan: Plan) -> bool:
    """Whether it carries the stamp of a step of this plan (a snapshot in legacy, say)."""
    made_by = resource.tags.get(STEP_TAG, "").rpartition(":")[0]
    bases = {step.rpartition(":")[0] for step in plan.steps}
    return resource.tags.get(MIGRATION_TAG) == plan.migration and made_by in bases
