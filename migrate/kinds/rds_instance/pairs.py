"""The databases of an instance or a cluster, open on both sides. The rule: what PostgreSQL refuses is one error."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from migrate.carry import logical, logical_checks
from migrate.carry.postgres_catalogue import DATABASES
from migrate.errors import AccessError, StepFailed
from migrate.kind import Carrier, It
from migrate.kinds.rds_instance.cluster_facts import CLUSTER_GONE, ClusterFacts
from migrate.kinds.rds_instance.facts import GONE


@dataclass(frozen=True)
class Pair:
    """One database on both sides."""

    database: str
    name: str
    """What is ours in it."""
    legacy: Any
    target: Any
    tables: int


def endpoint(to: Carrier, side: Literal["legacy", "target"], it: It[Any]) -> tuple[str, int] | None:
    """Where an instance or a cluster answers; None where it is not there, or not yet."""
    site = to.legacy if side == "legacy" else to.target
    name = it.ref.name if side == "legacy" else to.place.name
    if isinstance(it.facts, ClusterFacts):
        answer = site.optional("rds.DescribeDBClusters", missing=(CLUSTER_GONE,), DBClusterIdentifier=name)
        one = answer["DBClusters"][0] if answer else {}
        return (str(one["Endpoint"]), int(one["Port"])) if one.get("Endpoint") else None
    answer = site.optional("rds.DescribeDBInstances", missing=(GONE,), DBInstanceIdentifier=name)
    found = answer["DBInstances"][0].get("Endpoint") if answer else None
    return (str(found["Address"]), int(found["Port"])) if found else None


@contextmanager
def connected(it: It[Any], to: Carrier, *, with_target: bool = True) -> Iterator[list[Pair]]:
    """Every database of legacy, with the target's of the same name. What PostgreSQL refuses is a StepFailed.

    Raises AccessError where a side cannot be reached.
    """
    import psycopg

    with ExitStack() as links:

        def opened(side: Literal["legacy", "target"], database: str) -> Any:
            instance = it.ref.name if side == "legacy" else to.place.name
            at = endpoint(to, side, it)
            link = to.connect(*at, database, side=side, instance=it.ref.name) if at else None
            if link is None:
                where = f"{instance} in {side}" if side == "legacy" else f"{instance} in the target"
                raise AccessError(
                    f"{to.step}: no connection can be made to {database} of {where}",
                    do="name its secret under databases, open a way or name a tunnel; migrate run goes on",
                )
            links.callback(link.close)
            if not link.autocommit:
                link.rollback()
                link.autocommit = True
            # idle_session_timeout is there since PostgreSQL 14.
            link.execute(
                "SELECT set_config(name, '0', false) FROM pg_settings"
                " WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_session_timeout')"
            )
            link.execute(f"SET {logical.READ_ONLY} TO off")
            return link

        try:
            first = opened("legacy", it.facts.db_name or "postgres")
            pairs = []
            for (database,) in first.execute(DATABASES).fetchall():
                legacy = opened("legacy", database)
                target = opened("target", database) if with_target else None
                tables = len(legacy.execute(logical_checks.TABLES).fetchall())
                pairs.append(Pair(database, logical.own_name(to.place.step, database), legacy, target, tables))
            yield pairs
        except psycopg.Error as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise StepFailed(
                f"{to.step}: PostgreSQL refused: {said}", do="correct what it says, then migrate run goes on"
            ) from error
