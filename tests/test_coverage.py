"""What becomes of a fact is read out of the code, so the page cannot say what the code does not do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import pytest

from migrate.coverage import Fact, coverage_page, facts_of, field_docs, holds_names
from migrate.inventory import Resource
from migrate.kind import Action, Carrier, CarryAction, Facts, It, Json, Kind, Name, Place, ReadSite, Request, after
from migrate.kinds import every_kind
from migrate.unhandled import NOT_LISTED, PROBES


class Inner(Facts):
    """Source: none."""

    number: int


class LampFacts(Facts):
    """Source: none."""

    watts: int
    """How bright."""
    room: str
    colour: Literal["red", "green"] | None
    inner: Inner
    through_a_function: list[str]
    by_its_name: bool
    of_a_method: dict[str, Json]
    bulb: str
    host: str
    age: int
    decides: bool
    by_a_property: bool
    forgotten: bool

    @property
    def is_odd(self) -> bool:
        """Read of the model itself."""
        return self.by_a_property


_NAMED = {"ByItsName": "by_its_name"}


def parts(facts: LampFacts) -> dict[str, Any]:
    """What `requests` reads here counts."""
    return {"T": facts.through_a_function} | {key: getattr(facts, field) for key, field in _NAMED.items()}


class Create(Action[LampFacts]):
    """Makes it."""

    name = "create"
    title = "Create"

    def applies(self, it: It[LampFacts]) -> bool:
        return it.facts.decides and it.facts.is_odd

    def requests(self, it: It[LampFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        return [Request("a.B", {"W": facts.watts, "C": facts.colour, "I": facts.inner} | parts(facts) | self._more(it))]

    def _more(self, it: It[LampFacts]) -> dict[str, Any]:
        return {"Room": it.facts.room, "S": it.facts.of_a_method}


class Fit(CarryAction[LampFacts]):
    """Carries it."""

    name = "fit"
    title = "Fit"
    writes = frozenset({"a.B"})

    def carry(self, it: It[LampFacts], to: Carrier) -> Mapping[str, Json]:
        to.write("a.B", bulb=it.facts.bulb)
        return {}


class Lamp(Kind[LampFacts]):
    """A lamp."""

    name = "home.lamp"
    title = "lamp"
    facts = LampFacts
    reads = frozenset({"a.ListB"})
    volatile = frozenset({"host", "age"})
    actions: ClassVar[tuple[Action[Any], ...]] = (Create(), Fit())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        return iter(())

    def names(self, it: It[LampFacts], place: Place) -> Iterator[Name]:
        yield Name(it.facts.host, after("create", "host"), "host")


@pytest.fixture
def lamp(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fact]:
    """What is said of a lamp, as if it stood in the folder of kinds."""
    for function in (parts, Create.applies, Create.requests, Create._more, Fit.carry, Lamp.names):
        monkeypatch.setattr(function, "__module__", "migrate.kinds.lamp")
    return {fact.name: fact for fact in facts_of(Lamp())}


@pytest.mark.parametrize(
    ("field", "becomes", "by"),
    [
        ("watts", "moved", "create"),
        ("colour", "moved", "create"),
        ("inner", "moved", "create"),
        ("room", "rewritten", "create"),
        ("through_a_function", "rewritten", "create"),
        ("by_its_name", "moved", "create"),
        ("of_a_method", "rewritten", "create"),
        ("bulb", "rewritten", "fit"),
        ("host", "renamed by", ""),
        ("age", "volatile", ""),
        ("decides", "decides", ""),
        ("by_a_property", "decides", ""),
        ("forgotten", "compared only", ""),
    ],
)
def test_a_fact_arrives_by_the_actions_whose_code_reads_it(
    lamp: dict[str, Fact], field: str, becomes: str, by: str
) -> None:
    assert lamp[field].becomes == becomes
    assert lamp[field].by == ((by,) if by else ())
    assert lamp[field].compared == (field not in Lamp.volatile)


def test_the_text_under_a_field_is_told(lamp: dict[str, Fact]) -> None:
    assert lamp["watts"].said == "How bright."
    assert lamp["room"].said == ""
    assert field_docs(LampFacts) == {"watts": "How bright."}


def test_only_what_can_hold_a_text_can_hold_a_name() -> None:
    assert not holds_names(int | None)
    assert not holds_names(list[bool])
    assert not holds_names(Inner)
    assert holds_names(dict[str, Json])
    assert holds_names(tuple[str, ...])
    assert holds_names(LampFacts)


def test_the_page_has_every_fact_of_every_kind_once_and_every_way_by_hand() -> None:
    page = coverage_page()

    for kind in every_kind().values():
        section = page.partition(f"## {kind.name}\n")[2].partition("\n## ")[0]
        rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
        assert rows == list(kind.facts.model_fields)
        assert all(what in section for what in kind.left_out)
        assert kind.manual in section
    covered = {one for kind in every_kind().values() for one in kind.tagging_types}
    by_hand = page.partition("## What has no kind\n")[2]
    for probe in PROBES:
        assert (f"| `{probe.type}` |" in by_hand) == (probe.type not in covered)
    assert all(f"| {what} |" in by_hand for what in NOT_LISTED)
    assert "| `memorydb:cluster` |" in by_hand


def test_a_fact_that_an_action_says_it_sets_is_sent_by_it() -> None:
    for kind in every_kind().values():
        told = {fact.name: fact.by for fact in facts_of(kind)}
        for action in kind.actions:
            assert [name for name in action.sets if action.name not in told[name]] == []
