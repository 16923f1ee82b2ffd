"""migrate remove left: every IAM user of every account of the organisation, read afresh, and who declared it.

The rule: an account that could not be read is not an account without users. Nothing is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrate.aws import Aws, Permit, permitted
from migrate.config import Config
from migrate.errors import AccessError, Incomplete, MigrateError, VerificationFailed
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId
from migrate.organisation import planning
from migrate.organisation.section import Organisation
from migrate.out import Out
from migrate.people.decided import Decisions, decisions
from migrate.values import Json
from migrate.verbs.beginning import open_aws

LEGACY, MANAGEMENT = "legacy", planning.MANAGEMENT


@dataclass(frozen=True, slots=True)
class Account:
    """One account with the way into it."""

    id: AccountId
    name: str
    """Its alias in migration.yaml, else what the organisation calls it."""
    aws: Aws | None
    """None: it is closed, and has nothing that could be read."""


def left(out: Out, folder: Path) -> int:
    """Say who is left. Exit 0 where everybody is declared, 5 where not, 6 where an account could not be read."""
    migration = Migration(folder)
    config = migration.config
    section = config.organisation
    decided = decisions(section.model_dump(mode="json", exclude_none=True) if section else None, config.identities)
    found: dict[str, list[dict[str, Json]]] = {}
    unread: dict[str, str] = {}
    for one in _accounts(migration, config, out):
        where = f"{one.name} ({one.id})"
        if one.aws is None:
            out.say(f"  {where}: closed, not looked at")
            continue
        try:
            names = _users(one)
        except MigrateError as error:
            unread[where] = error.what
            continue
        found[where] = [
            {"user": name, "arn": arn, "declared": _declared(name, one, config, decided)} for name, arn in names
        ]
    undeclared = [str(user["arn"]) for users in found.values() for user in users if not user["declared"]]
    lines = [
        f"{where}: {user['user']}: {user['declared'] or 'declared nowhere'}"
        for where, users in found.items()
        for user in users
    ]
    out.result("\n".join(lines), {"accounts": found, "undeclared": undeclared, "unread": unread})
    for where, said in unread.items():
        out.say(f"  not read: {where}: {said}")
    count = sum(map(len, found.values()))
    out.say(f"{len(found)} accounts read: {count} IAM users, {len(undeclared)} declared nowhere")
    if undeclared:
        raise VerificationFailed(
            f"{len(undeclared)} IAM users are left that nobody declared: {', '.join(undeclared[:6])}",
            do="close and remove them, or declare them: under identities.vendors in the account access_management, or "
            "as break-glass under identities.users",
        )
    if unread:
        raise Incomplete(
            f"{len(unread)} accounts could not be read: whether users are left there is not known",
            do="let the role in use call iam.ListUsers there, then type the same again",
        )
    return 0


def _declared(name: str, account: Account, config: Config, decided: Decisions) -> str:
    """Who said that this user stays, or nothing."""
    if account.name == decided.access_management and name in {one.name for one in decided.vendors}:
        return "identities.vendors"
    is_root_of_all = account.name in (LEGACY, MANAGEMENT) or account.id == config.legacy.account
    known = decided.users.get(name)
    return "break-glass, by identities.users" if is_root_of_all and known and known.is_ == "break-glass" else ""


def _users(account: Account) -> list[tuple[str, str]]:
    assert account.aws is not None
    site = account.aws.site(account.id, GLOBAL, kind="iam.user")
    account.aws.whoami(account.id)
    with permitted(Permit(frozenset({"iam.ListUsers"}), scan=True)):
        return sorted((str(one["UserName"]), str(one["Arn"])) for one in site.pages("iam.ListUsers", "Users"))


def _accounts(migration: Migration, config: Config, out: Out) -> Iterator[Account]:
    """Legacy, the targets, and every account that the organisation lists. Raises AccessError where it lists none."""
    legacy, aws = AccountId(config.legacy.account), open_aws(migration, out)
    known: dict[AccountId, str] = {config.account(alias): alias for alias in config.targets} | {legacy: LEGACY}
    section = config.organisation
    if section is None:
        out.say("  migration.yaml has no section organisation: only legacy and the targets are looked at")
        yield from (Account(number, name, aws) for number, name in known.items())
        return
    management = planning.management(config)
    door = management_door(config, section)
    emails = {email: alias for alias, email in section.emails().items()}
    listed = listed_accounts(door, management)
    names = {number: _name(number, one, known, emails, management) for number, one in listed.items()}
    door.sessions.roles.update(
        {number: f"arn:aws:iam::{number}:role/{section.role}" for number in listed if number != management}
    )
    for number in {**known, **listed}:
        one = listed.get(number, {})
        is_open = (one.get("State") or one.get("Status") or "ACTIVE") == "ACTIVE"
        way = aws if number in known and number != management else door
        yield Account(number, names.get(number) or known[number], way if is_open else None)


def _name(
    number: AccountId, one: Mapping[str, str], known: Mapping[AccountId, str], emails: Mapping[str, str],
    management: AccountId,
) -> str:  # fmt: skip
    return (
        known.get(number)
        or emails.get(one.get("Email", ""))
        or (MANAGEMENT if number == management else one.get("Name", number))
    )


def management_door(config: Config, section: Organisation) -> Aws:
    """The way into the organisation: by its management account, which has answered. Roles of members come to it."""
    door = Aws(section.management.profile, planning.as_config(config, {}, {}).roles(), config.external_id)
    door.whoami(planning.management(config))
    return door


def listed_accounts(door: Aws, management: AccountId) -> dict[AccountId, dict[str, str]]:
    """Every account that the organisation lists, as AWS shows it. Raises AccessError where it lists none."""
    site = door.site(management, GLOBAL, kind="organizations.account")
    with permitted(Permit(frozenset({"organizations.ListAccounts"}), scan=True)):
        found = {AccountId(one["Id"]): one for one in site.pages("organizations.ListAccounts", "Accounts")}
    if not found:
        raise AccessError("the organisation lists no account", do="name its management account in migration.yaml")
    return found
