"""A list in legacy that a step changes bit by bit: what a rollback may find on its way, and what is somebody else's."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.proving import is_between

items = st.lists(st.integers(0, 9), unique=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items, items, st.data())
def test_any_state_on_the_way_is_ours_and_one_foreign_or_missing_item_is_not(
    original: list[int], value: list[int], data: st.DataObject
) -> None:
    common = [one for one in original if one in value]
    either = [one for one in {*original, *value} if one not in common]
    on_the_way = [*common, *(one for one in either if data.draw(st.booleans()))]

    assert is_between(on_the_way, original, value)
    assert not is_between([*on_the_way, 99], original, value)
    if common:
        assert not is_between([one for one in on_the_way if one != common[0]], original, value)


@given(items, items, st.data())
def test_a_mapping_whose_entries_come_and_go_is_half_way_as_a_list_is(
    original: list[int], value: list[int], data: st.DataObject
) -> None:
    before, after = ({str(one): one for one in those} for those in (original, value))
    on_the_way = {
        k: v for k, v in (before | after).items() if k in before.keys() & after.keys() or data.draw(st.booleans())
    }

    assert is_between(on_the_way, before, after)
    assert not is_between(on_the_way | {"foreign": 99}, before, after)
    assert not is_between(on_the_way | {"0": 99}, before, after)


def test_what_is_no_list_is_never_half_way() -> None:
    assert not is_between("b", "a", "c")
    assert not is_between({"a": 1}, {"a": 1}, {"a": 2})
