"""people: who the IAM users of the old account are, and what stands for them in the organisation.

The rule: calls nothing. What it proposes is added to migration.yaml only when asked, and never over what stands there.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from migrate import addresses, config, files
from migrate.drafting import Drafting
from migrate.errors import UsageError
from migrate.graph import build
from migrate.ground import Known
from migrate.inventory import Inventory
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.kinds.iam_people import QuarantinedUser
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId, typed
from migrate.out import Out
from migrate.people.answers import Evaluator
from migrate.people.classify import Classified, classify
from migrate.people.counting import counted
from migrate.people.decided import Decisions, decisions
from migrate.people.leaks import Leak, leaks
from migrate.people.machines import OldUsers, Outside, Wanted, github, vendors
from migrate.people.permission_sets import Sets, permission_sets, personas
from migrate.people.proposal import Proposal, propose, sections_with, written
from migrate.people.quarantine import SOAK_DAYS, Quarantine, quarantine
from migrate.people.table import Asking, Cell, by_person, table
from migrate.people.tailoring import Ground
from migrate.people.users import documents_by_arn, users_of
from migrate.people.welcome import Welcome, welcomes
from migrate.placement import place
from migrate.rewrite import Rewriter
from migrate.values import Json, shown

NOTHING = Proposal((), {}, {}, {}, ())
SHOWN = 8
"""How many losses of one cell or set are shown to people; --json has them all."""


@dataclass(frozen=True)
class Looked:
    """Everything that the parts of the answer are made from."""

    inventory: Inventory
    decided: Decisions
    classified: tuple[Classified, ...]
    sets: Sets
    proposal: Proposal
    cells: tuple[Cell, ...]
    """What each persona keeps, loses and gains in each account."""
    machines: tuple[Wanted, ...]
    """What stands for the machines that migration.yaml names."""
    leaks: tuple[Leak, ...]
    quarantine: Quarantine
    drafting: Drafting
    """Where everything goes, and under which names."""


def people(out: Out, folder: Path, *, write: bool, welcome: bool, inventory: Path | None) -> int:
    """Say who is who and what is proposed; with `write`, add it to migration.yaml."""
    migration = Migration(folder)
    migration.not_of_a_copy("people")
    looked = look(migration, inventory)
    # Nothing is written before everybody's files are made.
    welcomed = _welcomes(migration, looked) if welcome else ()
    added = _write(migration, looked.proposal) if write else []
    for line in _findings(looked):
        out.say(f"  {line}")
    before, after = counted(looked.sets)
    out.say(f"people's own policies: {before} before, {after} proposed")
    out.result(
        "\n".join(_table(looked.classified) + _sets(looked.sets) + _cells(looked.cells) + _machines(looked)),
        {
            "users": [one.as_json() for one in looked.classified],
            "proposal": looked.proposal.as_json(),
            "left_out": {
                f"{persona} in {alias}": [str(one) for one in left]
                for (persona, alias), left in looked.sets.left.items()
                if left
            },
            "machines": [one.as_json() for one in looked.machines],
            "quarantine": [one.as_json() for one in looked.quarantine.closed],
            "not_closed": dict(looked.quarantine.spared),
            "leaks": [one.as_json() for one in looked.leaks],
            "table": [one.as_json() for one in looked.cells],
            "findings": _findings(looked),
            "added": added,
        },
    )
    for line in added:
        out.say(f"added {line}")
    if welcome:
        where = _put(migration, welcomed)
        said = f"wrote the files of {len(welcomed)} people into {where}"
        out.say(said if welcomed else "nobody stands under organisation.people")
    if write:
        out.say(f"{len(added)} entries added to {migration.folder / config.FILE_NAME}" if added else "nothing to add")
    elif looked.proposal.people:
        out.say(f"next: migrate people {typed(folder)} --write, then the e-mail addresses that end in .invalid")
    return 0


def look(migration: Migration, inventory_path: Path | None = None) -> Looked:
    """Read the folder and draw the proposal. Raises UsageError where nothing was scanned."""
    head, inventory = migration.inventory(path=inventory_path)
    if "iam.user" not in inventory.kinds:
        raise UsageError(
            f"{head.path} was made without looking for IAM users", do=f"migrate scan {typed(migration.folder)}"
        )
    settings, kinds = migration.config, migration.kinds
    decided = decisions(*sections_with(_text_of(migration), NOTHING))
    users = users_of(inventory, kinds)
    classified = classify(users, as_of=head.written_at[:7], decided=decided.class_of)
    with files.collector_off(), ExitStack() as open_until_drawn:
        graph = build(inventory, kinds)
        placement = place(graph, settings, kinds)
        moved = addresses.AddressMap(addresses.drawn(settings, graph, placement, kinds))
        drafting = Drafting(settings, inventory, graph, placement, kinds, moved)
        ground = Ground(
            [(one.arn, one.ref) for one in inventory.resources if one.arn],
            lambda ref: tuple(place.account for place in drafting.places(ref)),
            settings.alias,
            _known(migration, open_until_drawn) or {},
        )
        humans = [one.user for one in classified if one.is_ == "human"]
        accounts = {alias: settings.account(alias) for alias in settings.targets}
        documents = documents_by_arn(inventory)

        def rewriter(account: AccountId) -> Rewriter:
            return drafting.rewriter(account, GLOBAL)

        sets = permission_sets(
            personas(humans, documents.get),
            accounts,
            set(settings.environments.values()),
            rewriter,
            ground,
            managed_most=decided.managed_policies,
        )
        proposal = propose(classified, sets)
        wanted = _wanted(migration, proposal)
        asking = Asking(inventory.account, accounts, rewriter, ground, documents, Evaluator())
        cells = table(sets.personas, wanted, asking)
        named = {user.name: user for user in users}
        outside = Outside(accounts | _not_made(settings, accounts), OldUsers(named, rewriter, ground))
        machines = (*github(wanted, outside), *vendors(wanted, outside))
    proposal = replace(proposal, machines=_replacements(machines, wanted))
    closed = quarantine(classified, wanted, inventory, QuarantinedUser())
    leaked = leaks(inventory, users)
    return Looked(inventory, wanted, classified, sets, proposal, cells, machines, leaked, closed, drafting)


def _not_made(settings: config.Config, accounts: Mapping[str, AccountId]) -> dict[str, AccountId]:
    """Accounts of the organisation that are no targets (that of the machines, say): their ids are not known here."""
    emails = settings.organisation.emails() if settings.organisation else {}
    return {alias: AccountId(f"<{alias}>") for alias in emails if alias not in accounts}


def _replacements(machines: tuple[Wanted, ...], decided: Decisions) -> dict[str, dict[str, Json]]:
    """What `--write` says of the roles that replace a user, for `migrate org`, which has no inventory."""
    found: dict[str, dict[str, Json]] = {}
    for one in machines:
        key = f"{one.account}/{one.name}"
        if one.had is not None and key not in decided.machines:
            policies: dict[str, Json] = {"policies": list(one.had.policies)} if one.had.policies else {}
            found[key] = policies | ({"inline": one.had.inline} if one.had.inline else {})
    return found


def _wanted(migration: Migration, proposal: Proposal) -> Decisions:
    """What migration.yaml says once the proposal is in it: what a person wrote there, and what nobody wrote yet."""
    return decisions(*sections_with(_text_of(migration), proposal))


def _text_of(migration: Migration) -> str:
    return (migration.folder / config.FILE_NAME).read_text(encoding="utf-8")


def _known(migration: Migration, stack: ExitStack) -> Known | None:
    """What the run of the newest plan has learnt: names that AWS gave."""
    if not list(migration.folder.glob("*.plan.json")):
        return None
    path = migration.run_folder(migration.plan()) / JOURNAL
    return Known(stack.enter_context(Journal(path, write=False))) if path.exists() else None


def _write(migration: Migration, proposal: Proposal) -> list[str]:
    path = migration.folder / config.FILE_NAME
    text, added = written(_text_of(migration), proposal)
    if not added:
        return []
    if migration.config.organisation is None:
        raise UsageError(
            f"{path} has no section organisation that people could be added to",
            do="write its management account and accounts first (docs/organisation.md), then --write again",
        )
    # Read before it stands there: a file that does not load would stop every other verb.
    draft = path.with_name(f".{config.FILE_NAME}.draft")
    files.put(draft, text.encode())
    try:
        config.load(draft)
        files.put(path, text.encode())
    finally:
        draft.unlink()
    return added


def _welcomes(migration: Migration, looked: Looked) -> tuple[Welcome, ...]:
    settings = migration.config
    accounts = {alias: settings.account(alias) for alias in settings.targets}
    users = [one.user for one in looked.classified]
    cells = by_person(looked.cells)
    return welcomes(looked.decided, settings.migration, accounts, settings.regions[0], users, cells)


def _put(migration: Migration, welcomed: tuple[Welcome, ...]) -> Path:
    folder = migration.folder / f"{files.now_utc():%Y%m%dT%H%M%SZ}.welcome"
    for one in welcomed:
        (folder / one.person).mkdir(parents=True, exist_ok=True)
        files.put(folder / one.person / "config", one.config.encode())
        files.put(folder / one.person / "welcome.md", one.page.encode())
    return folder


def _table(classified: tuple[Classified, ...]) -> list[str]:
    lines = []
    for one in classified:
        decided = f" (decided; the evidence says {one.found_as})" if one.decided and one.found_as != one.is_ else ""
        lines.append(f"{one.user.name}: {one.is_}{decided}")
        lines += [f"    {line}" for line in one.evidence]
    return lines


def _sets(sets: Sets) -> list[str]:
    lines = []
    for one in sets.sets:
        where = f"assigned in {', '.join(one.assigned)}" if one.assigned else "assigned nowhere: that is yours to say"
        holds = [arn.rpartition("/")[2] for arn in one.aws_managed]
        if one.packed.documents:
            holds.append(f"{one.packed.size_bytes} bytes in {len(one.packed.documents)} policies")
        lines.append(f"permission set {one.name} for {', '.join(one.accounts)}, {where}: {', '.join(holds)}")
        for alias in one.accounts:
            left = sets.left[one.persona, alias]
            lines += [f"    not in {alias}: {each}" for each in left[:SHOWN]]
            if len(left) > SHOWN:
                lines.append(f"    and {len(left) - SHOWN} more not in {alias}: --json has all")
    return lines


def _cells(cells: tuple[Cell, ...]) -> list[str]:
    lines = []
    for one in cells:
        by = f"by {' or '.join(one.permission_sets)}" if one.permission_sets else "not assigned"
        lines.append(
            f"{one.persona} in {one.alias} ({by}), {len(one.members)} people, {one.asked} questions: "
            f"{one.kept} kept, {len(one.lost)} lost, {len(one.gained)} gained"
        )
        if one.permission_sets:
            lines += [f"    loses {each.action} on {each.before}" for each in one.lost[:SHOWN]]
            if len(one.lost) > SHOWN:
                lines.append(f"    and {len(one.lost) - SHOWN} more: --json has all")
    return lines


def _machines(looked: Looked) -> list[str]:
    lines = ["what should stand for machines (migrate org makes it):"] if looked.machines else []
    for one in looked.machines:
        lines.append(f"{one.kind} {one.name} in {one.account}: {one.because}")
        lines += [f"    not there: {left}" for left in one.left]
    if looked.quarantine.closed:
        lines.append("what closing the old users would send (migrate close):")
    for closed in looked.quarantine.closed:
        lines.append(f"close {closed.user.name} ({closed.is_}), {SOAK_DAYS} days before anything is removed:")
        lines += [f"    {one.operation} {_said(one.params)}" for one in closed.requests]
        lines += [f"    then: {text}" for text in closed.removal]
    lines += [f"not closed: {name} {why}" for name, why in looked.quarantine.spared.items()]
    return lines


def _said(params: Mapping[str, Json]) -> str:
    return ", ".join(f"{name}={value}" for name, value in shown(dict(params)).items() if name != "PolicyDocument")


def _findings(looked: Looked) -> list[str]:
    sets = looked.sets
    found = [f"{name}: say what it is, in identities.users of migration.yaml" for name in looked.proposal.undecided]
    found += [f"organisation: {text}" for text in looked.decided.dangling()]
    found += [
        f"policy {name} must stand in {', '.join(one.accounts)} before {one.name} is assigned there: migrate org makes "
        "it, once --write has put it under identities.policies"
        for one in sets.sets
        for name in one.customer
    ]
    found += [f"refused: {text}" for text in sets.refused]
    found += [f"not read, so not carried: {text}" for text in sets.unread]
    for (persona, alias), left in sets.left.items():
        found += [f"{persona} in {alias} may gain: {one}" for one in left if one.gains]
    found += [str(one) for one in looked.leaks]
    for cell in looked.cells:
        where = f"{cell.persona} in {cell.alias}"
        found += [
            f"{where} gets {policy}, which nobody has read: what it grants is not known" for policy in cell.unknown
        ]
        for one in () if cell.unknown else cell.gained:
            found.append(
                f"{cell.persona} in {cell.alias} gains {one.action} on {one.after}: {len(cell.members)} people"
            )
    return found
