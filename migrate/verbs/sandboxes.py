"""migrate org sandboxes: which sandboxes are past their last day, what is still in them, and what empties them.

The rule: empty is said only of an account that was read whole; nothing is deleted. What a person runs is written to a
file as text.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from migrate import files
from migrate.aws import Aws
from migrate.errors import Incomplete, VerificationFailed
from migrate.inventory import Inventory
from migrate.kind import Kind
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import AccountId, typed
from migrate.organisation import planning
from migrate.organisation.section import Member, Organisation
from migrate.out import Out
from migrate.placement import moves
from migrate.scan import scan
from migrate.values import Json
from migrate.verbs.leftover import listed_accounts, management_door

SOON_DAYS = 14
RAIL, FOLDER = "sandbox", "sandboxes"
NOT_SEEN = (
    "other regions than those of migration.yaml, services that neither a kind nor a probe lists and that never had a "
    "tag; what it costs: Cost Explorer charges for each question, so it is not asked here"
)


def sandboxes(out: Out, folder: Path) -> int:
    """Say how each sandbox stands. Exit 5 where one is past its day and not empty, 6 where one could not be read."""
    migration = Migration(folder)
    config = migration.config
    section, management = planning.section_of(config), planning.management(config)
    door = management_door(config, section)
    ids = {one.get("Email", "").lower(): number for number, one in _open(door, management).items()}
    today, found = datetime.now(UTC).date(), list[dict[str, Json]]()
    for alias, member in _boxes(section):
        number = ids.get(section.email_of(alias, member))
        one: dict[str, Json] = {"alias": alias, "account": number, "expires": member.expires, "owner": member.owner}
        left = (date.fromisoformat(member.expires) - today).days if member.expires else None
        one["state"] = "open" if left is None or left > SOON_DAYS else "soon" if left >= 0 else "past"
        found.append(one)
        if number is None:
            one["state"] = "does not stand"
        elif one["state"] != "open":
            door.sessions.roles[number] = f"arn:aws:iam::{number}:role/{section.role}"
            one |= _looked(migration, door, number)
            if one["things"] and one["state"] == "past":
                one["file"] = str(_written(folder, alias, number, migration))
    out.result("\n".join(line for one in found for line in _lines(one)), {"sandboxes": found, "not_seen": NOT_SEEN})
    out.say(f"{len(found)} sandboxes; not seen: {NOT_SEEN}")
    full = [str(one["alias"]) for one in found if one["state"] == "past" and one["things"]]
    if full:
        raise VerificationFailed(
            f"{len(full)} sandboxes are past their last day and not empty: {', '.join(full)}",
            do=f"ask their owners, then run by hand what stands in {folder / FOLDER}, and type the same again; or give "
            f"them a later day in {typed(folder / 'migration.yaml')}",
        )
    unread = [str(one["alias"]) for one in found if one.get("unread")]
    if unread:
        raise Incomplete(
            f"{', '.join(unread)} could not be read whole: nobody knows whether they are empty",
            do=f"let {section.role} do there what migrate policy --for scan prints, then type the same again",
        )
    return 0


def _open(door: Aws, management: AccountId) -> dict[AccountId, dict[str, str]]:
    listed = listed_accounts(door, management)
    return {number: one for number, one in listed.items() if (one.get("State") or one.get("Status")) == "ACTIVE"}


def _boxes(section: Organisation) -> Iterator[tuple[str, Member]]:
    """Accounts that end on a day, and those under the guard rail of sandboxes."""
    under = {path for path, unit in section.every_unit() if RAIL in unit.guard_rails}
    for alias, member, path in section.every_account():
        if member.expires or RAIL in member.guard_rails or path in under:
            yield alias, member


def _looked(migration: Migration, door: Aws, account: AccountId) -> dict[str, Json]:
    """What is in an account by a scan of its own; what AWS makes in each account is left out."""
    kinds = every_kind()
    found = scan(door, account, migration.config.regions, kinds.values(), seal_key=migration.seal_key)
    counts = Counter(one.ref.kind for one in found.resources if _is_made(found, one.ref, kinds))
    counts += Counter(gap.kind for gap in found.gaps if gap.reason == "no kind")
    refused = [gap for gap in found.gaps if gap.reason != "no kind"]
    unread = sorted({f"{gap.kind} in {gap.region}: {gap.call}: {gap.reason}" for gap in refused})
    return {"things": dict(sorted(counts.items())), "unread": list(unread)}


def _is_made(found: Inventory, ref: Any, kinds: dict[str, Kind[Any]]) -> bool:
    it = kinds[ref.kind].typed(found.by_ref[ref])
    return moves(it, kinds) or bool(not kinds[ref.kind].quiet and kinds[ref.kind].by_hand(it))


def _written(folder: Path, alias: str, account: AccountId, migration: Migration) -> Path:
    """A configuration for aws-nuke, as text. Source: aws-nuke's own documentation, "Config", version 3; unverified."""
    config = migration.config
    section = planning.section_of(config)
    targets = (str(config.account(alias)) for alias in config.targets)
    spared = sorted({config.legacy.account, section.management.account, *targets} - {account})
    text = "\n".join([
        "# Written by `migrate org sandboxes`, and run by nobody but you. Read what it would delete first:",
        f"#   aws-nuke run --config {alias}.nuke.yaml --assume-role-arn arn:aws:iam::{account}:role/{section.role}",
        "# It deletes only with --no-dry-run, and asks for the account's alias.",
        f"regions: [{', '.join(['global', *config.legacy.regions])}]",
        f"blocklist: [{', '.join(json_text(one) for one in spared)}]",
        "accounts:", f"  {json_text(account)}:", "    filters:",
        f"      IAMRole: [{{property: Name, value: {json_text(section.role)}}}]",
        f"      IAMRolePolicyAttachment: [{{property: RoleName, value: {json_text(section.role)}}}]", "",
    ])  # fmt: skip
    (folder / FOLDER).mkdir(exist_ok=True)
    path = folder / FOLDER / f"{alias}.nuke.yaml"
    files.put(path, text.encode())
    return path


def json_text(text: str) -> str:
    """The text in quotes, as YAML takes it."""
    return files.canonical(text).decode()


def _lines(one: dict[str, Json]) -> Iterator[str]:
    whose = f", {one['owner']}'s" if one["owner"] else ""
    until = {"past": "past its last day", "soon": "ends soon"}.get(str(one["state"]), str(one["state"]))
    yield f"{one['alias']} ({one['account'] or 'no account'}{whose}): {until} {one['expires'] or ''}".rstrip()
    if "things" in one:
        things = ", ".join(f"{count} {kind}" for kind, count in one["things"].items())
        yield f"    {things or ('empty' if not one['unread'] else 'nothing seen')}"
        yield from (f"    not read: {said}" for said in one["unread"][:8])
    if "file" in one:
        yield f"    what empties it is written in {one['file']}"
