"""Why a plan cannot be approved as it is, and what else a reader has to know: gaps, findings, waivers, manual steps.

The rule: each objection has a key, says what, and says what to do. A person may waive what they can answer for; what
would only fail or lose something cannot be waived.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate import ciphertext, sharing
from migrate.aws_rules import unfit
from migrate.drafting import Drafting
from migrate.graph import Graph
from migrate.kind import Kind
from migrate.names import Ref
from migrate.placement import Placement
from migrate.strategies import misfits
from migrate.tokens import NOT_FOUND
from migrate.unhandled import manual_for, manual_for_named
from migrate.values import Json

if TYPE_CHECKING:
    from migrate.plan import Inputs

_STAYS = ("legacy",)
_IN_ONE_ACCOUNT = frozenset({"in", "attached to", "member of", "assumes", "dead letters"})
"""Why one thing needs another of its own account. A role's policy, a service's role, a group of a network interface:
AWS looks for them in the caller's account (unverified for each of them). For dead-letter queues the guides differ: the
SDK guides want one account, the SQS Developer Guide calls it best practice; read 2026-11. So a person may waive it."""


def notes(inputs: "Inputs", graph: Graph, placement: Placement, drafting: Drafting) -> dict[str, Json]:
    """Gaps, findings, waivers, manual steps, refusals."""
    config, kinds = inputs.config, inputs.kinds
    refusals: list[dict[str, Json]] = []
    waived: list[dict[str, Json]] = []
    used: set[str] = set()

    def ask(key: str, what: str, do: str) -> None:
        waiver = config.waiver_for(key)
        if waiver is None:
            refusals.append({"key": key, "what": what, "do": do})
        else:
            used.add(waiver.gap)
            waived.append({"key": key, "what": what, "because": waiver.because})

    waive = "or waive it in migration.yaml: waivers: [{{gap: {key!r}, because: …}}]"
    for gap in inputs.inventory.gaps:
        where = f"{gap.kind} in {gap.region}" + (f" ({gap.subject})" if gap.subject else "")
        do = "allow the call and scan again" if gap.reason == "denied" else "see to it by hand"
        if gap.reason == "no kind":
            do = manual_for(gap.kind)
        ask(gap.key, f"gap: {where}: {gap.call}: {gap.reason}: {gap.said}", f"{do}, {waive.format(key=gap.key)}")
    for undecided in placement.conflicts:
        votes = ", ".join(f"{alias} {score}" for alias, score in undecided.votes.items())
        do = f"add to migration.yaml: placement: [{{ref: {str(undecided.ref)!r}, to: …, because: …}}]"
        said = "; ".join(undecided.evidence[:4])
        refusals.append(
            {"key": undecided.key, "what": f"two environments use {undecided.ref} ({votes}): {said}", "do": do}
        )
    left: list[Json] = []
    for undecided in placement.unplaced:
        if kinds[undecided.ref.kind].stateful:
            do = f"add to migration.yaml: placement: [{{ref: {str(undecided.ref)!r}, to: …}}]"
            refusals.append({"key": undecided.key, "what": f"{undecided.ref} holds data and goes nowhere", "do": do})
        else:
            left.append(str(undecided.ref))
    # A reason is said once: what only follows from one of these is not told again for each request.
    follows = {f"{said.ref}, which goes to no account" for said in (*placement.conflicts, *placement.unplaced)
               if str(said.ref) not in left}  # fmt: skip
    lost: set[tuple[Ref, str]] = set()
    unhandled = {gap.subject for gap in inputs.inventory.gaps if gap.subject}
    for dangling in graph.dangling:
        if dangling.text in config.given:
            continue
        if dangling.ref in placement.placed and placement.placed[dangling.ref].accounts != _STAYS:
            lost.add((dangling.ref, f"{dangling.text} {NOT_FOUND}"))
            is_gap = dangling.text in unhandled
            what = "has no kind (see its gap)" if is_gap else NOT_FOUND
            do = (
                f"make it in the target and add renames: {{{dangling.text}: <its ARN there>}}"
                if is_gap
                else manual_for_named(dangling.text) or "mend it in legacy"
            )
            said = f"{dangling.ref}: {dangling.seen_in}: {dangling.text} {what}"
            ask(dangling.key, said, f"{do}, {waive.format(key=dangling.key)}")
    for ref, marks in drafting.marked.items():
        said = f"{ref} has keys of its own that this tool reads as placeholders: {', '.join(marks)}"
        refusals.append({"key": f"marks/{ref}", "what": said, "do": "rename them in legacy, or let it stay there"})
    for target, refs in drafting.taken_twice().items():
        said = f"{' and '.join(map(str, refs))} would both be {target}"
        refusals.append({"key": f"taken/{target}", "what": said, "do": "give one of them another name under renames"})
    for target, said in unfit_names(placement, drafting):
        do = "give it another name in migration.yaml under renames (a bucket: or change `buckets`)"
        refusals.append({"key": f"name/{target}", "what": said, "do": do})
    for key, said, do in misfits(config, kinds, inputs.inventory, placement, drafting):
        refusals.append({"key": key, "what": said, "do": do})
    for key, said in left_behind(graph, placement, drafting):
        ask(key, said, f"place both in migration.yaml, {waive.format(key=key)}")
    for key, said, do in sharing.objections(placement, drafting):
        ask(key, said, f"{do}, {waive.format(key=key)}")
    for key, said, do in ciphertext.unreadable(graph, placement, inputs.inventory):
        ask(key, said, f"{do}, {waive.format(key=key)}")
    for key, said in owned_twice(placement, drafting):
        ask(key, said, f"place it in one account, {waive.format(key=key)}")
    spoken_of = [
        *(one for one in config.renames if one not in config.given),
        *(rule.ref for rule in config.placement if rule.ref),
    ]
    known = {str(ref) for ref in inputs.inventory.by_ref} if spoken_of else set()
    for ref_text in spoken_of:
        if ref_text not in known:
            key = f"unknown/{ref_text}"
            ask(key, f"migration.yaml speaks of {ref_text}, which was not found", f"mend it, {waive.format(key=key)}")
    for step, said_by_step in drafting.problems.items():
        for said in said_by_step:
            problem = said.partition(": ")[2]
            if (drafting.ref_of[step], problem) in lost or problem.rpartition(" is ")[2] in follows:
                continue
            key = f"unresolved/{step}/{said}"
            ask(key, f"{step}: {said}", f"place what it refers to, {waive.format(key=key)}")
    manual: list[Json] = []
    for resource in inputs.inventory.resources:
        kind = kinds.get(resource.ref.kind)
        if kind is None or resource.ref in placement.movable:
            continue
        it = graph.its[resource.ref]
        whole = kind.comes_with(it)
        if whole in placement.movable and whole in placement.placed and placement.placed[whole].accounts != _STAYS:
            continue
        do = kind.by_hand(it)
        if not do:
            continue
        manual.append({"ref": str(resource.ref), "do": do})
        if not kind.quiet and resource.ref not in placement.placed:
            key = f"by hand/{resource.ref}"
            said = f"{resource.ref} is not moved by this tool"
            ask(key, said, f"{do} Say who does it: {waive.format(key=key)[3:]}")
    leave_some = {name: kind for name, kind in kinds.items() if type(kind).remains is not Kind.remains}
    for ref, placed in placement.placed.items():
        if ref.kind not in leave_some or placed.accounts == _STAYS or ref not in placement.movable:
            continue
        kind = leave_some[ref.kind]
        for one in kind.remains(kind.typed(inputs.inventory.by_ref[ref])):
            key = f"remains/{ref}/{one.key}"
            ask(key, f"{ref}: {one.what}", f"{one.do}, {waive.format(key=key)}")
    stacks = sorted({resource.owner for resource in inputs.inventory.resources if resource.owner})
    idle = [waiver.gap for waiver in config.waivers if waiver.gap not in used]
    return {
        "gaps": [gap.as_json() for gap in inputs.inventory.gaps],
        "refusals": refusals,
        "waived": waived,
        "idle_waivers": idle,
        "not_moved": left,
        "manual": manual,
        "stacks": stacks,
    }


def unfit_names(placement: Placement, drafting: Drafting) -> Iterator[tuple[str, str]]:
    """New names that AWS would refuse: the target's ref and why. A name that stays was taken by AWS once."""
    for ref in placement.placed:
        for place in drafting.places(ref):
            why = unfit(ref.kind, place.name) if place.name != ref.name else ""
            if why:
                yield str(Ref(place.account, place.region, ref.kind, place.name)), f"{ref}: {why}"


def left_behind(graph: Graph, placement: Placement, drafting: Drafting) -> Iterator[tuple[str, str]]:
    """What moves although that without which it cannot be made stays, goes nowhere, or goes to another account."""
    nowhere = {one.ref for one in placement.unplaced}
    for edge in graph.edges:
        is_hard, in_one = edge.strength == "hard", edge.why in _IN_ONE_ACCOUNT
        if not (is_hard or in_one) or edge.ref not in placement.movable:
            continue
        child, parent = placement.placed.get(edge.ref), placement.placed.get(edge.needs)
        if child is None or child.accounts == _STAYS:
            continue
        if parent is None:
            # What no action applies to (AWS's own things) is in every account; a conflict is told by itself.
            if not (is_hard and edge.needs in nowhere):
                continue
            said = "goes to no account"
        elif parent.accounts == _STAYS:
            said = "stays in legacy"
        elif in_one and not set(child.accounts) <= set(parent.accounts):
            why = "it cannot lie there from another account" if edge.why == "in" else "AWS wants both in one account"
            said = f"goes only to {', '.join(parent.accounts)}: {why}"
        else:
            continue
        where = f"{edge.ref} moves, and {edge.needs}, which it needs ({edge.why}; {edge.seen_in}),"
        yield f"stays/{edge.ref}/{edge.needs}", f"{where} {said}"


def owned_twice(placement: Placement, drafting: Drafting) -> Iterator[tuple[str, str]]:
    """What has one owner in legacy, where it is stopped, and would be started in several targets."""
    for ref in sorted(drafting.handed_over):
        accounts = placement.placed[ref].accounts
        if len(accounts) > 1:
            where = " and ".join(accounts)
            yield f"owners/{ref}", f"{ref} acts once in legacy, and would be started in {where}: each would act"
