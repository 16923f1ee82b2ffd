"""Values that are known now or later."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.values import after, as_json, foreign_marks, is_mark, join, resolve, shown, waits_for

STEP = "222222222222/eu-west-1/toy.network/net:create"
KNOWN = {(STEP, "id"): "vpc-1", (STEP, "arn"): "arn:aws:x"}

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: not key.startswith("$")), inner),
    max_leaves=12,
)


def test_join_makes_one_text_of_texts_and_keeps_what_is_not_known_yet() -> None:
    assert join("a", "b", "") == "ab"
    assert join() == ""
    own = after(STEP, "id")
    assert join(own) == own
    assert join("x/", join("y/", own), "/z") == {"$join": ["x/y/", own, "/z"]}


def test_every_placeholder_of_a_value_is_waited_for() -> None:
    value = {"A": [after(STEP, "id")], "B": as_json({"C": join("x", after(STEP, "arn"))})}
    assert waits_for(value) == {(STEP, "id"), (STEP, "arn")}


def test_a_value_is_filled_in_with_what_is_known() -> None:
    value = {"A": [after(STEP, "id")], "B": as_json({"ü": join("<", after(STEP, "arn"), ">")}), "N": None, "I": 3}
    assert resolve(value, KNOWN) == {"A": ["vpc-1"], "B": '{"ü":"<arn:aws:x>"}', "N": None, "I": 3}


def test_a_value_that_is_not_known_is_never_guessed() -> None:
    with pytest.raises(KeyError):
        resolve({"A": after(STEP, "host")}, KNOWN)
    with pytest.raises(KeyError):
        resolve({"$sealed": "abc", "length": 3}, KNOWN)


def test_a_sealed_value_is_unsealed_only_when_it_is_sent() -> None:
    sealed = {"$sealed": "abc", "length": 9}
    assert resolve(["x", sealed], {}, {"abc": "s3cr3t!!!"}.__getitem__) == ["x", "s3cr3t!!!"]
    assert shown([sealed]) == ["(sealed, 9 characters)"]


def test_people_see_which_step_a_value_comes_from() -> None:
    assert shown({"A": join("x/", after(STEP, "id"))}) == {"A": f"x/(id known after {STEP})"}
    assert shown(as_json({"B": 1})) == {"B": 1}


def test_text_that_looks_like_a_placeholder_stays_text() -> None:
    for text in ('{"$after": ["a", "b"]}', "(id known after x)", "$after"):
        assert not is_mark(text)
        assert resolve(text, {}) == text


@pytest.mark.parametrize("mark", ["$after", "$join", "$json", "$sealed"])
def test_a_key_of_legacy_that_reads_like_a_placeholder_is_found_with_its_path(mark: str) -> None:
    assert list(foreign_marks({"a": [{"b": {mark: "x"}}]})) == [f"a[0].b.{mark}"]
    assert list(foreign_marks({mark: ["x", "y"], "other": 1})) == [mark]


def test_a_value_that_the_scan_sealed_is_no_foreign_placeholder() -> None:
    assert list(foreign_marks({"env": {"KEY": {"$sealed": "abc", "length": 4}}})) == []
    assert list(foreign_marks({"$sealed": {"$after": ["a", "b"]}, "length": 4})) == ["$sealed", "$sealed.$after"]


@settings(deadline=None)
@given(DOCUMENTS)
def test_a_document_without_placeholders_is_left_as_it_is(document: Any) -> None:
    assert resolve(document, {}) == document
    assert shown(document) == document
    assert waits_for(document) == set()
    assert list(foreign_marks(document)) == []
    assert json.loads(resolve(as_json(document), {})) == document
