"""`switches` of migration.yaml: what it would cost to lead people to both sides for a while.

The rule: the rest of a share goes on to legacy, so a plan in which legacy has stopped by then, or its data was copied,
is refused until a person answers for it.
"""

from collections.abc import Iterator

from migrate.drafting import Drafting
from migrate.names import Ref
from migrate.placement import Placement

RECORD = "route53.record_set"
_SHOWN = 3


def objections(placement: Placement, drafting: Drafting) -> Iterator[tuple[str, str, str]]:
    """Key, what, and what to do, for each record that goes over in shares while legacy does not serve whole."""
    shared = {
        ref: shares
        for ref in placement.placed
        if ref.kind == RECORD and (shares := drafting.config.strategy(ref).partition(" ")[0])
    }
    stopped = [ref for ref in sorted(placement.placed) if _is_over(ref, drafting)] if shared else []
    for ref, shares in shared.items():
        accounts = {place.account for place in drafting.places(ref)}
        over = [str(other) for other in stopped if accounts & {place.account for place in drafting.places(other)}]
        if over:
            more = f" and {len(over) - _SHOWN} more" if len(over) > _SHOWN else ""
            yield (
                f"shares/{ref}",
                f"{ref} leads only {shares.replace(',', ' and then ')} of a hundred to the target for a while; the "
                "others go on to legacy, where by then these are stopped or copied: answers fail there, and what "
                f"is written there is lost: {', '.join(over[:_SHOWN])}{more}",
                "take the record out of `switches`, so that everybody goes over at once",
            )


def _is_over(ref: Ref, drafting: Drafting) -> bool:
    """Whether it stops in legacy before the switch, or its data is copied for good."""
    kind = drafting.kinds.get(ref.kind)
    if kind is None or kind.stays_in_legacy:
        return False
    it = kind.typed(drafting.inventory.by_ref[ref])
    phases = {action.when(it)[0] for action in kind.actions if action.by_default(it) is None and action.applies(it)}
    return "freeze" in phases or (kind.stateful and "data" in phases)
