"""What each person gets on the first day: an ~/.aws/config and one page. The rule: nothing in it is a secret."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrate.errors import ConfigError
from migrate.names import AccountId, Region
from migrate.people.decided import Decisions
from migrate.people.table import Cell
from migrate.people.users import User

_FILE_NAME = re.compile(r"[\w+=,.@-]+")
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Welcome:
    """The two files of one person."""

    person: str
    config: str
    page: str


def welcomes(
    decided: Decisions,
    migration: str,
    accounts: Mapping[str, AccountId],
    region: Region,
    users: Iterable[User],
    cells: Mapping[tuple[str, str], Cell],
) -> tuple[Welcome, ...]:
    """The files of everybody under `people`. Raises ConfigError where the portal is not said.

    Source of the form of ~/.aws/config: AWS CLI User Guide, "Configuring IAM Identity Center authentication with the
    AWS CLI", read 2026-11.
    """
    portal = decided.portal
    if portal is None:
        raise ConfigError(
            "migration.yaml: identities.portal is missing: without it nobody knows where to sign in",
            do="add: portal: {start_url: https://<your portal>.awsapps.com/start, region: <Identity Center's region>}",
        )
    by_name = {user.name: user for user in users}
    made = []
    for person in decided.people:
        old = next((name for name in by_name if person.is_user(name)), "")
        called = person.user or old or person.email
        if not _FILE_NAME.fullmatch(called) or called.startswith("."):
            raise ConfigError(
                f"migration.yaml: organisation.people: {called!r} cannot be a file's name",
                do="use letters, digits and +=,.@_-",
            )
        profiles = [
            (alias, account, name)
            for alias, account in accounts.items()
            for name in decided.sets_of(person.user or person.name, alias)
        ]
        lines = [
            f"[sso-session {migration}]",
            f"sso_start_url = {portal.url}",
            f"sso_region = {portal.region}",
            "sso_registration_scopes = sso:account:access",
        ]
        for alias, account, name in profiles:
            lines += [
                "", f"[profile {alias}-{name}]", f"sso_session = {migration}", f"sso_account_id = {account}",
                f"sso_role_name = {name}", f"region = {region}",
            ]  # fmt: skip
        lost = {alias: cell for (member, alias), cell in cells.items() if member == old and cell.lost}
        page = _page(person.name, migration, portal.url, profiles, by_name.get(old), lost)
        made.append(Welcome(called, "\n".join(lines) + "\n", page))
    return tuple(made)


def _page(
    person: str, migration: str, start_url: str, profiles: list[tuple[str, AccountId, str]], user: User | None,
    lost: Mapping[str, Cell],
) -> str:  # fmt: skip
    lines = [f"# Welcome, {person}", "", f"From now on there is one sign-in for all accounts: {start_url}", ""]
    if not profiles:
        lines += ["Nothing is assigned to you yet. Ask whoever sent you this page.", ""]
    else:
        lines += ["| account | | role | profile |", "|---|---|---|---|"]
        lines += [f"| {alias} | {account} | {name} | `{alias}-{name}` |" for alias, account, name in profiles]
        first = f"{profiles[0][0]}-{profiles[0][2]}"
        lines += [
            "",
            "## On the command line",
            "",
            "Put the file `config` beside this page into `~/.aws/` (or add its lines to the one that is there), then:",
            "",
            f"    aws sso login --sso-session {migration}",
            f"    aws sts get-caller-identity --profile {first}",
            "",
            "The sign-in ends by itself after some hours; sign in again then. Programs use the same profiles: set",
            f"`AWS_PROFILE={first}` and take the keys out of their settings.",
            "",
        ]
    if len({alias for alias, _, _ in profiles}) < len(profiles):
        lines += ["Where you have several roles in an account they do not add up: choose one when you sign in.", ""]
    if user is not None:
        lines += ["## What ends", ""]
        if user.has_password:
            lines.append("- your password of the old account")
        lines += [f"- your access key …{key.ends_in}: nothing may use it any more" for key in user.active_keys]
        lines += [
            "",
            "It is closed first and deleted later. If something stops working, say so: it can be opened again.",
            "",
        ]
    if lost:
        lines += ["## What you could do before and cannot do now", ""]
        for alias, cell in sorted(lost.items()):
            if not cell.permission_sets:
                lines.append(f"- anything in {alias}: you have no role there")
                continue
            lines += [f"- in {alias}: {one.action} on {one.before}" for one in cell.lost[:SHOWN]]
            if len(cell.lost) > SHOWN:
                lines.append(f"- and {len(cell.lost) - SHOWN} more of what was asked about {alias}")
        lines += ["", "If you need any of it, ask for it by that name.", ""]
    return "\n".join(lines)
