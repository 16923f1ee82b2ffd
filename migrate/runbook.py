"""runbooks/*.yaml: in which order things move, in the operator's words, and where people decide.

    do: kind.action, a list of them, or `all.<phase>`   every selected resource, in graph order
    ask: a question                                     a gate: nothing after it starts before it is answered

`all.build` takes every action of that phase; what an `all` line cannot do yet, because it needs something of a
later line, is done there. A named action that stands before what it needs is refused, with the line to move.
"""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from migrate.errors import ConfigError
from migrate.files import digest_of
from migrate.yaml_files import line_of, read_yaml

SCHEMA = "migrate.runbook/1"
PHASES = ("build", "freeze", "data", "cutover", "close")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Do:
    """A line that acts."""

    id: str
    actions: tuple[str, ...]
    timeout_s: float | None
    line: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A line that waits for people."""

    id: str
    question: str
    approvers: int
    within_s: float | None
    line: int
    before: str = ""
    """Id of a later line: where that one has nothing to do, nobody is asked. Empty: asked wherever work follows."""


@dataclass(frozen=True)
class Runbook:
    """A runbook as read, bound to its content by its digest."""

    name: str
    path: str
    lines: tuple[Do | Ask, ...]
    digest: str


def load(name: str, folder: Path, actions: frozenset[str]) -> Runbook:
    """Find `<name>.yaml` beside the migration (in `runbooks/`), else among the shipped ones, and check it.

    `actions`: every `kind.action` there is. Raises ConfigError naming file, line and field.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        do = "1 to 100 letters, digits, - and _ only, without .yaml"
        raise ConfigError(f"{name[:120]!r} is no runbook name", do=do)
    own = folder / "runbooks" / f"{name}.yaml"
    path = own if own.exists() else shipped() / f"{name}.yaml"
    if not path.exists():
        there = sorted(p.stem for p in shipped().glob("*.yaml"))
        raise ConfigError(f"there is no runbook {name!r} in {own.parent} or among the shipped ones", do=f"use {there}")
    return parse(read_yaml(path), path, actions)


def shipped() -> Path:
    """The folder of the runbooks that the product ships: in the package, or beside it in a checkout."""
    inside = Path(str(files("migrate"))) / "shipped_runbooks"
    return inside if inside.exists() else Path(str(files("migrate"))).parent / "runbooks"


def parse(document: Any, path: Path, actions: frozenset[str]) -> Runbook:
    """Check a runbook's document. Raises ConfigError."""

    def wrong(where: tuple[int | str, ...], said: str, do: str = "") -> ConfigError:
        line = line_of(document, where) if where else 1
        field = ".".join(map(str, where)) or "the file"
        return ConfigError(f"{path}, line {line}: {field}: {said}", do=do)

    if not isinstance(document, dict):
        raise wrong((), "is not a mapping with schema, name and steps")
    if document.get("schema") != SCHEMA:
        raise wrong(("schema",), f"is {document.get('schema')!r}, this version reads {SCHEMA!r}")
    for key in document:
        if key not in ("schema", "name", "about", "steps"):
            raise wrong((key,), "is not a field of a runbook", "schema, name, about, steps")
    if document.get("name", path.stem) != path.stem:
        raise wrong(("name",), f"must be the file's own name, {path.stem}: that is how migration.yaml calls it")
    if not isinstance(document.get("about", ""), str):
        raise wrong(("about",), "must be text")
    steps = document.get("steps")
    if not isinstance(steps, list) or not steps:
        raise wrong(("steps",), "must be a list with at least one step")
    lines: list[Do | Ask] = []
    seen: set[str] = set()
    for number, step in enumerate(steps):
        where: tuple[int | str, ...] = ("steps", number)
        if not isinstance(step, dict) or ("do" in step) == ("ask" in step):
            raise wrong(where, "must have either `do` or `ask`")
        allowed = {"id", "do", "timeout"} if "do" in step else {"id", "ask", "approvers", "within", "before"}
        for key in step:
            if key not in allowed:
                raise wrong((*where, key), f"is not a field here: {', '.join(sorted(allowed))}")
        name = str(step.get("id", ""))
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name in seen:
            raise wrong((*where, "id"), f"{name!r} is missing, taken or not lower-case letters, digits, - and _")
        seen.add(name)
        at = line_of(document, where) or 0
        if "do" in step:
            listed = [step["do"]] if isinstance(step["do"], str) else step["do"]
            if not isinstance(listed, list) or not listed or not all(isinstance(action, str) for action in listed):
                raise wrong((*where, "do"), "must be `kind.action`, `all.<phase>` or a list of them")
            for action in listed:
                if action not in actions and action not in {f"all.{phase}" for phase in PHASES}:
                    near = [a for a in sorted(actions) if a.split(".")[:2] == str(action).split(".")[:2]]
                    raise wrong((*where, "do"), f"there is no action {action!r}", f"one of {near or 'migrate explain'}")
            lines.append(Do(name, tuple(listed), _seconds(step.get("timeout"), wrong, (*where, "timeout")), at))
        else:
            approvers = step.get("approvers", 1)
            if not isinstance(approvers, int) or isinstance(approvers, bool) or approvers < 1:
                raise wrong((*where, "approvers"), "must be a whole number of at least 1")
            if not isinstance(step["ask"], str) or not step["ask"].strip():
                raise wrong((*where, "ask"), "must be a question for people")
            within = _seconds(step.get("within"), wrong, (*where, "within"))
            before = step.get("before", "")
            later = [one.get("id") for one in steps[number + 1 :] if isinstance(one, dict) and "do" in one]
            if before and before not in later:
                raise wrong((*where, "before"), f"{before!r} is the id of no later `do` line", f"one of {later}")
            lines.append(Ask(name, step["ask"], approvers, within, at, str(before)))
    return Runbook(path.stem, path.name, tuple(lines), digest_of(SCHEMA, _plain(document)))


def _seconds(text: Any, wrong: Any, where: tuple[int | str, ...]) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]*)([smhd])", str(text))
    if found is None:
        raise wrong(where, f"{text!r} is not a duration", "like 90s, 30m, 12h, 2d")
    return float(found[1]) * _UNITS[found[2]]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
