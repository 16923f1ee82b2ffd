"""A kind as it is in a copy of a shape: only the actions that carry no content, and no credentials in what they send.

The rule: the kind's own code makes, finds, compares and takes away. What is left out here is left out of its list of
actions, so that plan, run, proof and rollback need not know about copies.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from migrate.blueprint.actions import LEFT_OUT, NOT_MADE, fate, undecided
from migrate.blueprint.blank import Blanked, as_wanted, blank
from migrate.inventory import Resource
from migrate.kind import Action, CarryAction, Downtime, It, Kind, Phase, Place, ReadSite
from migrate.values import Json

if TYPE_CHECKING:
    _Base = Kind[Any]
else:
    _Base = object


class Shaped(_Base):
    """Put before a kind's own class."""

    original: ClassVar[Kind[Any]]
    """The kind as migrations know it."""
    cannot: ClassVar[str] = ""
    """Why nothing of it can be made without its content. Empty: it can, or is left out on purpose."""
    left: ClassVar[Mapping[str, str]] = {}
    """Actions that a copy does not do → why, or what of it is different then."""

    def typed(self, resource: Resource) -> It[Any]:
        """Without what looks like a credential."""
        facts = blank(resource.facts)
        it = super().typed(replace(resource, facts=facts))
        return it if facts == resource.facts else Blanked(it.ref, it.arn, it.tags, it.facts, scanned=resource.facts)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[Any]) -> dict[str, Json]:
        """The same of what is compared."""
        return super().expected(blank(facts), done, it)

    def finding(self, it: It[Any]) -> str:
        """Nothing: nobody outside has to do anything about a copy."""
        return ""

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[Any]) -> Resource | None:
        """What people set where nothing was copied is theirs: it is not compared."""
        found = super().locate(site, place, outputs, it)
        if found is None or not isinstance(it, Blanked):
            return found
        return replace(found, facts=as_wanted(found.facts, it.facts.model_dump(mode="json"), it.scanned))


class _Early(Action[Any]):
    """Put before an action's own class: in a copy all is built at once, beside legacy."""

    phase: ClassVar[Phase] = "build"
    downtime: ClassVar[Downtime] = "D0"

    def when(self, it: It[Any]) -> tuple[Phase, Downtime]:
        return "build", "D0"


def shaped(kind: Kind[Any]) -> Kind[Any]:
    """The kind as it is in a copy."""
    why = undecided(kind)
    made = [] if why or kind.name in NOT_MADE else [one for one in kind.actions if fate(kind, one) == "made"]
    names = {action.name for action in made}
    if any(action.name == "create" for action in kind.actions) and "create" not in names:
        made = []
    left = [action for action in kind.actions if action not in made]
    return _as(
        kind,
        (_early(action) for action in made),
        cannot=why,
        left={one.name: LEFT_OUT.get(f"{kind.name}.{one.name}", "") for one in left} if made else {},
        # Nothing in a copy brings these about.
        volatile=kind.volatile.union(*(action.sets for action in left)) if made else kind.volatile,
    )


def in_place_of(kind: Kind[Any], other: Kind[Any]) -> Kind[Any]:
    """A kind that was written for copies, known as the one that it stands for."""
    names = {action.name for action in other.actions}
    left = {action.name: "" for action in kind.actions if action.name not in names}
    return _as(other, other.actions, original=kind, left=left)


def _as(kind: Kind[Any], actions: "Iterator[Action[Any]] | tuple[Action[Any], ...]", **said: Any) -> Kind[Any]:
    own = {"original": kind, "actions": tuple(actions), "__doc__": kind.__doc__} | said
    found: Kind[Any] = _alike(kind, Shaped, own)
    return found


def _early(action: Action[Any]) -> Action[Any]:
    # Whatever it may write in a migration, a copy writes nothing in legacy.
    own: dict[str, Any] = {"writes_in_legacy": frozenset()} if isinstance(action, CarryAction) else {}
    found: Action[Any] = _alike(action, _Early, own | {"__doc__": action.__doc__})
    return found


def _alike(one: Any, before: type, own: dict[str, Any]) -> Any:
    """The same object, of a class of its own: what `before` and `own` say comes before its class."""
    made = type(type(one).__name__, (before, type(one)), own)
    found: Any = object.__new__(made)
    found.__dict__.update(one.__dict__)
    return found
