"""Machines from outside: GitHub Actions by its own tokens, vendors by a key that opens named roles and nothing else.

The rule: whom a role trusts is said letter by letter. A pattern in a repository, a branch or a role is refused.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from migrate.errors import ConfigError
from migrate.names import AccountId
from migrate.people.decided import Decisions, MachineRole, Repository, Vendor
from migrate.people.packing import pack
from migrate.people.statements import statements_of
from migrate.people.tailoring import Ground, Left, tailor
from migrate.people.users import User
from migrate.rewrite import Rewritten
from migrate.values import Json

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
"""Source: GitHub Docs, "Configuring OpenID Connect in Amazon Web Services", read 2026-11."""


_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")
_ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PATTERN = re.compile(r"[*?]|\$\{")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One resource that should stand in an account: as its kind's facts say it, without AWS's own ids."""

    account: str
    """Alias."""
    kind: str
    name: str
    facts: Mapping[str, Json]
    because: str
    left: tuple[Left, ...] = ()
    """Of the policies of the user that it replaces, what does not arrive."""
    replaces: str = ""
    had: MachineRole | None = None
    """What that user had, as it reads in the account."""

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {
            "account": self.account, "kind": self.kind, "name": self.name, "facts": dict(self.facts),
            "because": self.because, "left_out": [str(one) for one in self.left],
        }  # fmt: skip


@dataclass(frozen=True)
class Outside:
    """What the documents are made with. Without an inventory: from what migration.yaml says of each role."""

    accounts: Mapping[str, AccountId]
    inventory: "OldUsers | None" = None


@dataclass(frozen=True)
class OldUsers:
    """The users of the old account, and how their policies read in another."""

    users: Mapping[str, User]
    rewriter: Callable[[AccountId], Callable[[Json], Rewritten]]
    ground: Ground


def subject(one: Repository) -> str:
    """The exact subject of the token that GitHub gives the job.

    Since July 2026 new, renamed and transferred repositories carry the numbers of owner and repository in it, which
    nobody can take over with the name; others may opt in. Sources: GitHub Changelog 2026-04-23, "Immutable subject
    claims for GitHub Actions OIDC tokens"; the form with `@` by github/docs pull request 45221, read 2026-11.
    Raises ConfigError where it would let in more than one repository.
    """
    for field, text in (("repository", one.repository), ("environment", one.environment), ("branch", one.branch)):
        if _PATTERN.search(text):
            raise ConfigError(
                f"identities.github: {field} {text!r} is a pattern: whoever can make a repository, a branch or an "
                "environment that it matches could deploy",
                do="name each one; several entries may share a role's policies",
            )
    if not _REPOSITORY.fullmatch(one.repository):
        raise ConfigError(f"identities.github: {one.repository!r} is no owner/repository", do="write it as GitHub does")
    if bool(one.environment) == bool(one.branch):
        raise ConfigError(
            f"identities.github: {one.repository} needs an environment or a branch, and not both",
            do="name the environment of GitHub that the job deploys to (its rules then guard the deployment)",
        )
    if bool(one.owner_id) != bool(one.repository_id):
        raise ConfigError(
            f"identities.github: {one.repository}: immutable subjects hold both owner_id and repository_id",
            do="give both (`gh api repos/<owner>/<repository>`), or neither",
        )
    owner, _, name = one.repository.partition("/")
    if one.owner_id:
        owner, name = f"{owner}@{one.owner_id}", f"{name}@{one.repository_id}"
    # A colon in an environment's name stands as %3A in the token; unverified, so it is refused.
    if ":" in one.environment:
        raise ConfigError(f"identities.github: the environment {one.environment!r} has a colon", do="rename it")
    context = f"environment:{one.environment}" if one.environment else f"ref:refs/heads/{one.branch}"
    return f"repo:{owner}/{name}:{context}"


def github(decided: Decisions, outside: Outside) -> tuple[Wanted, ...]:
    """The provider and the deploy roles of each account, from `identities.github`. Raises ConfigError."""
    wanted: list[Wanted] = []
    for alias in dict.fromkeys(one.account for one in decided.github):
        account = _account(alias, outside, "github")
        facts: dict[str, Json] = {"client_ids": [AUDIENCE], "thumbprints": []}
        # IAM finds the thumbprint itself. Source: iam.CreateOpenIDConnectProvider ThumbprintList, botocore 1.44.5.
        wanted.append(Wanted(alias, "iam.oidc_provider", ISSUER, facts, "GitHub Actions signs in with its own tokens"))
        for one in decided.github:
            if one.account == alias:
                wanted.append(_deploy_role(one, account, decided, outside))
    _once(wanted)
    return tuple(wanted)


def _deploy_role(one: Repository, account: AccountId, decided: Decisions, outside: Outside) -> Wanted:
    condition = {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject(one)}}
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition,
            }
        ],
    }
    name = _role_name(one.role or f"deploy-{one.repository.replace('/', '-')}-{one.environment or one.branch}")
    had = _had(one.replaces, one.account, name, decided, outside)
    facts: dict[str, Json] = {
        "trust": trust, "inline": had.inline, "attached": sorted({*had.attached, *one.policies}), "max_session_s": 3600,
    }  # fmt: skip
    instead = f" instead of the user {one.replaces}" if one.replaces else ""
    why = f"{one.repository} deploys into {one.account}{instead}"
    return Wanted(one.account, "iam.role", name, facts, why, had.left, one.replaces, had.said)


def vendors(decided: Decisions, outside: Outside) -> tuple[Wanted, ...]:
    """A user for each vendor in the account for machine identities, which may assume its roles and nothing else; and
    those roles. Raises ConfigError."""
    if not decided.vendors:
        return ()
    wanted: list[Wanted] = []
    if not decided.access_management:
        raise ConfigError(
            "identities.vendors: it is not said in which account their users stand",
            do="add access_management: <alias> to the section: an account that holds nothing else",
        )
    access_management = decided.access_management
    home = _account(access_management, outside, "access_management")
    for one in decided.vendors:
        roles = [_role_of(text, one, outside) for text in one.roles]
        arns = [f"arn:aws:iam::{account}:role/{name}" for _, account, name in roles]
        from_there = {"Condition": {"IpAddress": {"aws:SourceIp": list(one.addresses)}}} if one.addresses else {}
        may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": sorted(arns), **from_there}
        # Whatever else is attached to the user one day: it can do nothing but this.
        never = {"Effect": "Deny", "NotAction": "sts:AssumeRole", "Resource": "*"}
        elsewhere = {"Effect": "Deny", "Action": "sts:AssumeRole", "NotResource": sorted(arns)}
        inline = {"assume-named-roles": {"Version": "2012-10-17", "Statement": [may, never, elsewhere]}}
        why = f"{one.name} holds an access key and can only assume {len(arns)} named roles"
        wanted.append(Wanted(access_management, "iam.user", one.name, {"inline": inline, "groups": []}, why))
        for alias, _, name in roles:
            trusted: dict[str, Json] = {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{home}:user/{one.name}"},
                "Action": "sts:AssumeRole",
            }
            if one.external_id:
                trusted["Condition"] = {"StringEquals": {"sts:ExternalId": one.external_id}}
            had = _had(one.replaces, alias, name, decided, outside)
            facts = {
                "trust": {"Version": "2012-10-17", "Statement": [trusted]}, "inline": had.inline,
                "attached": sorted(had.attached), "max_session_s": 3600,
            }  # fmt: skip
            why = f"for {one.name}"
            wanted.append(Wanted(alias, "iam.role", name, facts, why, had.left, one.replaces, had.said))
    _once(wanted)
    return tuple(wanted)


def _role_of(text: str, one: Vendor, outside: Outside) -> tuple[str, AccountId, str]:
    alias, slash, name = text.partition("/")
    if not slash or _PATTERN.search(text):
        raise ConfigError(
            f"identities.vendors: {one.name}: {text!r} is no single role", do="write <alias>/<role name>, each role"
        )
    return alias, _account(alias, outside, "vendors"), _role_name(name)


@dataclass(frozen=True, slots=True)
class _Had:
    """What of a replaced user's policies arrives: inline by name, attached, what is left out; and as it is written."""

    inline: dict[str, Json]
    attached: tuple[str, ...]
    left: tuple[Left, ...] = ()
    said: MachineRole | None = None


def _had(replaces: str, alias: str, role: str, decided: Decisions, outside: Outside) -> _Had:
    if not replaces:
        return _Had({}, ())
    said = decided.machines.get(f"{alias}/{role}")
    if said is not None:
        return _Had({f"as-{replaces}": said.inline} if said.inline else {}, said.policies, (), said)
    if outside.inventory is None:
        raise ConfigError(
            f"identities: {role} in {alias} replaces {replaces}, and identities.machines does not say what it may do",
            do="migrate people --write writes it there, read from the inventory",
        )
    found, left = _of_user(replaces, outside.accounts[alias], outside.inventory)
    return _Had({f"as-{replaces}": found.inline} if found.inline else {}, found.policies, left, found)


def _of_user(name: str, account: AccountId, old: OldUsers) -> tuple[MachineRole, tuple[Left, ...]]:
    """Policies of the user that is replaced, as they read in the account, and what is left out."""
    user = old.users.get(name)
    if user is None:
        raise ConfigError(f"identities: replaces: there is no IAM user {name!r}", do="name a user of the inventory")
    statements = [
        statement
        for held in user.policies
        if held.document is not None and not held.is_kept_by_aws
        for statement in statements_of(held.document, str(held))
    ]
    unread = tuple(Left(str(held), "the scan did not see its document") for held in user.policies if not held.document)
    tailored = tailor(statements, account, old.rewriter(account), old.ground)
    packed = pack(tailored.statements, managed_most=0)
    policies = tuple(sorted({str(held.arn) for held in user.policies if held.is_kept_by_aws}))
    return MachineRole(policies=policies, inline=packed.inline), (*tailored.left, *unread)


def _account(alias: str, outside: Outside, where: str) -> AccountId:
    if alias not in outside.accounts:
        known = ", ".join(outside.accounts)
        raise ConfigError(f"identities.{where}: {alias!r} is no alias of targets ({known})", do="name one of them")
    return outside.accounts[alias]


def _role_name(text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise ConfigError(f"{text!r} is no role's name: up to 64 letters, digits and +=,.@_-", do="give it a `role`")
    return text


def _once(wanted: Iterable[Wanted]) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for one in wanted:
        key = (one.account, one.kind, one.name)
        if key in seen:
            raise ConfigError(
                f"{one.kind} {one.name} in {one.account} is wanted twice: {seen[key]}; {one.because}",
                do="give one of them another `role`",
            )
        seen[key] = one.because
