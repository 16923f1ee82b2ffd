"""What the old account's users and groups become, written into the section `organisation` of migration.yaml.

The rule: only ever added to. What a person wrote stays as it is, letter by letter outside the section, and with its
comments inside it.
"""

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from migrate.people.classify import Classified
from migrate.people.permission_sets import Sets
from migrate.values import Json

SECTION = "organisation"
NO_EMAIL = "FILL-IN"
"""IAM knows no e-mail address of a user; a tag `email` or a name that is an address is taken."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TOP_KEY = re.compile(r"^[A-Za-z_][\w-]*[ \t]*:", re.M)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would stand in the section."""

    people: tuple[dict[str, Json], ...]
    groups: Mapping[str, dict[str, Json]]
    permission_sets: Mapping[str, dict[str, Json]]
    undecided: tuple[str, ...]
    """Users of whom a person has to say what they are."""

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {
            "people": list(self.people),
            "groups": dict(self.groups),
            "permission_sets": dict(self.permission_sets),
            "undecided": list(self.undecided),
        }


def propose(classified: Iterable[Classified], sets: Sets) -> Proposal:
    """The proposal for the people among the classified users."""
    those = tuple(classified)
    persona_of = {member: persona.name for persona in sets.personas for member in persona.members}
    people = [
        {"name": one.user.name, "email": _email(one), "groups": [persona_of[one.user.name]]}
        for one in those
        if one.is_ == "human" and one.user.name in persona_of
    ]
    groups: dict[str, dict[str, Json]] = {persona.name: {"assign": []} for persona in sets.personas}
    for one in sets.sets:
        if one.assigned:
            groups[one.persona]["assign"].append({"accounts": list(one.assigned), "permission_set": one.name})
    return Proposal(
        tuple(people),
        groups,
        {one.name: one.as_json() for one in sets.sets},
        tuple(one.user.name for one in those if one.is_ == "unknown"),
    )


def _email(one: Classified) -> str:
    tags = {key.lower(): value for key, value in one.user.tags.items()}
    for text in (tags.get("email", ""), tags.get("mail", ""), one.user.name):
        if _ADDRESS.fullmatch(text):
            return text
    return NO_EMAIL


def written(text: str, proposal: Proposal) -> tuple[str, list[str]]:
    """The text of migration.yaml with what the proposal adds, and what was added. Nothing new: the same text."""
    yaml, section = _read(text)
    is_new = not section
    added = _add(section, proposal)
    if not is_new:
        # A section on one line would get everything onto it.
        section.fa.set_block_style()
        for name in ("groups", "permission_sets", "people"):
            if section.get(name):
                section[name].fa.set_block_style()
    if not added:
        return text, []
    stream = io.StringIO()
    yaml.dump(CommentedMap({SECTION: section}), stream)
    block = stream.getvalue()
    if is_new:
        head = "# Proposed by `migrate people --write` from the users of the old account: change it as you like.\n"
        begin = _without_empty(text)
        return f"{begin}\n{head}{block}", added
    start, end = _lines_of_section(text)
    return text[:start] + block + text[end:], added


def section_with(text: str, proposal: Proposal) -> dict[str, Any]:
    """The section as plain values, once the proposal is in it."""
    _, section = _read(text)
    _add(section, proposal)
    plain: dict[str, Any] = _plain(section)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _read(text: str) -> tuple[YAML, Any]:
    """How the text is written back, and its section; an empty one where there is none."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 118
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    section = document.get(SECTION) if isinstance(document, Mapping) else None
    return yaml, CommentedMap() if section is None else section


def _without_empty(text: str) -> str:
    """The text without a section that has nothing in it (`organisation:` alone)."""
    start, end = _lines_of_section(text)
    kept = text[:start] + text[end:]
    return kept if kept.endswith("\n") or not kept else f"{kept}\n"


def _lines_of_section(text: str) -> tuple[int, int]:
    """Where the section begins and ends, by its top-level keys; twice the end where there is none."""
    found = list(_TOP_KEY.finditer(text))
    for number, match in enumerate(found):
        if match.group().rstrip(": \t") == SECTION:
            return match.start(), found[number + 1].start() if number + 1 < len(found) else len(text)
    return len(text), len(text)


def _add(section: Any, proposal: Proposal) -> list[str]:
    added: list[str] = []
    people = _part(section, "people", CommentedSeq())
    there = {str(one.get("name")) for one in people if isinstance(one, Mapping)}
    for person in proposal.people:
        if person["name"] not in there:
            people.append(_flow(person))
            added.append(f"people: {person['name']}")
    for name, values in (("groups", proposal.groups), ("permission_sets", proposal.permission_sets)):
        part = _part(section, name, CommentedMap())
        for key, value in values.items():
            if key not in part:
                part[key] = _block(value)
                added.append(f"{name}: {key}")
    for name in ("people", "groups", "permission_sets"):
        if not section[name]:
            del section[name]
    return added


def _part(section: Any, name: str, empty: Any) -> Any:
    if section.get(name) is None:
        section[name] = empty
    return section[name]


def _flow(value: Mapping[str, Json]) -> CommentedMap:
    """One line: `{name: …, email: …}`."""
    made = CommentedMap()
    for key, item in value.items():
        made[key] = CommentedSeq(item) if isinstance(item, list) else item
        if isinstance(item, list):
            made[key].fa.set_flow_style()
    made.fa.set_flow_style()
    return made


def _block(value: Json, key: str = "") -> Json:
    if isinstance(value, Mapping):
        if key == "assign":
            return _flow(value)
        return CommentedMap((name, _block(item, name)) for name, item in value.items())
    if isinstance(value, list):
        return CommentedSeq(_block(item, key) for item in value)
    # A date of YAML 1.1 and a number of twelve digits are texts in policies.
    return DoubleQuotedScalarString(value) if isinstance(value, str) and value[:1].isdigit() else value
