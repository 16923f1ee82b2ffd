"""Two PostgreSQL servers with writers: legacy that logs logically, and a target restored from its snapshot."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from migrate.demo.postgres import Database, Fleet

USER, PASSWORD = "shop", "secret"
SCHEMA = """
CREATE TABLE orders (id bigserial PRIMARY KEY, note text, total numeric(12,2) DEFAULT 0);
CREATE TABLE before (id int PRIMARY KEY);
CREATE TABLE after () INHERITS (before); ALTER TABLE after ADD PRIMARY KEY (id);
CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, orders bigint REFERENCES orders, what text);
CREATE TABLE "Odd ""name" (word text); ALTER TABLE "Odd ""name" REPLICA IDENTITY FULL;
CREATE TABLE parts (day date, n int REFERENCES orders, PRIMARY KEY (day, n)) PARTITION BY RANGE (day);
CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE SEQUENCE numbers START 100 INCREMENT 5;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM orders;
CREATE INDEX notes ON orders (note) WHERE total > 1;
CREATE UNIQUE INDEX once ON lines (what, id);
CREATE INDEX said ON orders (total); COMMENT ON INDEX said IS 'kept';
INSERT INTO orders (note) SELECT 'first ' || n FROM generate_series(1, 2000) n;
INSERT INTO lines (orders, what) SELECT n, 'line' FROM generate_series(1, 2000) n;
INSERT INTO "Odd ""name" VALUES ('same'), ('same');
INSERT INTO parts VALUES ('2024-05-05', 1);
INSERT INTO before VALUES (1); INSERT INTO after VALUES (2);
"""


def connect(database: Database, name: str = "shop", **more: Any) -> Any:
    """A connection as an application makes it."""
    login = {"user": USER, "password": PASSWORD} | more
    return psycopg.connect(host="127.0.0.1", port=database.port, dbname=name, connect_timeout=10, **login)


def run(database: Database, *statements: str) -> None:
    """Send each statement, all in one transaction."""
    with connect(database) as link:
        for statement in statements:
            link.execute(statement.encode())


@dataclass
class TwoServers:
    """Legacy and a target restored from a snapshot of it."""

    fleet: Fleet
    legacy: Database
    target: Database
    _open: ExitStack = field(default_factory=ExitStack)

    def opened(self, side: str, name: str = "shop") -> Any:
        """A connection as the product opens one; closed with the servers."""
        link = self._open.enter_context(connect(getattr(self, side), name, autocommit=True))
        link.execute("SET default_transaction_read_only TO off")
        return link

    def close(self) -> None:
        self._open.close()
        self.fleet.delete(self.legacy)
        self.fleet.delete(self.target)

    def run(self, side: str, *statements: str) -> None:
        with connect(getattr(self, side)) as link:
            for statement in statements:
                link.execute(statement.encode())

    def ask(self, side: str, query: str) -> list[tuple[Any, ...]]:
        with connect(getattr(self, side)) as link:
            return list(link.execute(query.encode()).fetchall())

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.legacy.port


def make(fleet: Fleet, *, logical: bool = True, more: str = "", publishes: bool = False) -> TwoServers:
    """Legacy with rows, and a target restored while legacy writes. publishes: whether the target logs logically too."""
    legacy = fleet.create(user=USER, password=PASSWORD, name="shop")
    fleet.stop(legacy)
    fleet.configure(legacy, {"wal_level": "logical"} if logical else {})
    fleet.start(legacy)
    with connect(legacy) as link:
        link.execute(SCHEMA + more)
    snapshot = fleet.snapshot(legacy)
    target = fleet.restore(snapshot, {"wal_level": "logical"} if publishes else {})
    fleet.discard(snapshot)
    return TwoServers(fleet, legacy, target)


@dataclass
class Writers:
    """What writers did: the rows that were committed, and that no commit went unanswered."""

    inserted: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def writing(database: Database, count: int = 2) -> Iterator[Writers]:
    """Writers insert, update and delete until the block ends, or until they are ended from outside."""
    stop, done = threading.Event(), Writers()

    def write() -> None:
        try:
            with connect(database, autocommit=True) as link:
                while not stop.is_set():
                    with link.transaction():
                        one = link.execute("INSERT INTO orders (note) VALUES ('new') RETURNING id").fetchone()[0]
                        link.execute("INSERT INTO lines (orders, what) VALUES (%s, 'new')", [one])
                        link.execute("UPDATE orders SET total = total + 1 WHERE id = 1 + %s %% 2000", [one])
                        link.execute("DELETE FROM lines WHERE id = (SELECT min(id) FROM lines WHERE what = 'line')")
                        link.execute("SELECT nextval('numbers')")
                    with done._guard:
                        done.inserted.append(one)
                    stop.wait(0.005)
        except psycopg.Error as error:
            with done._guard:
                done.errors.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
