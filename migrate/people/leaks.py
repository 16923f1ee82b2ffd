"""Keys and secrets that stand where many can read them. The rule: where, and which key by its last four characters;
never a value. Whatever was seen counts as known to others: it is replaced, not carried over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrate.inventory import Inventory, Resource
from migrate.names import Ref
from migrate.people.users import User
from migrate.sealing import looks_secret
from migrate.values import Json

AT_HOME: Mapping[str, tuple[str, ...]] = {"iam.user": ("access_key_ids",)}
"""Kind → facts in which a sealed value is what belongs there."""

WHO_READS: Mapping[str, str] = {
    "cloudformation.stack": "everybody who may describe the stack",
    "ecs.task_definition": "everybody who may describe task definitions",
    "lambda.function": "everybody who may read the function's configuration",
    "ssm.parameter": "everybody who may read plain parameters",
}

_MASKED = re.compile(r"…([A-Z0-9]{4})")
NO_ECHO_CHARACTERS = 5
"""A parameter with NoEcho is shown as four or five asterisks. Source: CloudFormation User Guide, "Parameters" (NoEcho);
the number is unverified."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A credential in a place that is no place for one."""

    ref: Ref
    where: str
    """`outputs.VercelSecret`."""
    key_of: str = ""
    """The user whose access key it is, and the key's end, where that is known."""

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        return {"ref": str(self.ref), "where": self.where, "key_of": self.key_of, "do": self.do}

    @property
    def do(self) -> str:
        """What follows."""
        return "replace it, do not carry it over" + (f": {self.key_of}" if self.key_of else "")

    def __str__(self) -> str:
        who = WHO_READS.get(self.ref.kind, "everybody who may describe it")
        return f"{self.ref} {self.where} holds a credential that {who} can read: {self.do}"


def leaks(inventory: Inventory, users: Iterable[User]) -> tuple[Leak, ...]:
    """Every credential that the scan met outside of where credentials belong, sorted."""
    by_end: dict[str, str] = {}
    by_seal: dict[str, str] = {}
    for user in users:
        for key in user.keys:
            by_end[key.ends_in] = f"key …{key.ends_in} of {user.name}"
            if isinstance(key.id, Mapping):
                by_seal[str(key.id.get("$sealed"))] = by_end[key.ends_in]
    found = [
        Leak(resource.ref, where, by_seal.get(what) or by_end.get(what, ""))
        for resource in inventory.resources
        for where, what in _of(resource)
    ]
    return tuple(sorted(set(found), key=lambda one: (one.ref, one.where)))


def _of(resource: Resource) -> Iterator[tuple[str, str]]:
    home = AT_HOME.get(resource.ref.kind, ())
    if resource.ref.kind == "ssm.parameter" and resource.facts.get("type") == "SecureString":
        home = ("value",)
    for name, value in resource.facts.items():
        if name not in home:
            is_masked = resource.ref.kind == "cloudformation.stack" and name in ("outputs", "parameters")
            for where, sealed, length in _sealed(value, name, is_masked):
                if name != "parameters" or length > NO_ECHO_CHARACTERS or not sealed:
                    yield where, sealed
    for key, text in resource.tags.items():
        if looks_secret(key, text):
            yield f"tag {key}", ""


def _sealed(value: Json, where: str, is_masked: bool) -> Iterator[tuple[str, str, int]]:
    """Where something sealed stands: the seal (or a masked key's end), and the value's length."""
    if isinstance(value, Mapping):
        if "$sealed" in value:
            yield where, str(value["$sealed"]), int(value.get("length", 0))
            return
        name = value.get("name")
        for key, item in value.items():
            # `{"name": …, "value": …}` of a container's environment is told by its name.
            said = name if key == "value" and isinstance(name, str) else key
            yield from _sealed(item, f"{where}.{said}", is_masked)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            named = isinstance(item, Mapping) and isinstance(item.get("name"), str) and "value" in item
            yield from _sealed(item, where if named else f"{where}[{number}]", is_masked)
    elif is_masked and isinstance(value, str) and (masked := _MASKED.fullmatch(value)):
        yield where, masked[1], NO_ECHO_CHARACTERS + 1
