"""migrate report reach: who reaches what in the old account, and in the organisation as it is planned. Calls nothing.

The rule: the page says what was not counted, and by what: policies, never the network.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from migrate.inventory import Inventory
from migrate.migration import Migration
from migrate.out import Out
from migrate.people.users import users_of
from migrate.reach.counting import Count, Reached, World, reached
from migrate.reach.worlds import Ground, Side, before, planned
from migrate.verbs.people import look

SHOWN = 20
"""Lines of each side on the page; --json has everybody."""
NOT_COUNTED = (
    "who may start code under a role (iam:PassRole), who may rewrite a role and so become it, logins to databases, "
    "networks, grants of keys, policies of access points and of endpoints"
)


def reach(out: Out, folder: Path, *, inventory: Path | None) -> int:
    """Print the page."""
    migration = Migration(folder)
    looked = look(migration, inventory)
    section = migration.config.organisation
    users = users_of(looked.inventory, migration.kinds)
    sensitive = frozenset(section.sensitive()) if section is not None else frozenset[str]()
    ground = Ground(looked.inventory, looked.drafting, users, looked.decided, looked.machines, sensitive)
    sides = {"before": before(ground), "planned": planned(ground)}
    worlds = {name: World(side.things) for name, side in sides.items()}
    found = {name: reached(side.holders, worlds[name]) for name, side in sides.items()}
    lines = [line for name in sides for line in (*_page(name, sides[name], worlds[name], found[name]), "")]
    blind = _blind(looked.inventory)
    lines += [f"not shown to the scan, so more may be reached: {line}" for line in blind[:SHOWN]]
    out.result("\n".join([*lines, f"not counted on either side: {NOT_COUNTED}"]), {
        "not_counted": NOT_COUNTED, "not_shown": blind,
        **{
            name: {
                "things": len(side.things), "left_out": list(side.left_out),
                "holders": [one.as_json() for one in found[name]],
            }
            for name, side in sides.items()
        },
    })  # fmt: skip
    for one in (one for those in found.values() for one in those if one.holder.unread):
        out.say(f"  {one.holder.said} reaches at least this: nobody has read {', '.join(one.holder.unread)}")
    return 0


def _blind(inventory: Inventory) -> list[str]:
    """What the scan was refused, and how much of services without a kind it saw."""
    refused = [gap for gap in inventory.gaps if gap.reason != "no kind"]
    said = [f"{gap.kind} in {gap.region}: {gap.call}: {gap.reason}" for gap in refused]
    others = len(inventory.gaps) - len(refused)
    return said + ([f"{others} things that no kind handles"] if others else [])


def _page(name: str, side: Side, world: World, found: Sequence[Reached]) -> Iterator[str]:
    whole = world.count((1 << len(world.things)) - 1)
    where = ", ".join(world.environments) or "nowhere"
    yield f"{name}: {len(found)} who can ask, {_said(whole)} in {where}"
    worst = max(found, key=lambda one: one.total, default=None)
    if worst is not None:
        yield f"  one break-in reaches at most {worst.total} of {whole.all}: {worst.holder.said}"
    crossing = [one for one in found if len(one.environments) > 1]
    yield f"  {len(crossing)} of {len(found)} can change or delete in more than one environment"
    alike: dict[tuple[object, ...], list[Reached]] = defaultdict(list)
    for one in sorted(found, key=lambda one: (-one.total, one.holder.said)):
        key = tuple(sorted((place, tuple(levels.items())) for place, levels in one.counts.items()))
        alike[key, one.undecided, one.becomes].append(one)
    for number, those in enumerate(alike.values()):
        if number == SHOWN:
            yield f"  and {len(alike) - SHOWN} more lines: --json has all"
            break
        yield from _lines(those)
    if side.left_out:
        yield f"  not counted here: {', '.join(side.left_out[:12])}{' …' if len(side.left_out) > 12 else ''}"


def _lines(those: Sequence[Reached]) -> Iterator[str]:
    first = those[0]
    names = ", ".join(one.holder.said for one in those[:4]) + (f" and {len(those) - 4} more" if len(those) > 4 else "")
    yield f"  {names}{_lets_in(those)}"
    for where, one in sorted(first.counts.items()):
        if any(one[level].all for level in one):
            yield f"      {where}: " + ", ".join(f"{level} {_said(one[level])}" for level in one)
    if not first.total:
        yield "      nothing that is asked about"
    if first.becomes:
        yield f"      by becoming {', '.join(first.becomes[:4])}{' …' if len(first.becomes) > 4 else ''} too"
    if first.undecided:
        yield f"      {first.undecided} things could not be decided: they depend on what is not known of a request"


def _lets_in(those: Sequence[Reached]) -> str:
    found = sorted({text for one in those for text in one.holder.lets_in})
    return f" (lets in {', '.join(found[:3])}{' …' if len(found) > 3 else ''})" if found else ""


def _said(count: Count) -> str:
    more = [f"{count.stateful} with data"] if count.stateful else []
    more += [f"{count.sensitive} sensitive"] if count.sensitive else []
    return f"{count.all} ({', '.join(more)})" if more else str(count.all)
