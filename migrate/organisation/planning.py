"""migration.yaml + what stands → what the ordinary planner is given. Pure: same inputs, same plan.

The rule: nothing of the planner is done anew here; wishes are an inventory, migration.yaml decides where they go.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import Field

from migrate import files
from migrate import plan as ordinary
from migrate.config import Config
from migrate.errors import ConfigError
from migrate.inventory import Inventory, Resource
from migrate.names import AccountId, Region
from migrate.organisation import checks, members, notices, running_roles, stopping, wishes, withdrawing
from migrate.organisation.difference import Todo, difference
from migrate.organisation.kinds.organizations_account import AT_A_TIME
from migrate.organisation.section import Organisation
from migrate.organisation.wanted import WISHES, called
from migrate.plan import Inputs
from migrate.runbook import Runbook
from migrate.sections import Legacy, Moves, Rule, Target
from migrate.values import Json

RUNBOOK = "organisation"
MANAGEMENT = "management"


class WishConfig(Config):
    """What the planner is told in place of migration.yaml: wishes come from 000000000000, and go where they belong."""

    stand_ins: dict[str, str] = Field(default_factory=dict)
    """How wishes call what stands → its id."""

    @property
    def given(self) -> dict[str, str]:
        """The stand-ins: to the planner they are names that people decided."""
        return self.stand_ins

    def roles(self) -> dict[AccountId, str]:
        """Role ARN to assume in each account that has one: the management account may have none."""
        return {account: role for account, role in super().roles().items() if not role.endswith("/")}


@dataclass(frozen=True)
class Drawn:
    """What a plan of the organisation is made from, and what people are told with it."""

    inventory: Inventory
    todo: Todo
    findings: tuple[str, ...]
    refusals: tuple[dict[str, Json], ...]
    accounts: Mapping[str, str] = field(default_factory=dict)
    """Alias → id of the member accounts in which something is done."""


def section_of(config: Config) -> Organisation:
    """The section. Raises ConfigError where there is none."""
    if config.organisation is None:
        raise ConfigError("migration.yaml has no section organisation", do="see docs/organisation.md for one")
    return config.organisation


def as_config(config: Config, stand_ins: Mapping[str, str], accounts: Mapping[str, str]) -> WishConfig:
    """migration.yaml as the planner is given it. `accounts`: alias → id of the members in which something is done."""
    section = section_of(config)
    targets = {MANAGEMENT: Target(account=section.management.account, role=section.management.role or "")}
    targets |= {alias: Target(account=number, role=section.role) for alias, number in accounts.items()}
    within = (
        Rule(to=alias, kind=kind, name=number, because="it is within that account")
        for alias, number in accounts.items()
        for kind in ("cloudtrail.*", "ecr.*", "s3control.*")
    )
    people = (Rule(to=alias, kind="iam.member_*", name=f"{number}/*", because="its people and machines")
              for alias, number in accounts.items())  # fmt: skip
    return WishConfig(
        schema="migrate.config/1",
        migration=config.migration,
        legacy=Legacy(account=WISHES, regions=config.legacy.regions, profile=section.management.profile),
        targets=targets,
        external_id=config.external_id,
        placement=(*within, *people, Rule(to=MANAGEMENT, because="migration.yaml, organisation")),
        move=(Moves(runbook=RUNBOOK, accounts=tuple(targets)),),
        waivers=config.waivers,
        settle_s=config.settle_s,
        stand_ins=dict(stand_ins),
    )


def draw(
    config: Config, present: Sequence[Resource], kinds: Mapping[str, Any], today: str = "",
    made: withdrawing.Made | None = None, needed: running_roles.Needed | None = None,
) -> Drawn:  # fmt: skip
    """Everything that is to be done, and what is said about it. `today`: 2026-11-23, for what expires. `made`: what
    earlier runs gave."""
    section = section_of(config)
    regions = config.legacy.regions
    wanted = wishes.wishes(section, regions, config.legacy.account, today)
    ids, absent = accounts_of(section, present)
    if not absent:
        wanted += wishes.within(section, regions, ids)
    seen = {one.ref.name for one in present if one.ref.kind == wishes.COST_TAG}
    unused = [one.ref.name for one in wanted if one.ref.kind == wishes.COST_TAG and one.ref.name not in seen]
    wanted = [one for one in wanted if one.ref.kind != wishes.COST_TAG or one.ref.name in seen]
    made, needed = made or {}, needed or {}
    inside = members.members_of(section, config, present, made)
    wanted = [*members.bound(wanted, section, inside), *members.member_wishes(section, inside)]
    wanted += running_roles.wishes(section, config, inside.ids, needed)
    todo = difference(wanted, present, kinds)
    unwanted = withdrawing.unwanted(section, todo, made, kinds)
    if unwanted.gone:
        wanted = [*wanted, *unwanted.gone]
        todo = difference(wanted, present, kinds)
    if section.on_rollback == "park" and _new_accounts(todo.resources):
        # Only where an account is made: who changes something else gets no unit that nobody asked for.
        todo = difference({one.ref: one for one in (*wanted, wishes.parked())}.values(), present, kinds)
    trials, untried = checks.tried(section, todo, present)
    todo = replace(todo, resources=tuple(_in_lanes([*todo.resources, *trials])))
    inventory = Inventory(WISHES, tuple(map(Region, regions)), tuple(kinds), todo.resources)
    found = [
        *notices.of(section, config, todo, present),
        *untried,
        *checks.counted(section, regions),
        *members.said(inside),
        *running_roles.said(section, config, inside.ids, needed),
        *withdrawing.said(unwanted, section),
    ]
    if absent:
        found.append(
            f"what is set within {len(ids) + len(absent)} member accounts can be planned once these exist: "
            f"{', '.join(absent)}; type migrate org plan again after the run, and do not say before that the migration "
            "is over"
        )
    if unused:
        found.append(
            f"costs cannot be told apart yet by {', '.join(unused)}: AWS lists a tag up to 24 hours after something "
            "was first tagged with it; type migrate org plan again then"
        )
    refused = (
        *withdrawing.refusals(section, todo),
        *checks.refusals(section, regions, todo, present),
        *members.refusals(section, config, inside, wanted),
        *running_roles.refusals(section, config, inside.ids, needed),
    )
    accounts = ({} if absent else ids) | {alias: one for alias, one in inside.ids.items() if alias != MANAGEMENT}
    return Drawn(inventory, todo, tuple(found), refused, accounts)


def accounts_of(section: Organisation, present: Iterable[Resource]) -> tuple[dict[str, str], list[str]]:
    """The member accounts in which a step is to be done: alias → id of those that stand, and aliases of the others."""
    ids = {one.ref.name: str(one.facts["id"]) for one in present if one.ref.kind == wishes.ACCOUNT}
    emails = section.emails()
    wanted = wishes.accounts_within(section)
    known = {alias: ids[emails[alias]] for alias in wanted if emails[alias] in ids}
    return known, [alias for alias in wanted if alias not in known]


def _new_accounts(resources: Iterable[Resource]) -> list[str]:
    return sorted(one.ref.name for one in resources if one.ref.kind == wishes.ACCOUNT and not one.facts["stands"])


def _in_lanes(resources: Sequence[Resource]) -> list[Resource]:
    """New accounts in as many lanes as AWS makes at a time: each waits for the one before it."""
    new = _new_accounts(resources)
    before = dict(zip(new[AT_A_TIME:], new, strict=False))
    return [
        replace(one, facts=one.facts | {"lane": before[one.ref.name]})
        if one.ref.kind == wishes.ACCOUNT and one.ref.name in before
        else one
        for one in resources
    ]


def without_stopped(
    drawn: Drawn, config: Config, runbooks: tuple[Runbook, ...], kinds: Mapping[str, Any], present: Sequence[Resource]
) -> Drawn:
    """The same without the steps that a guard rail would deny until this plan has changed it; refused where it would
    not."""
    section, told = section_of(config), as_config(config, drawn.todo.given, drawn.accounts)
    steps = ordinary.draw(Inputs(told, "", drawn.inventory, "", runbooks, kinds))["steps"]
    found = stopping.stopped(section, config.legacy.regions, steps, present)
    waits = stopping.waiting(found)
    held = {step.ref for step in steps if step.account in waits}
    names = {called(ref.kind, ref.name) for ref in held}
    held |= {one.ref for one in drawn.inventory.resources if names & set(one.facts.get("needs") or ())}
    kept = tuple(one for one in drawn.inventory.resources if one.ref not in held)
    return replace(
        drawn, inventory=replace(drawn.inventory, resources=kept), todo=replace(drawn.todo, resources=kept),
        findings=(*drawn.findings, *stopping.said(found)),
        refusals=(*drawn.refusals, *stopping.refusals(section, found)),
    )  # fmt: skip


def body(drawn: Drawn, config: Config, config_digest: str, inventory_digest: str, runbooks: tuple[Runbook, ...],
         kinds: Mapping[str, Any]) -> dict[str, Json]:  # fmt: skip
    """The body of the plan file."""
    told = as_config(config, drawn.todo.given, drawn.accounts)
    inputs = Inputs(told, config_digest, drawn.inventory, inventory_digest, runbooks, kinds)
    made = ordinary.draw(inputs)
    made["findings"] = [*made["findings"], *drawn.findings]
    made["refusals"] = [*drawn.refusals, *made["refusals"]]
    made["standing"] = [str(ref) for ref in drawn.todo.standing]
    return made


def digest(config: Config) -> str:
    """Digest of what a plan of the organisation depends on in migration.yaml."""
    said = section_of(config).model_dump(mode="json")
    decided = {"organisation": said, "migration": config.migration, "regions": list(config.legacy.regions),
               "legacy": config.legacy.account, "waivers": [w.model_dump(mode="json") for w in config.waivers],
               "settle_s": config.settle_s,
               "identities": {name: config.identities.get(name) for name in members.DECIDED}}  # fmt: skip
    return files.digest_of("migrate.organisation/1", decided)


def management(config: Config) -> AccountId:
    """The management account."""
    return AccountId(section_of(config).management.account)
