"""One migration's folder: its configuration and every file of its story. The rule: files here are only ever added."""

import os
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from migrate import blueprint, files, runbook
from migrate import config as configuration
from migrate.config import Config
from migrate.errors import FileError, StaleError, UsageError
from migrate.inventory import Inventory
from migrate.kind import Kind
from migrate.kinds import every_kind
from migrate.names import typed
from migrate.plan import Inputs, Plan
from migrate.plan import read as read_plan
from migrate.runbook import Runbook

SEAL_KEY = ".seal-key"
_MOST_LOOKED_AT = 500
"""Entries of the current folder among which one that was meant is looked for."""


class Migration:
    """Everything that verbs need of one folder, read on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            with os.scandir(folder) as entries:
                is_one = any(entry.name == configuration.FILE_NAME for entry in entries)
        except FileNotFoundError:
            raise UsageError(f"there is no folder {folder}", do=_meant(folder)) from None
        except NotADirectoryError:
            raise UsageError(f"{folder} is a file, not a migration's folder", do=_meant(folder)) from None
        except OSError as error:
            # A listing that is denied looks like an empty folder otherwise.
            raise FileError(f"{folder} cannot be read: {error.strerror}", do="fix the folder's permissions") from None
        if not is_one:
            # Said before all else: what a verb misses there would only lead to the next thing that is missing.
            what = f"{typed(folder)} holds no {configuration.FILE_NAME}: it is not the folder of a migration"
            raise UsageError(what, do=_meant(folder))

    @cached_property
    def config(self) -> Config:
        """migration.yaml. Raises ConfigError."""
        return configuration.load(self.folder)

    @property
    def config_digest(self) -> str:
        """Digest of what migration.yaml says of resources; comments, order and people do not count."""
        left = {"organisation", "identities", "health"} | (set() if self.config.blueprint else {"blueprint"})
        said = self.config.model_dump(mode="json", by_alias=True, exclude=left)
        return files.digest_of(configuration.SCHEMA, said)

    @cached_property
    def kinds(self) -> Mapping[str, Kind[Any]]:
        """Every kind there is; where the folder is of a copy, as it is in that."""
        copied = self.config.blueprint
        return blueprint.kinds(every_kind(), copied) if copied else every_kind()

    def not_of_a_copy(self, verb: str) -> None:
        """Raise UsageError where this folder makes a copy of a shape: what the verb looks at or changes is not its."""
        if self.config.blueprint is not None:
            raise UsageError(
                f"{self.folder} makes a copy of {self.config.blueprint.of} (blueprint in migration.yaml), and `migrate "
                f"{verb}` is about what moves, and about legacy",
                do=f"type it on the folder of the migration itself: migrate {verb} FOLDER",
            )

    @cached_property
    def runbooks(self) -> tuple[Runbook, ...]:
        """The runbooks of `move`, in order. Raises ConfigError."""
        actions = frozenset(f"{kind.name}.{action.name}" for kind in self.kinds.values() for action in kind.actions)
        if not self.config.move:
            raise UsageError(
                f"{self.folder / configuration.FILE_NAME} names no runbook",
                do="add: move: [{runbook: move-workload, accounts: [<alias>]}]",
            )
        return tuple(runbook.load(part.runbook, self.folder, actions) for part in self.config.move)

    @cached_property
    def seal_key(self) -> bytes:
        """Key under which credentials are hashed in inventories: made once, never leaves this folder."""
        path = self.folder / SEAL_KEY
        if not path.exists():
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except OSError as error:
                raise FileError(f"{path} cannot be made: {error.strerror}", do="fix the folder's permissions") from None
            with os.fdopen(handle, "wb") as stream:
                stream.write(secrets.token_bytes(32))
        return path.read_bytes()

    def inventory(self, digest: str | None = None, path: Path | None = None) -> tuple[files.Written, Inventory]:
        """The newest inventory, or the one with that digest or path.

        Raises UsageError where there is none, StaleError where it was changed or is gone.
        """
        if path is None:
            what = "inventory.jsonl"
            path = files.latest(self.folder, what) if digest is None else files.by_digest(self.folder, what, digest)
        written, inventory = files.read_inventory(path)
        if digest is not None and written.digest != digest:
            raise StaleError(f"{path} is not the inventory {digest[:8]} that the plan was made from", do="plan again")
        if inventory.account != self.config.legacy.account:
            raise UsageError(
                f"{path} is of account {inventory.account}, migration.yaml says legacy is {self.config.legacy.account}",
                do="scan the legacy account, or mend migration.yaml",
            )
        return written, inventory

    def inputs(self, inventory_path: Path | None = None) -> Inputs:
        """What a plan is made from now."""
        written, inventory = self.inventory(path=inventory_path)
        config, digest = self.config, self.config_digest
        return Inputs(config, digest, inventory, written.digest, self.runbooks, self.kinds)

    def plan(self, path: Path | None = None) -> Plan:
        """The newest plan, or the one at that path. Raises StaleError where it was changed."""
        return read_plan(path or files.latest(self.folder, "plan.json"))

    def check_fresh(self, plan: Plan) -> Inventory:
        """The plan's inventory, when everything the plan was made from still says the same.

        Raises StaleError naming what changed.
        """
        if plan.migration != self.config.migration:
            raise StaleError(f"the plan is of {plan.migration!r}, this folder is {self.config.migration!r}", do="plan")
        again = f"migrate plan {self.folder} && migrate review {self.folder} && migrate approve {self.folder}"
        if plan.body["config"] != self.config_digest:
            raise StaleError("migration.yaml says something else than when the plan was made", do=again)
        now = {book.name: book.digest for book in self.runbooks}
        for name, digest in plan.body["runbooks"].items():
            if now.get(name) != digest:
                raise StaleError(f"runbook {name} was changed since the plan was made", do=again)
        return self.inventory(plan.body["inventory"])[1]

    def run_folder(self, plan: Plan) -> Path:
        """Where the journal of this plan's run lies, whether it was begun or not."""
        there = sorted(self.folder.glob(f"*.{plan.digest[:8]}.run"))
        return there[0] if there else self.folder / f"{files.now_utc():%Y%m%dT%H%M%SZ}.{plan.digest[:8]}.run"


def _meant(folder: Path) -> str:
    """What to type instead of a folder that is no migration's: those near here that are, or `init`."""
    near = _near(Path())
    begin = "" if folder.is_file() else f"migrate init {typed(folder)}"
    if not near:
        return begin or "name the folder that holds migration.yaml"
    name = "name the folder that holds migration.yaml: " + ", ".join(near)
    return f"{name}; or to begin one: {begin}" if begin else name


def _near(here: Path) -> list[str]:
    """The folders of migrations here and up to two levels below, as they are typed; at most six."""
    found, left = list[str](), [(here, 0)]
    for _ in range(_MOST_LOOKED_AT):
        if not left or len(found) == 6:
            break
        folder, depth = left.pop(0)
        if (folder / configuration.FILE_NAME).is_file():
            found.append(typed(folder))
        if depth < 2:
            try:
                with os.scandir(folder) as entries:
                    inner = sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())
            except OSError:
                continue
            left += [(folder / name, depth + 1) for name in inner]
    return found
