"""What comes before what because a kind says so, where no document names the other.

The rule: only steps of one target account wait for each other here.
"""

from collections import defaultdict
from collections.abc import Sequence

from migrate.drafting import Draft
from migrate.names import AccountId


def add(drafts: Sequence[Draft]) -> None:
    """Enter these needs into the drafts: `after_kinds`, `opens_phase`, and `opened_by`."""
    by_action: dict[tuple[str, AccountId], list[str]] = defaultdict(list)
    openers: dict[tuple[str, AccountId], list[str]] = defaultdict(list)
    for draft in drafts:
        by_action[draft.does, draft.place.account].append(draft.id)
        if draft.action.opens_phase:
            openers[draft.phase, draft.place.account].append(draft.id)
    _outlived(drafts)
    for draft in drafts:
        for does in draft.action.after_kinds:
            for before in by_action.get((does, draft.place.account), ()):
                if before != draft.id:
                    draft.needs.setdefault(before, f"{draft.does} comes after every {does} of the account")
        if draft.action.opens_phase or draft.action.named_only:
            continue
        for before in openers.get((draft.phase, draft.place.account), ()):
            draft.needs.setdefault(before, f"every step of the {draft.phase} comes after it in this account")


def _outlived(drafts: Sequence[Draft]) -> None:
    by_id = {draft.id: draft for draft in drafts}
    keys = {
        (draft.ref.kind, draft.ref.name, draft.ref.region, draft.place.account): draft.place.step for draft in drafts
    }
    for draft in drafts:
        kind, named = draft.action.opened_by
        key = keys.get((kind, str((draft.carry or {}).get(named)), draft.ref.region, draft.place.account))
        own = by_id.get(draft.place.step)
        if key in by_id and own is not None and key is not None:
            own.needs.setdefault(key, f"{kind} keeps what opens it, until it is gone")
