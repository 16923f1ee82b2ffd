"""A way of moving data that cannot be taken refuses the plan, and says which can."""

from typing import Any

import pytest

from migrate import plan
from migrate.kinds.dynamodb_table import Table
from migrate.kinds.dynamodb_table.ways import STRATEGIES
from migrate.kinds.ecr_repository import Repository
from migrate.kinds.rds_instance.cluster import Cluster
from tests.plans.toys import KINDS, ToyFacts, inputs, thing

DATABASE = thing("toy.database", "orders-prod")


def refusals(*stores: dict[str, str], kinds: Any = KINDS, **more: Any) -> list[tuple[str, str]]:
    body = plan.make(inputs([DATABASE], stores=list(stores), kinds=kinds, **more))
    return [(line["key"], line["what"]) for line in body["refusals"]]


class TwoWays(type(KINDS["toy.database"])):  # type: ignore[misc]
    """A toy with two ways, one of which this thing cannot go."""

    strategies = {"slow": "an hour", "quick": "a minute"}  # noqa: RUF012

    def unfit_strategy(self, it: Any, place: Any) -> str:
        return "it is too old: choose slow" if it.strategy == "quick" else ""


WAYS = {**KINDS, "toy.database": TwoWays()}


def test_a_way_that_the_kind_has_is_taken() -> None:
    assert refusals({"resource": "toy.database/orders-*", "strategy": "slow"}, kinds=WAYS) == []


def test_a_way_that_no_kind_has_is_refused_with_those_that_there_are() -> None:
    [(key, said)] = refusals({"resource": "toy.database/*", "strategy": "teleport"}, kinds=WAYS)
    [(_, only)] = refusals({"resource": "toy.database/*", "strategy": "slow"})

    assert key == f"strategy/{DATABASE.ref}"
    assert "'teleport'" in said
    assert "slow, quick" in said
    assert "one way only" in only


def test_a_way_that_this_one_cannot_go_is_refused_with_the_reason() -> None:
    [(_, said)] = refusals({"resource": "toy.database/*", "strategy": "quick"}, kinds=WAYS)

    assert said == f"{DATABASE.ref}: it is too old: choose slow"


def test_a_pattern_that_fits_nothing_is_refused_because_somebody_relies_on_it() -> None:
    [(key, said)] = refusals({"resource": "toy.database/ordres", "strategy": "slow"}, kinds=WAYS)

    assert key == "strategy/toy.database/ordres"
    assert "nothing that was found is called" in said


def a_table(strategy: str, **facts: Any) -> Any:
    kind = Table()
    known = {
        "attributes": {"id": "S"}, "key": [{"AttributeName": "id", "KeyType": "HASH"}], "local_indexes": {},
        "global_indexes": {}, "billing_mode": "PAY_PER_REQUEST", "throughput": None, "scaling": {},
        "on_demand_limits": None,
        "table_class": "STANDARD", "encryption": None, "stream": None, "stream_arn": None, "recovery_days": None,
        "policy": None, "expires_by": None, "deletion_protection": False, "replica_regions": [], "large": False,
    } | facts  # fmt: skip
    from dataclasses import replace

    found = replace(thing("toy.database", "orders"), facts=known)
    return kind, replace(kind.typed(found), strategy=strategy)


@pytest.mark.parametrize(
    ("strategy", "phases"),
    [
        ("", {"create": "build", "copy_items": "data", "look_again": "cutover"}),
        ("scan", {"create": "build", "copy_items": "data", "look_again": "cutover"}),
        ("streams", {"create": "build", "copy_items": "build", "catch_up": "data", "look_again": "cutover"}),
        (
            "export",
            {
                "export": "build",
                "create": "build",
                "copy_items": "build",
                "catch_up": "data",
                "look_again": "cutover",
                "discard_export": "close",
            },
        ),
    ],
)
def test_a_tables_items_travel_before_the_freeze_only_by_streams(strategy: str, phases: dict[str, str]) -> None:
    kind, it = a_table(strategy)

    assert {action.name: action.when(it)[0] for action in kind.actions if action.applies(it)} == phases


def test_legacys_table_gets_a_stream_only_where_it_has_none_and_loses_it_with_the_undo() -> None:
    from tests.kinds.planned import checked, place_of

    kind, without = a_table("streams")
    _, having = a_table("streams", stream="NEW_IMAGE", stream_arn="arn:aws:dynamodb:x")
    copy = kind.action("copy_items")

    [request] = checked(list(copy.requests(without, place_of("orders"))))

    assert (request.operation, request.side) == ("dynamodb.UpdateTable", "legacy")
    assert request.undo is not None
    assert request.undo.params["StreamSpecification"] == {"StreamEnabled": False}
    assert copy.legacy_after(without) == {"stream": "KEYS_ONLY"}
    assert copy.requests(having, place_of("orders")) == ()
    assert copy.legacy_after(having) is None


def test_a_table_with_local_indexes_cannot_be_exported_and_says_what_can_be_done() -> None:
    from tests.kinds.planned import place_of

    kind, it = a_table("export", local_indexes={"by-day": {}})
    _, without = a_table("export")

    said = kind.unfit_strategy(it, place_of("orders"))
    assert "by-day" in said
    assert "choose scan or streams" in said
    assert kind.unfit_strategy(without, place_of("orders")) == ""
    assert set(STRATEGIES) == {"scan", "streams", "export"}


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        ({}, {"recovery_days": 35, "stream": "KEYS_ONLY"}),
        ({"recovery_days": 7}, {"stream": "KEYS_ONLY"}),
        ({"stream": "NEW_IMAGE", "stream_arn": "arn:aws:dynamodb:x"}, {"recovery_days": 35}),
        ({"recovery_days": 7, "stream": "NEW_IMAGE", "stream_arn": "arn:aws:dynamodb:x"}, None),
    ],
)
def test_an_export_switches_on_in_legacy_only_what_is_off_and_off_again_with_the_undo(
    facts: dict[str, Any], changes: dict[str, Any] | None
) -> None:
    from tests.kinds.planned import checked, place_of

    kind, it = a_table("export", **facts)
    action = kind.action("export")

    requests = checked(list(action.requests(it, place_of("orders"))))

    assert action.legacy_after(it) == changes
    assert len(requests) == len(changes or {})
    assert all(request.side == "legacy" and request.undo.side == "legacy" for request in requests)
    assert kind.action("copy_items").requests(it, place_of("orders")) == ()


def test_an_imported_table_is_made_with_what_an_import_takes_and_gets_the_rest_after() -> None:
    from tests.kinds.planned import checked, place_of

    index = {
        "of-day": {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
    }
    kind, it = a_table("export", table_class="STANDARD_INFREQUENT_ACCESS", global_indexes=index)

    requests = checked(list(kind.action("create").requests(it, place_of("orders"))))

    shape = requests[0].params["TableCreationParameters"]
    assert [one.operation.partition(".")[2] for one in requests] == [
        "ImportTable", "DescribeTable", "TagResource", "UpdateTable",
    ]  # fmt: skip
    assert [one.creates for one in requests] == [True, False, False, False]
    assert [one["IndexName"] for one in shape["GlobalSecondaryIndexes"]] == ["of-day"]
    assert not {"Tags", "TableClass"} & shape.keys()
    assert requests[3].params["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert requests[0].undo is not None
    assert requests[0].undo.operation == "dynamodb.DeleteTable"


def test_a_repository_that_gets_another_name_cannot_be_replicated() -> None:
    from dataclasses import replace

    from tests.kinds.planned import place_of
    from tests.kinds.test_ecr import an_it

    it = replace(an_it(), strategy="replication")

    assert Repository().unfit_strategy(it, place_of("shop/web")) == ""
    assert "choose digest" in Repository().unfit_strategy(it, place_of("team/web"))


def test_a_way_that_only_instances_have_is_refused_for_a_cluster_and_not_silently_left() -> None:
    cluster = thing("rds.cluster", "orders-prod")
    kinds: dict[str, Any] = {**KINDS, "rds.cluster": Clusters()}

    def said(strategy: str) -> list[tuple[str, str]]:
        rule = {"instance": "*", "secret": "{instance}/db", "strategy": strategy}
        body = plan.make(inputs([cluster], databases=[rule], kinds=kinds))
        return [(line["what"], line["do"]) for line in body["refusals"] if line["key"].startswith("strategy/")]

    [(what, do)] = said("dms")

    assert said("snapshot") == said("logical") == []
    assert what == f"{cluster.ref}: 'dms' is no way in which a {Clusters.title} moves: snapshot, logical"
    assert "`databases`" in do


class Clusters(type(KINDS["toy.database"])):  # type: ignore[misc]
    """A toy under the name of the clusters."""

    name = "rds.cluster"
    strategies = Cluster.strategies


def test_a_way_can_be_for_large_ones_only_and_a_size_that_is_not_known_is_not_large() -> None:
    from migrate.config import Config
    from migrate.names import Ref

    stores = [
        {"resource": "dynamodb.table/*", "strategy": "export", "from_gib": 100},
        {"resource": "dynamodb.table/*", "strategy": "streams"},
    ]
    legacy, target = {"account": "111111111111", "regions": ["eu-west-1"]}, {"account": "222222222222", "role": "R"}
    head = {"schema": "migrate.config/1", "migration": "shop", "legacy": legacy, "targets": {"prod": target}}
    config = Config.model_validate(head | {"stores": stores})
    ref = Ref.parse("111111111111/eu-west-1/dynamodb.table/orders")

    ways = {size: config.strategy(ref, size) for size in (None, 0, 100 * 2**30 - 1, 100 * 2**30)}

    assert ways == {None: "streams", 0: "streams", 100 * 2**30 - 1: "streams", 100 * 2**30: "export"}


def passwords(config: dict[str, Any], *things: Any, **secret: Any) -> list[str]:
    """What is refused of new passwords, for two databases and a secret."""
    from dataclasses import replace

    def with_facts(one: Any, **facts: Any) -> Any:
        return replace(one, facts=one.facts | facts)

    known = {"rotation_lambda_arn": None, "has_value": True} | secret
    own = [with_facts(thing("rds.cluster", name)) for name in ("orders-prod", "bills-prod")]
    held = with_facts(thing("secretsmanager.secret", "db-prod"), **known)
    kinds: dict[str, Any] = {**KINDS, "rds.cluster": Clusters(), "secretsmanager.secret": Secrets()}
    rule = {"instance": "orders*", "secret": "db-prod", "rotate_password": True} | config
    body = plan.make(inputs([*own, held, *things], databases=[rule], kinds=kinds))
    return [line["what"] for line in body["refusals"] if line["key"].startswith("password/")]


class LoginFacts(ToyFacts):
    """What the rules ask of a secret."""

    rotation_lambda_arn: str | None = None
    has_value: bool = True


class Secrets(type(KINDS["toy.database"])):  # type: ignore[misc]
    """Stands where secrets do."""

    name, facts = "secretsmanager.secret", LoginFacts


def test_a_new_password_needs_a_secret_that_goes_along_and_is_nobody_elses() -> None:
    assert passwords({}) == []
    assert "no secret gone was found in eu-west-1" in passwords({"secret": "gone"})[0]
    assert "rotates by a function of its own" in passwords({}, rotation_lambda_arn="arn:aws:lambda:x")[0]
    assert "has no value" in passwords({}, has_value=False)[0]
    assert "is the login of" in passwords({"instance": "*"})[0]
    assert passwords({"rotate_password": False, "secret": "gone"}) == []
