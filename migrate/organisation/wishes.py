"""`organisation:` of migration.yaml → the wanted resources, each with its facts. Pure: it knows nothing of what stands.

The rule: wishes name each other by `wanted.called`, never by an id.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.inventory import Resource
from migrate.names import Region
from migrate.organisation import guard_rails
from migrate.organisation.kinds import (
    budgets,
    data_export,
    data_trail,
    ecr_registry,
    root_access,
    service_quotas,
    wanted_kinds,
)
from migrate.organisation.section import PARKED, Member, Organisation
from migrate.organisation.wanted import ROOT, Wanted, WantedKind, called

UNIT, ACCOUNT, POLICY = "organizations.organizational_unit", "organizations.account", "organizations.policy"
EXPORT = "cost-and-usage"
COST_TAG = "ce.cost_allocation_tag"
STOP = "deny-create"
"""The guard rail that a budget puts on an account."""
OWNER_TAG, EXPIRY_TAG = "owner", "expires"


def wishes(section: Organisation, regions: tuple[str, ...], legacy: str, today: str = "") -> list[Resource]:
    """Everything that is wanted, in no order. `regions`: legacy's; `legacy`: its account id; `today`: 2026-11-23."""
    return [
        *_tree(section),
        *_legacy(section, legacy),
        *_policies(section, regions),
        *_services(section),
        *_budgets(section),
        *_costs(section, legacy),
        *_export(section),
        *_people(section, region_of(section, regions), today),
    ]


def _wish(kind: str, name: str, facts: Mapping[str, Any], **more: Any) -> Resource:
    made: WantedKind[Wanted] = wanted_kinds()[kind]  # type: ignore[assignment]  # found by its name
    return made.wish(name, made.facts.model_validate(facts), **more)


def unit_or_root(path: str) -> str:
    """How wishes call a unit, or the root where the path is empty."""
    return called(UNIT, path) if path else ROOT


def parked() -> Resource:
    """The unit in which a rollback leaves the accounts that it cannot delete."""
    return _wish(UNIT, PARKED, {"parent": ROOT, "is_kept": True})


def _tree(section: Organisation) -> Iterator[Resource]:
    accounts = list(section.every_account())
    yield _wish("organizations.organization", "organization", {"is_kept": bool(accounts)})
    for path, _ in section.every_unit():
        yield _wish(UNIT, path, {"parent": unit_or_root(path.rpartition("/")[0]), "is_kept": path == PARKED})
    for alias, member, path in accounts:
        facts = {
            "account_name": member.name or alias,
            "parent": unit_or_root(path),
            "role": section.role,
            "parked": called(UNIT, PARKED) if section.on_rollback == "park" else "",
            "template": called(service_quotas.TEMPLATE, "template") if section.quota_template else "",
        }
        yield _wish(ACCOUNT, section.email_of(alias, member), facts, tags=_tags(member))


def _legacy(section: Organisation, legacy: str) -> Iterator[Resource]:
    if section.legacy.how == "invite" and legacy != section.management.account:
        yield _wish("organizations.invitation", legacy, {"parent": unit_or_root(section.legacy.unit)})


def _tags(member: Member) -> dict[str, str]:
    said = {OWNER_TAG: member.owner, EXPIRY_TAG: member.expires}
    return {key: value for key, value in said.items() if value is not None}


def setting(section: Organisation, regions: tuple[str, ...]) -> guard_rails.Setting:
    """What the rails are made with."""
    said = section.guard_rails
    return guard_rails.Setting(said.regions or regions, said.exempt_roles, said.always_exempt_roles)


def attached(section: Organisation) -> Iterator[tuple[str, str, str]]:
    """Each rail with its target as an attachment spells it, and as wishes call it; `unit:` and `account:`."""
    yield from ((rail, "root", ROOT) for rail in section.guard_rails.everywhere)
    for path, unit in section.every_unit():
        yield from ((rail, f"unit:{path}", called(UNIT, path)) for rail in unit.guard_rails)
    for alias, member, _ in section.every_account():
        email = section.email_of(alias, member)
        yield from ((rail, f"account:{email}", called(ACCOUNT, email)) for rail in member.guard_rails)


def _policies(section: Organisation, regions: tuple[str, ...]) -> Iterator[Resource]:
    own, made = section.guard_rails.documents, setting(section, regions)
    wanted = list(attached(section))
    known = set(guard_rails.known(own))
    stops = {STOP} if any(member.budget and member.budget.stop for _, member, _ in section.every_account()) else set()
    rails = sorted({rail for rail, _, _ in wanted if rail in known} | stops)
    if rails:
        yield _wish("organizations.policy_type", "SERVICE_CONTROL_POLICY", {})
    for rail in rails:
        during, after = (guard_rails.document(rail, own, one) for one in (made, made.when_over()))
        facts = {"description": guard_rails.title(rail, own), "content": after}
        yield _wish(POLICY, rail, facts | ({"during": during} if during != after else {}))
    for rail, where, target in dict.fromkeys(wanted):
        if rail in known:
            facts = {"policy": called(POLICY, rail), "target": target, "policy_name": rail}
            yield _wish("organizations.policy_attachment", f"{rail}@{where}", facts)


def trial(section: Organisation, rail: str) -> Resource | None:
    """The rail on the canary account, where there is one."""
    email = section.emails().get(section.guard_rails.canary or "")
    if email is None:
        return None
    facts = {"policy": called(POLICY, rail), "target": called(ACCOUNT, email), "policy_name": rail}
    return _wish("organizations.policy_trial", f"{rail}@account:{email}", facts)


def _services(section: Organisation) -> Iterator[Resource]:
    trusted = {*section.services, *section.delegated}
    if section.central_root_access:
        trusted.add(root_access.SERVICE)
        yield from (_wish("iam.root_access", feature, {}) for feature in root_access.FEATURES)
    if section.quota_template:
        trusted.add(service_quotas.SERVICE)
        yield from _quotas(section)
    if section.contacts and any(True for _ in section.every_account()):
        trusted.add("account.amazonaws.com")
    for service in sorted(trusted):
        yield _wish("organizations.service_access", service, {})
    emails = section.emails()
    for service, alias in section.delegated.items():
        facts = {"account": called(ACCOUNT, emails[alias]), "service": service}
        yield _wish("organizations.delegated_administrator", f"{service}@{emails[alias]}", facts)
    for sort, contact in section.contacts.items():
        said = {"type": sort, "person": contact.name, "title": contact.title, "email": contact.email,
                "phone": contact.phone}  # fmt: skip
        yield _wish("account.alternate_contact", f"{sort}@management", said | {"account": None})
        for email in emails.values():
            yield _wish("account.alternate_contact", f"{sort}@{email}", said | {"account": called(ACCOUNT, email)})


def _quotas(section: Organisation) -> Iterator[Resource]:
    sort, names = service_quotas.TEMPLATE_REQUEST, []
    for one in section.quota_template:
        names.append(service_quotas.called_in(one.service, one.quota, one.region))
        yield _wish(sort, names[-1], one.model_dump())
    yield _wish(service_quotas.TEMPLATE, "template", {"requests": [called(sort, name) for name in names]})


def _budgets(section: Organisation) -> Iterator[Resource]:
    budgeted = [(alias, m, section.email_of(alias, m)) for alias, m, _ in section.every_account() if m.budget]
    for alias, member, email in budgeted:
        assert member.budget is not None
        facts = {
            "account": called(ACCOUNT, email), "usd": budgets.amount(member.budget.usd), "email": member.budget.email,
            "told": sorted(f"{sort} {percent}" for sort, percent in budgets.THRESHOLDS),
        }  # fmt: skip
        yield _wish("budgets.budget", alias, facts)
        if member.budget.stop:
            action = {
                "account": called(ACCOUNT, email), "policy": called(POLICY, STOP), "email": member.budget.email,
                "role": called("iam.budget_role", budgets.ROLE),
            }  # fmt: skip
            yield _wish("budgets.action", alias, action)
    if any(member.budget and member.budget.stop for _, member, _ in budgeted):
        allowed = {"Effect": "Allow", "Action": ["organizations:AttachPolicy", "organizations:DetachPolicy"],
                   "Resource": "*"}  # fmt: skip
        trusted = {"Effect": "Allow", "Principal": {"Service": "budgets.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = {
            "trust": {"Version": "2012-10-17", "Statement": [trusted]},
            "policy": {"Version": "2012-10-17", "Statement": [allowed]},
        }
        yield _wish("iam.budget_role", budgets.ROLE, role)


def _costs(section: Organisation, legacy: str) -> Iterator[Resource]:
    yield from (_wish(COST_TAG, key, {}) for key in dict.fromkeys(section.cost_tags))
    known = {alias: called(ACCOUNT, email) for alias, email in section.emails().items()}
    known |= {"management": section.management.account, "legacy": legacy}
    for name, category in section.cost_categories.items():
        members = [
            {"value": value, "account": known[alias]} for value, those in category.values.items() for alias in those
        ]
        yield _wish("ce.cost_category", name, {"members": members, "default": category.default or ""})


def _export(section: Organisation) -> Iterator[Resource]:
    if section.cost_export is not None:
        account = section.management.account
        facts = {
            "bucket": data_export.bucket_of(account), "prefix": EXPORT, "granularity": section.cost_export.granularity,
        }  # fmt: skip
        yield _wish("bcm-data-exports.export", EXPORT, facts)


def registry_accounts(section: Organisation) -> tuple[str, ...]:
    """Aliases of the accounts in which something of the central registry is set."""
    return () if section.registry is None else (section.registry.account, *dict.fromkeys(section.registry.to))


def accounts_within(section: Organisation) -> tuple[str, ...]:
    """Aliases of the accounts in which something is set."""
    return tuple(dict.fromkeys([*registry_accounts(section), *sorted(section.sensitive())]))


def within(section: Organisation, regions: tuple[str, ...], ids: Mapping[str, str]) -> Iterator[Resource]:
    """What is set within member accounts. `ids`: alias → account id, of each that it is in."""
    yield from registry(section, regions, ids)
    for alias in sorted(section.sensitive()):
        account, region = ids[alias], region_within(section, regions)
        yield _wish("s3control.public_access_block", account, {}, region=region)
        trail = {"bucket": data_trail.bucket_of(account), "selectors": data_trail.selectors(account)}
        yield _wish("cloudtrail.data_trail", account, trail, region=region)


def region_within(section: Organisation, regions: tuple[str, ...]) -> Region:
    """Where member accounts are asked."""
    return Region((section.registry and section.registry.region) or regions[0])


def registry(section: Organisation, regions: tuple[str, ...], ids: Mapping[str, str]) -> Iterator[Resource]:
    """The central registry's settings. `ids`: alias → account id, of each account that they are in."""
    if section.registry is None:
        return
    source, *others = (ids[alias] for alias in registry_accounts(section))
    region = Region(section.registry.region or regions[0])
    rules = [{"destinations": [{"region": region, "registryId": account} for account in others]}]
    receivers = [text for account in others for text in ecr_registry.receiver(account)]
    yield _wish("ecr.replication", source, {"rules": rules, "receivers": receivers}, region=region)
    for account in others:
        allowed = {
            "Sid": "ImagesOfTheCentralRegistry", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{source}:root"},
            "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
            "Resource": f"arn:aws:ecr:{region}:{account}:repository/*",
        }  # fmt: skip
        policy = {"Version": "2012-10-17", "Statement": [allowed]}
        yield _wish("ecr.registry_policy", account, {"policy": policy}, region=region)
        days = section.registry.expire_untagged_days
        template = {"is_immutable": section.registry.immutable_tags, "lifecycle": days and ecr_registry.expiring(days)}
        yield _wish("ecr.creation_template", account, template, region=region)


def _people(section: Organisation, region: Region, today: str) -> Iterator[Resource]:
    if not (section.people or section.groups or section.permission_sets):
        return
    is_provisioned = section.identity_center.users == "provisioned"
    groups_are_provisioned = section.identity_center.groups_are_provisioned
    yield _wish("sso.instance", "instance", {}, region=region)
    for name, one in section.permission_sets.items():
        facts = {
            "description": one.description, "session": one.session, "managed": sorted(one.policies),
            "customer": sorted(({"Name": c.name, "Path": c.path} for c in one.customer_policies), key=str),
            "inline": one.inline,
        }  # fmt: skip
        yield _wish("sso.permission_set", name, facts, region=region)
    for name, group in section.groups.items():
        about = {"description": group.description, "is_provisioned": groups_are_provisioned}
        yield _wish("identitystore.group", name, about, region=region)
    for person in section.people:
        known = {"display_name": person.name, "email": person.email.lower(), "is_provisioned": is_provisioned}
        yield _wish("identitystore.user", person.login, known, region=region)
        # Who is in a group is the identity provider's to say, where there is one.
        for name in () if groups_are_provisioned else dict.fromkeys(person.groups):
            both = {"group": called("identitystore.group", name), "user": called("identitystore.user", person.login)}
            yield _wish("identitystore.group_membership", f"{name}/{person.login}", both, region=region)
    yield from _assignments(section, region, today)


def _assignments(section: Organisation, region: Region, today: str) -> Iterator[Resource]:
    emails = section.emails()
    given: dict[tuple[str, str, str], bool] = {}
    for name, group in section.groups.items():
        for assign in group.assign:
            is_over = assign.expires is not None and assign.expires < today
            for alias in assign.accounts:
                triple = assign.permission_set, alias, name
                given[triple] = given.get(triple, False) or not is_over
    for (permission_set, alias, name), is_given in given.items():
        is_management = alias == "management"
        facts = {
            "permission_set": called("sso.permission_set", permission_set),
            "account": section.management.account if is_management else called(ACCOUNT, emails[alias]),
            "group": called("identitystore.group", name), "is_given": is_given,
        }  # fmt: skip
        where = "management" if is_management else emails[alias]
        yield _wish("sso.account_assignment", f"{permission_set}@{where}@{name}", facts, region=region)


def region_of(section: Organisation, regions: tuple[str, ...]) -> Region:
    """Where IAM Identity Center stands."""
    return Region(section.identity_center.region or regions[0])
