"""The SQL expression that hashes one row of a PostgreSQL table into 64 bits.

The rule: rows that are written differently hash differently, but for a chance of 2^-64. Most of PostgreSQL's own hash
functions are made for joins and do not keep that: numeric's leaves the sign out (5 is -5, NaN is Infinity), those of
int8 and of times fold 64 bits into 32 (-1 is 4294967295), that of floats takes 0 for -0. So no record is hashed here:
each type gets an expression of its own. Source: PostgreSQL 16, numeric.c hash_numeric_extended, hashfunc.c.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["columns", "text"]
"""`columns`: every value by its own type, put together by XOR and hashed once more. `text`: the row's text form."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name and its built-in type (through domains), or no type where it is not built in.

    A bpchar without a length has no type either: no two values of it are filled up alike.
    """

    name: str
    type: str


_TEXT = 'hashtextextended({value}::text COLLATE "C", {seed})'
_FLOAT = f"CASE WHEN {{value}} <> 0 THEN hash{{type}}extended({{value}}, {{seed}}) ELSE {_TEXT} END"
_STRIDE = "date_bin('4294.967296 s', {utc}, timestamp '2000-01-01')"
"""A timestamp's upper 32 bits: 2^32 microseconds. It is no time any more where the value is older than all but."""
_BOTH_HALVES = f"timestamp_hash_extended({{utc}}, timestamp_hash_extended({_STRIDE}, {{seed}}))"
# Before 2000 a value is negative, and the fold takes the complement of its upper half: as many strides before 2000 as
# after it give the same halves. So each side has a seed of its own. A timestamp's input reads over the +00.
_TIMESTAMP = (
    f"CASE WHEN {{value}} >= '2000-01-01 00:00+00' THEN {_BOTH_HALVES} "
    f"WHEN {{value}} > '4714-12-01 BC' THEN {_BOTH_HALVES.replace('seed', 'before')} ELSE {_TEXT} END"
)

_TYPED = {
    "bool": "CASE WHEN {value} THEN {yes} WHEN NOT {value} THEN {no} END",
    "int2": "hashint2extended({value}, {seed})",
    "int4": "hashint4extended({value}, {seed})",
    # The value is the seed: a seed is not folded.
    "int8": "hashint8extended({number}, {value})",
    "oid": "hashoidextended({value}, {seed})",
    "text": 'hashtextextended({value} COLLATE "C", {seed})',
    "varchar": 'hashtextextended({value} COLLATE "C", {seed})',
    # Only of a length (char(3)): every value is filled up with blanks to it, and the hash leaves these out.
    "bpchar": 'hashbpcharextended({value} COLLATE "C", {seed})',
    "name": "hashnameextended({value}, {seed})",
    "char": "hashcharextended({value}, {seed})",
    "uuid": "uuid_hash_extended({value}, {seed})",
    "macaddr": "hashmacaddrextended({value}, {seed})",
    "macaddr8": "hashmacaddr8extended({value}, {seed})",
    # hashvarlenaextended cannot be called by name. A record of one value is hashed as the value is.
    "bytea": "hash_record_extended(ROW({value}), {seed})",
    "date": f"CASE WHEN isfinite({{value}}) THEN hashint4extended({{value}} - '2000-01-01'::date, {{seed}}) "
    f"ELSE {_TEXT} END",
    "timestamp": _TIMESTAMP.replace("{utc}", "{value}"),
    # An offset of nothing takes the type off and leaves the value; it does not look at TimeZone.
    "timestamptz": _TIMESTAMP.replace("{utc}", "timezone(interval '0', {value})"),
    "float4": _FLOAT,
    "float8": _FLOAT,
    # Casts to text that are their output functions. Those of other types are not.
    **dict.fromkeys(("numeric", "json", "jsonb", "time", "timetz"), _TEXT),
}

_PROBE = (
    ("bool", "true"), ("int2", "1"), ("int4", "-2"), ("int8", "-4294967298"), ("oid", "4"), ("text", "'Zoe'"),
    ("varchar", "'y'"), ("name", "'n'"), ("char", "'a'"), ("bpchar", "'ab'"),
    ("uuid", "'00000000-0000-4000-8000-000000000001'"), ("macaddr", "'08:00:2b:01:02:03'"),
    ("macaddr8", "'08:00:2b:01:02:03:04:05'"), ("bytea", r"'\x00ff'"), ("date", "'2024-02-29'"),
    ("timestamp", "'2024-02-29 12:34:56.789'"), ("timestamptz", "'2024-02-29 12:34:56+02'"), ("float4", "'-2.5'"),
    ("float8", "'0.1'"), ("float8", "'-0'"), ("numeric", "-12345.6700"), ("json", "'[1, 1.0]'"),
    ("jsonb", "'[1, 1.0]'"), ("time", "'12:34:56.789'"), ("timetz", "'12:34:56+02'"), ("text", "NULL"),
    ("interval", "'25:00'"),
)  # fmt: skip


def row_hash(columns: Sequence[Column], way: Way) -> Any:
    """The SQL expression of a row's hash (bigint, never NULL), of a table called `m` with these columns, in order."""
    from psycopg import sql

    if way == "text" or not columns:
        # ROW(m.*) and not m, which a column of that name would hide.
        return sql.SQL('hashtextextended(ROW(m.*)::text COLLATE "C", 0)')
    parts: list[Any] = []
    written: list[Any] = []
    for number, column in enumerate(columns, 1):
        name = sql.SQL("m.{}").format(sql.Identifier(column.name))
        if column.type not in _TYPED:
            written.append(name)
            continue
        form = _TYPED[column.type].replace("{number}", str(number)).replace("{type}", column.type)
        for word in ("seed", "before", "yes", "no"):
            form = form.replace(f"{{{word}}}", _constant(f"{word}/{number}"))
        # What is hashed is strict: nothing gives NULL, and gets a value of its own.
        parts.append(sql.SQL(f"coalesce({form}, {_constant(f'null/{number}')})").format(value=name))
    if written:
        # By the types' own output functions: a cast to text may be anybody's function, and lose something.
        parts.append(sql.SQL('hashtextextended(ROW({})::text COLLATE "C", 0)').format(sql.SQL(", ").join(written)))
    # XOR is linear: summed over rows as it is, values that two rows exchanged would cancel out. Hashed once more, they
    # do not; as a seed, because the hash of a bigint sees 32 bits.
    return sql.SQL("hashint8extended(0, {})").format(_together(parts))


def probe(way: Way) -> Any:
    """A query for the hash of one row that has a value of every type that `columns` knows."""
    from psycopg import sql

    names = [Column(f"c{number}", kind) for number, (kind, _) in enumerate(_PROBE)]
    row = ", ".join(f'{value}::"{kind}" AS c{number}' for number, (kind, value) in enumerate(_PROBE))
    return sql.SQL("SELECT {}::text FROM (SELECT {}) AS m").format(row_hash(names, way), sql.SQL(row))


def _together(parts: list[Any]) -> Any:
    """All of them by XOR, in halves: 1,600 columns one within the other would need as deep a stack."""
    from psycopg import sql

    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return sql.SQL("({} # {})").format(_together(parts[:half]), _together(parts[half:]))


def _constant(of: str) -> str:
    """A bigint that stands for these words, in SQL."""
    return f"'{int.from_bytes(hashlib.sha256(of.encode()).digest()[:8], signed=True)}'::bigint"
