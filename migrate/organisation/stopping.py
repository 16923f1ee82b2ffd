"""What a guard rail that stands would deny this tool's own role in a member account. Pure.

The rule: a step that AWS would deny is not planned as if it could be done. Where the same plan changes the rail so that
it spares the role, the steps wait for the next plan; else the plan is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate.inventory import Resource
from migrate.organisation import guard_rails, wishes
from migrate.organisation.section import Organisation
from migrate.policy_evaluation import DIRECT, FULL_AWS_ACCESS, Asked, MalformedPolicy, Policies, decide
from migrate.policy_evaluation.actions import of_operation
from migrate.steps import Step
from migrate.values import Json

ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
"""What the role that AWS makes in each account may do."""


@dataclass(frozen=True)
class Stopped:
    """One action that one rail denies in one account."""

    alias: str
    account: str
    rail: str
    action: str
    is_until_changed: bool
    """Whether the rail as it is wanted lets the role do it."""


def stopped(
    section: Organisation, regions: tuple[str, ...], steps: Iterable[Step], present: Sequence[Resource]
) -> list[Stopped]:
    """What the rails that stand deny of these steps in member accounts, each once."""
    emails = {number: email for email, number in _ids(present).items()}
    aliases = {email: alias for alias, email in section.emails().items()}
    asked = {
        (str(request.account), str(request.region), action)
        for step in steps
        for request in step.requests
        if str(request.account) in emails
        for action in of_operation(request.operation)
    }
    found: dict[tuple[str, str, str], Stopped] = {}
    for account, region, action in sorted(asked):
        alias = aliases.get(emails[account], "")
        for rail, content in _standing(section, alias, emails[account], present):
            if _is_denied(content, account, section.role, action, region):
                wanted = _wanted(section, regions, rail)
                is_open = wanted is not None and not _is_denied(wanted, account, section.role, action, region)
                found[account, rail, action] = Stopped(alias, account, rail, action, is_open)
    return list(found.values())


def _ids(present: Iterable[Resource]) -> dict[str, str]:
    return {one.ref.name: str(one.facts["id"]) for one in present if one.ref.kind == wishes.ACCOUNT}


def _standing(
    section: Organisation, alias: str, email: str, present: Iterable[Resource]
) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The rails that hold for the account as they are now: on the root, on the units above it, on itself."""
    path = next((path for name, _, path in section.every_account() if name == alias), "")
    parts = path.split("/") if path else []
    where = {"root", f"account:{email}", *(f"unit:{'/'.join(parts[: n + 1])}" for n in range(len(parts)))}
    contents = {one.ref.name: one.facts["content"] for one in present if one.ref.kind == wishes.POLICY}
    on = [guard_rails.apart(one.ref.name) for one in present if one.ref.kind == "organizations.policy_attachment"]
    names = {rail for rail, target in on if target in where}
    yield from ((rail, contents[rail]) for rail in sorted(names & contents.keys()))


def _wanted(section: Organisation, regions: tuple[str, ...], rail: str) -> Mapping[str, Json] | None:
    own = section.guard_rails.documents
    if rail not in guard_rails.known(own):
        return None
    return guard_rails.document(rail, own, wishes.setting(section, regions).when_over())


def _is_denied(content: Mapping[str, Json], account: str, role: str, action: str, region: str) -> bool:
    """Whether the rail denies it for certain. What depends on more than is known here is not counted."""
    principal = f"arn:aws:sts::{account}:assumed-role/{role}/migrate"
    context: dict[str, Any] = {**DIRECT, "aws:requestedregion": (region,)}
    policies = Policies(identity=(ADMINISTRATOR,), scps=((FULL_AWS_ACCESS, content),))
    try:
        outcome = decide(Asked(principal, action, "*", context, account, account), policies).outcome
    except MalformedPolicy:
        return False
    return outcome == "explicit deny"


def said(found: Sequence[Stopped]) -> Iterator[str]:
    """What a reader of the plan has to know of the steps that wait."""
    for alias, those in sorted(_by_account(found).items()):
        if all(one.is_until_changed for one in those):
            yield (
                f"what is set within {alias} waits for the next plan: {_listed(those)}; this plan makes "
                "the rail spare the role. Type migrate org plan again after the run"
            )


def refusals(section: Organisation, found: Sequence[Stopped]) -> Iterator[dict[str, Json]]:
    """Why the plan cannot be approved: AWS would deny its steps."""
    for alias, those in sorted(_by_account(found).items()):
        if not all(one.is_until_changed for one in those):
            yield {
                "key": f"stopped/{alias}",
                "what": f"{section.role} could not do in {alias} what this plan wants there: {_listed(those)}; the "
                "migration was said to be over, so the rails hold for that role too",
                "do": f"add {section.role} to organisation.guard_rails.always_exempt_roles, at least for the time of "
                "this change, then migrate org plan again",
            }


def _listed(those: Sequence[Stopped]) -> str:
    rails: dict[str, list[str]] = {}
    for one in those:
        rails.setdefault(one.rail, []).append(one.action)
    return "; ".join(
        f"guard rail {rail} denies {', '.join(sorted(actions))}" for rail, actions in sorted(rails.items())
    )


def _by_account(found: Sequence[Stopped]) -> dict[str, list[Stopped]]:
    those: dict[str, list[Stopped]] = {}
    for one in found:
        those.setdefault(one.alias or one.account, []).append(one)
    return those


def waiting(found: Sequence[Stopped]) -> set[str]:
    """Ids of the accounts in which every step waits for the next plan."""
    return {those[0].account for those in _by_account(found).values() if all(one.is_until_changed for one in those)}
