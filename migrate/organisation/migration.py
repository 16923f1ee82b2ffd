"""The organisation's part of a migration's folder: `organisation/`, with plans, approvals and journals of its own.

The rule: migration.yaml is the folder's; every other file here is the organisation's alone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from migrate import config as configuration
from migrate import permissions, runbook
from migrate.config import Config
from migrate.inventory import Resource
from migrate.journal import FILE, Journal
from migrate.kind import Kind
from migrate.migration import Migration
from migrate.organisation import planning, running_roles, wishes
from migrate.organisation.difference import Key
from migrate.organisation.kinds import wanted_kinds
from migrate.runbook import Runbook

FOLDER = "organisation"


def today() -> str:
    """The day in UTC, by which access expires: 2026-11-23."""
    return datetime.now(UTC).date().isoformat()


class OrganisationMigration(Migration):
    """What the verbs of `migrate org` need of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.home = folder
        self.folder = folder / FOLDER

    @cached_property
    def decided(self) -> Config:
        """migration.yaml as people wrote it. Raises ConfigError."""
        return configuration.load(self.home)

    @cached_property
    def config(self) -> Config:
        """The same as the engine is given it: wishes in the place of legacy."""
        return planning.as_config(self.decided, {}, self._accounts())

    def _accounts(self) -> dict[str, str]:
        """The member accounts in which the newest plan does something."""
        if not any(self.folder.glob("*.plan.json")):
            return {}
        targets = dict(self.plan().body["targets"])
        return {alias: number for alias, number in targets.items() if alias != planning.MANAGEMENT}

    @property
    def config_digest(self) -> str:
        """Digest of what migration.yaml says about the organisation."""
        return planning.digest(self.decided)

    @cached_property
    def kinds(self) -> dict[str, Kind[Any]]:
        """What an organisation is made of."""
        return wanted_kinds()

    @cached_property
    def runbooks(self) -> tuple[Runbook, ...]:
        """The runbook `organisation`: one's own in the folder's `runbooks/`, else the shipped one."""
        actions = frozenset(f"{kind.name}.{action.name}" for kind in self.kinds.values() for action in kind.actions)
        return (runbook.load(planning.RUNBOOK, self.home, actions),)

    def draw(self, present: list[Resource]) -> planning.Drawn:
        """What is to be done."""
        return planning.draw(self.decided, present, self.kinds, today(), self.made(), self.needed)

    @cached_property
    def needed(self) -> running_roles.Needed:
        """What the newest plan of resources needs in each target account, as policies; nothing before there is one."""
        home = Migration(self.home)
        if planning.section_of(self.decided).migration_roles is None or not any(home.folder.glob("*.plan.json")):
            return {}
        plan = home.plan()
        needed = permissions.of_run(plan, home.kinds)
        return {account: one.documents() for account, one in needed.items() if account != plan.legacy}

    def made(self) -> Mapping[Key, str]:
        """Kind and name of everything that earlier runs made and did not undo, by their journals → its id."""
        found: dict[Key, str] = {}
        for path in sorted(self.folder.glob("*.plan.json")):
            plan = self.plan(path)
            journal_path = self.run_folder(plan) / FILE
            if not journal_path.exists():
                continue
            with Journal(journal_path, write=False) as journal:
                for step in plan.steps.values():
                    # Whoever waited for a thing did not make it.
                    is_made = step.action == "create" and not all(
                        one.operation in self.kinds[step.ref.kind].reads for one in step.requests
                    )
                    if is_made and journal.state(step.id) in ("acted", "verified"):
                        found[step.ref.kind, step.ref.name] = journal.outputs(step.id).get("id", "")
        return found

    def wishes(self) -> list[Resource]:
        """Everything that migration.yaml wants."""
        decided = self.decided
        return wishes.wishes(planning.section_of(decided), decided.legacy.regions, decided.legacy.account)
