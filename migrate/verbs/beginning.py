"""init, doctor, scan: from nothing to an inventory."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from migrate import config as configuration
from migrate import files
from migrate.aws import Aws
from migrate.aws.regions import unknown
from migrate.errors import ConfigError, Incomplete, MigrateError, UsageError
from migrate.inventory import Inventory
from migrate.migration import Migration
from migrate.names import AccountId, Region, typed
from migrate.out import Out

if TYPE_CHECKING:
    from migrate.doctor import Finding

_YAML = """\
# What people decide about this migration; everything else is inferred and shown in the plan.
schema: migrate.config/1
migration: {name}

# The account that everything is in today. Credentials come from the environment, as for the AWS CLI.
legacy:
  account: "{legacy}"
  regions: [{regions}]

# The accounts of the organisation, and the role that is assumed in each.
targets:
{targets}
# Words that say an environment, in tags (env, environment, stage) and in names.
environments:
{environments}
# Which resource goes where, when its environment does not say it; the first rule that matches decides.
# Several accounts: a copy in each. `legacy`: it stays where it is.
placement: []
#  - {{kind: ecr.repository, to: [production, development], because: both pull its images}}

# Names of buckets are global: every bucket gets a new one.
buckets: "{{name}}-{{account}}"

# Which runbook is run for which accounts, in this order.
move:
{move}
# Where the credentials for proving a database's rows lie (a Secrets Manager secret with username and password).
databases: []
#  - {{instance: "shop-*", secret: "shop/db"}}

# Gaps and findings that a person takes responsibility for, each with a reason.
waivers: []
"""

_WORDS = {"production": ["prod", "production"], "staging": ["staging", "stage"], "development": ["dev", "development"]}


def init(
    out: Out,
    folder: Path,
    *,
    defaults: bool,
    legacy: str | None,
    regions: tuple[str, ...],
    targets: tuple[str, ...],
    role: str,
    name: str | None,
) -> int:
    """Write migration.yaml; never over one that is there."""
    path = folder / configuration.FILE_NAME
    if path.exists():
        raise UsageError(f"{path} is there already", do="edit it, or name another folder")
    asking = not defaults and sys.stdin.isatty()
    if asking:
        name = name or click.prompt("Name of the migration", default=_name(folder), err=True)
        legacy = legacy or click.prompt("Account that everything is in today (12 digits)", err=True)
        regions = regions or tuple(
            click.prompt("Regions in use", default="eu-west-1", err=True).replace(",", " ").split()
        )
        if not targets:
            listed = click.prompt("Target accounts, as alias=account, separated by spaces", err=True)
            targets = tuple(listed.replace(",", " ").split())
    elif not legacy or not targets:
        missing = " and ".join(f"--{what}" for what, there in (("legacy", legacy), ("target", targets)) if not there)
        if not defaults:
            raise UsageError(f"{missing} must be given where nobody can be asked", do="migrate init --help")
        legacy = legacy or "000000000000"
        targets = targets or ("production=000000000001", "development=000000000002")
        out.say("account ids of zeros are placeholders: put yours in before you scan")
    pairs = [_pair(target) for target in targets]
    aliases = [alias for alias, _ in pairs]
    listed_regions = ", ".join(regions or ("eu-west-1",))
    words = {word: alias for alias in aliases for word in _WORDS.get(alias, [alias])}
    # Development first, as the rehearsal; what is shared goes before anything that uses it.
    order = sorted(
        aliases, key=lambda alias: (alias.startswith("prod"), alias.startswith("stag"), aliases.index(alias))
    )
    text = _YAML.format(
        name=name or _name(folder),
        legacy=legacy,
        regions=listed_regions,
        targets="".join(f'  {alias}: {{account: "{account}", role: {role}}}\n' for alias, account in pairs),
        environments="".join(f"  {word}: {alias}\n" for word, alias in words.items()),
        move="".join(f"  - {{runbook: move-workload, accounts: [{alias}]}}\n" for alias in order),
    )
    folder.mkdir(parents=True, exist_ok=True)
    files.put(path, text.encode())
    try:
        configuration.load(folder)
    except ConfigError:
        path.unlink()
        raise
    _keep_out_of_git(folder)
    out.say(f"wrote {path}; next: migrate doctor {typed(folder)}")
    out.result(str(path), {"config": str(path)})
    return 0


def _pair(text: str) -> tuple[str, str]:
    alias, _, account = text.partition("=")
    if not re.fullmatch(r"[0-9]{12}", account) or not alias:
        raise UsageError(f"{text!r} is not ALIAS=ACCOUNT", do="like production=222222222222")
    return alias, account


def _name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower()).strip("-")[:40].strip("-")
    return name if len(name) > 1 else "migration"


def _keep_out_of_git(folder: Path) -> None:
    ignore = folder / ".gitignore"
    if not ignore.exists():
        files.put(ignore, b"# The key under which credentials are hashed, and the journals.\n.seal-key\n*.run/\n")


def open_aws(migration: Migration, out: Out | None = None, *, workers: int = 32, targets: bool = True) -> Aws:
    """AWS as migration.yaml says, with legacy's identity asserted and said."""
    config = migration.config
    aws = Aws(
        config.legacy.profile, config.roles() if targets else _legacy_role(config), config.external_id, workers=workers
    )
    who = aws.whoami(AccountId(config.legacy.account))
    if out is not None:
        alias = f" ({who.alias})" if who.alias else ""
        out.say(f"legacy {who.account}{alias} as {who.arn} in {', '.join(config.legacy.regions)}")
    return aws


def _legacy_role(config: configuration.Config) -> dict[AccountId, str]:
    return {account: role for account, role in config.roles().items() if account == config.legacy.account}


def doctor(out: Out, folder: Path) -> int:
    """Run the checks; exit 1 where one failed."""
    from migrate.doctor import examine

    migration = Migration(folder)
    config = migration.config
    aws = Aws(config.legacy.profile, config.roles(), config.external_id)
    accounts = {AccountId(config.legacy.account): "legacy"} | {config.account(a): a for a in config.targets}
    findings = [*examine(aws, accounts, config.regions), *_databases(migration, aws), *_quotas(migration, aws)]
    for finding in findings:
        out.say(
            f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}"
            + (f"\n     do: {finding.fix}" if not finding.ok else "")
        )
    bad = [finding for finding in findings if not finding.ok]
    out.result("", [{"ok": f.ok, "what": f.what, "fix": f.fix} for f in findings])
    out.say(
        f"{len(findings) - len(bad)} ok, {len(bad)} to mend" + ("" if bad else f"; next: migrate scan {typed(folder)}")
    )
    return 1 if bad else 0


def _databases(migration: Migration, aws: Aws) -> "Iterator[Finding]":
    """What the databases of the newest scan say."""
    from migrate.database_doctor import ask
    from migrate.databases import Databases
    from migrate.doctor import Finding

    if not any(migration.folder.glob("*.inventory.jsonl")):
        yield Finding(True, "databases are asked what would not arrive once there is a scan: doctor again after it")
        return
    databases = Databases(aws, migration.config, migration.config.regions[0])
    try:
        yield from ask(
            migration.inventory()[1].resources,
            databases.connect,
            databases.why_not,
            strategies=migration.config.strategy,
        )
    except MigrateError as error:
        yield Finding(False, f"databases could not be asked: {error.what}", error.do)


def _quotas(migration: Migration, aws: Aws) -> "Iterator[Finding]":
    """What the newest plan makes, against the quotas of the targets."""
    from migrate.doctor import Finding
    from migrate.quotas import examine

    if not any(migration.folder.glob("*.plan.json")):
        yield Finding(True, "quotas of the targets are compared once there is a plan: doctor again after it")
        return
    try:
        plan = migration.plan()
        yield from examine(aws, migration.config, plan, migration.inventory(plan.body["inventory"])[1], migration.kinds)
    except MigrateError as error:
        yield Finding(False, f"quotas could not be compared: {error.what}", error.do)


def scan(out: Out, folder: Path, *, strict: bool, workers: int, account: str | None) -> int:
    """Scan legacy (or a target, for comparing) and write the inventory."""
    migration = Migration(folder)
    config = migration.config
    if account is not None and account != "legacy" and account not in config.targets:
        raise UsageError(f"{account!r} is no alias", do=f"one of legacy, {', '.join(config.targets)}")
    for region, like in unknown(config.regions).items():
        meant = f", {like} is" if like else ""
        out.say(f"  botocore does not know the region {region}{meant}; whether it exists says migrate doctor")
    aws = open_aws(migration, out, workers=workers)
    own = account in (None, "legacy")
    scanned = AccountId(config.legacy.account) if own else config.account(str(account))
    found = scan_account(migration, aws, scanned, config.regions)
    where = folder if own else folder / "targets" / str(account)
    where.mkdir(parents=True, exist_ok=True)
    written = files.write_inventory(where, found)
    sizes: dict[str, int] = {}
    for resource in found.resources:
        sizes[resource.ref.kind] = sizes.get(resource.ref.kind, 0) + 1
    out.say(f"{len(found.resources)} resources of {len(sizes)} kinds, {len(found.gaps)} gaps")
    for gap in found.gaps[:12]:
        out.say(f"  gap: {gap.key}: {gap.reason}: {gap.said}")
    if len(found.gaps) > 12:
        out.say(f"  and {len(found.gaps) - 12} more, all in the plan")
    gaps = [gap.as_json() for gap in found.gaps]
    value = {"inventory": str(written.path), "digest": written.digest, "kinds": sizes, "gaps": gaps}
    out.result(str(written.path), value)
    if found.gaps and strict:
        raise Incomplete(f"the scan has {len(found.gaps)} gaps", do="allow what was denied, or scan without --strict")
    out.say(f"next: migrate plan {typed(folder)}" if own else "")
    return 0


def scan_account(migration: Migration, aws: Aws, account: AccountId, regions: tuple[Region, ...]) -> Inventory:
    """One scan, with progress on stderr."""
    from migrate.progress import shown
    from migrate.scan import scan as act

    with shown() as progress:
        return act(aws, account, regions, migration.kinds.values(), seal_key=migration.seal_key, progress=progress)


def scan_again(out: Out, migration: Migration, before: Inventory) -> Inventory:
    """The account of an inventory as it is now."""
    aws = open_aws(migration, out)
    return scan_account(migration, aws, before.account, before.regions)
