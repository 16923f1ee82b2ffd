"""Settings of a database or a role that change how values are written do not change what arrives or how it is named."""

import dataclasses
from collections.abc import Iterator

import boto3
import pytest

from migrate.demo.postgres import Fleet
from tests.carry.fake_carrier import LEGACY
from tests.carry.two_servers import USER, make
from tests.kinds.plain_site import PlainSite
from tests.kinds.replicated import INSTANCE, Move
from tests.kinds.replicated import sessions as sessions

ODD = ("DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kathmandu'",
       "extra_float_digits = -15", "bytea_output = 'escape'", "lc_numeric = 'C'")  # fmt: skip
TABLE = """
CREATE TABLE dated (at timestamptz, day date, took interval, f float8, raw bytea, PRIMARY KEY (at, day, took, f, raw));
INSERT INTO dated SELECT timestamptz '2024-03-04 05:06:07.123456+00' + n * interval '1 day 1.5 hours', date '2024-03-04'
    + n, interval '-1 year 2 days -03:04:05' * n, n / 3.0::float8, decode(lpad(to_hex(n), 4, '0'), 'hex')
FROM generate_series(1, 300) n;
"""


@pytest.fixture
def move(fleet: Fleet, sessions: dict[str, boto3.Session]) -> Iterator[Move]:
    site = PlainSite(sessions["legacy"], LEGACY, "eu-west-1", INSTANCE.reads)
    it = INSTANCE.typed(next(iter(INSTANCE.scan(site, only="shop"))))
    servers = make(fleet)
    for side in ("legacy", "target"):
        servers.run(side, TABLE)
    yield Move(dataclasses.replace(it, strategy="logical"), servers, sessions)
    servers.close()


def test_replication_under_odd_settings_arrives_equal_and_a_difference_is_named_by_its_key(move: Move) -> None:
    for one in ODD:
        # One side by the database, the other by the role.
        move.servers.run("legacy", f"ALTER DATABASE shop SET {one}")
        move.servers.run("target", f"ALTER ROLE {USER} SET {one}")

    proofs = {step: move.do(step) for step in ("check_replication", "replicate", "catch_up", "end_replication")}
    rows = move.do("prove_rows")
    move.servers.run("target", "DELETE FROM dated WHERE day = '2024-03-05'")
    lost = move.do("prove_rows")

    assert {step: proof.state for step, proof in proofs.items()} == dict.fromkeys(proofs, "equal")
    assert [line for line in rows.differences if "dated" in line] == []
    named = [line for line in lost.differences if "keys of public.dated" in line]
    assert named, lost.differences
    assert "1 only in legacy" in named[0]
