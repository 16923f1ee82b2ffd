"""What stands → `organisation:` of migration.yaml, comments kept. The rule: what people wrote stays, unless AWS shows
otherwise; what they want and is not there yet stays too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from migrate import config as configuration
from migrate import files
from migrate.errors import ConfigError
from migrate.inventory import Resource
from migrate.organisation import guard_rails
from migrate.values import Json

_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass
class Imported:
    """The section as it stands, the accounts by alias, and what could not be said there."""

    section: dict[str, Any]
    accounts: dict[str, str]
    left: list[str] = field(default_factory=list)


def section_of(
    present: Iterable[Resource], management: str, known: Mapping[str, str], setting: guard_rails.Setting
) -> Imported:
    """The section. `known`: account id → alias, as migration.yaml has it; `setting`: to know the starter set again."""
    by_kind: dict[str, list[Resource]] = {}
    for one in present:
        by_kind.setdefault(one.ref.kind, []).append(one)
    aliases = _aliases(by_kind.get("organizations.account", []), known)
    made = Imported({"management": {"account": management}}, {alias: number for number, alias in aliases.items()})
    _tree(by_kind, aliases, made)
    _rails(by_kind, aliases, made, setting)
    _people(by_kind, aliases | {management: "management"}, made)
    services = sorted(one.ref.name for one in by_kind.get("organizations.service_access", []))
    delegated = {
        one.facts["service"]: aliases[one.facts["account"]]
        for one in by_kind.get("organizations.delegated_administrator", [])
        if one.facts["account"] in aliases
    }
    made.section |= {key: value for key, value in (("services", services), ("delegated", delegated)) if value}
    count = len(aliases) + 1
    if count > 10:
        made.section["most_accounts"] = count
    return made


def _aliases(accounts: Iterable[Resource], known: Mapping[str, str]) -> dict[str, str]:
    """Account id → alias: the one of migration.yaml, else made of its name."""
    found: dict[str, str] = {}
    for one in sorted(accounts, key=lambda each: str(each.facts["id"])):
        number = str(one.facts["id"])
        words = _PLAIN.sub("_", str(one.facts["account_name"]).lower()).strip("_")
        alias = base = known.get(number) or (words if words[:1].isalpha() else f"account_{words or number}")
        while alias in (*found.values(), "legacy", "management"):
            alias = f"{base}_{number[-4:]}" if alias == base else f"account_{number}"
        found[number] = alias
    return found


def _tree(by_kind: Mapping[str, list[Resource]], aliases: Mapping[str, str], made: Imported) -> None:
    paths = {str(one.facts["id"]): one.ref.name for one in by_kind.get("organizations.organizational_unit", [])}
    for path in sorted(paths.values()):
        _unit(made.section, path)
    for one in by_kind.get("organizations.account", []):
        alias = aliases[str(one.facts["id"])]
        member: dict[str, Any] = {"email": one.ref.name}
        if one.facts["account_name"] != alias:
            member["name"] = one.facts["account_name"]
        tags = {key: one.tags[key] for key in ("owner", "expires") if key in one.tags}
        path = paths.get(str(one.facts["parent"]), "")
        holder = _unit(made.section, path) if path else made.section
        holder.setdefault("accounts", {})[alias] = member | tags


def _unit(section: dict[str, Any], path: str) -> dict[str, Any]:
    at = section
    for name in path.split("/"):
        at = at.setdefault("units", {}).setdefault(name, {})
    return at


def _rails(
    by_kind: Mapping[str, list[Resource]], aliases: Mapping[str, str], made: Imported, setting: guard_rails.Setting
) -> None:
    own: dict[str, Json] = {}
    names: set[str] = set()
    for one in by_kind.get("organizations.policy", []):
        names.add(one.ref.name)
        starter = guard_rails.STARTER.get(one.ref.name)
        known = () if starter is None else (starter.document(setting), starter.document(setting.when_over()))
        if one.facts["content"] not in known:
            own[one.ref.name] = one.facts["content"]
    rails: dict[str, Any] = {}
    accounts = {one.ref.name: one for one in by_kind.get("organizations.account", [])}
    for one in by_kind.get("organizations.policy_attachment", []):
        rail, where = guard_rails.apart(one.ref.name)
        sort, _, name = where.partition(":")
        if sort == "root":
            rails.setdefault("everywhere", []).append(rail)
        elif sort == "unit":
            _unit(made.section, name).setdefault("guard_rails", []).append(rail)
        elif name in accounts:
            _member(made.section, aliases[str(accounts[name].facts["id"])]).setdefault("guard_rails", []).append(rail)
        else:
            made.left.append(f"policy {rail} is attached to the management account, where it holds for nobody")
    used = {one.facts["policy_name"] for one in by_kind.get("organizations.policy_attachment", [])}
    made.left += [f"policy {name} is attached to nothing" for name in sorted(names - used)]
    documents = {name: own[name] for name in sorted(own) if name in used}
    if documents:
        rails["documents"] = documents
    if rails:
        made.section["guard_rails"] = rails


def _member(section: dict[str, Any], alias: str) -> dict[str, Any]:
    for holder in _holders(section):
        if alias in holder.get("accounts", {}):
            found: dict[str, Any] = holder["accounts"][alias]
            return found
    raise KeyError(alias)


def _holders(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield holder
    for unit in holder.get("units", {}).values():
        yield from _holders(unit)


def _people(by_kind: Mapping[str, list[Resource]], aliases: Mapping[str, str], made: Imported) -> None:
    sets = {str(one.facts["id"]): one for one in by_kind.get("sso.permission_set", [])}
    permission_sets: dict[str, Any] = {}
    for one in sets.values():
        said = one.facts
        permission_sets[one.ref.name] = {
            key: value
            for key, value in (
                ("description", said["description"]),
                ("policies", said["managed"]),
                ("customer_policies", [{"name": c["Name"], "path": c["Path"]} for c in said["customer"]]),
                ("inline", said["inline"]),
                ("session", said["session"]),
            )
            if value
        }
    groups: dict[str, Any] = {}
    by_id = {str(one.facts["id"]): one.ref.name for kind in ("group", "user")
             for one in by_kind.get(f"identitystore.{kind}", [])}  # fmt: skip
    for one in by_kind.get("identitystore.group", []):
        about = one.facts["description"]
        groups[one.ref.name] = {"description": about} if about else {}
    for one in by_kind.get("sso.account_assignment", []):
        group, alias = by_id.get(str(one.facts["group"]), ""), aliases.get(str(one.facts["account"]))
        if not group or alias is None or one.facts["permission_set"] not in sets:
            made.left.append(f"assignment {one.ref.name}: its account is closed or not of this organisation")
            continue
        both = {"accounts": [alias], "permission_set": sets[one.facts["permission_set"]].ref.name}
        groups.setdefault(group, {}).setdefault("assign", []).append(both)
    members: dict[str, list[str]] = {}
    for one in by_kind.get("identitystore.group_membership", []):
        members.setdefault(by_id[str(one.facts["user"])], []).append(by_id[str(one.facts["group"])])
    people = []
    for one in by_kind.get("identitystore.user", []):
        email = one.facts["email"] or (one.ref.name if "@" in one.ref.name else "")
        if not email:
            made.left.append(f"user {one.ref.name} has no e-mail address")
            continue
        person = {"name": one.facts["display_name"] or one.ref.name, "email": email}
        person |= {"user": one.ref.name} if one.ref.name != email else {}
        people.append(person | ({"groups": sorted(members[one.ref.name])} if one.ref.name in members else {}))
    found = (("people", people), ("groups", groups), ("permission_sets", permission_sets))
    made.section |= {key: value for key, value in found if value}


def write(path: Path, imported: Imported, role: str) -> list[str]:
    """Bring migration.yaml up to what stands, in one motion; gives each place that was changed.

    Comments, order and what AWS knows nothing of stay. Raises FileError where it cannot be written, ConfigError where
    what stands cannot be said in it; nothing was written then.
    """
    yaml = YAML(typ="rt")
    yaml.width = 120
    document = yaml.load(path.read_text(encoding="utf-8"))
    changed: list[str] = []
    if document.get("organisation") is None:
        document["organisation"] = CommentedMap()
    _merge(document["organisation"], imported.section, "organisation", changed)
    if imported.accounts:
        if document.get("targets") is None:
            document["targets"] = CommentedMap()
        there = {str(one.get("account")) for one in document["targets"].values()}
        new = {alias: {"account": number, "role": role} for alias, number in imported.accounts.items()
               if number not in there and number != str(document["legacy"]["account"])}  # fmt: skip
        _merge(document["targets"], new, "targets", changed)
    if changed:
        text = StringIO()
        yaml.dump(document, text)
        _check(text.getvalue())
        files.put(path, text.getvalue().encode())
    return changed


def _check(text: str) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / configuration.FILE_NAME).write_text(text, encoding="utf-8")
        try:
            configuration.load(Path(folder))
        except ConfigError as error:
            said = error.what.replace(folder, "what stands")
            raise ConfigError(
                f"what stands cannot be said in migration.yaml; nothing was written: {said}",
                do="change it in the console, or report it",
            ) from None


def _merge(there: Any, found: Mapping[str, Any], where: str, changed: list[str]) -> None:
    for key, value in found.items():
        inside = f"{where}.{key}"
        if key not in there or there[key] is None:
            there[key] = _quoted(value)
            changed.append(inside)
        elif isinstance(value, dict) and isinstance(there[key], dict):
            _merge(there[key], value, inside, changed)
        elif key == "people":
            _merge_people(there[key], value, inside, changed)
        elif key == "assign":
            _merge_assignments(there[key], value, inside, changed)
        elif there[key] != value:
            if isinstance(value, list) and sorted(map(str, there[key])) == sorted(map(str, value)):
                continue
            there[key] = _quoted(value)
            changed.append(inside)


def _merge_assignments(there: Any, found: Iterable[dict[str, Any]], where: str, changed: list[str]) -> None:
    """Add what nobody wrote: an entry that stands keeps its last day, which AWS knows nothing of."""
    known = {(alias, str(one["permission_set"])) for one in there for alias in one["accounts"]}
    for one in found:
        if (one["accounts"][0], one["permission_set"]) not in known:
            there.append(_quoted(one))
            changed.append(f"{where}: {one['permission_set']} in {one['accounts'][0]}")


def _merge_people(there: Any, found: Iterable[dict[str, Any]], where: str, changed: list[str]) -> None:
    known = {str(one.get("user") or one.get("email")).lower(): one for one in there}
    for person in found:
        login = str(person.get("user") or person["email"]).lower()
        if login in known:
            _merge(known[login], {key: value for key, value in person.items() if key == "groups"}, f"{where}.{login}",
                   changed)  # fmt: skip
        else:
            there.append(_quoted(person))
            changed.append(f"{where}.{login}")


def _quoted(value: Any) -> Any:
    """Account ids stay text: a number that begins with a nought would lose it."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str) and value.isdigit():
        return DoubleQuotedScalarString(value)
    if isinstance(value, dict):
        return CommentedMap((key, _quoted(item)) for key, item in value.items())
    return [_quoted(item) for item in value] if isinstance(value, list) else value
