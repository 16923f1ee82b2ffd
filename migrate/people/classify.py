"""Who an IAM user is: a person, a machine, the key in the glass box, or nobody any more. The rule: by what it can do
and did, with the evidence said; never by what it is called. Where that says nothing, a person decides.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from migrate.people.users import Key, User
from migrate.values import Json

Class = Literal["human", "machine", "break-glass", "unused", "unknown"]
CLASSES: tuple[Class, ...] = ("human", "machine", "break-glass", "unused", "unknown")

QUIET_MONTHS = 3
"""Months without a sign of life after which nobody is taken to use a user: our own measure. (AWS Config's rule
iam-user-unused-credentials-check takes 90 days by default; unverified.)"""

ADMINISTRATOR = "AdministratorAccess"


@dataclass(frozen=True, slots=True)
class Classified:
    """What a user was taken for, and why."""

    user: User
    is_: Class
    evidence: tuple[str, ...]
    decided: bool = False
    """A person said so in migration.yaml."""
    found_as: Class | None = None
    """What the evidence alone says, where a person said otherwise."""

    def as_json(self) -> dict[str, Json]:
        """For --json."""
        made = self.user.made_by
        return {
            "user": self.user.name,
            "is": self.is_,
            "decided": self.decided,
            "found_as": self.found_as or self.is_,
            "evidence": list(self.evidence),
            "groups": list(self.user.groups),
            "stack": made.stack if made else None,
        }


def classify(
    users: Iterable[User], *, as_of: str, decided: Callable[[str], tuple[Class, str] | None] = lambda _: None
) -> tuple[Classified, ...]:
    """Classify every user. `as_of`: month of the scan (`2026-11`). `decided`: name → class and reason, of people."""
    found = []
    for user in users:
        own, evidence = _class_of(user, as_of)
        if (decision := decided(user.name)) is not None:
            said, because = decision
            evidence = (
                f"migration.yaml says {said}: {because}" if because else f"migration.yaml says {said}",
                *evidence,
            )
            found.append(Classified(user, said, evidence, True, own))
        else:
            found.append(Classified(user, own, evidence))
    return tuple(found)


def _class_of(user: User, as_of: str) -> tuple[Class, tuple[str, ...]]:
    evidence = [*_doors(user), *_life(user)]
    signed_in = _is_recent(user.password_last_used, as_of)
    key_used = _any(_is_recent(key.last_used, as_of) for key in user.active_keys)
    is_new = _is_recent(user.created, as_of)
    keys_of_stack = [key for key in user.active_keys if key.ends_in in user.keys_made_by]

    if not user.has_password and not user.active_keys:
        return "unused", (*evidence, "no way in: neither a password nor an active key")
    if user.has_password:
        if _is_glass_box(user) and signed_in is False:
            why = f"holds {ADMINISTRATOR}, has MFA and no active key, and was not used for {QUIET_MONTHS} months"
            return "break-glass", (*evidence, f"{why}: kept for the day when nothing else works")
        if signed_in or (user.has_mfa and (signed_in is None or key_used or is_new is not False)):
            if key_used:
                evidence.append("uses console and keys: say where the keys are, a script of its own may need a role")
            return "human", (*evidence, "somebody signs in" if signed_in else "somebody set up MFA")
        if signed_in is None or key_used is None:
            return "unknown", (*evidence, "the last use could not be read")
        if key_used:
            return "unknown", (*evidence, "has a password, but its keys alone are used: a person, or a machine's user?")
        if is_new is None or is_new:
            return "human", (*evidence, "has a password for the console and is new: nobody gives one to a machine")
        return "unused", (*evidence, f"neither password nor key was used for {QUIET_MONTHS} months")
    if keys_of_stack and (key_used is not False or is_new is not False):
        labels = ", ".join(sorted(f"{user.keys_made_by[key.ends_in].logical_id}" for key in keys_of_stack))
        return "machine", (*evidence, f"no password, and its key was made by a stack ({labels})")
    if key_used:
        return "machine", (*evidence, "no password, and a key that is in use")
    if key_used is None:
        return "unknown", (*evidence, "no password, and when its key was last used could not be read")
    if is_new is False and not any(_is_recent(key.created, as_of) for key in user.active_keys):
        return "unused", (*evidence, f"no password, and no key was used for {QUIET_MONTHS} months")
    return "unknown", (*evidence, "no password, and a key that is open and was not used yet: ask who has it")


def _doors(user: User) -> list[str]:
    found = [f"console password{'' if user.has_mfa else ', no MFA'}" if user.has_password else "no console password"]
    if user.has_mfa:
        found.append("MFA device")
    found += [_key(key, user) for key in user.keys]
    if not user.keys:
        found.append("no access key")
    if user.groups:
        found.append(f"member of {', '.join(user.groups)}")
    if own := user.own_policies:
        found.append(f"holds itself {', '.join(held.name for held in own)}")
    if made := user.made_by:
        found.append(f"made by stack {made.stack}" + (f" as {made.logical_id}" if made.logical_id else ""))
    return found


def _key(key: Key, user: User) -> str:
    used = "last use could not be read" if key.last_used is None else f"last used {key.last_used}"
    used = "never used" if key.last_used == "never" else used
    if key.last_used_for:
        used += f" for {key.last_used_for}"
    made = user.keys_made_by.get(key.ends_in)
    return f"key …{key.ends_in} {key.status.lower()}, {used}" + (f", made by stack {made.stack}" if made else "")


def _life(user: User) -> list[str]:
    if user.has_password and user.password_last_used is None:
        return ["when the password was last used could not be read"]
    last = user.password_last_used
    if last == "never":
        return ["never signed in"] if user.has_password else []
    return [] if last is None else [f"password last used {last}"]


def _is_glass_box(user: User) -> bool:
    holds = any(held.is_kept_by_aws and held.name == ADMINISTRATOR for held in user.policies)
    return holds and user.has_mfa and not user.active_keys


def _is_recent(month: str | None, as_of: str) -> bool | None:
    """Whether it was within the last months; None where it is not known."""
    if month is None:
        return None
    return month != "never" and _number(as_of) - _number(month) < QUIET_MONTHS


def _any(answers: Iterable[bool | None]) -> bool | None:
    known = list(answers)
    return True if True in known else None if None in known else False


def _number(month: str) -> int:
    year, _, number = month.partition("-")
    return int(year) * 12 + int(number)
