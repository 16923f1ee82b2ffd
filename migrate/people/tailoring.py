"""The statements of legacy as they read in one target account: renamed, and without what only concerns other accounts.

The rule: an Allow may lose what is not in the account, with the reason said; a Deny loses nothing, or it is a finding.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from migrate.names import AccountId, Ref
from migrate.people.statements import Statement, compact, pattern, texts_in
from migrate.rewrite import Rewritten
from migrate.values import Json, resolve, waits_for

_USER_VARIABLES = ("${aws:username}", "${aws:userid}")
_USER_KEYS = ("aws:username", "aws:userid")
# Identity Center signs people in as a role by SAML. Source: IAM User Guide, "AWS global condition context keys"
# (aws:username: not for a role; aws:MultiFactorAuthPresent: not in what AssumeRoleWithSAML gives), read 2026-11.
_MFA_KEYS = ("aws:multifactorauthpresent", "aws:multifactorauthage")


@dataclass(frozen=True, slots=True)
class Left:
    """A statement, or a resource of it, that does not arrive in an account."""

    said: str
    why: str
    gains: bool = False
    """A Deny that cannot arrive: people may gain by it, so a person has to look."""

    def __str__(self) -> str:
        return f"{self.said}: {self.why}"


@dataclass(frozen=True, slots=True)
class Tailored:
    """The statements for one account, and what is not among them."""

    statements: tuple[Statement, ...]
    left: tuple[Left, ...]
    names_something: bool
    """An Allow names a thing of this account: not everything is `*`."""


@dataclass
class Ground:
    """What is known of where the account's things go."""

    resources: Sequence[tuple[str, Ref]]
    """ARN and ref of everything that was found."""
    goes_to: Callable[[Ref], tuple[AccountId, ...]]
    alias: Callable[[AccountId], str]
    known: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(step, output) → what a run has learnt: names that AWS gave."""

    @cached_property
    def _met(self) -> dict[str, tuple[tuple[str, Ref, tuple[AccountId, ...]], ...]]:
        return {}

    @cached_property
    def _moving(self) -> list[tuple[str, Ref, tuple[AccountId, ...]]]:
        there = ((arn, ref, self.goes_to(ref)) for arn, ref in self.resources)
        return [one for one in there if one[2]]

    def matching(self, resource_pattern: str) -> tuple[tuple[str, Ref, tuple[AccountId, ...]], ...]:
        """What moves and is, or lies in, what a pattern matches: ARN, ref, accounts."""
        if resource_pattern not in self._met:
            matches = pattern(resource_pattern).fullmatch
            self._met[resource_pattern] = tuple(
                one for one in self._moving if matches(one[0]) or matches(f"{one[0]}/x") or matches(f"{one[0]}:x")
            )
        return self._met[resource_pattern]

    def accounts_of(self, resource_pattern: str) -> frozenset[AccountId]:
        """The accounts that the things go to that a pattern matches; empty where it matches nothing that moves."""
        return frozenset(account for _, _, accounts in self.matching(resource_pattern) for account in accounts)

    @cached_property
    def _things(self) -> dict[tuple[AccountId, str], list[str]]:
        found: dict[tuple[AccountId, str], list[str]] = {}
        for arn, ref, accounts in self._moving:
            service = arn.split(":", 3)[2] if arn.startswith("arn:") else ""
            for account in accounts:
                for what in (ref.kind, service):
                    found.setdefault((account, what), []).append(arn)
        return found

    def in_account(self, account: AccountId) -> Iterator[str]:
        """ARNs of everything that goes to an account."""
        return (arn for arn, _, accounts in self._moving if account in accounts)

    def things(self, account: AccountId, what: str) -> list[str]:
        """ARNs of one kind (`sqs.queue`), or of one service as ARNs spell it (`sqs`), that go to an account."""
        return self._things.get((account, what), [])


def tailor(
    statements: Iterable[Statement], account: AccountId, rewrite: Callable[[Json], Rewritten], ground: Ground
) -> Tailored:
    """The statements as they read in one account."""
    made: list[Statement] = []
    left: list[Left] = []
    names_something = False
    for statement in statements:
        tailored, lost, named = _tailored(statement, account, rewrite, ground)
        left += lost
        if tailored is not None:
            made.append(tailored)
            names_something = names_something or (named and statement.effect == "Allow")
    return Tailored(tuple(dict.fromkeys(made)), tuple(dict.fromkeys(left)), names_something)


def _tailored(
    statement: Statement, account: AccountId, rewrite: Callable[[Json], Rewritten], ground: Ground
) -> tuple[Statement | None, list[Left], bool]:
    denies = statement.effect == "Deny"
    said = str(statement)
    if why := _of_users_only(statement):
        return None, [Left(said, why, gains=denies)], False
    condition = rewrite(json.loads(statement.condition))
    value, why = _settled(condition, ground)
    if why:
        # Without its condition an Allow would allow more; a Deny that cannot be written is a person's matter.
        return None, [Left(said, f"its condition: {why}", gains=denies)], False
    made = replace(statement, condition=compact(value))
    lost: list[Left] = []
    if statement.not_resources:
        exempt = list(statement.not_resources)
        if denies:
            # A Deny that leaves out a thing of another account would let people at it from here.
            for text in statement.not_resources:
                where = _accounts(text, rewrite(text), ground)
                if where is not None and account not in where:
                    exempt.remove(text)
                    why = f"is in {', '.join(sorted(map(ground.alias, where)))}" if where else "does not move"
                    lost.append(Left(f"{_acts(statement)} on all but {text}", why))
        texts, problems = _renamed(exempt, rewrite, ground)
        if problems:
            return None, [Left(said, problems[0], gains=True)], False
        if not texts:
            return replace(made, not_resources=(), resources=("*",)), lost, False
        return replace(made, not_resources=texts), lost, False
    kept: list[str] = []
    named = False
    for text in statement.resources:
        if text == "*":
            kept.append(text)
            continue
        out = rewrite(text)
        value, why = _settled(out, ground)
        where = _accounts(text, out, ground)
        if not denies and where is not None and account not in where:
            why = f"is in {', '.join(sorted(map(ground.alias, where)))}" if where else why or "does not move"
        if why and not (denies and isinstance(value, str)):
            lost.append(Left(f"{_acts(statement)} on {text}", why, gains=denies))
            continue
        kept.append(str(value))
        named = named or bool(where)
    if not kept:
        return None, lost, False
    return replace(made, resources=tuple(sorted(set(kept)))), lost, named


def _accounts(text: str, out: Rewritten, ground: Ground) -> frozenset[AccountId] | None:
    """Where what a resource element names goes; None where it names nothing that was found."""
    if out.stays:
        return frozenset()
    if out.mentions:
        return frozenset(account for ref in out.mentions for account in ground.goes_to(ref))
    return ground.accounts_of(text) or None


def _settled(out: Rewritten, ground: Ground) -> tuple[Json, str]:
    """The value with all that is known by now, and why it cannot stand as it is."""
    if out.problems:
        return out.value, out.problems[0].partition(": ")[2] or out.problems[0]
    if out.stays:
        return out.value, "stays in the old account"
    missing = sorted(one for one in waits_for(out.value) if not _is_known(one, ground))
    if missing:
        return out.value, f"AWS gives its name in step {missing[0][0]}: ask again after the run"
    return resolve(out.value, ground.known), ""


def _is_known(wanted: tuple[str, str], ground: Ground) -> bool:
    try:
        return bool(ground.known[wanted])
    except KeyError:
        return False


def _renamed(
    texts: Iterable[str], rewrite: Callable[[Json], Rewritten], ground: Ground
) -> tuple[tuple[str, ...], list[str]]:
    made, problems = [], []
    for text in texts:
        value, why = _settled(rewrite(text), ground)
        made.append(str(value))
        problems += [why] if why else []
    return tuple(sorted(set(made))), problems


def _of_users_only(statement: Statement) -> str:
    """Why a statement cannot mean the same where people are no IAM users; empty where it can."""
    condition = json.loads(statement.condition)
    texts = [*statement.resources, *statement.not_resources, *texts_in(condition)]
    if any(variable in text for text in texts for variable in _USER_VARIABLES):
        return "names the IAM user by a variable, and who signs in by Identity Center is none"
    keys = {str(key).lower() for operator in condition.values() for key in operator}
    if keys & set(_USER_KEYS):
        return "asks for the name of the IAM user, and who signs in by Identity Center is none"
    if keys & set(_MFA_KEYS):
        return "asks for MFA, of which Identity Center's sessions say nothing: require MFA in Identity Center itself"
    return ""


def _acts(statement: Statement) -> str:
    what = ", ".join(statement.actions) or f"all but {', '.join(statement.not_actions)}"
    return f"{statement.effect} {what if len(what) < 60 else what[:59] + '…'}"
