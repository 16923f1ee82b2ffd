"""What was read of one PostgreSQL database, and how two such readings differ, line by line.

The rule: a line names its thing so that no other thing has that name; and of a line that is not known to speak of a
definition it is assumed that it speaks of rows.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from migrate.carry import postgres_catalogue as catalogue
from migrate.carry.postgres_rows import Digest, Table

VALUE, GRANT = "value of sequence ", "grant on "
_DEFINED = tuple(f"{sort} " for sort in (*catalogue.DEFINITIONS, GRANT.strip(), "order of text of"))


@dataclass
class Contents:
    """One database as read: item → digest, and what could not be read → why."""

    items: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    unlogged: set[str] = field(default_factory=set)
    tables: dict[str, tuple[Table, Digest]] = field(default_factory=dict)
    took_s: float = 0.0


def named(schema: str, name: str) -> str:
    """What a table or sequence is called in a line: quoted where a dot would let two things have one name."""
    if "." not in schema + name:
        return f"{schema}.{name}"
    return ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))


def is_content(line: str, databases: Iterable[str]) -> bool:
    """Whether a line of a proof speaks of rows, sequence values or large objects, or may: all but definitions.

    databases: those that were compared; a line of one begins with its name.
    """
    return not any(
        line.startswith(f"{database}: ") and line.removeprefix(f"{database}: ").startswith(_DEFINED)
        for database in databases
    )


def differences(legacy: Contents, target: Contents) -> list[tuple[str, str]]:
    """Every item that differs, with its line. What could not be read on either side is left to its own list."""
    unread = legacy.unread.keys() | target.unread.keys()
    one_sided = legacy.items.keys() ^ target.items.keys()
    lines: list[tuple[str, str]] = []
    for item in sorted((legacy.items.keys() | target.items.keys()) - unread):
        one, other = legacy.items.get(item), target.items.get(item)
        if one == other:
            continue
        if one is None or other is None:
            shown = ""
            if item.startswith(GRANT):
                if item.removeprefix(GRANT).rpartition(" to ")[0] in one_sided:
                    continue  # What it is granted on is named already.
                shown = f" ({one or other})"
            lines.append((item, f"{item}: only in {'the target' if one is None else 'legacy'}{shown}"))
        elif item.startswith("rows of "):
            counts = legacy.rows[item[8:]], target.rows[item[8:]]
            if counts[0] != counts[1]:
                # The engine empties these when it recovers. Source: PostgreSQL 16, CREATE TABLE UNLOGGED.
                why = " (unlogged: a snapshot does not carry its rows)" if item in legacy.unlogged else ""
                lines.append((item, f"{item}: {counts[0]} in legacy, {counts[1]} in the target{why}"))
            else:
                lines.append((item, f"{item}: {counts[0]} on both sides, the content differs"))
        elif item.startswith((VALUE, GRANT)):
            lines.append((item, f"{item}: {one} in legacy, {other} in the target"))
        else:
            lines.append((item, f"{item}: differs"))
    return lines


def digest(contents: Contents) -> str:
    """One digest of all that was read."""
    text = "\n".join(f"{name}\t{value}" for name, value in sorted(contents.items.items()))
    return hashlib.sha256(text.encode()).hexdigest()
