"""migrate report untagged: which things say neither whose they are nor of which environment, and what is stamped.

The rule: kinds are told from the newest scan; of services without a kind the tagging API is asked now, by the scan's
guard. Nothing is tagged.
"""

from pathlib import Path

from migrate.aws import Permit, ReadFailed, home_region, permitted
from migrate.errors import Incomplete
from migrate.kind import MIGRATION_TAG, STEP_TAG
from migrate.migration import Migration
from migrate.names import AccountId, Arn, Region
from migrate.out import Out
from migrate.scan import GET_RESOURCES
from migrate.unhandled import covered, typed
from migrate.untagged import LIMIT, Keys, Listed, Tagged, of_kinds, of_others
from migrate.verbs.beginning import open_aws
from migrate.verbs.people import look

SHOWN = 5


def untagged(
    out: Out, folder: Path, *, inventory: Path | None, owner: tuple[str, ...], environment: tuple[str, ...]
) -> int:
    """Say what lacks which tags. Exit 0; 6 where the tagging API was not answered in a region."""
    migration = Migration(folder)
    looked = look(migration, inventory)
    found = looked.inventory
    keys = Keys(owner or Keys().owner, environment or Keys().environment)
    listed, refused = _listed(migration, out, found.regions)
    kinds, without = of_kinds(found.resources, migration.kinds, listed, keys)
    types = frozenset(one for kind in migration.kinds.values() for one in kind.tagging_types)
    type_of = {text: name for text in listed.tags if (name := _type_without_kind(text, types, found.regions))}
    others = of_others(listed, [one.arn for one in found.resources], type_of, keys)
    moved = sum(
        1 for one in found.resources if looked.drafting.places(one.ref) and _is_stamped(migration, one.ref.kind)
    )
    stamped = (
        f"each of the {moved} things that move and take tags keeps its own and gets {MIGRATION_TAG} and {STEP_TAG}; "
        "nobody is made its owner by the migration, and its environment is its account"
    )
    out.result(
        "\n".join([line for one in (*kinds, *others) for line in _lines(one)] or ["everything says whose it is"]),
        {
            "keys": {"owner": list(keys.owner), "environment": list(keys.environment)},
            "kinds": [one.as_json() for one in kinds], "others": [one.as_json() for one in others], "limit": LIMIT,
            "not_taggable": dict(sorted(without.items())), "refused": refused,
            "stamp": {"things": moved, "tags": [MIGRATION_TAG, STEP_TAG]},
        },
    )  # fmt: skip
    bare = {name: sum(len(one.lacking[name]) for one in (*kinds, *others)) for name in ("owner", "environment")}
    read = sum(one.read for one in (*kinds, *others))
    out.say(f"of {read} things whose tags were read {bare['owner']} lack an owner ({', '.join(keys.owner)})")
    out.say(f"and {bare['environment']} an environment ({', '.join(keys.environment)})")
    out.say(f"{sum(without.values())} things are of kinds that carry no tags, or none that a scan sees")
    out.say(f"what is listed without a kind: {LIMIT}")
    out.say(stamped)
    if refused:
        first = next(iter(refused))
        raise Incomplete(
            f"the tagging API was not answered in {', '.join(refused)}: {refused[first]}",
            do="let the role in legacy do what migrate policy --for scan prints, then type the same again",
        )
    return 0


def _is_stamped(migration: Migration, kind: str) -> bool:
    found = migration.kinds.get(kind)
    return found is not None and found.stamped and bool(found.actions)


def _type_without_kind(text: str, types: frozenset[str], regions: tuple[Region, ...]) -> str:
    """`service:type` of an ARN that no kind covers; nothing for another."""
    arn = Arn.parse(text)
    if arn is None or (arn.region and arn.region not in regions) or covered(arn.service, arn.resource, types):
        return ""
    return typed(arn.service, arn.resource)


def _listed(migration: Migration, out: Out, regions: tuple[Region, ...]) -> tuple[Listed, dict[str, str]]:
    """What the tagging API shows in every region, and where it was refused."""
    aws = open_aws(migration, out, targets=False)
    account = AccountId(migration.config.legacy.account)
    tags: dict[str, dict[str, str]] = {}
    refused: dict[str, str] = {}
    with permitted(Permit(frozenset({GET_RESOURCES}), scan=True)):
        for region in dict.fromkeys([*regions, home_region(regions[0])]):
            try:
                for one in aws.site(account, region).pages(GET_RESOURCES, "ResourceTagMappingList[]"):
                    tags[one["ResourceARN"]] = {tag["Key"]: tag["Value"] for tag in one.get("Tags") or ()}
            except ReadFailed as error:
                refused[region] = f"{error.operation}: {error.reason}: {error.said}"
    return Listed(tags), refused


def _lines(one: Tagged) -> list[str]:
    lines = []
    for name, those in one.lacking.items():
        if those:
            more = f" and {len(those) - SHOWN} more (--json)" if len(those) > SHOWN else ""
            short = [text.rpartition(":")[2] if text.startswith("arn:") else text for text in those[:SHOWN]]
            lines.append(f"{one.name}: {len(those)} of {one.read} lack an {name} tag: {', '.join(short)}{more}")
    if one.not_read:
        lines.append(f"{one.name}: of {one.not_read} the tags are not known: never tagged, or not readable")
    return lines
