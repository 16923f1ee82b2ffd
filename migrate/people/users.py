"""The IAM users of an inventory with all that they hold, as values. The rule: what the scan was not shown stays unknown
here (None), and never counts as "no".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate.inventory import Inventory
from migrate.kind import Kind
from migrate.names import Ref
from migrate.values import Json


@dataclass(frozen=True, slots=True)
class Key:
    """One access key."""

    ends_in: str
    id: Json
    """Sealed."""
    status: str
    created: str | None
    last_used: str | None
    """Month, `never`, or None where it could not be read."""
    last_used_for: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """One policy that a user holds, and through what."""

    name: str
    through: str
    """`group engineers`, or `the user`."""
    arn: str | None
    """None: inline."""
    document: Mapping[str, Json] | None
    """None: a managed policy that the scan did not see."""

    @property
    def is_kept_by_aws(self) -> bool:
        """Whether it has the same ARN in every account."""
        return self.arn is not None and ":iam::aws:policy/" in self.arn

    def __str__(self) -> str:
        return f"{self.name} ({'inline' if self.arn is None else 'attached'}, {self.through})"


@dataclass(frozen=True, slots=True)
class Made:
    """The stack that made a user, and as what."""

    stack: str
    logical_id: str
    """Empty where the stack's resources do not name it: it is in a part of the stack that was not read."""


@dataclass(frozen=True)
class User:
    """One IAM user."""

    ref: Ref
    arn: str
    tags: Mapping[str, str]
    created: str | None
    groups: tuple[str, ...]
    policies: tuple[Held, ...]
    """Through groups and its own, by name."""
    boundary: str | None
    keys: tuple[Key, ...]
    has_password: bool
    password_last_used: str | None
    has_mfa: bool
    made_by: Made | None
    keys_made_by: Mapping[str, Made]
    """By the key's last four characters."""

    @property
    def name(self) -> str:
        """The user's name in IAM."""
        return self.ref.name

    @cached_property
    def active_keys(self) -> tuple[Key, ...]:
        """Those that open something today."""
        return tuple(key for key in self.keys if key.status == "Active")

    @property
    def own_policies(self) -> tuple[Held, ...]:
        """Those that come through no group."""
        return tuple(held for held in self.policies if held.through == THE_USER)


THE_USER = "the user"


def users_of(inventory: Inventory, kinds: Mapping[str, Kind[Any]]) -> tuple[User, ...]:
    """Every IAM user, by name. Raises FileError where the inventory is of another version."""
    stacks = _stacks(inventory)
    groups = {one.ref.name: kinds["iam.group"].typed(one).facts for one in inventory.of("iam.group")}
    documents = documents_by_arn(inventory)
    found = []
    for resource in inventory.of("iam.user"):
        facts = kinds["iam.user"].typed(resource).facts
        held = [*_held(facts, THE_USER, documents)]
        for group in facts.groups:
            if group in groups:
                held += _held(groups[group], f"group {group}", documents)
            else:
                held.append(Held(group, f"group {group}", f"group {group}", None))
        keys = tuple(
            Key(key.id_ends_in, key_id, key.status, key.created, key.last_used, key.last_used_for)
            for key, key_id in zip(facts.access_keys, facts.access_key_ids, strict=True)
        )
        made = stacks.get(("AWS::IAM::User", resource.ref.name))
        if made is None and resource.owner:
            made = Made(resource.owner.removeprefix("cloudformation:"), "")
        found.append(
            User(
                resource.ref, resource.arn, resource.tags, facts.created, tuple(facts.groups),
                tuple(sorted(held, key=lambda one: (one.through, one.name))), facts.boundary, keys,
                facts.console_password, facts.password_last_used, facts.mfa, made,
                {key.ends_in: one for key in keys if (one := stacks.get(("AWS::IAM::AccessKey", f"…{key.ends_in}")))},
            )
        )  # fmt: skip
    return tuple(found)


def documents_by_arn(inventory: Inventory) -> dict[str, Mapping[str, Json]]:
    """The documents of all managed policies that the scan saw, AWS's own among them."""
    return {
        resource.arn: resource.facts["document"]
        for kind in ("iam.policy", "iam.aws_managed_policy")
        for resource in inventory.of(kind)
    }


def _held(facts: Any, through: str, documents: Mapping[str, Mapping[str, Json]]) -> list[Held]:
    return [
        *(Held(name, through, None, document) for name, document in facts.inline.items()),
        *(Held(arn.rpartition("/")[2], through, arn, documents.get(arn)) for arn in facts.attached),
    ]


def _stacks(inventory: Inventory) -> dict[tuple[str, str], Made]:
    """Type and physical id → the stack. A key's id is written with its last four characters only."""
    return {
        (one["type"], one["physical_id"]): Made(stack.ref.name, label)
        for stack in inventory.of("cloudformation.stack")
        for label, one in stack.facts["resources"].items()
        if one["type"] in ("AWS::IAM::User", "AWS::IAM::AccessKey")
    }
