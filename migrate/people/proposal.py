"""What the old account's users and groups become, written into the section `organisation` of migration.yaml.

The rule: only ever added to. What a person wrote stays as it is, letter by letter outside the section, and with its
comments inside it.
"""

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from migrate.people.classify import Classified
from migrate.people.permission_sets import Sets
from migrate.values import Json

SECTION = "organisation"
IDENTITIES = "identities"
NO_EMAIL = "fill-in.invalid"
"""Domain where IAM knows no e-mail address: it never does but by a tag `email` or a name that is one. No mail arrives
at `.invalid`. Source: RFC 2606."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TOP_KEY = re.compile(r"^[A-Za-z_][\w-]*[ \t]*:", re.M)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would stand in the section."""

    people: tuple[dict[str, Json], ...]
    groups: Mapping[str, dict[str, Json]]
    permission_sets: Mapping[str, dict[str, Json]]
    policies: Mapping[str, dict[str, Json]]
    """Documents of the customer managed policies that the sets name."""
    undecided: tuple[str, ...]
    """Users of whom a person has to say what they are."""
    machines: Mapping[str, dict[str, Json]] = field(default_factory=dict)
    """`<alias>/<role>` → what it may do in place of the user that it replaces."""

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {
            "people": list(self.people),
            "groups": dict(self.groups),
            "permission_sets": dict(self.permission_sets),
            "policies": dict(self.policies),
            "machines": dict(self.machines),
            "undecided": list(self.undecided),
        }


def propose(classified: Iterable[Classified], sets: Sets) -> Proposal:
    """The proposal for the people among the classified users."""
    those = tuple(classified)
    persona_of = {member: persona.name for persona in sets.personas for member in persona.members}
    people = [
        {
            "user": one.user.name,
            "name": one.user.name,
            "email": _email(one),
            "groups": [persona_of[one.user.name]],
        }
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
        {name: document for one in sets.sets for name, document in one.customer.items()},
        tuple(one.user.name for one in those if one.is_ == "unknown"),
    )


def _email(one: Classified) -> str:
    tags = {key.lower(): value for key, value in one.user.tags.items()}
    for text in (tags.get("email", ""), tags.get("mail", ""), one.user.name):
        if _ADDRESS.fullmatch(text):
            return text
    return f"{re.sub('[^a-z0-9.-]', '-', one.user.name.lower())[:40]}@{NO_EMAIL}"


def written(text: str, proposal: Proposal) -> tuple[str, list[str]]:
    """The text of migration.yaml with what the proposal adds, and what was added. Nothing new: the same text.

    Only the two sections are written anew; every other line stays as it is.
    """
    added: list[str] = []
    for name, add in ((SECTION, _add), (IDENTITIES, _add_policies)):
        yaml, section = _read(text, name)
        is_new = not section
        new = add(section, proposal)
        if not new:
            continue
        added += new
        if not is_new:
            # A section on one line would get everything onto it.
            section.fa.set_block_style()
            for part in ("groups", "permission_sets", "people", "policies", "machines"):
                if section.get(part):
                    section[part].fa.set_block_style()
        stream = io.StringIO()
        yaml.dump(CommentedMap({name: section}), stream)
        start, end = _lines_of(text, name)
        if is_new:
            text = text[:start] + text[end:]
            text = f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}\n{stream.getvalue()}"
        else:
            text = text[:start] + stream.getvalue() + text[end:]
    return text, added


def sections_with(text: str, proposal: Proposal) -> tuple[dict[str, Any], dict[str, Any]]:
    """`organisation` and `identities` as plain values, once the proposal is in them."""
    _, organisation = _read(text, SECTION)
    _, identities = _read(text, IDENTITIES)
    _add(organisation, proposal)
    _add_policies(identities, proposal)
    return _plain(organisation), _plain(identities)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _read(text: str, name: str) -> tuple[YAML, Any]:
    """How the text is written back, and a section of it; an empty one where there is none."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 118
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    section = document.get(name) if isinstance(document, Mapping) else None
    return yaml, CommentedMap() if section is None else section


def _lines_of(text: str, name: str) -> tuple[int, int]:
    """Where a section begins and ends, by the top-level keys; twice the end where there is none."""
    found = list(_TOP_KEY.finditer(text))
    for number, match in enumerate(found):
        if match.group().rstrip(": \t") == name:
            return match.start(), found[number + 1].start() if number + 1 < len(found) else len(text)
    return len(text), len(text)


def _add_policies(section: Any, proposal: Proposal) -> list[str]:
    added = []
    for name, values in (("policies", proposal.policies), ("machines", proposal.machines)):
        there = section.get(name) or {}
        new = {key: value for key, value in values.items() if key not in there}
        if new:
            _part(section, name, CommentedMap()).update({key: _block(value) for key, value in new.items()})
        added += [f"{name}: {key}" for key in new]
    return added


def _add(section: Any, proposal: Proposal) -> list[str]:
    added: list[str] = []
    people = _part(section, "people", CommentedSeq())
    there = {str(one.get(key)) for one in people if isinstance(one, Mapping) for key in ("user", "name", "email")}
    for person in proposal.people:
        if there.isdisjoint((person["user"], person["email"])):
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
