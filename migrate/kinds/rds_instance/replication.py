"""How a PostgreSQL instance moves by logical replication: legacy writes until the last moment.

The target is restored from a snapshot (roles, passwords, extensions and definitions come with it), its tables are
emptied and filled by a subscription. The rule: what is made in legacy (role, publication, slot) goes at the end and
with the undo, and no step believes anything that it did not just read from both servers.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from migrate.carry import logical, logical_checks, logical_indexes
from migrate.errors import StepFailed
from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof
from migrate.kinds.rds_instance.cluster_facts import ClusterFacts
from migrate.kinds.rds_instance.emptying import refuse_moved, refuse_written
from migrate.kinds.rds_instance.facts import InstanceFacts
from migrate.kinds.rds_instance.pairs import Pair, connected, endpoint

EVERY_S = 1.0
TOLD_S = 15.0
"""How often the journal is told how far behind the target is."""
GIB = 1024**3
_SIZE = "SELECT pg_database_size(current_database())"


def by_logical(it: It[Any]) -> bool:
    """Whether migration.yaml chose logical replication for it."""
    return it.facts.moves and it.strategy == "logical"


def by_dms(it: It[Any]) -> bool:
    """Whether migration.yaml chose AWS DMS for it, which a person sets up."""
    return it.facts.moves and it.strategy == "dms"


def is_followed(it: It[Any]) -> bool:
    """Whether its rows are copied while legacy writes: restored early, and from a server that logs logically."""
    return by_logical(it) or by_dms(it)


def choice(it: It[Any]) -> str:
    """What the plan says of the strategy: what each costs in time, and how the other is chosen."""
    if isinstance(it.facts, ClusterFacts):
        snapshot = (
            "writers stand still for the snapshot, its copies and the restore; how long is not known: AWS shows a "
            "cluster's size in CloudWatch only (VolumeBytesUsed)"
        )
    else:
        # The same rates as in `estimate`: two snapshots or copies at 80 MB/s, a restore at 200 MB/s. Uncalibrated.
        still_s = 2100 + it.facts.allocated_gib * GIB * (2 / 80e6 + 1 / 200e6)
        snapshot = (
            f"writers stand still for about {still_s / 60:.0f} minutes (snapshot, copies and restore; uncalibrated)"
        )
    replicated = (
        "writers stand still until the last bytes arrived and the rows are proved; it needs a way from the target to "
        "legacy, rds.logical_replication and a key in every table"
    )
    if it.strategy == "logical":
        back = "brought back by a rollback" if it.way_back else "lost by a rollback (way_back: reverse brings it back)"
        replicated += f". What the target takes after the cut-over is {back}"
        return f"logical: {replicated}. snapshot would be: {snapshot}, and nothing is changed in legacy's database"
    if it.strategy == "dms":
        return f"dms: a person sets DMS up and ends it; {replicated}. snapshot would be: {snapshot}"
    return f"snapshot: {snapshot}. logical would be: {replicated} (databases: strategy: logical)"


STANDS_STILL = (
    "ALTER DATABASE … SET default_transaction_read_only, and sessions are ended; the undo takes it back, a finished "
    "migration leaves it"
)
"""What becomes of legacy once its last row is waited for, for the plan's reader."""


class _OfReplication(CarryAction[InstanceFacts]):
    """What is done only where logical replication was chosen, by SQL and without AWS's API."""

    writes = frozenset()

    def applies(self, it: It[InstanceFacts]) -> bool:
        return by_logical(it)


class CheckReplication(_OfReplication):
    """Writes nothing: asks legacy's databases whether each table can be replicated."""

    name = "check_replication"
    title = "Check that legacy's database can be replicated"

    def applies(self, it: It[InstanceFacts]) -> bool:
        return is_followed(it)

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "how": "wal_level, free slots, a replica identity in every table, no large objects, no unlogged tables",
            "strategy": choice(it),
            "way back": it.way_back or "none",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        if to.planned.get("way back") == "reverse" and not it.facts.logical_replication:
            raise StepFailed(
                f"{to.step}: way_back: reverse needs rds.logical_replication in the parameter group of {it.ref.name} "
                "itself: the target is restored under its copy, and publishes",
                do="set it there, reboot, scan and plan again; or take way_back out of migration.yaml",
            )
        held: dict[str, Json] = {}
        with connected(it, to, with_target=False) as pairs:
            followed = [pair for pair in pairs if pair.tables]
            needed = len(followed) * (1 + logical.SYNC_WORKERS)
            found = list(dict.fromkeys(said for p in pairs for said in logical_checks.problems(p.legacy, needed)))
            # The target is restored under a copy of its parameter group.
            found += logical_checks.room(pairs[0].legacy, len(followed)) if pairs else []
            # A cluster's size is known to its databases only.
            for pair in pairs:
                held |= {pair.database: pair.tables, f"{pair.database} bytes": pair.legacy.execute(_SIZE).fetchone()[0]}
        if found:
            refuse_moved(it, to, found)
            lines = "\n".join(f"    {said}" for said in found)
            raise StepFailed(
                f"{to.step}: {it.ref.name} cannot be replicated as it is:\n{lines}",
                do="mend that in legacy, then migrate run; or choose the strategy snapshot, and plan again",
            )
        return held

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        """Nothing arrived yet: the later steps prove what did."""
        return Proof("equal")

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing: nothing was written."""


class Replicate(_OfReplication):
    """Legacy gets a role, a publication and a slot for each database; the target empties its tables and subscribes."""

    name = "replicate"
    title = "Copy the rows while legacy writes, and follow"
    undo_class = "R1"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "the restored tables are emptied in the transaction that subscribes; PostgreSQL copies and follows",
            "in legacy": "a role, a publication and a replication slot for each database, named migrate_…, until "
            "end_replication or the undo drops them; the slot keeps log on legacy's disk while the target is behind",
            "strategy": choice(it),
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        at = endpoint(to, "legacy", it)
        # Before the first write: a rollback looks for what was begun.
        to.intend("postgresql.CreatePublication", side="legacy")
        to.intend("postgresql.CreateSubscription", side="target")
        counts: dict[str, Json] = {}
        with connected(it, to) as pairs:
            followed = [pair for pair in pairs if pair.tables]
            lacking = logical_checks.room(pairs[0].target, len(followed)) if pairs else []
            if lacking:
                raise StepFailed(f"{to.step}: {'; '.join(lacking)}", do="do that, then migrate run goes on")
            for pair in followed:
                refuse_written(to, pair)
            for pair in pairs:
                if pair.tables:
                    address = to.route(*at, instance=it.ref.name) if at else ("", 0)
                    oid = logical.begin(pair.legacy, pair.target, pair.name, address)
                    to.remember(f"subscription/{pair.database}", oid)
                    counts[pair.database] = pair.tables
                differs = logical_checks.unlike(pair.legacy, pair.target)
                if differs:
                    counts[f"{pair.database} differs in"] = list(differs)
            _follow(to, followed)
        return counts

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        with connected(it, to) as pairs:
            evidence: dict[str, Json] = {}
            differences: list[str] = []
            for pair in pairs:
                if not pair.tables or _has_ended(pair):
                    continue
                now = logical.progress(pair.legacy, pair.target, pair.name)
                evidence[pair.database] = {"tables": now.tables, "ready": now.ready, "behind_bytes": now.behind_bytes}
                if not now.copied or now.tables < pair.tables:
                    differences.append(f"{pair.database}: {now.ready} of {pair.tables} tables are copied")
                differences += logical_checks.differing_tables(pair.legacy, pair.target)
        return Proof("different" if differences else "equal", ("replication",), tuple(differences), evidence)

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Legacy first: its slots must go whether or not the target can be reached."""
        there = endpoint(to, "target", it) is not None
        with connected(it, to, with_target=False) as pairs:
            try:
                if there:
                    with connected(it, to) as both:
                        for pair in both:
                            _remember_oid(pair, to)
                            logical.end_in_target(pair.target, pair.name)
            finally:
                for pair in pairs:
                    oid = to.outputs.get(f"subscription/{pair.database}", "")
                    logical.end_in_legacy(pair.legacy, pair.name, oid)


class CatchUp(_OfReplication):
    """The last bytes: legacy's databases become read-only, the target reaches their last write, sequences are set."""

    name = "catch_up"
    title = "Make legacy read-only and wait for the last row"
    phase = "data"
    undo_class = "R1"
    downtime = "D2"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "every byte up to legacy's last write is confirmed by the target; sequences get legacy's values, "
            "materialized views are computed anew",
            "in legacy": STANDS_STILL,
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        with connected(it, to) as pairs:
            followed = [pair for pair in pairs if pair.tables]
            _follow(to, followed)
            for pair in followed:
                differing = logical_checks.differing_tables(pair.legacy, pair.target)
                differing += logical_checks.unpublished(pair.legacy, pair.name)
                if differing:
                    raise logical.changed([f"{pair.database}: {said}" for said in differing])
            to.intend("postgresql.AlterDatabase", side="legacy")
            for pair in pairs:
                to.remember(f"stopped_at/{pair.database}", logical.stop_writes(pair.legacy))
            for pair in followed:
                while not logical.has_applied(pair.legacy, pair.name, to.outputs[f"stopped_at/{pair.database}"]):
                    _fail_early(logical.progress(pair.legacy, pair.target, pair.name), pair)
                    to.pause(EVERY_S / 4)
            return finish(pairs)

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        differences: list[str] = []
        evidence: dict[str, Json] = {}
        with connected(it, to) as pairs:
            for pair in pairs:
                if pair.tables and _has_ended(pair):
                    # From here on the proof of rows speaks.
                    continue
                position = to.outputs.get(f"stopped_at/{pair.database}", "")
                evidence[pair.database] = {"legacy's last write": position}
                if pair.tables and not (position and logical.has_applied(pair.legacy, pair.name, position)):
                    differences.append(f"{pair.database}: legacy's last write has not arrived")
                if logical.sequences(pair.legacy) != logical.sequences(pair.target):
                    differences.append(f"{pair.database}: sequences differ")
        return Proof("different" if differences else "equal", ("last write", "sequences"), tuple(differences), evidence)

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        let_write(it, to)


class EndReplication(_OfReplication):
    """Before the proof of rows: nothing changes the target any more, and no slot is left to fill legacy's disk."""

    name = "end_replication"
    title = "Drop subscription, slot, publication and role"
    phase = "data"
    downtime = "D2"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "dropped on both sides, and looked for",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        to.intend("postgresql.DropSubscription", side="target")
        to.intend("postgresql.DropPublication", side="legacy")
        with connected(it, to) as pairs:
            for pair in pairs:
                _remember_oid(pair, to)
                logical.end_in_target(pair.target, pair.name)
                logical.end_in_legacy(pair.legacy, pair.name, to.outputs.get(f"subscription/{pair.database}", ""))
        return {}

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        with connected(it, to) as pairs:
            return proof_of_end(pairs, lambda pair: pair.name)

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing: what was dropped was ours, and the undo of the steps before needs none of it."""


def without_own_setting(it: It[InstanceFacts], to: Carrier, proof: Proof) -> Proof:
    """The proof of rows without what catch_up set in legacy on purpose, where nothing else of the settings differs."""
    own = f"{logical.READ_ONLY}=on"
    if proof.state != "different" or not any(": setting " in line for line in proof.differences):
        return proof
    query = (
        "SELECT coalesce(array_agg(s ORDER BY s), '{}') FROM pg_db_role_setting, unnest(setconfig) AS s"
        " WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with connected(it, to) as pairs:
        only_ours = set()
        for pair in pairs:
            one, other = (link.execute(query).fetchone()[0] for link in (pair.legacy, pair.target))
            if own in one and [said for said in one if said != own] == [said for said in other if said != own]:
                only_ours.add(f": setting {pair.database} every role: ")
    return without(proof, only_ours)


def without(proof: Proof, own: Collection[str]) -> Proof:
    """The proof of rows without the differences that hold one of these texts."""
    left = tuple(line for line in proof.differences if not any(text in line for text in own))
    unread = all("could not be read" in line for line in left)
    state: Any = "equal" if not left else "could not be proved" if unread else "different"
    return Proof(state, proof.compared, left, proof.evidence)


def finish(pairs: list[Pair]) -> dict[str, Json]:
    """What rows do not bring, behind the last one: legacy's sequence values, and views computed anew."""
    counts: dict[str, Json] = {}
    for pair in pairs:
        counts[f"{pair.database} sequences"] = logical.set_sequences(pair.legacy, pair.target)
        counts[f"{pair.database} materialized views"] = logical.refresh_views(pair.target)
    return counts


def let_write(it: It[InstanceFacts], to: Carrier) -> None:
    """Legacy's databases take writes again."""
    with connected(it, to, with_target=False) as pairs:
        for pair in pairs:
            logical.allow_writes(pair.legacy)


def proof_of_end(pairs: list[Pair], own_name: Callable[[Pair], str]) -> Proof:
    """Nothing of that name is left on either side."""
    left = [f"{pair.database}: {one} is left in {side}" for pair in pairs
            for side, link in (("legacy", pair.legacy), ("the target", pair.target))
            for one in logical.leftovers(link, own_name(pair))]  # fmt: skip
    return Proof("different" if left else "equal", ("slots", "publications", "subscriptions"), tuple(left))


def _has_ended(pair: Pair) -> bool:
    return not (logical.leftovers(pair.legacy, pair.name) or logical.leftovers(pair.target, pair.name))


def _remember_oid(pair: Pair, to: Carrier) -> None:
    """What slots of a copy under way are named by, before the subscription goes."""
    found = logical.oid_of(pair.target, pair.name)
    if found:
        to.remember(f"subscription/{pair.database}", found)


def _follow(to: Carrier, pairs: list[Pair]) -> None:
    """Wait until every table is copied and followed. The journal says now and then how far it is."""
    waited = TOLD_S
    while True:
        states = {pair: logical.progress(pair.legacy, pair.target, pair.name) for pair in pairs}
        for pair, now in states.items():
            _fail_early(now, pair)
            if waited >= TOLD_S:
                said = f"{now.ready} of {now.tables} tables copied, {now.behind_bytes} bytes behind"
                to.remember(f"progress/{pair.database}", said)
        missing = sum(logical_indexes.build(pair.legacy, pair.target, pair.name) for pair in pairs)
        if all(now.copied for now in states.values()) and not missing:
            return
        waited = 0.0 if waited >= TOLD_S else waited + EVERY_S
        to.pause(EVERY_S)


def _fail_early(now: logical.Progress, pair: Pair) -> None:
    if now.failures >= logical.ERRORS:
        raise StepFailed(
            f"{pair.database}: the target failed {now.failures} times to copy or apply rows",
            do="the target's PostgreSQL log says why; mend that, then migrate run (it counts from the subscription on: "
            "roll this step back to begin anew)",
        )
