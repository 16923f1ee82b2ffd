"""Items are copied while legacy writes, and what was written meanwhile arrives: by the stream, or without one."""

import json
import time
from typing import Any, Literal

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from migrate.carry import items_stream
from migrate.carry.items import copy_items, prove_items, take_away
from migrate.carry.items_stream import catch_up, prove_copied, written_late
from migrate.errors import Conflict
from migrate.kinds.dynamodb_table import KINDS
from tests.carry.fake_carrier import LEGACY, REGION, TARGET, FakeCarrier, place, session, stopped_after
from tests.carry.test_items import TABLES, all_items, an_item, plain, two_tables

Sessions = dict[str, boto3.Session]
TIMES = f"items-{TARGET}-{REGION}-orders.json"
Write = tuple[Literal["put", "delete"], int, int]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # The emulator in this process does not know the endpoints that carry an account's id.
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    monkeypatch.setattr(items_stream, "EVERY_S", 0.0)


def with_stream(client: Any) -> None:
    shows = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    client.update_table(TableName="orders", StreamSpecification=shows)


def carrier(sessions: Sessions, name: str = "copy_items") -> Any:
    action: Any = KINDS[0].action(name)
    return FakeCarrier(KINDS[0], action, place("orders"), sessions, outputs={"segments": "3"})


def written(client: Any, writes: list[Write]) -> None:
    for what, number, value in writes:
        key = an_item(number)
        if what == "put":
            client.put_item(TableName="orders", Item=an_item(number, value={"N": str(value)}))
        else:
            client.delete_item(TableName="orders", Key=key)


def while_it_is_written(sessions: Sessions, writes: list[Write], count: int = 60) -> tuple[Any, Any, Any]:
    """A table that was copied, with these writes to legacy's between its first segment and its last."""
    legacy, target = two_tables(sessions, count)
    with_stream(legacy)
    to = carrier(sessions)
    half = len(writes) // 2
    with stopped_after(to, 1), pytest.raises(ConnectionError):
        copy_items(to, TABLES)
    written(legacy, writes[:half])
    copy_items(to, TABLES)
    written(legacy, writes[half:])
    return legacy, target, to


WRITES: list[Write] = [
    ("put", 3, 1), ("put", 3, 2), ("delete", 4, 0), ("put", 900, 1), ("put", 901, 1), ("delete", 901, 0),
    ("put", 5, 7), ("delete", 6, 0), ("put", 6, 9),
]  # fmt: skip


def test_what_was_written_during_the_copy_arrives_and_every_item_is_proved(sessions: Sessions) -> None:
    legacy, target, to = while_it_is_written(sessions, WRITES)
    before = prove_items(to, TABLES).state

    counts = catch_up(to, TABLES)

    assert before == "different"
    assert counts["by"] == "stream"
    assert plain(all_items(target)) == plain(all_items(legacy))
    assert prove_items(to, TABLES).state == "equal"


def test_while_legacy_writes_only_what_it_changed_may_differ(sessions: Sessions) -> None:
    _, target, to = while_it_is_written(sessions, WRITES)

    copied = prove_copied(to, TABLES)
    target.put_item(TableName="orders", Item=an_item(20, by={"S": "somebody"}))
    changed_there = prove_copied(to, TABLES)

    assert copied.state == "equal"
    assert copied.evidence["still to come"]
    assert changed_there.state == "different"
    assert ["order = 20" in said for said in changed_there.differences] == [True]


def test_catching_up_twice_or_from_any_stop_gives_the_same(sessions: Sessions) -> None:
    legacy, target, to = while_it_is_written(sessions, WRITES)
    for sent in (0, 1):
        with stopped_after(to, sent), pytest.raises(ConnectionError):
            catch_up(to, TABLES)

    catch_up(to, TABLES)
    catch_up(to, TABLES)

    assert plain(all_items(target)) == plain(all_items(legacy))


@pytest.mark.parametrize("lost", ["too old", "switched off", "never known", "made later"])
def test_without_the_whole_stream_both_tables_are_compared_and_what_differs_is_brought(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    legacy, target, to = while_it_is_written(sessions, WRITES)
    if lost == "too old":
        monkeypatch.setattr(items_stream, "KEPT_S", -1)
    elif lost == "switched off":
        legacy.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
    elif lost == "never known":
        (to.own / TIMES).unlink()
    else:
        (to.own / TIMES).write_text(json.dumps({"began": time.time() - 600}))

    counts = catch_up(to, TABLES)

    assert counts["by"] == "comparison"
    assert counts["why"]
    assert plain(all_items(target)) == plain(all_items(legacy))


def test_an_item_that_somebody_else_put_into_the_target_is_not_deleted_but_named(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, target, to = while_it_is_written(sessions, WRITES)
    target.put_item(TableName="orders", Item=an_item(777, by={"S": "a customer"}))
    monkeypatch.setattr(items_stream, "KEPT_S", -1)

    counts = catch_up(to, TABLES)
    [said] = prove_items(to, TABLES).differences

    assert counts["foreign"] == 1
    assert said.startswith("1 items only in the target: ")
    assert "order = 777" in said
    assert any(item["order"]["N"] == "777" for item in all_items(target))


def test_a_rollback_takes_what_was_put_although_legacy_has_changed_since_and_nothing_else(sessions: Sessions) -> None:
    legacy, target, to = while_it_is_written(sessions, WRITES)
    there = len(all_items(target))

    assert take_away(to, TABLES) == there
    assert all_items(target) == []

    copy_items(to, TABLES)
    target.put_item(TableName="orders", Item=an_item(12, by={"S": "a customer"}))
    written(legacy, [("put", 13, 5)])
    with pytest.raises(Conflict, match="1 items"):
        take_away(to, TABLES)


def test_a_stream_that_never_falls_silent_ends(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    legacy, _, to = while_it_is_written(sessions, WRITES)
    monkeypatch.setattr(items_stream, "SLACK_S", -3600.0)
    call = to.legacy.call

    def busy(operation: str, **params: Any) -> Any:
        if operation == "dynamodbstreams.GetRecords":
            written(legacy, [("put", 50, 1)])
        return call(operation, **params)

    monkeypatch.setattr(to.legacy, "call", busy)

    assert catch_up(to, TABLES)["by"] == "stream"


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["put", "delete"]), st.integers(0, 8), st.integers(0, 3)), max_size=14))
def test_whatever_is_written_meanwhile_both_tables_end_equal(writes: list[Write]) -> None:
    with mock_aws():
        legacy, target, to = while_it_is_written(
            {"legacy": session(LEGACY), "target": session(TARGET)}, writes, count=6
        )

        assert prove_copied(to, TABLES).state == "equal"
        catch_up(to, TABLES)

        assert plain(all_items(target)) == plain(all_items(legacy))


@pytest.mark.parametrize("stream", [True, False])
def test_items_written_after_the_proof_are_named_and_expired_ones_are_not(sessions: Sessions, stream: bool) -> None:
    legacy, target = two_tables(sessions)
    if stream:
        with_stream(legacy)
    to = carrier(sessions)
    legacy.put_item(TableName="orders", Item=an_item(77, expires={"N": str(int(time.time()) + 60)}))
    copy_items(to, TABLES)
    assert written_late(to, TABLES) == []

    written(legacy, [("put", 3, 1), ("delete", 4, 0), ("put", 900, 1), ("put", 901, 1), ("delete", 901, 0)])
    # As AWS deletes what expired: in legacy alone, because the target's expiry is still off.
    written(legacy, [("delete", 77, 0)])

    assert [line.partition(":")[0] for line in written_late(to, TABLES)] == [
        "1 items only in legacy", "1 items only in the target", "1 items different"
    ]  # fmt: skip
    catch_up(to, TABLES)
    assert written_late(to, TABLES) == []
    target.delete_item(TableName="orders", Key={name: an_item(3)[name] for name in TABLES.key})
    assert len(written_late(to, TABLES)) == 1
