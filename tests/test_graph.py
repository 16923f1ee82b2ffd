"""Edges with evidence, cycles, cut-over groups, waves."""

import itertools
import subprocess
import sys
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.graph import Graph, build
from migrate.inventory import Resource
from tests.plans.toys import HERE, KINDS, LEGACY, PARTNER, Database, Queue, Service, inventory, ref, thing

VPC, SUBNET = "vpc-0123456789abcdef0", "subnet-0123456789abcdef1"
HOST = f"orders.abc123xyz.{HERE}.rds.amazonaws.com"


class RealQueue(Queue):
    """Under the name by which the graph knows that who names it also uses it."""

    name = "sqs.queue"


class RealDatabase(Database):
    name = "rds.instance"


class Function(Service):
    name = "lambda.function"


class TaskDefinition(Service):
    name = "ecs.task_definition"


class TaskService(Service):
    name = "ecs.service"


WITH_REAL = KINDS | {k.name: k for k in (RealQueue(), RealDatabase(), Function(), TaskDefinition(), TaskService())}


def graph(*things: Resource, kinds: Any = WITH_REAL) -> Graph:
    return build(inventory(things), kinds)


def edges(built: Graph) -> set[tuple[str, str, str, str, str]]:
    return {(e.ref.name, e.needs.name, e.why, e.strength, e.seen_in) for e in built.edges}


def test_edges_come_from_ids_with_what_the_kind_says() -> None:
    built = graph(thing("toy.network", VPC), thing("toy.subnet", SUBNET, inside=VPC))
    assert edges(built) == {(SUBNET, VPC, "in", "hard", "toy.Describe Inside")}
    assert built.waves == {ref("toy.network", VPC): 1, ref("toy.subnet", SUBNET): 2}


def test_edges_come_from_content_with_the_path_that_proves_them() -> None:
    document = {
        "Environment": [{"name": "BUCKET", "value": "uploads"}, {"name": "Q", "value": f"x={queue_url('jobs')}"}],
        "Policy": {"Statement": [{"Resource": [f"arn:aws:iam::{LEGACY}:role/app"]}]},
        "Url": f"postgres://u@{HOST}:5432/x",
        "Image": f"{LEGACY}.dkr.ecr.{HERE}.amazonaws.com/shop:v1",
    }
    built = graph(
        thing("toy.service", "web", document=document), thing("s3.bucket", "uploads"), thing("toy.queue", "jobs"),
        thing("toy.role", "app"), thing("toy.database", "orders"), thing("toy.images", "shop"),
    )  # fmt: skip
    assert edges(built) == {
        ("web", "uploads", "names", "soft", "document.Environment[0].value"),
        ("web", "jobs", "names", "soft", "document.Environment[1].value"),
        ("web", "app", "names", "soft", "document.Policy.Statement[0].Resource[0]"),
        ("web", "orders", "names", "soft", "document.Url"),
        ("web", "shop", "names", "soft", "document.Image"),
    }


def queue_url(name: str) -> str:
    return f"https://sqs.{HERE}.amazonaws.com/{LEGACY}/{name}"


def test_a_thing_with_the_name_of_a_bucket_does_not_need_it() -> None:
    document = {"FunctionName": "uploads", "Tags": [{"Key": "for", "Value": "uploads"}], "name": "uploads"}
    assert graph(thing("toy.service", "web", document=document), thing("s3.bucket", "uploads")).edges == ()


def test_two_networks_with_one_name_tag_stay_two() -> None:
    other = "vpc-0123456789abcdef9"
    built = graph(
        thing("toy.network", VPC, {"Name": "main"}), thing("toy.network", other, {"Name": "main"}),
        thing("toy.subnet", SUBNET, inside=other),
    )  # fmt: skip
    assert len(built.resources) == 3
    assert [edge.needs.name for edge in built.edges] == [other]


def test_what_refers_to_nothing_is_listed_with_its_path() -> None:
    gone = f"arn:aws:iam::{LEGACY}:role/gone"
    built = graph(thing("toy.service", "web", hard=("sg-0123456789abcdef7",), document={"Role": gone}))
    listed = {(d.ref.name, d.text, d.seen_in) for d in built.dangling}
    assert ("web", "sg-0123456789abcdef7", "toy.Describe Needs[]") in listed
    assert ("web", gone, "document.Role") in listed


def test_third_parties_are_not_dangling() -> None:
    document = {"Principal": f"arn:aws:iam::{PARTNER}:root", "Layer": "arn:aws:lambda:eu-west-1:580247275435:layer:x:1"}
    assert graph(thing("toy.service", "web", document=document)).dangling == ()


def test_a_cycle_moves_as_one_and_no_edge_of_it_is_dropped() -> None:
    a, b, c, d = (f"arn:aws:iam::{LEGACY}:role/{n}" for n in "abcd")
    built = graph(
        thing("toy.role", "a", hard=(b,)), thing("toy.role", "b", hard=(c,)), thing("toy.role", "c", hard=(a, d)),
        thing("toy.role", "d", hard=(d,)), thing("toy.role", "e", hard=(a,)),
    )  # fmt: skip
    assert built.cycles == ((ref("toy.role", "a"), ref("toy.role", "b"), ref("toy.role", "c")),)
    assert len([e for e in built.edges if e.strength == "hard"]) == 5
    assert {built.groups[ref("toy.role", name)] for name in "abc"} == {str(ref("toy.role", "a"))}
    assert [built.waves[ref("toy.role", name)] for name in "abcde"] == [2, 2, 2, 1, 3]


def test_a_database_moves_with_every_writer_and_with_the_service_that_runs_a_task_definition() -> None:
    built = graph(
        thing("rds.instance", "orders", arn=f"arn:aws:rds:{HERE}:{LEGACY}:db:orders"),
        thing("ecs.task_definition", "web:1", arn=f"arn:aws:ecs:{HERE}:{LEGACY}:task-definition/web:1",
              document={"DB": HOST}),
        thing("ecs.service", "main/web", runs=(f"arn:aws:ecs:{HERE}:{LEGACY}:task-definition/web:1",)),
        thing("lambda.function", "nightly", document={"DB": HOST}),
        thing("lambda.function", "other", document={}),
        thing("toy.role", "reader", document={"DB": HOST}),
    )  # fmt: skip
    members = {r.name for r in built.resources if built.groups[r] == built.groups[ref("rds.instance", "orders")]}
    assert members == {"orders", "web:1", "main/web", "nightly"}


def test_a_queue_moves_with_its_consumers() -> None:
    arn = f"arn:aws:sqs:{HERE}:{LEGACY}:jobs"
    built = graph(
        thing("sqs.queue", "jobs", arn=arn), thing("toy.service", "consumer", cut=(arn,)),
        thing("lambda.function", "producer", document={"Q": queue_url("jobs")}),
    )  # fmt: skip
    assert [set(members) for members in built.members().values()] == [set(built.resources)]


def test_who_must_have_a_database_first_still_changes_over_with_it() -> None:
    arn = f"arn:aws:rds:{HERE}:{LEGACY}:db:orders"
    built = graph(
        thing("rds.instance", "orders", arn=arn), thing("lambda.function", "f", hard=(arn,), document={"DB": HOST})
    )
    assert {edge.strength for edge in built.edges} == {"hard", "cut"}
    assert len(set(built.groups.values())) == 1


def test_groups_that_need_each_other_are_one() -> None:
    arn = "arn:aws:iam::" + LEGACY + ":role/{}"
    built = graph(
        thing("toy.role", "a1", cut=(arn.format("a2"),)), thing("toy.role", "a2", hard=(arn.format("b1"),)),
        thing("toy.role", "b1", cut=(arn.format("b2"),)), thing("toy.role", "b2", hard=(arn.format("a1"),)),
    )  # fmt: skip
    assert len(set(built.groups.values())) == 1
    assert built.cycles == ()


def test_why_tells_the_shortest_chain_with_its_evidence() -> None:
    role = f"arn:aws:iam::{LEGACY}:role/app"
    built = graph(
        thing("toy.network", VPC), thing("toy.subnet", SUBNET, inside=VPC),
        thing("toy.role", "app", hard=(SUBNET,)), thing("toy.service", "web", hard=(role,), document={"Role": role}),
    )  # fmt: skip
    chain = built.why(ref("toy.service", "web"), ref("toy.network", VPC))
    assert chain is not None
    assert [(e.ref.name, e.why, e.needs.name) for e in chain] == [
        ("web", "reads", "app"), ("app", "reads", SUBNET), (SUBNET, "in", VPC)
    ]  # fmt: skip
    assert built.why(ref("toy.network", VPC), ref("toy.service", "web")) is None


@pytest.mark.parametrize("text", ["https://" * 200, "{" * 5000, "arn:aws:" * 500, "a." * 3000, '"' * 3000])
def test_hostile_content_ends(text: str) -> None:
    graph(thing("toy.service", "web", document={"x": text, "y": "[" * 3000}))


NODES = [f"n{number}" for number in range(9)]
PAIRS = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=16)


@settings(deadline=None)
@given(hard=PAIRS, cut=PAIRS)
def test_every_hard_edge_goes_to_an_earlier_wave_or_the_same_group(
    hard: list[tuple[str, str]], cut: list[tuple[str, str]]
) -> None:
    def named(pairs: list[tuple[str, str]], name: str) -> tuple[str, ...]:
        return tuple(sorted({f"arn:aws:iam::{LEGACY}:role/{to}" for start, to in pairs if start == name}))

    built = graph(*(thing("toy.role", name, hard=named(hard, name), cut=named(cut, name)) for name in NODES))
    found = {(e.ref.name, e.needs.name) for e in built.edges if e.strength == "hard"}
    assert found == {pair for pair in hard if pair[0] != pair[1]}
    for edge in built.edges:
        if edge.strength == "hard":
            together = built.groups[edge.ref] == built.groups[edge.needs]
            assert together or built.waves[edge.needs] < built.waves[edge.ref]
        if edge.strength == "cut":
            assert built.groups[edge.ref] == built.groups[edge.needs]
    for ref_, wave in built.waves.items():
        assert all(w == wave for r, w in built.waves.items() if built.groups[r] == built.groups[ref_])
    parts: list[set[str]] = list(nx.strongly_connected_components(nx.DiGraph(sorted(found))))
    cyclic = [part for part in parts if len(part) > 1]
    assert sorted(sorted(r.name for r in cycle) for cycle in built.cycles) == sorted(map(sorted, cyclic))


def circle() -> list[Resource]:
    return [thing("toy.role", n, hard=tuple(f"arn:aws:iam::{LEGACY}:role/{m}" for m in "abc")) for n in "abcdef"]


def test_the_graph_is_the_same_whatever_the_order_and_the_hash_seed() -> None:
    things = circle()
    orders = itertools.islice(itertools.permutations(things), 20)
    assert {str(graph(*order)) for order in orders} == {str(graph(*things))}
    code = "import tests.test_graph as t; print(t.graph(*t.circle()))"
    seeds = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert seeds[0] == seeds[1] != ""
