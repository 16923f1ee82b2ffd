"""migrate org plan, review, approve, run, status, verify, rollback: the same verbs on what is wanted in migration.yaml.

The rule: nothing of them is done anew here; only where a plan comes from, and what "legacy" means, is another.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate import config as configuration
from migrate import files
from migrate import plan as ordinary
from migrate.aws import Aws, Permit, permitted
from migrate.config import Config
from migrate.errors import AccessError, StaleError
from migrate.inventory import Inventory, Resource
from migrate.journal import Journal
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId, Region, typed
from migrate.organisation import (
    activity,
    importing,
    management_account,
    members,
    notices,
    planning,
    reading,
    running_roles,
    simulating,
    stopping,
    wishes,
    withdrawing,
)
from migrate.organisation.kinds.iam_member_root import has_credentials
from migrate.organisation.migration import FOLDER, OrganisationMigration
from migrate.organisation.section import Management, Organisation
from migrate.organisation.wanted import NO_ORGANIZATION, called
from migrate.out import Out
from migrate.plan import Plan
from migrate.verbs import acting
from migrate.verbs import planning as ordinary_verbs
from migrate.verbs.within import Within

TRIED = "guard-rails.md"
"""What the guard rails would have denied, in full."""
_WITHIN = Within("org", "organisation")


def _opened(folder: Path) -> OrganisationMigration:
    """The folder, its part for the organisation made where it is missing."""
    migration = OrganisationMigration(folder)
    Migration(folder).not_of_a_copy("org")
    section = planning.section_of(migration.decided)  # first: a folder without the section is left as it is
    assert section is not None
    if not migration.folder.exists():
        migration.folder.mkdir()
        files.put(migration.folder / ".gitignore", b"# The key of this folder, and the journals.\n.seal-key\n*.run/\n")
    return migration


def _open_aws(migration: Migration, out: Out | None = None) -> Aws:
    """AWS with the management account's identity asserted and said."""
    assert isinstance(migration, OrganisationMigration)
    section = planning.section_of(migration.decided)
    aws = Aws(section.management.profile, migration.config.roles(), migration.config.external_id)
    who = aws.whoami(AccountId(section.management.account))
    if out is not None:
        out.say(f"management account {who.account} as {who.arn}")
    return aws


def _clients(aws: Aws, migration: Migration) -> reading.OrganisationClients:
    """The wishes are those of the newest plan: `run` has checked that migration.yaml says the same."""
    return reading.OrganisationClients(aws, migration.seal_key, migration.inventory()[1].resources)


def present(migration: OrganisationMigration, aws: Aws) -> list[Resource]:
    """What stands now. Raises AccessError where it cannot be seen, or where another account owns the organisation."""
    section, account = planning.section_of(migration.decided), planning.management(migration.decided)
    _refuse_member(aws, account)
    region = wishes.region_of(section, migration.decided.legacy.regions)
    regions = dict.fromkeys(migration.kinds, Region(region))
    # What nobody wishes for is not looked at: it may need rights, or settings, that nobody has.
    made, wishes_now = migration.made(), migration.wishes()
    asked = {one.ref.kind for one in wishes_now} | {kind for kind, _ in made if kind in withdrawing.IN_CENTER}
    kinds = {name: kind for name, kind in migration.kinds.items() if name in asked}
    found = reading.present(aws, account, kinds, regions, ())
    ids, absent = planning.accounts_of(section, found)
    if ids and not absent:
        roles = planning.as_config(migration.decided, {}, ids).roles()
        aws.sessions.roles.update({number: role for number, role in roles.items() if number != account})
        legacy_regions = migration.decided.legacy.regions
        wanted_there = {one.ref.kind for one in wishes.within(section, legacy_regions, ids)}
        within = {name: kind for name, kind in migration.kinds.items() if name in wanted_there}
        where = wishes.region_within(section, legacy_regions)
        found += reading.present(
            aws, account, within, dict.fromkeys(within, where), tuple(map(AccountId, ids.values()))
        )
    inside = members.members_of(section, migration.decided, found, made)
    ids = {alias: number for alias, number in inside.ids.items() if alias != planning.MANAGEMENT}
    roles = planning.as_config(migration.decided, {}, ids).roles()
    aws.sessions.roles.update({number: role for number, role in roles.items() if number != account})
    in_members = [
        *members.member_wishes(section, inside),
        *running_roles.wishes(section, migration.decided, inside.ids, migration.needed),
    ]
    wanted = {(one.ref.kind, one.ref.name) for one in (*wishes_now, *in_members)}
    by_name = [(one.ref.kind, one.ref.name) for one in in_members]
    there = frozenset(inside.ids.values())
    by_name += [
        key for key in made
        if key[0] in withdrawing.IN_MEMBERS and key not in wanted and key[1].partition("/")[0] in there
    ]  # fmt: skip
    found += reading.present_by_name(aws, migration.kinds, by_name)
    unwanted = withdrawing.candidates(found, wanted, made, migration.kinds)  # type: ignore[arg-type]  # wanted ones
    return reading.more_closely(aws, account, migration.kinds, unwanted, found)


def _refuse_member(aws: Aws, account: AccountId) -> None:
    site = aws.site(account, GLOBAL, kind="organizations.organization")
    with permitted(Permit(frozenset({"organizations.DescribeOrganization"}), scan=True)):
        answer = site.optional("organizations.DescribeOrganization", missing=(NO_ORGANIZATION,))
    if answer and answer["Organization"]["MasterAccountId"] != account:
        owner = answer["Organization"]["MasterAccountId"]
        raise AccessError(
            f"{account} is a member of an organisation that {owner} manages: it cannot manage one of its own",
            do=f"name {owner} under organisation.management in migration.yaml, or leave that organisation first",
        )


def _refuse_drift(migration: Migration, aws: Aws, plan: Plan, inventory: Inventory, journal: Journal) -> None:
    """Look again: what this run has not touched must be wanted as it was planned, and what stood must still stand."""
    assert isinstance(migration, OrganisationMigration)
    found = present(migration, aws)
    drawn = migration.draw(found)
    standing = {(one.ref.kind, one.ref.name) for one in found}
    touched = {step.ref for step in plan.steps.values() if journal.history(step.id)}
    now = {one.ref: one for one in drawn.inventory.resources}

    def is_stale(planned: Resource) -> bool:
        if planned.ref in now:
            return bool(now[planned.ref].facts["before"] != planned.facts["before"])
        # Not wanted any more: someone made or changed it, unless it only followed from what this run has done since.
        return bool(planned.facts["stands"]) or (planned.ref.kind, planned.ref.name) in standing

    changed = [
        f"{ref.kind} {ref.name}"
        for ref, planned in inventory.by_ref.items()
        if ref not in touched and is_stale(planned)
    ]
    # What this run has taken away is not given any more.
    own = {called(ref.kind, ref.name) for ref in touched}
    given = {name: known for name, known in plan.body["given"].items() if name not in own}
    changed += [name for name, known in given.items() if drawn.todo.given.get(name) != known]
    section, regions = planning.section_of(migration.decided), migration.decided.legacy.regions
    ahead = [step for step in plan.steps.values() if step.ref not in touched]
    changed += [
        f"guard rail {one.rail} denies {section.role} {one.action} in {one.alias}"
        for one in stopping.stopped(section, regions, ahead, found)
    ]
    if changed:
        listed = "\n".join(f"  {line}" for line in changed[:30])
        raise StaleError(
            f"the organisation is not what the plan was made from: {len(changed)} differences; nothing was written\n"
            f"{listed}",
            do=f"migrate org plan {migration.home}, review and approve again",
        )


WAYS = acting.Ways(_opened, _open_aws, _clients, _refuse_drift)


def plan(out: Out, folder: Path) -> int:
    """Look at what stands, and write what is to be done. Exit 1 where it is refused."""
    migration = _opened(folder)
    runbooks = migration.runbooks
    aws = _open_aws(migration, out)
    there = present(migration, aws)
    drawn = migration.draw(there)
    drawn = replace(
        drawn, findings=(*drawn.findings, *_root_of_legacy(migration), *_tried(out, migration, aws, drawn, there))
    )
    drawn = _with_management(migration, aws, drawn)
    drawn = planning.without_stopped(drawn, migration.decided, runbooks, migration.kinds, there)
    inventory = files.write_inventory(migration.folder, drawn.inventory)
    body = planning.body(drawn, migration.decided, migration.config_digest, inventory.digest, runbooks, migration.kinds)
    written = files.write(migration.folder, "plan.json", files.PLAN, body)
    made = ordinary.from_body(written.body, written.digest, written.path)
    counts = {
        "todo": len(drawn.inventory.resources), "standing": len(drawn.todo.standing), "steps": len(made.steps),
        "requests": made.body["counts"]["requests"],
    }  # fmt: skip
    out.say(
        f"plan {made.digest[:8]}: {counts['todo']} to do in {counts['steps']} steps, {made.waves} waves, "
        f"{len(made.gates)} gates, {counts['requests']} requests; {counts['standing']} stand as they are wanted"
    )
    for said in drawn.findings:
        out.say(f"  {said}")
    out.result(str(written.path), {
        "plan": str(written.path), "digest": made.digest, "refusals": made.refusals, "findings": list(drawn.findings),
    } | counts)  # fmt: skip
    if made.refusals:
        raise ordinary_verbs.refused(
            out,
            made,
            do=f"settle them, then migrate org plan {typed(folder)}",
            rest=f"migrate org review {typed(folder)}",
        )
    out.say(f"next: migrate org review {typed(folder)}" if made.steps else "nothing is to be done")
    return 0


def _with_management(migration: OrganisationMigration, aws: Aws, drawn: planning.Drawn) -> planning.Drawn:
    """With what is to be said of the management account itself."""
    decided, section = migration.decided, planning.section_of(migration.decided)
    account, regions = planning.management(decided), decided.legacy.regions
    told, refused = management_account.center_elsewhere(
        aws, account, drawn.todo.resources, wishes.region_of(section, regions)
    )
    is_legacy = account == decided.legacy.account
    told += management_account.findings(aws, account, regions, is_legacy=is_legacy)
    return replace(drawn, findings=(*drawn.findings, *told), refusals=(*drawn.refusals, *refused))


def _legacys(decided: Config) -> Aws:
    """AWS by the way into the old account."""
    roles = {account: role for account, role in decided.roles().items() if account == decided.legacy.account}
    return Aws(decided.legacy.profile, roles, decided.external_id)


def _root_of_legacy(migration: OrganisationMigration) -> Iterator[str]:
    """What the root user of the old account has, where nobody is to have anything: no member's role looks there."""
    decided, section = migration.decided, planning.section_of(migration.decided)
    account = AccountId(decided.legacy.account)
    if not section.no_root_credentials or account == section.management.account:
        return
    try:
        with permitted(Permit(frozenset({"iam.GetAccountSummary"}), scan=True)):
            answer = _legacys(decided).site(account, GLOBAL).call("iam.GetAccountSummary")
        has = [fact.replace("_", " ") for fact, there in has_credentials(answer["SummaryMap"]).items() if there]
        said = f"has {', '.join(has)}: delete them once legacy is a member" if has else ""
    except AccessError as error:
        said = f"could not be looked at: {error.what}"
    if said:
        yield f"the root user of legacy {account} {said}"


def _tried(
    out: Out, migration: OrganisationMigration, aws: Aws, drawn: planning.Drawn, there: list[Resource]
) -> list[str]:
    """Read what was called lately, and say which of it the guard rails of this plan would have denied."""
    decided, section = migration.decided, planning.section_of(migration.decided)
    rails = simulating.rails_to_try(section, decided, drawn.todo)
    if not rails:
        return []
    regions, emails = decided.legacy.regions, section.emails()
    ids = {one.ref.name: AccountId(str(one.facts["id"])) for one in there if one.ref.kind == wishes.ACCOUNT}
    members = {alias: ids[emails[alias]] for alias in rails if emails.get(alias) in ids}
    seen = []
    is_everywhere = simulating.asks_for_the_region(section, regions, rails)
    if simulating.LEGACY in rails:
        out.say(f"guard rails are tried against what CloudTrail has of {len(members) + 1} accounts")
        door = aws
        if decided.legacy.account != section.management.account:
            door = _legacys(decided)
        seen.append(
            activity.recent(
                door, AccountId(decided.legacy.account), simulating.LEGACY, regions, is_everywhere=is_everywhere
            )
        )
    aws.sessions.roles.update({number: f"arn:aws:iam::{number}:role/{section.role}" for number in members.values()})
    seen += [
        activity.recent(aws, number, alias, regions, is_everywhere=is_everywhere) for alias, number in members.items()
    ]
    tried = simulating.try_rails(section, regions, rails, seen)
    page = migration.folder / TRIED
    files.put(page, simulating.page(tried, seen).encode())
    absent = [alias for alias in rails if alias not in members and alias != simulating.LEGACY]
    return list(simulating.findings(tried, rails, seen, f"{FOLDER}/{TRIED}", absent))


def import_(out: Out, folder: Path) -> int:
    """Write what stands into migration.yaml. Nothing is written to AWS."""
    config = configuration.load(folder)
    migration = _opened(folder) if config.organisation is not None else _of_legacy(folder)
    section = planning.section_of(migration.decided)
    aws = _open_aws(migration, out)
    account = planning.management(migration.decided)
    _refuse_member(aws, account)
    region = Region(wishes.region_of(section, config.legacy.regions))
    kinds = {name: kind for name, kind in migration.kinds.items() if name in _IMPORTED}
    found = reading.present(aws, account, kinds, dict.fromkeys(kinds, region), ())
    known = {str(target.account): alias for alias, target in config.targets.items()}
    emails = {email: alias for alias, email in section.emails().items()}
    known |= {str(one.facts["id"]): emails[one.ref.name] for one in found
              if one.ref.kind == wishes.ACCOUNT and one.ref.name in emails}  # fmt: skip
    imported = importing.section_of(found, account, known, wishes.setting(section, config.legacy.regions))
    changed = importing.write(folder / configuration.FILE_NAME, imported, section.role)
    for said in imported.left:
        out.say(f"  not taken over: {said}")
    out.say("  not looked at: budgets, alternate contacts, what users are given directly")
    for where in changed:
        out.say(f"  wrote {where}")
    out.say(f"{len(found)} things read, {len(changed)} places of migration.yaml written")
    out.result(str(folder / configuration.FILE_NAME), {"changed": changed, "left": imported.left})
    out.say(f"next: migrate org plan {typed(folder)}")
    return 0


_IMPORTED = frozenset(
    {
        "identitystore.group", "identitystore.group_membership", "identitystore.user", "organizations.account",
        "organizations.delegated_administrator", "organizations.organization", "organizations.organizational_unit",
        "organizations.policy", "organizations.policy_attachment", "organizations.service_access",
        "sso.account_assignment", "sso.instance", "sso.permission_set",
    }
)  # fmt: skip


def _of_legacy(folder: Path) -> OrganisationMigration:
    """A folder without the section: legacy is taken for the management account; another one answers for itself."""
    migration = OrganisationMigration(folder)
    section = Organisation(management=Management(account=migration.decided.legacy.account))
    migration.decided = migration.decided.model_copy(update={"organisation": section})
    return migration


def apart(out: Out, folder: Path) -> int:
    """Whether the accounts of the environments are apart. Exit 5 while something joins them."""
    from migrate.verbs.apart import apart as look_everywhere

    return look_everywhere(out, folder)


def sandboxes(out: Out, folder: Path) -> int:
    """Which sandboxes are past their last day, and what is still in them."""
    from migrate.verbs.sandboxes import sandboxes as look_everywhere

    return look_everywhere(out, folder)


review = _WITHIN.shared(ordinary_verbs.review, of=_opened)
approve = _WITHIN.shared(ordinary_verbs.approve, of=_opened)
run = _WITHIN.shared(acting.run, ways=WAYS)
status = _WITHIN.shared(acting.status, ways=WAYS)
verify = _WITHIN.shared(acting.verify, ways=WAYS)


def rollback(out: Out, folder: Path, *, plan_path: Path | None, confirm: str | None, **arguments: Any) -> int:
    """As the ordinary verb; then what AWS keeps is said."""
    act = _WITHIN.shared(acting.rollback, ways=WAYS)
    code = act(out, folder, plan_path=plan_path, confirm=confirm, **arguments)
    if confirm is not None:
        migration = _opened(folder)
        for said in notices.kept(planning.section_of(migration.decided), migration.plan(plan_path)):
            out.say(f"  {said}")
    return code
