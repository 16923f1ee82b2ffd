"""What comes before what because a kind says so, where no document names the other.

The rule: only steps of one target account wait for each other here.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

from migrate.drafting import Draft
from migrate.names import AccountId, Ref


def add(drafts: Sequence[Draft], users: Callable[[Ref], set[Ref]]) -> None:
    """Enter these needs into the drafts: `after_kinds`, `opens_phase` and `opened_by`. `users`: what may write to a
    thing."""
    by_action: dict[tuple[str, AccountId], list[str]] = defaultdict(list)
    for draft in drafts:
        by_action[draft.does, draft.place.account].append(draft.id)
    for draft in drafts:
        for does in draft.action.after_kinds:
            for before in by_action.get((does, draft.place.account), ()):
                if before != draft.id:
                    draft.needs.setdefault(before, f"{draft.does} comes after every {does} of the account")
    _openings(drafts, users)
    _outlived(drafts)


def _openings(drafts: Sequence[Draft], users: Callable[[Ref], set[Ref]]) -> None:
    """What may write to a thing, or stands in its group, starts after the last look at it: others need not wait."""
    openers = [draft for draft in drafts if draft.action.opens_phase]
    later: dict[tuple[str, AccountId, Ref | str], list[Draft]] = defaultdict(list)
    for draft in drafts if openers else ():
        if not (draft.action.opens_phase or draft.action.named_only):
            later[draft.phase, draft.place.account, draft.ref].append(draft)
            later[draft.phase, draft.place.account, draft.group].append(draft)
    for opener in openers:
        phase, account = opener.phase, opener.place.account
        those: list[Ref | str] = [opener.group, *sorted(users(opener.ref))]
        for one in those:
            for draft in later.get((phase, account, one), ()):
                draft.needs.setdefault(opener.id, f"the {phase} of what uses it begins with this")


def _outlived(drafts: Sequence[Draft]) -> None:
    """What opens a thing is made before it, and so goes after it: its last look still gets in."""
    opened = [draft for draft in drafts if draft.action.opened_by[0]]
    if not opened:
        return
    by_id = {draft.id: draft for draft in drafts}
    keys = {
        (draft.ref.kind, draft.ref.name, draft.ref.region, draft.place.account): draft.place.step for draft in drafts
    }
    for draft in opened:
        kind, named = draft.action.opened_by
        key = keys.get((kind, str((draft.carry or {}).get(named)), draft.ref.region, draft.place.account))
        own = by_id.get(draft.place.step)
        if key in by_id and own is not None and key is not None:
            own.needs.setdefault(key, f"{kind} keeps what opens it, until it is gone")
