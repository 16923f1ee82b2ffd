"""Accounts that chance draws: cycles, shared things, odd names, every size.

Rule: a description is data, drawn whole before anything is built, so that a seed that fails can be read and told. The
dice are plain: hypothesis takes constants out of whatever is imported, so its seeds do not mean one account for ever.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from .foreign_account import LAB, LIVE

REGIONS = ("us-east-2", "sa-east-1")
ENVS = ("live", "lab")
ACCOUNTS = {"live": LIVE, "lab": LAB}
STRANGER = "999900001111"
_LOW, _ALL = string.ascii_lowercase + string.digits, string.ascii_letters + string.digits
_WORDS = (
    "create", "after", "step", "legacy", "target", "vpc-12345678", "sg-0123456789abcdef0", "arn", "default", "a",
    "123456789012", "true", "null", "main", "z.z", "__", "0", "jobs", "orders", "name-account", "migrate",
)  # fmt: skip
_TEXTS = (
    "", "Ünïcode ß", "漢字 かな", "Ελλάδα", " spaces  inside ", "a/b/c", "x=y+z", "1.5", "user@example.com",
    "vpc-12345678", "http://example.com/a", "000000000000",
)  # fmt: skip
_VALUES = (
    "plain", "{name}-{account}", "${VAR}", '{"$after": ["x", "y"]}', '{"$join": ["a", "b"]}', "{{resolve:ssm:/x}}",
    "%s %d", "../../etc", "žluťoučký kůň 🐎", "line\nbreak", f"arn:aws:sqs:us-east-2:{STRANGER}:theirs",
    "'quote' \"it\" <&>", "0", "10.0.0.0/8", "null", "arn:aws:iam::aws:policy/ReadOnlyAccess",
)  # fmt: skip


def _name(dice: random.Random, letters: str, shortest: int, longest: int) -> str:
    """A name: a word that misleads, a few letters, or as many as AWS takes."""
    fit = [word for word in _WORDS if shortest <= len(word) <= longest and set(word) <= set(letters)]
    how = dice.choice(("word", "free", "free", "full"))
    if how == "word" and fit:
        return dice.choice(fit)
    free = "".join(dice.choices(letters, k=dice.randint(shortest, min(longest, 20))))
    return (free * longest)[:longest] if how == "full" else free


@dataclass(frozen=True)
class Thing:
    """One thing of a sort: where, whose (empty: nobody says), and which others it names, by their number."""

    name: str
    region: str
    env: str
    tag: str
    value: str
    flag: bool
    refers: tuple[int, ...]

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return {"Name": self.tag or "x", "cost centre": "Ω 42"} | ({"env": self.env} if self.env else {})

    def __str__(self) -> str:
        name = self.name if len(self.name) < 40 else f"{self.name[:12]}… ({len(self.name)} characters)"
        return f"{name!r} {self.region} {self.env or '?'} {self.tag!r} {self.value!r} {self.flag} → {self.refers}"


Things: TypeAlias = tuple[Thing, ...]


@dataclass(frozen=True)
class Described:
    """An account."""

    regions: tuple[str, ...]
    groups: Things
    """Security groups; `refers`: whom they let in, in circles too; `flag`: the whole world as well."""
    queues: Things
    topics: Things
    rules: Things
    schedules: Things
    log_groups: Things
    parameters: Things
    secrets: Things
    roles: Things
    policies: Things
    buckets: Things
    tables: Things
    keys: Things
    services: Things
    alarms: Things

    def __str__(self) -> str:
        lines = [f"regions {', '.join(self.regions)}"]
        for sort, things in vars(self).items():
            if sort != "regions":
                lines += [f"  {sort}[{at}] {one}" for at, one in enumerate(things[:12])]
                lines += [f"  … and {len(things) - 12} more {sort}"] if len(things) > 12 else []
        return "\n".join(lines)


_LETTERS = {
    "groups": (_ALL + " ._-:/()#,@[]+=&;{}!$*", 255),
    "queues": (_ALL + "_-", 75),
    "topics": (_ALL + "_-", 256),
    "rules": (_ALL + "._-", 64),
    "schedules": (_ALL + "._-", 64),
    "log_groups": (_ALL + "_/.#-", 512),
    "parameters": (_ALL + "_.-", 200),
    "secrets": (_ALL + "/_+=.@-", 400),
    "roles": (_ALL + "+=,.@_-", 64),
    "policies": (_ALL + "+=,.@_-", 128),
    "buckets": (_LOW, 63),
    "tables": (_ALL + "_.-", 200),
    "keys": (_ALL + "/_-", 200),
    "services": (_ALL + "_-", 200),
    "alarms": (_ALL + " ._-:/()#,@[]+=&;{}!$*äß漢", 255),
}
_SHORTEST = {"buckets": 8, "tables": 3}
_MOST = {
    "groups": 6, "queues": 6, "topics": 4, "rules": 5, "schedules": 3, "log_groups": 12, "parameters": 8, "secrets": 4,
    "roles": 6, "policies": 4, "buckets": 3, "tables": 2, "keys": 3, "services": 5, "alarms": 3,
}  # fmt: skip
_MANY = {"log_groups": 250, "services": 60, "parameters": 40, "groups": 20, "queues": 20}


def drawn(number: int, *, most: int = 60, large: bool = False, regions: tuple[str, ...] = REGIONS) -> Described:
    """The account of a seed: the same for ever, on every machine."""
    parts: dict[str, Any] = {}
    for sort, (letters, longest) in _LETTERS.items():
        dice = random.Random(f"{number} {sort}")
        count = dice.randint(1, min(most, _MOST[sort]))
        things: list[Thing] = []
        taken: set[str] = set()
        for at in range(count):
            name = _name(dice, letters, _SHORTEST.get(sort, 1), longest).strip() or "x"
            # AWS keeps these for itself, and some names are one whatever their case.
            if (
                name.lower().startswith(("aws", "sg-", "ssm", "arn", "xn--", "amzn", "default"))
                or name.lower() in taken
            ):
                name = f"{sort[0]}{at}{name}"[:longest].strip()
            taken.add(name.lower())
            things.append(
                Thing(
                    name=name,
                    region=dice.choice(regions),
                    env=dice.choice(("live", "live", "lab", "")),
                    tag=dice.choice(_TEXTS).strip(),
                    value=dice.choice(_VALUES),
                    flag=dice.random() < 0.5,
                    refers=tuple(dice.sample(range(count), dice.randint(0, min(3, count)))),
                )
            )
        parts[sort] = _many(sort, tuple(things), number) if large and sort in _MANY else tuple(things)
    return Described(regions=regions, **parts)


def _many(sort: str, things: Things, number: int) -> Things:
    """As many as a grown account has: the same things again under other names, naming others."""
    dice, count = random.Random(f"{number} {sort}"), _MANY[sort]
    more = [
        replace(
            dice.choice(things), name=f"{sort[:-1]}-{at:03}", env=dice.choice((*ENVS, "")),
            refers=tuple(dice.sample(range(count), dice.randint(0, 3))),
        )
        for at in range(len(things), count)
    ]  # fmt: skip
    return (*things, *more)
