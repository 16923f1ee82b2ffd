"""What people and machines need inside member accounts: policies of permission sets, and identities of machines.

The rule: it is planned once its account exists, because AWS gives the id that its documents name. Until then an
assignment that needs a policy there is not planned either. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrate.config import Config
from migrate.files import canonical
from migrate.inventory import Resource
from migrate.names import AccountId
from migrate.organisation import running_roles, wishes
from migrate.organisation.difference import Key
from migrate.organisation.kinds import wanted_kinds
from migrate.organisation.kinds._members import MemberKind, called_in
from migrate.organisation.kinds._members import canonical as as_read
from migrate.organisation.kinds.iam_member_root import ROOT_USER, RootUserKind
from migrate.organisation.section import Organisation
from migrate.organisation.wanted import called
from migrate.organisation.withdrawing import IN_MEMBERS
from migrate.people.decided import Decisions, decisions
from migrate.people.machines import ISSUER, Outside, Wanted, github, vendors
from migrate.values import Json

POLICY, PROVIDER = "iam.member_policy", "iam.member_oidc_provider"
ROLE, USER = "iam.member_role", "iam.member_user"
MANAGEMENT = "management"
ASSIGNMENT, SET = "sso.account_assignment", "sso.permission_set"
MOST_OF_A_USER = 2_048
"""Characters of a user's inline policies. Source: IAM User Guide, "IAM and AWS STS quotas"."""
DECIDED = ("access_management", "github", "machines", "policies", "vendors")
"""What of `identities` is read here."""


@dataclass(frozen=True)
class Members:
    """What is wanted in which member accounts."""

    decided: Decisions
    ids: Mapping[str, str]
    """Alias → id of each account that stands and in which something is wanted."""
    waiting: tuple[str, ...]
    """Aliases of those in which something is wanted and that do not stand."""


def members_of(section: Organisation, config: Config, present: Iterable[Resource], made: Iterable[Key] = ()) -> Members:
    """The accounts in which something is wanted, or was made by an earlier run. Raises ConfigError where `identities`
    contradicts itself."""
    decided = decisions(section.model_dump(mode="json", exclude_none=True), config.identities)
    wanted = {one.account for one in decided.github}
    for vendor in decided.vendors:
        wanted |= {decided.access_management, *(text.partition("/")[0] for text in vendor.roles)}
    wanted |= {alias for _, alias in _named_policies(decided)}
    wanted |= running_roles.aliases(section, config)
    roots = set(section.emails()) if section.no_root_credentials else set()
    stand = {one.ref.name: str(one.facts["id"]) for one in present if one.ref.kind == wishes.ACCOUNT}
    known = {alias: stand[email] for alias, email in section.emails().items() if email in stand}
    known[MANAGEMENT] = section.management.account
    before = {name.partition("/")[0] for kind, name in made if kind in IN_MEMBERS}
    once = {alias for alias, number in known.items() if number in before}
    there = {alias: known[alias] for alias in sorted((wanted | roots | once) & known.keys())}
    absent = sorted(alias for alias in wanted - known.keys() if alias in section.emails())
    return Members(decided, there, tuple(absent))


def _named_policies(decided: Decisions) -> Iterator[tuple[str, str]]:
    """(name of a permission set, alias) for each that is assigned there and holds customer managed policies."""
    for group in decided.groups.values():
        for assign in group.assign:
            held = decided.permission_sets.get(assign.permission_set)
            if held is not None and any(one.name in decided.policies for one in held.customer_policies):
                yield from ((assign.permission_set, alias) for alias in assign.accounts)


def member_wishes(section: Organisation, members: Members) -> list[Resource]:
    """Everything that is wanted in the member accounts that stand."""
    return [*_policies(section, members), *_machines(section, members), *_roots(section, members)]


def _roots(section: Organisation, members: Members) -> Iterator[Resource]:
    """Accounts that stand: those made under central root access have a root user without anything."""
    if section.no_root_credentials:
        feature = called("iam.root_access", "RootCredentialsManagement")
        for alias in sorted(section.emails().keys() & members.ids.keys()):
            yield _wish(RootUserKind.name, members.ids[alias], ROOT_USER, {"needs": [feature]})


def _wish(kind: str, account: str, name: str, facts: Mapping[str, Any]) -> Resource:
    made: MemberKind[Any] = wanted_kinds()[kind]  # type: ignore[assignment]  # found by its name
    return made.wish(called_in(account, name), made.facts.model_validate(facts))


def _references(section: Organisation, decided: Decisions, name: str) -> Iterator[tuple[str, str]]:
    """(path and name, document's name) of the described customer managed policies of a permission set."""
    for one in section.permission_sets[name].customer_policies:
        if one.name in decided.policies:
            yield f"{one.path.strip('/')}/{one.name}".lstrip("/"), one.name


def _policies(section: Organisation, members: Members) -> Iterator[Resource]:
    decided = members.decided
    found = {
        (members.ids[alias], full): plain
        for name, alias in _named_policies(decided)
        if alias in members.ids
        for full, plain in _references(section, decided, name)
    }
    for (account, full), plain in sorted(found.items()):
        path = full.rpartition("/")[0]
        facts = {"path": f"/{path}/" if path else "/", "document": as_read(decided.policies[plain])}
        yield _wish(POLICY, account, full, facts)


def _machines(section: Organisation, members: Members) -> Iterator[Resource]:
    decided = members.decided
    # Only what is in accounts that stand can be written out: the others' ids are not known.
    home = decided.access_management
    there = decided.model_copy(update={
        "github": tuple(one for one in decided.github if one.account not in members.waiting),
        "vendors": tuple(one for one in decided.vendors if not {home, *_aliases(one.roles)} & set(members.waiting)),
    })  # fmt: skip
    known = {alias: AccountId(number) for alias, number in members.ids.items()}
    outside = Outside(known)
    for one in github(there, outside):
        yield _of_machine(one, known, (_provider(known[one.account]),))
    for one in vendors(there, outside):
        yield _of_machine(one, known, _users(one))


def _aliases(roles: Iterable[str]) -> set[str]:
    return {text.partition("/")[0] for text in roles}


def _provider(account: str) -> str:
    return called(PROVIDER, called_in(account, ISSUER))


def _users(one: Wanted) -> tuple[str, ...]:
    """The user that a vendor's role trusts: AWS refuses a trust policy that names nobody."""
    if one.kind != "iam.role":
        return ()
    arn = str(one.facts["trust"]["Statement"][0]["Principal"]["AWS"])
    account, _, name = arn.removeprefix("arn:aws:iam::").partition(":user/")
    return (called(USER, called_in(account, name)),)


def _of_machine(one: Wanted, known: Mapping[str, AccountId], needs: Sequence[str]) -> Resource:
    account, facts = known[one.account], one.facts
    if one.kind == "iam.oidc_provider":
        return _wish(PROVIDER, account, one.name, {"audience": facts["client_ids"][0]})
    inline = {name: as_read(document) for name, document in facts["inline"].items()}
    if one.kind == "iam.user":
        return _wish(USER, account, one.name, {"inline": inline})
    trust = as_read(facts["trust"])
    made = {"trust": trust, "inline": inline, "attached": list(facts["attached"]), "needs": list(needs)}
    return _wish(ROLE, account, one.name, made)


def bound(wanted: Iterable[Resource], section: Organisation, members: Members) -> list[Resource]:
    """The wishes of Identity Center with the policies that have to stand first; without those that must wait for it."""
    policies = {
        (name, alias): [
            called(POLICY, called_in(members.ids[alias], full))
            for full, _ in _references(section, members.decided, name)
        ]
        if alias in members.ids
        else None
        for name, alias in _named_policies(members.decided)
    }
    accounts = {called(wishes.ACCOUNT, email): alias for alias, email in section.emails().items()}
    accounts[section.management.account] = MANAGEMENT
    made = []
    for one in wanted:
        needed: list[str] | None = []
        if one.ref.kind == ASSIGNMENT:
            key = (
                str(one.facts["permission_set"]).removeprefix(called(SET, "")),
                accounts.get(str(one.facts["account"]), ""),
            )
            needed = policies.get(key, [])
        elif one.ref.kind == SET:
            needed = [text for (name, _), texts in policies.items() if name == one.ref.name for text in texts or ()]
        if needed is not None:
            made.append(replace(one, facts=one.facts | {"needs": sorted(set(needed))}) if needed else one)
    return made


def said(members: Members) -> Iterator[str]:
    """What a reader of the plan has to know."""
    if members.waiting:
        yield (
            f"policies and machines of {', '.join(members.waiting)}, and the assignments that need those policies, can "
            "be planned once these accounts exist; type migrate org plan again after the run"
        )


def refusals(section: Organisation, config: Config, members: Members, wanted: Iterable[Resource]) -> Iterator[
    dict[str, Json]
]:  # fmt: skip
    """What AWS would refuse, or what would give rights in the wrong place."""
    for alias, number in members.ids.items():
        target = config.targets.get(alias)
        if target is not None and target.account != number:
            yield {
                "key": f"alias/{alias}", "what": f"{alias} is {number} in the organisation and {target.account} under "
                "targets: policies that were renamed for the one would stand in the other",
                "do": "make targets say the account's id of the organisation, then migrate people --write again",
            }  # fmt: skip
    for one in wanted:
        size = sum(len(canonical(document)) for document in one.facts["inline"].values()) if one.ref.kind == USER else 0
        if size > MOST_OF_A_USER:
            yield {
                "key": f"user/{one.ref.name}", "what": f"the policy of {one.ref.name} has {size} characters; a user "
                f"takes {MOST_OF_A_USER}", "do": "give the vendor fewer roles, or two users",
            }  # fmt: skip
