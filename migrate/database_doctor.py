"""What doctor says of the databases that will move: the same questions as the step `precheck`, before there is a plan.

The rule: reads only; a database that could not be asked is a finding, with why.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from migrate.carry.postgres import NotReadable
from migrate.carry.postgres_checks import Strategy, examine
from migrate.doctor import Finding
from migrate.inventory import Resource
from migrate.names import Ref


def ask(
    resources: Iterable[Resource],
    connect: Callable[..., Any],
    why_not: Mapping[str, str],
    *,
    strategies: Callable[[Ref], str] = lambda ref: "",
) -> Iterator[Finding]:
    """Findings for each PostgreSQL instance of its own among the resources of a scan.

    `connect(account, host, port, database, side=, instance=)` gives a connection or None; `why_not` then says why, by
    host.
    """
    for resource in resources:
        facts: Any = resource.facts
        if not _is_moved(resource):
            continue
        host, port, name = str(facts["host"]), int(facts["port"]), resource.ref.name

        def open_legacy(database: str, of: Resource = resource, host: str = host, port: int = port) -> Any:
            return connect(of.ref.account, host, port, database, side="legacy", instance=of.ref.name)

        try:
            found = examine(open_legacy, facts.get("db_name") or "postgres")
        except NotReadable as error:
            why = why_not.get(host) or str(error)
            fix = "name its secret under databases in migration.yaml, and reach it (tunnels), then doctor again"
            yield Finding(False, f"{name}: what would not arrive could not be known: {why}", fix)
            continue
        strategy: Strategy = "logical" if strategies(resource.ref) in ("logical", "dms") else "snapshot"
        for one in found:
            others = sorted(one.stops - {strategy})
            also = f" (with this, {' and '.join(others)} would not work: {one.do})" if others else ""
            stops = strategy in one.stops
            yield Finding(not stops, f"{name}: {one}{'' if stops else also}", one.do if stops else "")


def _is_moved(resource: Resource) -> bool:
    """Whether rows lie in it that a step will prove: an instance of its own, or an Aurora cluster."""
    facts: Any = resource.facts
    if resource.ref.kind == "rds.cluster":
        is_aurora = facts.get("engine") == "aurora-postgresql" and facts.get("engine_mode") in (None, "", "provisioned")
        return is_aurora and not facts.get("global_cluster") and not facts.get("replicates")
    is_own = not facts.get("cluster") and not facts.get("replica_of")
    return resource.ref.kind == "rds.instance" and facts.get("engine") == "postgres" and is_own
