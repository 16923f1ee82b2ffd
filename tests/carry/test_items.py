"""Every item arrives, a stopped copy goes on, and no difference of one attribute hides."""

from typing import Any

import boto3
import pytest

from migrate.carry import items
from migrate.carry.items import Tables, copy_items, prove_items, take_away
from migrate.errors import Conflict, StepFailed
from migrate.kinds.dynamodb_table import KINDS
from tests.carry.fake_carrier import FakeCarrier, place, stopped_after

Sessions = dict[str, boto3.Session]
SEGMENTS = 4
WAITED: list[float] = []
TABLES = Tables("orders", "orders", ("customer", "order"), "expires", WAITED.append)
RAW = b"\x00\xff"
TYPES: dict[str, Any] = {
    "S": "text", "N": "9.5", "B": RAW, "BOOL": True, "NULL": True, "SS": ["b", "a"], "NS": ["2", "1"],
    "BS": [RAW, b"z"], "L": [{"S": "x"}, {"L": []}], "M": {"b": {"N": "1"}, "a": {"M": {}}},
}  # fmt: skip


def an_item(number: int, **more: dict[str, Any]) -> dict[str, Any]:
    return {"customer": {"S": f"person-{number % 50}"}, "order": {"N": str(number)}, **more}


def two_tables(sessions: Sessions, count: int = 120) -> tuple[Any, Any]:
    clients = sessions["legacy"].client("dynamodb"), sessions["target"].client("dynamodb")
    for client in clients:
        client.create_table(
            TableName="orders",
            AttributeDefinitions=[
                {"AttributeName": "customer", "AttributeType": "S"},
                {"AttributeName": "order", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "customer", "KeyType": "HASH"},
                {"AttributeName": "order", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    for number in range(count):
        clients[0].put_item(TableName="orders", Item=an_item(number))
    clients[0].put_item(TableName="orders", Item=an_item(10_000, **{sort: {sort: TYPES[sort]} for sort in TYPES}))
    return clients


def carrier(sessions: Sessions) -> Any:
    action: Any = KINDS[0].action("copy_items")
    return FakeCarrier(KINDS[0], action, place("orders"), sessions, outputs={"segments": str(SEGMENTS)})


def all_items(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.scan(TableName="orders")["Items"]
    return found


def plain(found: list[dict[str, Any]]) -> list[str]:
    return sorted(items.hash_of(item).hex() for item in found)


def test_every_item_of_every_type_arrives_and_is_proved(sessions: Sessions) -> None:
    legacy, target = two_tables(sessions)
    to = carrier(sessions)

    counts = copy_items(to, TABLES)
    proof = prove_items(to, TABLES)

    assert counts == {"items": 121, "segments": SEGMENTS}
    assert proof.state == "equal", proof.differences
    assert proof.evidence["items"] == proof.evidence["items in the target"] == 121
    assert plain(all_items(target)) == plain(all_items(legacy))
    assert "person" not in str(proof)
    assert all(len(params["RequestItems"]["orders"]) <= 25 for _, _, params in to.writes)


def test_a_stopped_copy_goes_on_and_copies_no_finished_segment_again(sessions: Sessions) -> None:
    _, target = two_tables(sessions)
    to = carrier(sessions)
    with stopped_after(to, 4), pytest.raises(ConnectionError):
        copy_items(to, TABLES)
    finished = {key for key, value in to.outputs.items() if key.startswith("segment_") and value}
    sent = len(to.writes)

    counts = copy_items(to, TABLES)

    whole = carrier(sessions)
    copy_items(whole, TABLES)
    assert counts["items"] == len(all_items(target)) == 121
    assert 0 < len(finished) < SEGMENTS
    assert len(to.writes) - sent < len(whole.writes)
    assert prove_items(to, TABLES).state == "equal"


def test_what_aws_did_not_take_is_sent_again(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    two_tables(sessions)
    to = carrier(sessions)
    write, refused = to.write, []

    def taking_few(operation: str, **params: Any) -> dict[str, Any]:
        wanted = params["RequestItems"]["orders"]
        write(operation, RequestItems={"orders": wanted[:10]})
        refused.extend(wanted[10:])
        return {"UnprocessedItems": {"orders": wanted[10:]} if wanted[10:] else {}}

    monkeypatch.setattr(to, "write", taking_few)
    WAITED.clear()

    copy_items(to, TABLES)

    assert refused
    assert WAITED
    assert prove_items(to, TABLES).state == "equal"


def test_a_table_that_takes_nothing_ends_the_step(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    two_tables(sessions, 1)
    to = carrier(sessions)
    monkeypatch.setattr(to, "write", lambda _, **params: {"UnprocessedItems": params["RequestItems"]})

    with pytest.raises(StepFailed, match="no more items"):
        copy_items(to, TABLES)


@pytest.mark.parametrize("sort", sorted(TYPES))
def test_an_attribute_that_differs_is_found(sessions: Sessions, sort: str) -> None:
    _, target = two_tables(sessions, 3)
    to = carrier(sessions)
    copy_items(to, TABLES)
    other: dict[str, Any] = {
        "S": "texT", "N": "9.6", "B": b"\x00", "BOOL": False, "NULL": None, "SS": ["a"], "NS": ["2"], "BS": [RAW],
        "L": [{"L": []}, {"S": "x"}], "M": {"b": {"N": "1"}},
    }  # fmt: skip
    changed = an_item(10_000, **{one: {one: TYPES[one]} for one in TYPES})
    changed |= {sort: {"S": "another type"} if other[sort] is None else {sort: other[sort]}}
    target.put_item(TableName="orders", Item=changed)

    proof = prove_items(to, TABLES)

    assert proof.state == "different"
    assert [said.partition(":")[0] for said in proof.differences] == ["1 items different"]


def test_what_is_missing_and_what_is_too_much_is_found(sessions: Sessions) -> None:
    legacy, target = two_tables(sessions, 30)
    to = carrier(sessions)
    copy_items(to, TABLES)
    legacy.put_item(TableName="orders", Item=an_item(500))
    target.put_item(TableName="orders", Item=an_item(600))
    target.put_item(TableName="orders", Item=an_item(601))

    said = [text.partition(":")[0] for text in prove_items(to, TABLES).differences]

    assert said == ["1 items only in legacy", "2 items only in the target"]


def test_the_order_of_a_set_and_of_a_map_means_nothing_and_types_do_not_mix() -> None:
    assert items.hash_of({"a": {"SS": ["x", "y"]}, "b": {"N": "1"}}) == items.hash_of(
        {"b": {"N": "1"}, "a": {"SS": ["y", "x"]}}
    )
    assert items.hash_of({"a": {"S": "1"}}) != items.hash_of({"a": {"N": "1"}})
    assert items.hash_of({"a": {"L": [{"S": "x"}, {"S": "y"}]}}) != items.hash_of({"a": {"L": [{"S": "xy"}]}})
    assert items.hash_of({"ab": {"S": "c"}}) != items.hash_of({"a": {"S": "bc"}})
    assert items.hash_of({"a": {"S": "x"}, "b": {"S": "y"}}) != items.hash_of({"a": {"S": "y"}, "b": {"S": "x"}})


def test_items_that_expire_meanwhile_are_counted_and_not_compared(sessions: Sessions) -> None:
    legacy, target = two_tables(sessions, 2)
    now = 1_800_000_000
    legacy.put_item(TableName="orders", Item=an_item(70, expires={"N": str(now + 10)}))
    legacy.put_item(TableName="orders", Item=an_item(71, expires={"N": str(now + 10**6)}))
    to = carrier(sessions)
    copy_items(to, TABLES)
    legacy.delete_item(TableName="orders", Key=an_item(70))

    proof = prove_items(to, TABLES, now_s=now)
    target.delete_item(TableName="orders", Key=an_item(71))

    assert proof.state == "equal"
    assert proof.evidence["items"] == 4
    assert prove_items(to, TABLES, now_s=now).state == "different"


@pytest.mark.parametrize("at", ["0", "-1", "1500000000", "1E+30"])
def test_an_item_that_aws_never_deletes_is_compared_whatever_it_says_of_its_end(sessions: Sessions, at: str) -> None:
    legacy, target = two_tables(sessions, 2)
    legacy.put_item(TableName="orders", Item=an_item(70, expires={"N": at}))
    to = carrier(sessions)
    copy_items(to, TABLES)
    target.delete_item(TableName="orders", Key=an_item(70))

    proof = prove_items(to, TABLES, now_s=1_800_000_000)

    assert proof.state == "different"
    assert "order = 70" in proof.differences[0]


def test_what_was_carried_is_taken_away_and_copied_again_afterwards(sessions: Sessions) -> None:
    _, target = two_tables(sessions)
    to = carrier(sessions)
    copy_items(to, TABLES)

    assert take_away(to, TABLES) == 121
    assert all_items(target) == []
    assert copy_items(to, TABLES)["items"] == len(all_items(target)) == 121


@pytest.mark.parametrize("change", ["written", "changed"])
def test_nothing_is_deleted_where_the_target_holds_anything_else(sessions: Sessions, change: str) -> None:
    _, target = two_tables(sessions, 20)
    to = carrier(sessions)
    copy_items(to, TABLES)
    target.put_item(TableName="orders", Item=an_item(3 if change == "changed" else 900, by={"S": "a customer"}))
    before = plain(all_items(target))

    with pytest.raises(Conflict, match="1 items"):
        take_away(to, TABLES)

    assert plain(all_items(target)) == before


def test_a_large_table_is_read_in_more_segments_and_the_number_stays(sessions: Sessions) -> None:
    two_tables(sessions, 1)
    to = carrier(sessions)
    to.outputs.clear()
    call = to.legacy.call
    sizes = iter([items.SEGMENT_BYTES * 5 + 1, 0])

    def sized(operation: str, **params: Any) -> dict[str, Any]:
        answer = call(operation, **params)
        return {"Table": answer["Table"] | {"TableSizeBytes": next(sizes)}} if "Describe" in operation else answer

    to.legacy.call = sized

    assert copy_items(to, TABLES)["segments"] == 6
    assert copy_items(to, TABLES)["segments"] == 6
