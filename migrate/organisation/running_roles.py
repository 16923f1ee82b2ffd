"""The role in each target account under which `migrate run` works, with exactly what the newest plan sends there. Pure.

The rule: it trusts one principal, and may do nothing that the plan, its proofs and its way back do not send.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.config import Config
from migrate.inventory import Resource
from migrate.organisation.kinds import wanted_kinds
from migrate.organisation.kinds._members import MemberKind, called_in, canonical
from migrate.organisation.section import Organisation
from migrate.organisation.wanted import called
from migrate.permissions import ATTACHED
from migrate.values import Json

POLICY, ROLE = "iam.member_policy", "iam.member_role"
Needed = Mapping[str, Sequence[dict[str, Json]]]
"""Account id → the policies that the newest plan needs there."""


def aliases(section: Organisation, config: Config) -> set[str]:
    """Of the accounts in which a role is wanted: targets that the organisation has."""
    return set(section.emails()) & set(config.targets) if section.migration_roles else set()


def wishes(section: Organisation, config: Config, ids: Mapping[str, str], needed: Needed) -> Iterator[Resource]:
    """The policies and the role of each account that stands. `ids`: alias → account id."""
    said = section.migration_roles
    for alias in sorted(aliases(section, config) & ids.keys()):
        account, documents = ids[alias], needed.get(ids[alias], ())
        if said is None or not documents:
            continue
        names = [f"{said.name}-{number}" for number in range(1, len(documents) + 1)]
        for name, document in zip(names, documents, strict=True):
            yield _wish(POLICY, called_in(account, name), {"document": canonical(document)})
        trusts: dict[str, Json] = {
            "Effect": "Allow", "Principal": {"AWS": said.trusted_by}, "Action": "sts:AssumeRole",
        }  # fmt: skip
        if config.external_id:
            trusts["Condition"] = {"StringEquals": {"sts:ExternalId": config.external_id}}
        facts = {
            "trust": canonical({"Version": "2012-10-17", "Statement": [trusts]}), "inline": {},
            "attached": sorted(f"arn:aws:iam::{account}:policy/{name}" for name in names),
            "needs": [called(POLICY, called_in(account, name)) for name in names],
        }  # fmt: skip
        yield _wish(ROLE, called_in(account, said.name), facts)


def _wish(kind: str, name: str, facts: Mapping[str, Any]) -> Resource:
    made: MemberKind[Any] = wanted_kinds()[kind]  # type: ignore[assignment]  # found by its name
    return made.wish(name, made.facts.model_validate(facts))


def said(section: Organisation, config: Config, ids: Mapping[str, str], needed: Needed) -> Iterator[str]:
    """What a reader of the plan has to know."""
    if section.migration_roles is None:
        return
    name = section.migration_roles.name
    for alias in sorted(aliases(section, config)):
        if alias in ids and not needed.get(ids[alias]):
            yield (
                f"no role {name} is made in {alias}: no plan of resources does anything there yet. Type migrate plan, "
                "then migrate org plan again"
            )
        elif alias in ids and config.targets[alias].role.rpartition("/")[2] != name:
            yield f"once {name} stands in {alias}, say role: {name} under targets.{alias}: runs work under it then"
    if others := sorted(set(config.targets) - set(section.emails())):
        yield f"no role {name} is made in {', '.join(others)}: not among the organisation's accounts in migration.yaml"


def refusals(
    section: Organisation, config: Config, ids: Mapping[str, str], needed: Needed
) -> Iterator[dict[str, Json]]:
    """What AWS would refuse."""
    for alias in sorted(aliases(section, config) & ids.keys()):
        count = len(needed.get(ids[alias], ()))
        if count > ATTACHED:
            yield {
                "key": f"migration role/{alias}",
                "what": f"the newest plan needs {count} policies in {alias}; a role takes {ATTACHED}",
                "do": "plan fewer things at a time, or leave organisation.migration_roles out and give a wider policy",
            }
