"""migrate org apart: whether the accounts of the environments are apart, by fresh reads of everything in them.

The rule: whatever names another environment's account joins them until a person says why; an account that was not read
whole is not said to be apart. Nothing is written to AWS.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from migrate.config import Config
from migrate.errors import Incomplete, UsageError, VerificationFailed
from migrate.files import canonical
from migrate.inventory import Inventory
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import AccountId, Region
from migrate.out import Out
from migrate.scan import scan
from migrate.values import Json
from migrate.verbs.beginning import open_aws

NOT_LOOKED_AT = "transit gateways, shares of Resource Access Manager, and ways that lead through a third account"
_ORGANISATION = re.compile(r"aws:principalorg(id|paths)", re.I)


def apart(out: Out, folder: Path) -> int:
    """Say what joins which environments. Exit 0 where nothing does, 5 where something, 6 where not all was read."""
    migration = Migration(folder)
    config = migration.config
    accounts = _accounts(config)
    if len(accounts) < 2:
        raise UsageError(
            f"migration.yaml has {len(accounts)} accounts of environments: there is nothing to keep apart",
            do="say under environments which account each goes to",
        )
    aws = open_aws(migration, out)
    regions = [Region(one) for one in config.legacy.regions]
    joined: list[dict[str, Json]] = []
    unread: list[str] = []
    for alias, account in accounts.items():
        found = scan(aws, account, regions, every_kind().values(), seal_key=migration.seal_key, unhandled=False)
        unread += [f"{alias}: {gap.kind} in {gap.region}: {gap.call}: {gap.said}" for gap in found.gaps]
        joined += joins(found, alias, {number: name for name, number in accounts.items() if name != alias})
        out.say(f"  {alias} {account}: {len(found.resources)} things read, {len(found.gaps)} reads refused")
    for one in joined:
        waiver = config.waiver_for(f"apart/{one['ref']}")
        one["because"] = waiver.because if waiver else ""
    open_ones = [one for one in joined if not one["because"]]
    out.result(
        "\n".join(f"{one['in']}: {one['ref']} ({one['where']}) names {one['names']} {one['because']}".rstrip()
                  for one in joined),
        {"joined": joined, "unread": unread, "not_looked_at": NOT_LOOKED_AT},
    )  # fmt: skip
    for line in unread[:20]:
        out.say(f"  not read: {line}")
    out.say(f"not looked at: {NOT_LOOKED_AT}")
    if open_ones:
        raise VerificationFailed(
            f"{len(open_ones)} things join environments: {', '.join(str(one['ref']) for one in open_ones[:6])}",
            do=f"take that away, or say why it is meant: waivers: [{{gap: 'apart/{open_ones[0]['ref']}', because: …}}]",
        )
    if unread:
        raise Incomplete(
            f"{len(unread)} reads were refused: whether the environments are apart is not known",
            do="let the roles of the targets do what migrate policy --for scan prints, then type the same again",
        )
    out.say(f"{', '.join(accounts)} are apart: nothing in one names another")
    return 0


def _accounts(config: Config) -> dict[str, AccountId]:
    """Alias → account of each environment, in the order of migration.yaml."""
    return {alias: config.account(alias) for alias in dict.fromkeys(config.environments.values())}


def joins(found: Inventory, alias: str, others: Mapping[AccountId, str]) -> Iterator[dict[str, Json]]:
    """Everything of this account that names another environment's account, or lets in the whole organisation.

    others: account id → alias. Pure.
    """
    known = {name: re.compile(rf"(?<![0-9]){number}(?![0-9])") for number, name in others.items()}
    known["the whole organisation"] = _ORGANISATION
    for one in found.resources:
        for name, pattern in known.items():
            fields = [field for field, value in one.facts.items() if pattern.search(canonical(value).decode())]
            if fields:
                yield {"in": alias, "ref": str(one.ref), "names": name, "where": ", ".join(sorted(fields))}
