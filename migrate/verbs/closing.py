"""migrate close plan, review, approve, run, status, verify, rollback: the ordinary verbs on the old account's users.

The rule: nothing of them is done anew here. The users stand in the old account before and after, so the plan's target
is that account itself; what is sent is what `migrate people` shows, and nothing is deleted.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from migrate import config as configuration
from migrate import files, runbook
from migrate import plan as ordinary
from migrate.aws import Aws, Permit, permitted
from migrate.config import Config
from migrate.drift import unexplained
from migrate.errors import StaleError, UsageError
from migrate.inventory import Inventory
from migrate.journal import Journal
from migrate.kind import Kind
from migrate.kinds.iam_people import QuarantinedUser
from migrate.migration import Migration
from migrate.names import GLOBAL, AccountId, typed
from migrate.out import Out
from migrate.plan import Inputs, Plan
from migrate.runbook import Runbook
from migrate.sealing import Sealer
from migrate.sections import Moves, Rule, Target, Waiver
from migrate.verbs import acting
from migrate.verbs import planning as ordinary_verbs
from migrate.verbs.beginning import open_aws
from migrate.verbs.people import look
from migrate.verbs.within import Within

FOLDER = "closing"
RUNBOOK = "close-users"
OLD = "old"
_WITHIN = Within("close", FOLDER)


class ClosingConfig(Config):
    """migration.yaml as the planner is given it: the one target is the old account itself, and its users stay in it."""

    def alias(self, account: str) -> str:
        """The old account as a target."""
        return OLD if account == self.legacy.account else super().alias(account)

    def waiver_for(self, key: str) -> Waiver | None:
        """What the users name, and what migration.yaml says of other things: no inventory of users alone has it."""
        if key.startswith(("dangling/", "unknown/")):
            return Waiver(gap=key, because="users only are looked at here, and they stay in their account")
        return super().waiver_for(key)

    def roles(self) -> dict[AccountId, str]:
        """The role for the old account, where migration.yaml says one."""
        return {account: role for account, role in super().roles().items() if not role.endswith("role/")}


class Closing(Migration):
    """What the verbs need of a folder: `closing/`, with plans, approvals and journals of its own."""

    inner: ClassVar[str] = FOLDER
    book: ClassVar[str] = RUNBOOK
    section: ClassVar[str] = "quarantine"
    """What of `identities` asks for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.home = Migration(folder)
        self.folder = folder / self.inner

    @cached_property
    def config(self) -> Config:
        """The old account as source and target. Raises ConfigError."""
        decided = self.home.config
        changed = {
            "targets": {OLD: Target(account=decided.legacy.account, role=decided.legacy.role or "")},
            "placement": (Rule(kind="iam.*", to=OLD, because=f"migration.yaml, identities.{self.section}"),),
            "move": (Moves(runbook=self.book, accounts=(OLD,)),),
            "environments": {},
            "organisation": None,
        }
        # Not validated: that a target is the old account is refused everywhere else.
        fields = {name: getattr(decided, name) for name in Config.model_fields}
        return ClosingConfig.model_construct(**(fields | changed))

    @property
    def config_digest(self) -> str:
        """Digest of what migration.yaml says about who is closed, and who is removed."""
        decided = self.home.config
        people = None if decided.organisation is None else decided.organisation.model_dump(mode="json")
        said = {"migration": decided.migration, "legacy": decided.legacy.model_dump(mode="json"),
                "identities": decided.identities, "organisation": people, "settle_s": decided.settle_s}  # fmt: skip
        return files.digest_of("migrate.closing/1", said)

    @cached_property
    def seal_key(self) -> bytes:
        """The folder's own: the scan has sealed the keys' ids under it."""
        return self.home.seal_key

    @cached_property
    def kinds(self) -> dict[str, Kind[Any]]:
        """Users that can be closed."""
        return {"iam.user": QuarantinedUser()}

    @cached_property
    def runbooks(self) -> tuple[Runbook, ...]:
        """One's own in the folder's `runbooks/`, else the shipped one."""
        actions = frozenset(f"{kind.name}.{action.name}" for kind in self.kinds.values() for action in kind.actions)
        return (runbook.load(self.book, self.home.folder, actions),)

    def begun(self) -> Self:
        """Itself, its part of the folder made where it is missing. A folder without migration.yaml is left as it is."""
        self.config  # noqa: B018
        if not self.folder.exists():
            self.folder.mkdir()
            files.put(self.folder / ".gitignore", b"# The journals.\n*.run/\n")
        return self


def _opened(folder: Path) -> Closing:
    return Closing(folder).begun()


def _refuse_drift(migration: Migration, aws: Aws, plan: Plan, inventory: Inventory, journal: Journal) -> None:
    """Look at the users again: one that was changed since the plan is not closed by it."""
    assert isinstance(migration, Closing)
    (kind,) = migration.kinds.values()
    site = aws.site(inventory.account, GLOBAL, kind=kind.name, seal=Sealer(migration.seal_key))
    with permitted(Permit(kind.reads, scan=True)):
        seen = [one for one in kind.scan(site) if one.ref in inventory.by_ref]
    # Which stack made a user is told by the stacks, which are not looked at here.
    found = [replace(one, owner=inventory.by_ref[one.ref].owner) for one in seen]
    now = Inventory(inventory.account, inventory.regions, inventory.kinds, tuple(found), tuple(site.gaps))
    changed = unexplained(inventory, now, plan, journal, migration.kinds)
    refuse_changed(changed, do=f"migrate scan {migration.home.folder}, then migrate close plan {migration.home.folder}")


def refuse_changed(changed: Sequence[str], *, do: str) -> None:
    """Raise StaleError with what is not as it was planned, where there is any."""
    if changed:
        listed = "\n".join(f"  {line}" for line in changed[:30])
        raise StaleError(
            f"the users are not what the plan was made from: {len(changed)} differences; nothing was written\n{listed}",
            do=do,
        )


def write_plan(migration: Closing, inventory: Inventory) -> tuple[Path, Plan]:
    """Write what users are, and the plan that is made from it; return the inventory's file and the plan."""
    written = files.write_inventory(migration.folder, inventory)
    inputs = Inputs(
        migration.config, migration.config_digest, inventory, written.digest, migration.runbooks, migration.kinds
    )
    return written.path, ordinary.write(migration.folder, inputs)


WAYS = acting.Ways(_opened, open_aws, acting.run_clients, _refuse_drift)


def plan(out: Out, folder: Path) -> int:
    """Plan the closing of the users of the newest inventory. Calls nothing."""
    (home := Migration(folder)).not_of_a_copy("close")
    looked = look(home)
    if not looked.decided.quarantine:
        raise UsageError(
            "nobody asked for the old users to be closed",
            do=f"once everybody signs in by the organisation, set identities.quarantine: true in "
            f"{folder / configuration.FILE_NAME}",
        )
    migration = _opened(folder)
    refs = {one.user.ref for one in looked.quarantine.closed}
    whole = looked.inventory
    users = tuple(one for one in whole.of("iam.user") if one.ref in refs)
    inventory = Inventory(whole.account, whole.regions, ("iam.user",), users)
    _, made = write_plan(migration, inventory)
    for name, why in looked.quarantine.spared.items():
        out.say(f"  not closed: {name} {why}")
    out.say(
        f"plan {made.digest[:8]}: {len(users)} users are closed in {len(made.steps)} steps, {len(made.gates)} gates"
    )
    out.result(str(made.path), {"plan": str(made.path), "digest": made.digest, "users": sorted(r.name for r in refs),
                                "not_closed": dict(looked.quarantine.spared), "refusals": made.refusals})  # fmt: skip
    if made.refusals:
        raise ordinary_verbs.refused(
            out,
            made,
            do=f"settle them, then migrate close plan {typed(folder)}",
            rest=f"migrate close review {typed(folder)}",
        )
    out.say(f"next: migrate close review {typed(folder)}")
    return 0


review = _WITHIN.shared(ordinary_verbs.review, of=_opened)
approve = _WITHIN.shared(ordinary_verbs.approve, of=_opened)
run = _WITHIN.shared(acting.run, ways=WAYS)
status = _WITHIN.shared(acting.status, ways=WAYS)
verify = _WITHIN.shared(acting.verify, ways=WAYS)
rollback = _WITHIN.shared(acting.rollback, ways=WAYS)
