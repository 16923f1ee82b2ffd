"""Two rows hash alike exactly where they are written alike, for every type that is hashed in a way of its own."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.carry import postgres_row_hash, postgres_rows
from migrate.carry.postgres_catalogue import SESSION
from migrate.carry.postgres_row_hash import Column, row_hash
from migrate.demo.postgres import Fleet
from tests.carry.two_servers import PASSWORD, USER, connect

HARD = {
    "numeric": ("5", "-5", "0", "-0.0", "0.0", "NaN", "Infinity", "-Infinity", "1.0", "1.00", "1", "10000", "0.0001"),
    "int8": ("-1", "4294967295", "0", "4294967297", "-4294967298", "4294967296", "-9223372036854775808"),
    "int4": ("-1", "1", "0", "-2147483648"),
    "int2": ("-1", "1", "0"),
    "oid": ("0", "4294967295"),
    "bool": ("true", "false"),
    "float8": ("0", "-0", "NaN", "Infinity", "-Infinity", "0.1", "0.10000000000000002", "5e-324"),
    "float4": ("0", "-0", "NaN", "Infinity", "-Infinity", "0.1"),
    "text": ("", " ", "null", "a", "A", "ä", "a\u0308"),
    "varchar": ("", " ", "a"),
    "bytea": ("", r"\x00", r"\x0000"),
    "date": ("infinity", "-infinity", "2000-01-01", "1999-12-31", "4713-01-01 BC", "5874897-12-31"),
    "timestamp": (
        "infinity", "-infinity", "2000-01-01 00:00", "2000-01-01 01:11:34.967296", "2000-01-01 01:11:34.967297",
        "1999-12-31 23:59:59.999999", "4714-11-24 00:00 BC", "4714-11-24 00:00:00.000001 BC",
        "294276-12-31 23:59:59.999999",
        # As many times 2^32 microseconds before 2000 as after it, and the rest the same.
        "2024-05-05 10:11:12.123456", "1975-08-28 14:51:56.292672",
    ),
    "timestamptz": (
        "infinity", "-infinity", "2000-01-01 00:00+00", "2000-01-01 01:11:34.967297+00", "4714-11-24 00:00+00 BC",
        "294276-12-31 23:59:59.999999+00", "2024-05-05 10:11:12.123456+00", "1975-08-28 14:51:56.292672+00",
    ),
    "time": ("00:00", "24:00", "01:11:34.967297"),
    "timetz": ("12:00+02", "10:00+00", "12:00+00"),
    "json": ("{}", "[]", "1", "1.0", "null", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
    "jsonb": ("{}", "[]", "1", "1.0", "null", "[[1], 2]", "[[1, 2]]", '{"a": {}, "b": 2}', '{"a": {"b": 2}}'),
    "uuid": ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"),
    "char": ("", "a", "A"),
    "name": ("", "a"),
    "macaddr": ("00:00:00:00:00:00", "00:00:00:00:00:01"),
    "macaddr8": ("00:00:00:00:00:00:00:00", "00:00:00:00:00:00:00:01"),
    "bpchar(4)": ("a", "a ", "", " ", "b", "ä", "aaaa"),
    # Of these no value is hashed in a way of its own; a cast to text would lose something.
    "bpchar": ("a", "a ", "a  "),
    "interval": ("1 day", "24:00", "1 mon", "30 days"),
    "inet": ("10.0.0.1", "10.0.0.1/24", "10.0.0.1/32"),
    "int4[]": ("{1,2}", "[0:1]={1,2}", "{{1,2}}", "{}", "{NULL}"),
    "int4range": ("empty", "[1,2)", "[1,)", "(,)"),
    "bit": ("0", "1"),
    "varbit": ("", "0", "00"),
    "xid": ("0", "1"),
    "pg_lsn": ("0/0", "1/1", "FFFFFFFF/FFFFFFFF"),
}  # fmt: skip


@pytest.fixture(scope="module")
def link(fleet: Fleet) -> Iterator["Link"]:
    database = fleet.create(user=USER, password=PASSWORD, name="shop")
    with connect(database) as made:
        for setting in SESSION:
            made.execute(setting.replace("SET LOCAL", "SET").encode())
        made.commit()
        yield made


Link = psycopg.Connection[Any]


def hashes(
    link: Link, kinds: tuple[str, ...], rows: list[tuple[Any, ...]], given_as: str = ""
) -> list[tuple[Any, ...]]:
    """Each row's hash, and the row as it is written; the values given as text, or as what `given_as` makes of them."""
    typed = [
        name if name in postgres_row_hash._TYPED and kind != "bpchar" else ""
        for kind in kinds
        for name in [kind.partition("(")[0]]
    ]
    columns = tuple(Column(f"c{n}", kind) for n, kind in enumerate(typed))
    # "char" is another type than char.
    named = [kind if "[" in kind or "(" in kind else f'"{kind}"' for kind in kinds]
    made = ", ".join(f"c{n} {kind}" for n, kind in enumerate(named))
    values = ", ".join(given_as or f"%s::{kind}" for kind in named)
    query = psycopg.sql.SQL("SELECT {}, ROW(m.*)::text FROM h AS m ORDER BY ctid").format(row_hash(columns, "columns"))
    with link.transaction(force_rollback=True):
        link.execute(f"CREATE TEMP TABLE h ({made})".encode())
        with link.cursor() as cursor:
            cursor.executemany(f"INSERT INTO h VALUES ({values})".encode(), rows)
        return link.execute(query).fetchall()


@pytest.mark.parametrize("kind", HARD)
def test_values_that_postgresql_holds_for_equal_hash_differently_where_they_are_written_differently(
    link: Link, kind: str
) -> None:
    found = hashes(link, (kind,), [(None,), *((value,) for value in HARD[kind])])

    written = {text for _, text in found}
    assert len({number for number, _ in found}) == len(written) > 1
    assert None not in {number for number, _ in found}


@pytest.mark.parametrize("kind", HARD)
def test_values_that_two_columns_of_a_row_exchanged_are_a_difference(link: Link, kind: str) -> None:
    values = (None, *HARD[kind])
    pairs = [(one, other) for one in values for other in values]

    found = hashes(link, (kind, kind), pairs)

    assert len({number for number, _ in found}) == len({text for _, text in found})


def test_which_of_many_columns_is_null_makes_a_difference(link: Link) -> None:
    kinds = ("int4", "text", "bool", "numeric", "timestamptz", "bytea", "jsonb", "int8")
    whole = ("1", "1", "true", "1", "2024-01-01", r"\x01", "1", "1")
    rows = [tuple(None if mask >> n & 1 else value for n, value in enumerate(whole)) for mask in range(256)]

    assert len({number for number, _ in hashes(link, kinds, rows)}) == 256


DIGITS = st.decimals(allow_nan=False, allow_infinity=False).map(str)
BIG = st.integers(-(2**63), 2**63 - 1)
MICROSECONDS = st.integers(-(2**57), 2**61)
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(DIGITS, min_size=1, max_size=20),
    integers=st.lists(BIG, min_size=1, max_size=20),
    times=st.lists(MICROSECONDS, min_size=1, max_size=20),
    words=st.lists(TEXT, min_size=1, max_size=20),
    bit=st.integers(0, 31),
)
def test_rows_hash_alike_exactly_where_they_are_written_alike(
    link: Link,
    numbers: list[str],
    integers: list[int],
    times: list[int],
    words: list[str],
    bit: int,
) -> None:
    def signed(value: int) -> int:
        return (value + 2**63) % 2**64 - 2**63

    # What a hash that folds 64 bits into 32 would not see: the same bit turned in both halves, and all of them; the
    # upper half turned over, which it does itself to negative numbers.
    integers += [signed(one ^ (2**32 + 1) << bit) for one in integers] + [~one for one in integers]
    times += [one ^ (2**32 + 1) << min(bit, 20) for one in times]
    times += [one ^ -(2**32) for one in times if abs(one) < 2**57]
    numbers += [one.removeprefix("-") if one.startswith("-") else f"-{one}" for one in numbers]
    size = max(len(numbers), len(integers), len(words))
    rows = [(numbers[n % len(numbers)], integers[n % len(integers)], words[n % len(words)]) for n in range(size)]

    since = "timestamp '2000-01-01' + (%s || ' microseconds')::interval"
    for kinds, values, given_as in (
        (("numeric", "int8", "text"), rows, ""),
        (("numeric",), [(one,) for one in numbers], ""),
        (("int8",), [(one,) for one in integers], ""),
        (("timestamp",), [(one,) for one in times], since),
        (("timestamptz",), [(one,) for one in times], since),
    ):
        found = hashes(link, kinds, values, given_as)
        assert len(set(found)) == len({number for number, _ in found}) == len({text for _, text in found})


@pytest.mark.parametrize("kind", ["int4", "numeric", "bytea", "bpchar"])
def test_a_table_of_as_many_columns_as_there_can_be_is_hashed(link: Link, kind: str) -> None:
    count = 1600 if kind == "int4" else 300
    one = [r"\x01" if kind == "bytea" else "1"] * count
    other = [*one[:-1], None]

    found = hashes(link, (kind,) * count, [tuple(one), tuple(one), tuple(other)])

    assert found[0][0] == found[1][0] != found[2][0]


def test_a_table_without_columns_counts_its_rows(link: Link) -> None:
    table = postgres_rows.Table("pg_temp", "nothing", (), (), 1, False)

    with link.transaction(force_rollback=True):
        link.execute("CREATE TEMP TABLE nothing ()")
        link.execute("INSERT INTO nothing DEFAULT VALUES")
        found = link.execute(postgres_rows.digest_query(table, "columns")).fetchone()

    assert found is not None
    assert found[0] == 1


def test_the_probe_has_every_type_that_is_hashed_in_a_way_of_its_own() -> None:
    assert postgres_row_hash._TYPED.keys() <= {kind for kind, _ in postgres_row_hash._PROBE}
