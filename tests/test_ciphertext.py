"""The plan lists what is encrypted under which key and how it gets under the new one; no kind is forgotten."""

import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from migrate import ciphertext
from migrate.graph import Edge, Graph
from migrate.kinds import every_kind
from migrate.names import Ref
from migrate.placement import Placed, Placement
from migrate.unhandled import manual_for_named
from tests.plans.toys import HERE, LEGACY

ENCRYPTED = [
    name for name, kind in every_kind().items() if '"encrypted by"' in inspect.getsource(type(kind)) and kind.actions
]


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_every_kind_that_is_encrypted_under_a_key_says_how_it_gets_under_the_new_one(kind: str) -> None:
    assert ciphertext.HOW[kind]


def test_no_word_is_kept_for_a_kind_that_is_not_there() -> None:
    assert set(ciphertext.HOW) <= set(every_kind())
    assert len(ENCRYPTED) > 10


def ref(kind: str, name: str) -> Ref:
    return Ref(LEGACY, HERE, kind, name)  # type: ignore[arg-type]


class Drawn:
    """As much of a graph as the list looks at."""

    def __init__(self, *edges: Edge) -> None:
        self.edges = edges


class Decided:
    """As much of a placement."""

    def __init__(self, *moving: Ref, stays: tuple[Ref, ...] = ()) -> None:
        self.movable = frozenset((*moving, *stays))
        self.placed = {one: _placed("production") for one in moving} | {one: _placed("legacy") for one in stays}


def _placed(to: str) -> Any:
    return Placed((to,), "a rule", 1, ())  # type: ignore[call-arg]


KEY, OTHER, TABLE, BUCKET, VOLUME = (
    ref("kms.key", "k1"), ref("kms.key", "k2"), ref("dynamodb.table", "t"), ref("s3.bucket", "b"),
    ref("ec2.volume", "vol"),
)  # fmt: skip


def listed(*edges: Edge, decided: Decided) -> Any:
    graph: Graph = Drawn(*edges)  # type: ignore[assignment]
    placement: Placement = decided  # type: ignore[assignment]
    return ciphertext.listed(graph, placement, every_kind())


def test_each_key_lists_what_lies_under_it_with_where_it_was_seen_and_what_stays() -> None:
    edges = [
        Edge(TABLE, KEY, "encrypted by", "hard", "dynamodb.DescribeTable"),
        Edge(BUCKET, KEY, "encrypted by", "hard", "s3.GetBucketEncryption"),
        Edge(VOLUME, KEY, "encrypted by", "hard", "ec2.DescribeVolumes"),
        Edge(TABLE, BUCKET, "names", "soft", "x"),
    ]

    [one, other] = listed(*edges, decided=Decided(KEY, OTHER, TABLE, stays=(BUCKET,)))

    assert [line["ref"] for line in one["under"]] == sorted(map(str, (TABLE, BUCKET, VOLUME)))
    how = {line["ref"]: line["how"] for line in one["under"]}
    assert how[str(TABLE)] == ciphertext.HOW["dynamodb.table"]
    assert how[str(BUCKET)] == how[str(VOLUME)] == ciphertext.STAYS
    assert (other["key"], other["under"], other["moves"]) == (str(OTHER), [], True)


def test_a_kind_that_nobody_thought_about_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ciphertext, "HOW", {})

    [one] = listed(Edge(TABLE, KEY, "encrypted by", "hard", "x"), decided=Decided(KEY, TABLE))

    assert one["under"][0]["how"] == ciphertext.NOBODY_SAID


@pytest.mark.parametrize("state", ["Disabled", "PendingImport", "Unavailable"])
def test_what_moves_under_a_key_that_is_off_is_objected_to_before_anything_is_frozen(state: str) -> None:
    edges = [
        Edge(TABLE, KEY, "encrypted by", "hard", "dynamodb.DescribeTable"),
        Edge(BUCKET, OTHER, "encrypted by", "hard", "s3.GetBucketEncryption"),
        Edge(VOLUME, KEY, "encrypted by", "hard", "ec2.DescribeVolumes"),
        Edge(ref("iam.role", "r"), KEY, "names", "soft", "x"),
    ]
    decided: Any = Decided(KEY, OTHER, TABLE, BUCKET, ref("iam.role", "r"), stays=(VOLUME,))
    states = {KEY: state, OTHER: "Enabled"}
    inventory: Any = SimpleNamespace(
        by_ref={one: SimpleNamespace(facts={"state": said}, arn=one.name) for one, said in states.items()}
    )

    [(key, said, do)] = ciphertext.unreadable(Drawn(*edges), decided, inventory)  # type: ignore[arg-type]

    assert key == f"key is off/{TABLE}"
    assert said.startswith(f"{TABLE} is encrypted under k1, which is {state}")
    assert "kms.EnableKey" in do


def test_a_key_that_is_about_to_be_deleted_can_still_be_kept() -> None:
    arn = f"arn:aws:kms:{HERE}:{LEGACY}:key/0ce3f3b4"

    assert f"aws kms cancel-key-deletion --key-id {arn}" in manual_for_named(arn)
    assert manual_for_named(f"arn:aws:kms:{HERE}:{LEGACY}:alias/x") == ""
