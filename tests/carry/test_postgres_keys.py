"""A difference between two tables is named to its keys, whatever the types, and no other value is shown."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import psycopg.sql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.carry import postgres, postgres_rows
from migrate.carry.postgres_checks import examine
from migrate.carry.postgres_row_hash import Column
from migrate.demo.postgres import Database, Fleet
from migrate.kind import Proof
from tests.carry.two_servers import PASSWORD, USER, connect, run


@pytest.fixture(scope="module")
def servers(fleet: Fleet) -> tuple[Database, Database]:
    return tuple(fleet.create(user=USER, password=PASSWORD, name="shop") for _ in range(2))  # type: ignore[return-value]


@pytest.fixture
def sides(servers: tuple[Database, Database]) -> tuple[Database, Database]:
    for database in servers:
        run(database, "DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public")
    return servers


def both(sides: tuple[Database, Database], *statements: str) -> None:
    for database in sides:
        run(database, *statements)


def together(what: Callable[[Any], Any], items: Any) -> list[Any]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(what, items))


def proof(sides: tuple[Database, Database]) -> Proof:
    found = postgres.prove(
        lambda name: connect(sides[0], name), lambda name: connect(sides[1], name), "shop", together=together
    )
    assert not [line for line in found.differences if "could not" in line], found.differences
    return found


def keys(sides: tuple[Database, Database]) -> list[str]:
    return [line.removeprefix("shop: ") for line in proof(sides).differences if "keys of" in line or "by ctid" in line]


def test_one_row_changed_one_missing_and_one_more_are_named_by_their_integer_key(
    sides: tuple[Database, Database],
) -> None:
    both(sides, "CREATE TABLE orders (id bigint PRIMARY KEY, note text)")
    both(sides, "INSERT INTO orders SELECT n * 3 - 150000, 'note ' || n FROM generate_series(1, 100000) n")
    assert proof(sides).state == "equal"

    run(sides[1], "UPDATE orders SET note = 'very private' WHERE id = -99")
    run(sides[1], "DELETE FROM orders WHERE id = 149997", "INSERT INTO orders VALUES (9223372036854775807, 'x')")
    run(sides[1], "INSERT INTO orders VALUES (-9223372036854775808, 'x')")

    found = proof(sides)
    assert found.state == "different"
    assert "private" not in repr(found)
    assert found.differences == (
        "shop: rows of public.orders: 100000 in legacy, 100001 in the target",
        "shop: keys of public.orders (id): 1 changed: -99; 1 only in legacy: 149997; 2 only in the target: "
        "-9223372036854775808, 9223372036854775807",
    )


def test_of_many_differences_twenty_keys_are_named_and_the_rest_are_counted(sides: tuple[Database, Database]) -> None:
    both(sides, "CREATE TABLE orders (id int PRIMARY KEY, note text)")
    both(sides, "INSERT INTO orders SELECT n, 'note' FROM generate_series(1, 5000) n")
    run(sides[1], "UPDATE orders SET note = 'other' WHERE id BETWEEN 101 AND 130")

    named = ", ".join(str(key) for key in range(101, 121))
    assert keys(sides) == [f"keys of public.orders (id): 30 changed: {named} and 10 more"]


def test_where_everything_differs_the_range_that_was_not_looked_into_is_said(sides: tuple[Database, Database]) -> None:
    both(sides, "CREATE TABLE orders (id int PRIMARY KEY, note text)")
    both(sides, "INSERT INTO orders SELECT n, 'note' FROM generate_series(1, 20480) n")
    run(sides[1], "UPDATE orders SET note = 'other'")

    # 1,024 ranges of 20 keys, of which 64 are looked into.
    (line,) = keys(sides)
    assert line.startswith("keys of public.orders (id): 1280 changed: 1, 2, 3, ")
    assert line.endswith(
        "20 and 1260 more; at least: 960 more ranges of keys differ between 1281 and 20480, they were not looked into"
    )


def test_where_very_many_tables_differ_all_are_named_and_the_keys_of_the_first_only(
    sides: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    both(sides, *(f"CREATE TABLE t{n} (id int PRIMARY KEY)" for n in range(3)))
    run(sides[1], *(f"INSERT INTO t{n} VALUES (1)" for n in range(3)))
    monkeypatch.setattr(postgres, "NARROWED", 2)

    lines = proof(sides).differences

    assert len([line for line in lines if "rows of" in line]) == 3
    assert len([line for line in lines if "keys of" in line]) == 2


@pytest.mark.parametrize(
    ("columns", "one", "shown"),
    [
        ("a int, b int, PRIMARY KEY (a, b)", "7, 8", "(a, b): 1 changed: (7,8)"),
        ("a uuid, b int, PRIMARY KEY (a)", "'00000000-0000-4000-8000-000000000007', 8",
         "(a): 1 changed: (00000000-0000-4000-8000-000000000007)"),
        ("a int NOT NULL UNIQUE, b int", "7, 8", "(a): 1 changed: 7"),
    ],
)  # fmt: skip
def test_keys_of_several_columns_uuids_and_unique_columns_are_named(
    sides: tuple[Database, Database], columns: str, one: str, shown: str
) -> None:
    both(sides, f"CREATE TABLE things ({columns}, note text)", f"INSERT INTO things VALUES ({one}, 'x')")
    run(sides[1], "UPDATE things SET note = 'y'")

    assert keys(sides) == [f"keys of public.things {shown}"]


def test_a_key_that_may_be_personal_is_named_by_a_hash_that_finds_the_row(sides: tuple[Database, Database]) -> None:
    both(sides, 'CREATE TABLE people (mail text COLLATE "C" PRIMARY KEY, note text)')
    both(sides, "INSERT INTO people SELECT 'zoe' || n || '@example.com', 'x' FROM generate_series(1, 3000) n")
    run(sides[1], "UPDATE people SET note = 'y' WHERE mail = 'zoe77@example.com'")

    (line,) = keys(sides)
    assert "zoe" not in line
    start = (
        'keys of public.people (mail, each as its hash: hashtextextended(ROW(mail)::text COLLATE "C", 0)): 1 changed: '
    )
    assert line.startswith(start)
    with connect(sides[0]) as link:
        query = f'SELECT mail FROM people WHERE hashtextextended(ROW(mail)::text COLLATE "C", 0) = {line[len(start) :]}'
        assert link.execute(query.encode()).fetchall() == [("zoe77@example.com",)]


def test_a_row_of_a_table_without_a_key_is_named_by_its_place(sides: tuple[Database, Database]) -> None:
    both(sides, "CREATE TABLE log (word text)", "INSERT INTO log SELECT 'w' || n % 5 FROM generate_series(1, 10) n")
    run(sides[1], "INSERT INTO log VALUES ('w1')", "UPDATE log SET word = 'z' WHERE ctid = '(0,5)'")

    (line,) = keys(sides)
    assert line.startswith("rows of public.log by ctid (it has no key): 1 only in the target: (0,12); 1 more often in ")


def test_a_row_that_was_doubled_where_the_index_is_gone_is_named(sides: tuple[Database, Database]) -> None:
    both(sides, "CREATE TABLE orders (id int PRIMARY KEY, note text)", "INSERT INTO orders VALUES (7, 'x'), (8, 'y')")
    run(sides[1], "ALTER TABLE orders DROP CONSTRAINT orders_pkey", "INSERT INTO orders VALUES (7, 'x')")

    found = proof(sides).differences
    assert "shop: keys of public.orders (id): 1 more often in the target: 7" in found
    assert "shop: index public.orders_pkey: only in legacy" in found


def test_every_partition_and_child_answers_for_its_own_rows(sides: tuple[Database, Database]) -> None:
    both(
        sides,
        "CREATE TABLE parts (id int PRIMARY KEY, d int GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200)",
        "CREATE TABLE parent (a int)", "CREATE TABLE child (b int) INHERITS (parent)",
        "INSERT INTO parts VALUES (1), (101)", "INSERT INTO child VALUES (1, 2)",
    )  # fmt: skip
    run(sides[1], "DELETE FROM parts WHERE id = 101", "UPDATE child SET b = 3")

    lines = keys(sides)
    assert lines[0].startswith(
        "rows of public.child by ctid (it has no key): 1 only in legacy: (0,1); 1 only in the ta"
    )
    assert lines[1:] == ["keys of public.parts_2 (id): 1 only in legacy: 101"]


ALMOST = [
    ("numeric", "1.0", "1.00"),
    ("numeric(6,2)", "1.10", "1.11"),
    ("float8", "0", "'-0'"),
    ("float4", "'-0'", "0"),
    ("float8", "0.1", "0.10000000000000002"),
    ("jsonb", """'{"a": 1.0}'""", """'{"a": 1.00}'"""),
    ("json", """'{"a":1}'""", """'{"a": 1}'"""),
    ("interval", "'1 day'", "'24 hours'"),
    ("bpchar", "'x'", "'x '"),
    ("text", "'x'", "'x '"),
    ("text", "''", "NULL"),
    ("text", "E'Zo\\u00eb'", "E'Zoe\\u0308'"),
    ("int[]", "'{1,2}'", "'[2:3]={1,2}'"),
    ("int[]", "'{1,NULL}'", "'{1,0}'"),
    ("mood", "'sad'", "'ok'"),
    ("spread", "'[1,2]'", "'[1,3)'"),
    ("numrange", "'[1,2)'", "'[1.0,2)'"),
    ("amount", "1", "1.0"),
    ("pair", "ROW(1, NULL)", "ROW(1, 0)"),
    ("inet", "'10.0.0.1'", "'10.0.0.1/24'"),
    ("bytea", "'\\x00'", "'\\x0000'"),
    ("timestamptz", "'2024-01-01 00:00+00'", "'2024-01-01 00:00:00.000001+00'"),
    ("timetz", "'12:00+00'", "'13:00+01'"),
    ("date", "'infinity'", "'5874897-12-31'"),
    ("bit varying", "B'0'", "B'00'"),
    ("money", "1.00", "1.01"),
    ("uuid", "'00000000-0000-4000-8000-000000000001'", "'00000000-0000-4000-8000-000000000002'"),
    ("bool", "false", "NULL"),
    ("tsvector", "'a:1'", "'a:2'"),
]


def test_values_that_almost_equal_each_other_are_different(sides: tuple[Database, Database]) -> None:
    both(
        sides, "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TYPE spread AS RANGE (subtype = float8)",
        "CREATE DOMAIN amount AS numeric CHECK (VALUE > 0)", "CREATE TYPE pair AS (a int, b int)",
    )  # fmt: skip
    for number, (sort, one, other) in enumerate(ALMOST):
        both(sides, f"CREATE TABLE t{number:02d} (id int PRIMARY KEY, v {sort})")
        run(sides[0], f"INSERT INTO t{number:02d} VALUES (1, {one})")
        run(sides[1], f"INSERT INTO t{number:02d} VALUES (1, {other})")

    assert keys(sides) == [f"keys of public.t{number:02d} (id): 1 changed: 1" for number in range(len(ALMOST))]
    run(sides[1], *(f"UPDATE t{number:02d} SET v = {one}" for number, (_, one, _) in enumerate(ALMOST)))
    assert proof(sides).state == "equal"


def test_values_that_two_rows_exchanged_are_a_difference(sides: tuple[Database, Database]) -> None:
    both(sides, "CREATE TABLE pairs (id int PRIMARY KEY, a int, b text)")
    run(sides[0], "INSERT INTO pairs VALUES (1, 10, 'x'), (2, 20, 'y')")
    run(sides[1], "INSERT INTO pairs VALUES (1, 20, 'x'), (2, 10, 'y')")

    assert keys(sides) == ["keys of public.pairs (id): 2 changed: 1, 2"]


def test_settings_of_roles_and_databases_do_not_change_a_digest(sides: tuple[Database, Database]) -> None:
    both(sides, "CREATE TABLE t (id int PRIMARY KEY, a timestamptz, b float8, c interval, d bytea, e date)")
    both(sides, "INSERT INTO t VALUES (1, '2024-06-01 12:00+00', 0.1, '1 day 2 hours', 'ab', '2024-06-01')")
    for setting in ("timezone = 'Asia/Tokyo'", "extra_float_digits = 0", "intervalstyle = 'iso_8601'",
                    "bytea_output = 'escape'", "datestyle = 'SQL, DMY'"):  # fmt: skip
        run(sides[1], f"ALTER ROLE shop SET {setting}")
    try:
        assert [line for line in proof(sides).differences if "rows of" in line] == []
    finally:
        run(sides[1], "ALTER ROLE shop RESET ALL")


VALUES = st.tuples(
    st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)),
    st.one_of(st.none(), st.floats()),
    st.one_of(st.none(), st.decimals(allow_nan=False, allow_infinity=False)),
    st.one_of(st.none(), st.binary(max_size=4)),
    st.one_of(st.none(), st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=3)),
    st.one_of(st.none(), st.datetimes()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=st.lists(VALUES, max_size=4), other=st.lists(VALUES, max_size=4), shuffled=st.booleans())
def test_digests_are_equal_exactly_where_the_rows_written_out_are(
    servers: tuple[Database, Database], one: list[Any], other: list[Any], shuffled: bool
) -> None:
    if shuffled:
        other = one[::-1]
    with connect(servers[0]) as link:
        answers = []
        for rows in (one, other):
            link.execute("CREATE TEMP TABLE h (a text, b float8, c numeric, d bytea, e int[], f timestamp)")
            with link.cursor() as cursor:
                cursor.executemany("INSERT INTO h VALUES (%s, %s, %s, %s, %s::int[], %s)", rows)
            types = ("text", "float8", "numeric", "bytea", "", "timestamp")
            columns = tuple(Column(n, t) for n, t in zip("abcdef", types, strict=True))
            table = postgres_rows.Table("pg_temp", "h", columns, (), 1, False)
            digest = link.execute(postgres_rows.digest_query(table, "columns")).fetchone()
            written = sorted(str(r[0]) for r in link.execute("SELECT ROW(h.*)::text FROM h").fetchall())
            answers.append((digest, written))
            link.execute("DROP TABLE h")
        link.rollback()

    assert (answers[0][0] == answers[1][0]) == (answers[0][1] == answers[1][1])


def test_a_large_table_is_read_in_chunks_over_connections_that_see_one_snapshot(
    sides: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    both(sides, "CREATE TABLE orders (id int PRIMARY KEY, note text)", "CREATE TABLE small (id int PRIMARY KEY)")
    both(sides, "INSERT INTO orders SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n")
    whole = postgres.read("legacy", lambda _: connect(sides[0]), "shop")
    monkeypatch.setattr(postgres, "CHUNK_BLOCKS", 16)
    monkeypatch.setattr(postgres_rows.chunks, "__kwdefaults__", {"blocks": 16})
    opened: list[Any] = []

    def open_and_write(name: str) -> Any:
        if opened:
            # Between the leader's snapshot and the other connections' first look.
            run(sides[0], "UPDATE orders SET note = 'later' WHERE id % 7 = 0", "DELETE FROM orders WHERE id % 5 = 0")
        opened.append(connect(sides[0], name))
        return opened[-1]

    parts = postgres.read("legacy", open_and_write, "shop")

    assert len(opened) == postgres_rows.CONNECTIONS
    assert parts.items["rows of public.orders"] == whole.items["rows of public.orders"]
    assert parts.rows["public.orders"] == 20000
    assert all(link.closed for link in opened)


def test_with_no_room_for_more_connections_one_reads_everything(
    sides: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    both(sides, "CREATE TABLE orders (id int PRIMARY KEY, note text)")
    both(sides, "INSERT INTO orders SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n")
    whole = postgres.read("legacy", lambda _: connect(sides[0]), "shop")
    monkeypatch.setattr(postgres, "CHUNK_BLOCKS", 16)
    monkeypatch.setattr(postgres_rows.chunks, "__kwdefaults__", {"blocks": 16})
    opened: list[Any] = []

    def only_one(name: str) -> Any:
        if opened:
            raise psycopg.OperationalError("too many clients already")
        opened.append(connect(sides[0], name))
        return opened[-1]

    assert postgres.read("legacy", only_one, "shop").items == whole.items


def test_servers_that_hash_differently_are_compared_by_text_or_not_called_equal(
    sides: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    both(sides, "CREATE TABLE orders (id int PRIMARY KEY, note text)", "INSERT INTO orders VALUES (1, 'x')")
    true = postgres_rows.probed
    seen: list[str] = []

    def other(ways: tuple[str, ...]) -> Callable[[Any], dict[Any, str]]:
        def probed(connection: Any) -> dict[Any, str]:
            found: dict[Any, str] = dict(true(connection))
            for way in ways if connection.info.port == sides[1].port else ():
                found[way] = "another"
            return found

        return probed

    monkeypatch.setattr(postgres_rows, "probed", other(("columns",)))
    found = proof(sides)
    seen.append(str(found.evidence["shop"]["hashed as"]))
    assert found.state == "equal"
    monkeypatch.setattr(postgres_rows, "probed", other(("columns", "text")))
    found = postgres.prove(lambda name: connect(sides[0], name), lambda name: connect(sides[1], name), "shop")

    assert seen == ["text"]
    assert found.state == "could not be proved"
    assert "shop: rows of public.orders: could not be read in legacy: the two servers hash" in found.differences[0]


def test_indexes_that_came_under_another_collation_library_are_named(
    fleet: Fleet, sides: tuple[Database, Database]
) -> None:
    def set_version(database: Database, version: str) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=database.port, user="rdsadmin", password=fleet._secret, dbname="shop"
        ) as link:
            link.execute(
                psycopg.sql.SQL(
                    "UPDATE pg_collation SET collversion = nullif({}, '') WHERE collname = 'C.utf8'"
                ).format(version)
            )

    both(sides, 'CREATE TABLE names (name text COLLATE "C.utf8" PRIMARY KEY)')
    # No collation of this build has versions of its own: what was recorded is changed instead.
    set_version(sides[1], "2.26")
    try:
        assert proof(sides).differences == (
            "shop: order of text of collation C.utf8 of column public.names.name (made under 2.26, now none: REINDEX): "
            "only in the target",
        )
        set_version(sides[0], "2.26")
        assert proof(sides).state == "equal"
        (asked,) = [one for one in examine(lambda name: connect(sides[0], name), "shop") if "library has" in one.what]
        assert asked.names == ("C.utf8 (2.26, now none)",)
    finally:
        for database in sides:
            set_version(database, "")


def test_the_evidence_says_counts_sums_seconds_and_the_query(sides: tuple[Database, Database]) -> None:
    both(
        sides, "CREATE TABLE orders (id serial PRIMARY KEY, note text)", "INSERT INTO orders (note) VALUES ('secret!')"
    )

    evidence: Any = proof(sides).evidence["shop"]

    table = evidence["by table"]["public.orders"]
    assert table["legacy"]["rows"] == table["target"]["rows"] == 1
    assert table["legacy"]["sum"] == table["target"]["sum"]
    assert evidence["query"].startswith("SELECT count(*), coalesce(sum(hashint8extended(")
    assert evidence["sequences"] == {"public.orders_id_seq": {"legacy": "1/True", "target": "1/True"}}
    assert evidence["seconds"]["legacy"] > 0
    assert "secret!" not in repr(evidence)
