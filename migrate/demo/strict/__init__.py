"""Where the emulator is kinder than AWS, and the rules that take that kindness away.

The one rule it keeps: every rule is one small function over the emulator, and names the source of what it enforces.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One thing that the embedded world does as AWS does it, where the emulator alone would not."""

    rule_id: str
    makes: str
    source: str
    apply: Callable[[], None]

    @property
    def service(self) -> str:
        """The service whose behaviour the rule changes."""
        return self.rule_id.split(".", 1)[0]


STRICT: list[Rule] = []


def strict(rule_id: str, *, makes: str, source: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function that patches the emulator as the rule `rule_id`."""

    def register(apply: Callable[[], None]) -> Callable[[], None]:
        STRICT.append(Rule(rule_id, makes, source, apply))
        return apply

    return register


def override(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a method; the replacement receives the one it replaces first, then the method's own arguments."""

    def replace(new: Callable[..., Any]) -> Callable[..., Any]:
        old = getattr(owner, name)

        @functools.wraps(old)
        def method(self: Any, *words: Any, **named: Any) -> Any:
            return new(old, self, *words, **named)

        setattr(owner, name, method)
        return new

    return replace


def add(owner: Any, name: str) -> Callable[[Any], Any]:
    """Give the emulator an operation that it lacks, or one that needs nothing of what was there."""

    def place(new: Any) -> Any:
        setattr(owner, name, new)
        return new

    return place


def load() -> list[Rule]:
    """Import every file of rules and list the rules, by id."""
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{__name__}.{module.name}")
    return sorted(STRICT, key=lambda rule: rule.rule_id)


def apply_all() -> None:
    """Apply every rule to the emulator of this process; once, before its first request."""
    for rule in load():
        rule.apply()
