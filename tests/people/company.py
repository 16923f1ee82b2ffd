"""A made-up company with users, groups, policies and a few things that they name: an inventory without an account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate import files
from migrate.inventory import Inventory, Resource
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId, Ref, Region

LEGACY, PROD, DEV, VAULT = AccountId("111111111111"), "222222222222", "333333333333", "555555555555"
HERE = Region("eu-west-1")
AWS = "arn:aws:iam::aws:policy/"
ADMINISTRATOR = f"{AWS}AdministratorAccess"

MIGRATION = f"""\
# What we decided on a Monday.
schema: migrate.config/1
migration: shop
legacy: {{account: "{LEGACY}", regions: [{HERE}]}}
targets:
  production: {{account: "{PROD}",  role: Admin}}   # the one that earns
  development: {{account: "{DEV}", role: Admin}}
  vault: {{account: "{VAULT}", role: Admin}}
environments: {{prod: production, dev: development}}
placement:
    - {{kind: sqs.queue, name: secrets, to: vault}}
    - {{kind: sqs.queue, name: shared, to: [production, development]}}
    - {{kind: sqs.queue, name: old, to: legacy}}
"""

ORGANISATION = """\
organisation:
  management: {account: "999900001111"}
  email: aws+{alias}@shop.example
  accounts: {production: {}, development: {}, vault: {}}
"""


def allow(actions: str | list[str], resources: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: str | list[str], resources: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return allow(actions, resources, **more) | {"Effect": "Deny"}


def doc(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def queue_arn(name: str, account: str = LEGACY) -> str:
    return f"arn:aws:sqs:{HERE}:{account}:{name}"


def key(
    ends_in: str, *, used: str | None = "never", created: str = "2020-01", status: str = "Active"
) -> dict[str, Any]:
    return {
        "id": {"$sealed": f"{ends_in:0>32}", "length": 20}, "id_ends_in": ends_in, "status": status,
        "created": created, "last_used": used, "last_used_for": "s3 eu-west-1" if used and used != "never" else None,
    }  # fmt: skip


@dataclass
class Company:
    """Resources are added by name; `inventory` gives them as a scan would."""

    found: list[Resource] = field(default_factory=list)

    def _add(self, kind: str, name: str, facts: dict[str, Any], arn: str, **more: Any) -> str:
        region = GLOBAL if kind.startswith("iam.") else HERE
        self.found.append(
            Resource(Ref(LEGACY, region, kind, name), arn, more.get("tags", {}), more.get("owner"), None, facts)
        )
        return arn

    def user(self, name: str, *groups: str, **facts: Any) -> None:
        more = {"tags": facts.pop("tags", {}), "owner": facts.pop("owner", None)}
        plain = {
            "path": "/", "created": "2020-01", "groups": sorted(groups), "attached": [], "inline": {}, "boundary": None,
            "access_keys": [], "console_password": False, "password_last_used": "never", "mfa": False,
        }  # fmt: skip
        keys = [dict(one) for one in facts.pop("access_keys", ())]
        facts |= {"access_key_ids": [one.pop("id") for one in keys], "access_keys": keys}
        self._add("iam.user", name, plain | facts, f"arn:aws:iam::{LEGACY}:user/{name}", **more)

    def person(self, name: str, *groups: str, **facts: Any) -> None:
        """Somebody who signs in."""
        self.user(name, *groups, **{"console_password": True, "password_last_used": "2026-11"} | facts)

    def group(self, name: str, *attached: str, **inline: dict[str, Any]) -> None:
        facts = {"path": "/", "attached": sorted(attached), "inline": inline}
        self._add("iam.group", name, facts, f"arn:aws:iam::{LEGACY}:group/{name}")

    def policy(self, name: str, *statements: dict[str, Any]) -> str:
        facts = {"path": "/", "description": "", "document": doc(*statements)}
        return self._add("iam.policy", name, facts, f"arn:aws:iam::{LEGACY}:policy/{name}")

    def aws_policy(self, name: str, *statements: dict[str, Any]) -> str:
        return self._add("iam.aws_managed_policy", name, {"version": "v1", "document": doc(*statements)}, AWS + name)

    def queue(self, name: str) -> str:
        facts = {
            "url": f"https://sqs.{HERE}.amazonaws.com/{LEGACY}/{name}", "attributes": {}, "kms_key": None,
            "kms_reuse_s": None, "policy": None, "redrive_policy": None, "redrive_allow_policy": None,
        }  # fmt: skip
        return self._add("sqs.queue", name, facts, queue_arn(name))

    def stack(self, name: str, resources: Mapping[str, tuple[str, str]], **facts: Any) -> None:
        plain = {
            "description": "", "status": "CREATE_COMPLETE", "parent": None, "termination_protection": False,
            "parameters": {}, "outputs": {}, "exports": {},
            "resources": {label: {"type": sort, "physical_id": what} for label, (sort, what) in resources.items()},
        }  # fmt: skip
        arn = f"arn:aws:cloudformation:{HERE}:{LEGACY}:stack/{name}/1"
        self._add("cloudformation.stack", name, plain | facts, arn)

    @property
    def inventory(self) -> Inventory:
        from migrate.kinds import every_kind

        return Inventory(LEGACY, (HERE,), tuple(every_kind()), tuple(self.found))

    def folder(self, path: Path, more: str = "") -> Migration:
        """A migration's folder with this inventory in it."""
        path.mkdir(exist_ok=True)
        (path / "migration.yaml").write_text(MIGRATION + more)
        files.write_inventory(path, self.inventory)
        return Migration(path)


def of_queues() -> Company:
    """Queues of two environments, one in both accounts, one in the vault, one that stays."""
    company = Company()
    for name in ("orders-prod", "orders-dev", "shared", "secrets", "old"):
        company.queue(name)
    company.aws_policy("ReadOnlyAccess", allow(["sqs:Get*", "s3:Get*"]))
    company.aws_policy("AdministratorAccess", allow("*"))
    return company
