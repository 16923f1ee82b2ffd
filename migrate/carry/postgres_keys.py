"""From "this table differs" to the keys that differ: by ranges of an integer key, else by buckets of the key's hash.

The rule: keys and hashes leave the server, never another value; and of keys only integers and uuids as they are, since
others (an e-mail) may say something of a person. Sorting is nobody's business here: collations differ between servers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from migrate.carry.postgres_row_hash import Way, row_hash
from migrate.carry.postgres_rows import INTEGERS, PLAIN_KEYS, Table

NAMED = 20
"""How many keys a report names; the rest are counted."""
LOOKS = 64
"""How many differing ranges or buckets are looked into, key by key."""
LEAF_ROWS = 2_000
"""A range of at most so many rows is read key by key; a larger one is divided again."""
PARTS = 1_024
BUCKET_ROWS = 1_000
MOST_BUCKETS = 65_536

Ask = Callable[[Callable[[Table], Any]], tuple[list[Any], list[Any]]]
"""Run one query, made for each side's own table, in each side's snapshot: the rows of legacy and of the target."""

_WORDS = ("changed", "only in legacy", "only in the target", "more often in legacy", "more often in the target")


@dataclass
class _Differing:
    """What was found: word → number of keys, the first keys by name, and ranges that were not looked into."""

    counts: dict[str, int] = field(default_factory=dict)
    named: dict[str, list[str]] = field(default_factory=dict)
    unlooked: int = 0
    span: tuple[int, int] | None = None

    def add(self, word: str, key: str) -> None:
        self.counts[word] = self.counts.get(word, 0) + 1
        if sum(map(len, self.named.values())) < NAMED:
            self.named.setdefault(word, []).append(key)

    def leave(self, first: int, last: int) -> None:
        self.unlooked += 1
        low, high = self.span or (first, last)
        self.span = min(low, first), max(high, last)


def name_keys(legacy: Table, target: Table, way: Way, ask: Ask) -> str:
    """One line that names what differs between two tables: at most 20 keys, the rest counted."""
    key = tuple(c.name for c in legacy.key)
    types = {c.name: c.type for c in target.columns}
    if not set(key) <= types.keys():
        key = ()
    is_plain = all(c.type in PLAIN_KEYS and types[c.name] in PLAIN_KEYS for c in legacy.key) if key else False
    found = _Differing()
    if len(key) == 1 and legacy.key[0].type in INTEGERS and types[key[0]] in INTEGERS:
        _by_ranges(key[0], way, ask, found)
    else:
        _by_buckets(key, is_plain, max(legacy.blocks, target.blocks, 1), way, ask, found)
    return _told(legacy, key, is_plain, found)


def _by_ranges(key: str, way: Way, ask: Ask, found: _Differing) -> None:
    from psycopg import sql

    name = sql.SQL("m.{}").format(sql.Identifier(key))
    ends = [
        int(value)
        for side in ask(lambda table: sql.SQL("SELECT min({0}), max({0}) FROM ONLY {1} AS m").format(name, _of(table)))
        for value in side[0]
        if value is not None
    ]
    if not ends:
        return
    looked: list[int] = []
    for low, high, is_leaf in _ranges(name, min(ends), max(ends), way, ask, lambda: len(looked) < LOOKS):
        if not is_leaf:
            found.leave(low, high)
            continue
        looked.append(low)
        where = _between(name, low, high)
        _compare(*ask(partial(_leaf, sql.SQL("{}::text").format(name), way, where)), found)


def _ranges(
    name: Any, low: int, high: int, way: Way, ask: Ask, may_look: Callable[[], bool]
) -> Iterator[tuple[int, int, bool]]:
    """The differing ranges of keys from `low` to `high`, in order: first key, last key, whether to read it by key."""
    from psycopg import sql

    width = max(1, -(-(high - low + 1) // PARTS))
    part = sql.SQL("div({}::numeric - {}, {})").format(name, sql.Literal(low), sql.Literal(width))
    one, other = ask(partial(_grouped, part, way, _between(name, low, high)))
    for at in sorted(_differing(one, other)):
        first, last = low + at * width, min(high, low + (at + 1) * width - 1)
        rows = max(_rows(one, at), _rows(other, at))
        if not may_look():
            yield first, last, False
        elif rows <= LEAF_ROWS or width == 1:
            yield first, last, True
        else:
            yield from _ranges(name, first, last, way, ask, may_look)


def _by_buckets(key: tuple[str, ...], is_plain: bool, blocks: int, way: Way, ask: Ask, found: _Differing) -> None:
    """Without a key rows are told apart by their hashes, and named by where they lie."""
    from psycopg import sql

    values = sql.SQL("ROW({})::text").format(sql.SQL(", ").join(sql.SQL("m.{}").format(sql.Identifier(k)) for k in key))
    hashed = sql.SQL('hashtextextended({} COLLATE "C", 0)').format(values)
    # Some 60 rows lie in a block of 8 KiB; a guess is good enough to choose a number of buckets by.
    buckets = min(MOST_BUCKETS, max(1, blocks * 60 // BUCKET_ROWS))

    def bucket(table: Table) -> Any:
        by = hashed if key else row_hash(table.columns, way)
        return sql.SQL("({} & 9223372036854775807) % {}").format(by, sql.Literal(buckets))

    one, other = ask(lambda table: _grouped(bucket(table), way, sql.SQL(""), table))
    differing = sorted(_differing(one, other))
    looked = differing[:LOOKS]
    found.unlooked = len(differing) - len(looked)

    def leaf(table: Table) -> Any:
        shown = values if is_plain else sql.SQL("{}::text").format(hashed if key else row_hash(table.columns, way))
        where = sql.SQL(" WHERE {} = ANY({})").format(bucket(table), sql.Literal(looked))
        return _leaf(shown, way, where, table)

    _compare(*ask(leaf), found, by_place=not key)


def _compare(one: list[Any], other: list[Any], found: _Differing, *, by_place: bool = False) -> None:
    """Rows of (key, hash, place) of both sides; a key may be there more than once where its index is not there."""
    sides: list[dict[str, list[tuple[int, str]]]] = []
    for rows in (one, other):
        held: dict[str, list[tuple[int, str]]] = {}
        for key, row, place in rows:
            held.setdefault(str(key), []).append((int(row), str(place)))
        sides.append(held)
    for key in sorted(sides[0].keys() | sides[1].keys(), key=lambda k: (len(k), k)):
        mine, theirs = (sorted(side.get(key, [])) for side in sides)
        if [row for row, _ in mine] == [row for row, _ in theirs]:
            continue
        if len(mine) == len(theirs):
            found.add("changed", key)
            continue
        more, fewer, side = (mine, theirs, "legacy") if len(mine) > len(theirs) else (theirs, mine, "the target")
        word = f"more often in {side}" if fewer else f"only in {side}"
        # Without a key each row that is too many is named by itself; with one, the key is.
        for name in [place for _, place in more[len(fewer) :]] if by_place else [key]:
            found.add(word, name)


def _told(table: Table, key: tuple[str, ...], is_plain: bool, found: _Differing) -> str:
    if key:
        how = "" if is_plain else (
            f', each as its hash: hashtextextended(ROW({", ".join(key)})::text COLLATE "C", 0)'
        )  # fmt: skip
        what = f"keys of {table} ({', '.join(key)}{how})"
    else:
        what = f"rows of {table} by ctid (it has no key)"
    parts = []
    for word in _WORDS:
        count, named = found.counts.get(word, 0), found.named.get(word, [])
        if count:
            more = f" and {count - len(named)} more" if named and count > len(named) else ""
            parts.append(f"{count} {word}" + (f": {', '.join(named)}{more}" if named else ""))
    if found.unlooked:
        span = f" between {found.span[0]} and {found.span[1]}" if found.span else ""
        sort = "ranges" if found.span else "buckets"
        parts.append(f"at least: {found.unlooked} more {sort} of keys differ{span}, they were not looked into")
    return f"{what}: {'; '.join(parts) or 'none differs alone'}"


def _grouped(part: Any, way: Way, where: Any, table: Table) -> Any:
    from psycopg import sql

    return sql.SQL(
        "SELECT p::bigint, count(*), sum(h)::text FROM (SELECT {} AS p, {} AS h FROM ONLY {} AS m{}) AS g GROUP BY 1"
    ).format(part, row_hash(table.columns, way), _of(table), where)


def _leaf(shown: Any, way: Way, where: Any, table: Table) -> Any:
    from psycopg import sql

    query = sql.SQL("SELECT {}, {}, m.ctid::text FROM ONLY {} AS m{}")
    return query.format(shown, row_hash(table.columns, way), _of(table), where)


def _between(name: Any, low: int, high: int) -> Any:
    from psycopg import sql

    return sql.SQL(" WHERE {} BETWEEN {} AND {}").format(name, sql.Literal(low), sql.Literal(high))


def _of(table: Table) -> Any:
    from psycopg import sql

    return sql.Identifier(table.schema, table.name)


def _differing(one: list[Any], other: list[Any]) -> list[int]:
    mine, theirs = ({int(at): (count, total) for at, count, total in rows} for rows in (one, other))
    return [at for at in mine.keys() | theirs.keys() if mine.get(at) != theirs.get(at)]


def _rows(groups: list[Any], part: int) -> int:
    return next((int(count) for at, count, _ in groups if int(at) == part), 0)
