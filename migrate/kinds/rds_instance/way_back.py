"""The way back of a replicated instance: the target's writes flow into legacy until somebody says that it is over.

The rule: a rollback takes the target away only after legacy holds its last row, compared, or after a person has said
that what it took may be lost.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from migrate.carry import logical_back, logical_checks, postgres, postgres_since
from migrate.carry.logical import allow_writes, is_running, leftovers
from migrate.carry.postgres_catalogue import DATABASES
from migrate.carry.postgres_contents import is_content
from migrate.errors import AccessError, StepFailed
from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof
from migrate.kinds.rds_instance.facts import InstanceFacts
from migrate.kinds.rds_instance.pairs import Pair, connected, endpoint
from migrate.kinds.rds_instance.replication import (
    by_logical,
    proof_of_end,
    without,
    without_own_setting,
)
from migrate.sites import LOSS_ACCEPTED

LEGACY_MARK = "legacy"
CAME_BACK = "came back"
"""What counters are kept as: legacy's before the rows are proved, the target's once all came back."""


def by_reverse(it: It[InstanceFacts]) -> bool:
    """Whether migration.yaml wants the target's writes brought back into legacy."""
    return by_logical(it) and it.way_back == "reverse"


class _OfWayBack(CarryAction[InstanceFacts]):
    """What is done only where a way back was chosen, by SQL and without AWS's API."""

    writes = frozenset()

    def applies(self, it: It[InstanceFacts]) -> bool:
        return by_reverse(it)


class CheckWayBack(_OfWayBack):
    """While legacy still serves: whether the target can publish, and whether legacy's server reaches it."""

    name = "check_way_back"
    title = "Check that the target's writes could be brought back"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": place.name,
            "to": f"{it.ref.name} in legacy",
            "how": "wal_level and free slots of the target; legacy's server is let into the target once, as a role "
            "that is made for it and dropped",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        to.intend("postgresql.CreateRole", side="target")
        found: list[str] = []
        with connected(it, to) as pairs:
            followed = sum(1 for pair in pairs if pair.tables)
            found += logical_checks.room(pairs[0].legacy, followed, copies=False) if pairs else []
            for pair in pairs:
                if pair.tables:
                    name = logical_back.own_name(to.place.step, pair.database)
                    found += logical_back.problems(pair.legacy, pair.target, name, _address(it, to))
        if found:
            lines = "\n".join(f"    {said}" for said in dict.fromkeys(found))
            raise StepFailed(
                f"{to.step}: what {to.place.name} takes could not be brought back:\n{lines}",
                do="mend that, then migrate run; or take way_back out of migration.yaml, and plan again",
            )
        return {}

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        """Nothing is there yet: follow_back proves what is."""
        return Proof("equal")

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """The role, where the process ended while it was there."""
        if endpoint(to, "target", it) is None:
            return
        with connected(it, to) as pairs:
            for pair in pairs:
                name = logical_back.own_name(to.place.step, pair.database)
                if not is_running(pair.legacy, name):
                    logical_back.end(None, pair.target, name)


class FollowBack(_OfWayBack):
    """The target publishes and legacy subscribes, before anybody writes to the target."""

    name = "follow_back"
    title = "Replicate what the target takes back into legacy"
    phase = "data"
    undo_class = "R2"
    downtime = "D2"

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": place.name,
            "to": f"{it.ref.name} in legacy",
            "how": "a subscription without a copy, begun while both sides hold the same; legacy stays read-only for "
            "all others. The undo makes the target read-only, waits for its last row, compares every row, and gives "
            "legacy the target's sequences",
            "in legacy": "a subscription for each database, named migrate_…, until end_way_back or the undo drops it",
            "in the target": "a role, a publication and a replication slot for each database; the slot keeps log on "
            "the target's disk while legacy is behind or out of reach",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        to.intend("postgresql.CreatePublication", side="target")
        to.intend("postgresql.CreateSubscription", side="legacy")
        counts: dict[str, Json] = {}
        with connected(it, to) as pairs:
            for pair in pairs:
                forth = leftovers(pair.legacy, pair.name) + leftovers(pair.target, pair.name)
                if forth:
                    raise StepFailed(
                        f"{to.step}: the way there is not ended: {', '.join(forth)}", do="migrate run ends it first"
                    )
                # An undo that was not whole left it read-only.
                allow_writes(pair.target)
                to.remember(f"mark/{pair.database}", postgres_since.mark(pair.target))
                logical_back.begin(pair.legacy, pair.target, _name(to, pair), _address(it, to))
                to.remember(f"follows/{pair.database}", "yes" if pair.tables else "no tables")
                counts[pair.database] = pair.tables
        return counts

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        differences: list[str] = []
        evidence: dict[str, Json] = {}
        with connected(it, to) as pairs:
            for pair in pairs:
                name = _name(to, pair)
                if not pair.tables or not (leftovers(pair.legacy, name) or leftovers(pair.target, name)):
                    # Ended, or never needed. What it would lose now, a rollback says.
                    continue
                said = logical_back.trouble(pair.legacy, pair.target, name)
                differences += [f"{pair.database}: {one}" for one in said]
                if not said:
                    evidence[pair.database] = {"behind_bytes": logical_back.behind_bytes(pair.target, name)}
        return Proof("different" if differences else "equal", ("way back",), tuple(differences), evidence)

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Bring every database's rows back and compare them, and only then drop what carried them.

        Where a person said that rows may be lost, a database that cannot be brought back is given up, the others are
        not.
        """
        may_lose = bool(to.outputs.get(LOSS_ACCEPTED))
        try:
            self._bring_back(it, to, may_lose)
        except AccessError as error:
            if not may_lose:
                raise
            to.remember("not brought back", error.what)
        # Legacy's subscriptions must go whether or not the target can be reached; the target itself goes next.
        with connected(it, to, with_target=False) as pairs:
            for pair in pairs:
                logical_back.end(pair.legacy, None, _name(to, pair))

    def _bring_back(self, it: It[InstanceFacts], to: Carrier, may_lose: bool) -> None:
        if endpoint(to, "target", it) is None:
            return
        with connected(it, to) as pairs:
            left = [pair for pair in pairs if _is_open(to, pair)]
            given_up: dict[str, str] = {}
            # All are looked at before the first one is made read-only, and all are compared before anything is dropped.
            for what in (self._may_come_back, self._come_back):
                for pair in left:
                    try:
                        if pair.database not in given_up:
                            what(to, pair)
                    except StepFailed as error:
                        if not may_lose:
                            raise
                        given_up[pair.database] = error.what
            came_back = [pair.database for pair in left if pair.database not in given_up]
            if came_back:
                self._compare(it, to, came_back, may_lose)
            for database, why in given_up.items():
                to.remember(f"not brought back/{database}", why)
            for pair in pairs:
                if pair.database in came_back:
                    to.remember(f"{CAME_BACK}/{pair.database}", postgres_since.mark(pair.target))
                to.remember(f"back/{pair.database}", "yes")
                logical_back.end(pair.legacy, pair.target, _name(to, pair))

    def _may_come_back(self, to: Carrier, pair: Pair) -> None:
        """Raise StepFailed where rows of the target cannot arrive."""
        if not pair.tables or is_running(pair.legacy, _name(to, pair)):
            logical_back.refuse(pair.legacy, pair.target, _name(to, pair))
            return
        # Ended by end_way_back, or by somebody else: good only where nothing came since it began.
        found = postgres_since.since(to.outputs.get(f"mark/{pair.database}"), pair.target, to.pause)
        if found.state == "written":
            raise StepFailed(
                f"{to.step}: the way back of {pair.database} is gone, and the target took writes: "
                f"{'; '.join(found.lines[:10])}",
                do="migrate rollback lists what would be lost, and with --losing gives it up",
            )

    def _come_back(self, to: Carrier, pair: Pair) -> None:
        name = _name(to, pair)
        if not pair.tables or is_running(pair.legacy, name):
            to.remember(
                f"last write/{pair.database}", logical_back.bring_back(pair.legacy, pair.target, name, to.pause)
            )

    def _compare(self, it: It[InstanceFacts], to: Carrier, databases: list[str], may_lose: bool) -> None:
        """Every row of what came back, by fresh reads of both sides."""
        found = proof_of_rows(it, to)
        given_up = tuple(f"{database}: " for database in found.evidence if database not in databases)
        own = [line for line in found.differences if not line.startswith(given_up)]
        lost = [line for line in own if is_content(line, found.evidence)]
        if (found.state == "could not be proved" or lost) and not may_lose:
            raise StepFailed(
                f"{to.step}: after the target's last write legacy does not hold the same: "
                f"{'; '.join((lost or list(found.differences))[:10])}",
                do="look at both; migrate rollback compares again, or with --losing gives up what legacy has not",
            )
        if own:
            to.remember("left behind", "; ".join(own[:20]))


class EndWayBack(_OfWayBack):
    """Nobody wants to go back any more: the target's slot would keep log on its disk for ever."""

    name = "end_way_back"
    title = "End the way back: a rollback loses what the target writes from here on"
    phase = "close"
    undo_class = "R3"
    named_only = True

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": place.name,
            "to": f"{it.ref.name} in legacy",
            "how": "subscription, slot, publication and role are dropped on both sides, and looked for",
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        to.intend("postgresql.DropSubscription", side="legacy")
        to.intend("postgresql.DropPublication", side="target")
        with connected(it, to) as pairs:
            for pair in pairs:
                logical_back.end(pair.legacy, pair.target, _name(to, pair))
        return {}

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        with connected(it, to) as pairs:
            return proof_of_end(pairs, lambda pair: _name(to, pair))

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing: a way back that was ended is not made again by a rollback."""


def note(it: It[Any], to: Carrier) -> None:
    """Keep both sides' counters as they are before the rows are proved; where one cannot be reached, none are kept."""
    with suppress(AccessError, StepFailed), connected(it, to) as pairs:
        for pair in pairs:
            to.remember(f"mark/{pair.database}", postgres_since.mark(pair.target))
            to.remember(f"{LEGACY_MARK}/{pair.database}", postgres_since.mark(pair.legacy))


def lost(it: It[Any], to: Carrier) -> Sequence[str]:
    """What the target took since its rows were proved and no way back carries, by table; empty: nothing.

    What cannot be known is such a line.
    """
    if endpoint(to, "target", it) is None:
        return ()
    lines: list[str] = []
    unclear = False
    try:
        with connected(it, to) as pairs:
            for pair in pairs:
                name = _name(to, pair)
                trouble = []
                if is_running(pair.legacy, name):
                    trouble = logical_back.trouble(pair.legacy, pair.target, name)
                    if not trouble:
                        continue
                found = _since_proved(to, pair)
                lines += [f"{pair.database}: {line}" for line in found.lines if found.state == "written"]
                if found.state == "written":
                    lines += [f"{pair.database}: the way back does not bring it: {line}" for line in trouble]
                unclear = unclear or found.state == "unclear"
            lines += _only_in_target(pairs)
        if unclear and not lines:
            proof = proof_of_rows(it, to)
            lines = [
                line
                for line in proof.differences
                if is_content(line, proof.evidence) or proof.state == "could not be proved"
            ]
    except (AccessError, StepFailed) as error:
        return (f"whether {to.place.name} took writes since it was proved cannot be known: {error.what}",)
    return tuple(lines)


def _since_proved(to: Carrier, pair: Pair) -> postgres_since.Since:
    """What the target took since its rows were proved, or since they had all been brought back."""
    found = postgres_since.since(to.outputs.get(f"mark/{pair.database}"), pair.target, to.pause)
    back = to.learnt(FollowBack.name).get(f"{CAME_BACK}/{pair.database}")
    if found.state == "nothing" or back is None:
        return found
    later = postgres_since.since(back, pair.target, to.pause)
    return later if later.state == "nothing" else found


def _only_in_target(pairs: list[Pair]) -> list[str]:
    """Databases that were made in the target since: no pair speaks of them."""
    there = pairs[0].target.execute(DATABASES).fetchall() if pairs else []
    known = {pair.database for pair in pairs}
    return [f"database {name}: only in the target" for (name,) in there if name not in known]


def proof_of_rows(it: It[Any], to: Carrier) -> Proof:
    """Every row of both sides compared. Could not be proved where a side is not reached."""
    ends: dict[str, tuple[str, int]] = {}
    sides: tuple[tuple[Literal["legacy", "target"], str], ...] = (("legacy", it.ref.name), ("target", to.place.name))
    for side, instance in sides:
        at = endpoint(to, side, it)
        if at is None:
            return Proof("could not be proved", (), (f"{instance} in {side} has no endpoint yet",))
        ends[side] = at

    def opening(side: Literal["legacy", "target"]) -> Any:
        return lambda database: to.connect(*ends[side], database, side=side, instance=it.ref.name)

    first = it.facts.db_name or "postgres"
    return postgres.prove(opening("legacy"), opening("target"), first, together=to.legacy.map)


def proof_without_own(it: It[Any], to: Carrier) -> Proof:
    """Every row of both sides compared, less what this migration itself keeps or has set there."""
    return without_own_things(to, without_own_setting(it, to, proof_of_rows(it, to)))


def without_own_things(to: Carrier, proof: Proof) -> Proof:
    """The proof of rows without the role and publication that the way back keeps in the target until it ends."""
    own = [logical_back.own_name(to.place.step, database) for database in proof.evidence]
    # A proof in which nothing of ours stands keeps its own state.
    named = any(name in line for line in proof.differences for name in own)
    return without(proof, own) if named else proof


def _is_open(to: Carrier, pair: Pair) -> bool:
    """Whether rows still have to be brought back: it was begun, and not finished by an undo that was killed later."""
    return f"follows/{pair.database}" in to.outputs and f"back/{pair.database}" not in to.outputs


def _name(to: Carrier, pair: Pair) -> str:
    return logical_back.own_name(to.place.step, pair.database)


def _address(it: It[InstanceFacts], to: Carrier) -> tuple[str, int]:
    at = endpoint(to, "target", it)
    return to.route(*at, instance=it.ref.name) if at else ("", 0)
