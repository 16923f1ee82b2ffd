"""What a reader of the plan has to know, in sentences. The rule: what AWS cannot undo is said before it is done."""

from collections.abc import Iterator, Sequence

from migrate.config import Config
from migrate.inventory import Resource
from migrate.organisation import wishes
from migrate.organisation.difference import Todo
from migrate.organisation.section import PARKED, Organisation
from migrate.plan import Plan

_TOLD = frozenset(
    {
        "identitystore.group_membership",
        "organizations.delegated_administrator",
        "organizations.policy_attachment",
        "sso.account_assignment",
    }
)
"""What gives or takes rights: told where it stands and nobody wants it."""


def of(section: Organisation, config: Config, todo: Todo, present: Sequence[Resource]) -> Iterator[str]:
    """Every notice, the gravest first."""
    sorts = {one.ref.kind for one in todo.resources}
    new = [one.ref.name for one in todo.resources if one.ref.kind == wishes.ACCOUNT and not one.facts["stands"]]
    if new:
        then = (
            f"moves them into the unit {PARKED}, which stays"
            if section.on_rollback == "park"
            else "closes them; AWS closes a tenth of the accounts within 30 days, at least ten (unverified), and keeps "
            "each for 90 days"
        )
        yield f"{len(new)} accounts are made. AWS cannot delete an account; a rollback {then}: {', '.join(new)}"
    yield from _legacy(section, config, todo)
    if "ecr.replication" in sorts:
        yield (
            "images that stand in the central registry are copied once when replication is set up; repositories that "
            "it makes follow the creation template, those that stand in the other accounts stay as they are"
        )
    if "budgets.budget" in sorts:
        yield (
            "a budget is no hard cap: AWS adds spending up a few times a day, so an account may pass its budget by "
            "what it costs in those hours; the policy that a budget action attaches stops new things and nothing that "
            "runs, and AWS takes it off at the start of the next month"
        )
    # Source: github.com/aws/aws-sdk-net, discussion 3288; the setting by its name in the console, unverified.
    if any(one.ref.kind == "identitystore.user" and not one.facts["is_provisioned"] for one in todo.resources):
        yield (
            "users that are made here get no invitation by e-mail: in IAM Identity Center, Settings, Authentication, "
            "choose 'Send email OTP' for users created from the API, so that each sets a password at the first sign-in"
        )
    moved = [one for one in todo.resources if one.ref.kind == wishes.ACCOUNT and "parent" in one.facts["changes"]]
    for one in moved:
        yield f"{one.ref.name} stands and moves into another unit: the policies of that unit hold for it at once"
    spared = [one for one in todo.resources if one.ref.kind == wishes.POLICY and one.facts["during"] is not None]
    if spared:
        yield (
            f"{len(spared)} guard rails spare {', '.join(section.guard_rails.exempt_roles)} until the last section of "
            "the run: it asks whether the migration is over, and may wait for weeks. Other plans may be made and run "
            "meanwhile; each ends with that section"
        )
    if "cloudtrail.data_trail" in sorts:
        yield (
            "AWS charges for every data event that a trail logs and for the objects in its bucket; a rollback keeps a "
            "bucket that has logs in it"
        )
    if "servicequotas.template" in sorts:
        yield (
            "the quota template holds for accounts that are made after it: legacy and accounts that stand ask for "
            "nothing by it; AWS decides on each request, and may take days"
        )
    if "iam.root_access" in sorts:
        yield (
            "accounts made from now on have no root password; legacy and accounts that stand keep theirs, and their "
            "access keys, until an administrator of the management account deletes them: IAM console, Root access "
            "management, each account, Delete root user credentials"
        )
    yield from _standing_access(section)
    extra = sorted(f"{one.ref.kind} {one.ref.name}" for one in todo.extra if one.ref.kind in _TOLD)
    if extra:
        more = f" and {len(extra) - 12} more" if len(extra) > 12 else ""
        yield (
            f"{len(extra)} things stand that migration.yaml does not want; this tool leaves them, look whether you do: "
            f"{', '.join(extra[:12])}{more}"
        )
    if todo.standing:
        yield f"{len(todo.standing)} wishes stand as they are wanted: they are taken as they are, and never undone"


def _standing_access(section: Organisation) -> Iterator[str]:
    """Who may always look at what is kept out of reach, and until when others may."""
    for name, group in section.groups.items():
        for assign in group.assign:
            if assign.expires is not None:
                yield (
                    f"{name} has {assign.permission_set} in {', '.join(assign.accounts)} until {assign.expires}: the "
                    "first migrate org plan and run after that day take it away; nothing does it by itself"
                )
    closed = {alias for alias, member, _ in section.every_account() if "sensitive-data" in member.guard_rails}
    for name, group in section.groups.items():
        for assign in group.assign:
            for alias in sorted(closed & set(assign.accounts)) if assign.expires is None else ():
                yield (
                    f"{name} has {assign.permission_set} in {alias} for good, where sensitive data lies: give it for "
                    "the time of a task instead, and take it away again"
                )
            if "management" in assign.accounts:
                yield f"{name} has {assign.permission_set} in the management account, which no guard rail holds"


def _legacy(section: Organisation, config: Config, todo: Todo) -> Iterator[str]:
    if any(one.ref.kind == "organizations.invitation" and not one.facts["stands"] for one in todo.resources):
        yield (
            f"legacy ({config.legacy.account}) is invited. From the moment it accepts, the management account pays, "
            "the policies of its unit hold for it, credits, reservations and the support plan follow the organisation, "
            "Cost Explorer no longer shows what it cost before (export that first), and conditions on "
            "aws:PrincipalOrgID begin to match"
        )
    if section.management.account == config.legacy.account:
        yield (
            "legacy is the management account: service control policies never restrict it, whoever breaks into one of "
            "its workloads owns the organisation, and it can only leave by ending the organisation"
        )
        if section.legacy.how != "management":
            yield "legacy is the management account, whatever legacy.how says: it cannot be invited into its own"


def kept(section: Organisation, plan: Plan) -> Iterator[str]:
    """What a whole rollback of this plan leaves behind."""
    made = [step.ref for step in plan.steps.values() if step.action == "create"]
    accounts = [ref.name for ref in made if ref.kind == wishes.ACCOUNT]
    if accounts and section.on_rollback == "park":
        yield f"AWS cannot delete an account: {len(accounts)} were moved into {PARKED}, which stays"
    elif accounts:
        yield f"AWS cannot delete an account: {len(accounts)} were closed; AWS keeps them 90 days"
    if any(ref.kind == "organizations.invitation" for ref in made):
        yield "an account that accepted its invitation stays a member: remove it by hand, once it can pay by itself"
    if accounts and any(ref.kind == "organizations.organization" for ref in made):
        yield "the organisation stays: one that has accounts cannot be deleted"
