"""outside: what whoever stands outside AWS (a frontend elsewhere, CI, partners, DNS) has to change, name by name.

The rule: calls nothing and guesses nothing. A name that AWS has not given yet is said to be known after its step.
"""

from collections.abc import Iterator
from pathlib import Path

from migrate.foreign_records import foreign_names, what_to_change
from migrate.ground import Known
from migrate.inventory import Inventory
from migrate.journal import FILE as JOURNAL
from migrate.journal import Journal
from migrate.migration import Migration
from migrate.names import typed
from migrate.out import Out
from migrate.plan import Plan
from migrate.senders import outside_senders, told
from migrate.tokens import Index
from migrate.values import Json, resolve, shown

_SORTS = ("host", "url", "bucket")
"""The forms in which somebody outside names a thing; ARNs and ids are for AWS."""


def outside(out: Out, folder: Path, *, plan_path: Path | None) -> int:
    """List every host, URL and bucket name with what stands for it, the DNS records that lie elsewhere, who sends to
    queues, topics and buses from other accounts, and the access keys that stay behind."""
    migration = Migration(folder)
    migration.not_of_a_copy("outside")
    plan = migration.plan(plan_path)
    inventory = migration.inventory(plan.body["inventory"])[1]
    index = plan.names(inventory, migration.kinds)
    names = list(_names(plan, inventory, index, migration))
    senders = list(_senders(inventory, index, names, migration))
    keys = list(_keys(inventory))
    lines = [f"{one['legacy']}\n    {one['alias']}: {one['target']}" for one in names]
    records = list(_records(inventory, names))
    lines += [f"record {one['record']} ({one['seen_in']})\n    {one['alias']}: {one['do']}" for one in records]
    lines += [
        f"sends to {one['ref']}: {', '.join(one['who'])}\n    {one['alias']}: send to {one['to']}; they have changed "
        f"when {one['prove']}; what still arrives at the old one stays there. Meanwhile: {one['meanwhile']}"
        for one in senders
    ]
    lines += [f"key {one['key']} of {one['user']}, last used {one['last_used']}: {one['do']}" for one in keys]
    out.result(
        "\n".join(lines) or "nothing that has a name outside AWS moves",
        {"names": names, "records": records, "senders": senders, "keys": keys},
    )
    waiting = sum(not one["known"] for one in names)
    out.say(
        f"{len(names)} names, {waiting} of them not known yet; {len(records)} records in a DNS elsewhere; "
        f"{len(senders)} queues, topics and buses that others send to; {len(keys)} access keys stay in legacy"
    )
    out.say(f"whether the old ones are still in use, after the cut-over: migrate quiet {typed(folder)}")
    return 0


def _names(plan: Plan, inventory: Inventory, index: Index, migration: Migration) -> Iterator[dict[str, Json]]:
    path = migration.run_folder(plan) / JOURNAL
    journal = Journal(path, write=False) if path.exists() else None
    try:
        for text, known in sorted(index.known.items()):
            if known.sort not in _SORTS or known.stays or "*" in text or "?" in text:
                continue
            for account, target in sorted(known.targets.items()):
                try:
                    value, is_known = resolve(target, {} if journal is None else Known(journal)), True
                except KeyError:
                    value, is_known = shown(target), False
                if value != text:
                    yield {
                        "legacy": text, "target": value, "known": is_known, "ref": str(known.ref),
                        "account": account, "alias": migration.config.alias(account),
                    }  # fmt: skip
    finally:
        if journal is not None:
            journal.close()


def _records(inventory: Inventory, names: list[dict[str, Json]]) -> Iterator[dict[str, Json]]:
    for foreign in foreign_names(inventory):
        for one in names:
            if (one["ref"], one["legacy"]) == (str(foreign.front), foreign.host):
                yield {
                    "record": foreign.name, "seen_in": foreign.seen_in, "ref": one["ref"], "account": one["account"],
                    "alias": one["alias"], "target": one["target"], "known": one["known"],
                    "do": what_to_change(foreign, str(one["target"]), bool(one["known"])),
                }  # fmt: skip


def _senders(
    inventory: Inventory, index: Index, names: list[dict[str, Json]], migration: Migration
) -> Iterator[dict[str, Json]]:
    there = {(str(one["legacy"]), str(one["account"])): str(one["target"]) for one in names}
    for one in outside_senders(inventory):
        own = index.known[one.resource.arn]
        for account, arn in sorted(own.targets.items()) if not own.stays else ():
            url = str(one.resource.facts.get("url", ""))
            texts = {one.resource.arn: str(shown(arn)), url: there.get((url, account), url)}
            alias = migration.config.alias(account)
            said = told(one, texts, account, alias)
            yield {
                "ref": str(said.ref), "who": list(said.who), "to": said.to, "prove": said.prove,
                "meanwhile": said.meanwhile, "account": account, "alias": alias,
            }  # fmt: skip


def _keys(inventory: Inventory) -> Iterator[dict[str, Json]]:
    for user in inventory.of("iam.user"):
        for key in user.facts["access_keys"]:
            if key["status"] == "Active":
                yield {
                    "user": user.ref.name, "key": f"…{key['id_ends_in']}", "last_used": key["last_used"],
                    "do": "it opens legacy alone: whoever holds it needs a role, or a key of the target",
                }  # fmt: skip
