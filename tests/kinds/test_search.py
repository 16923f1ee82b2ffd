"""OpenSearch domains: who makes one, how its documents come, and what a step says until they are there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migrate.errors import StepFailed, VerificationFailed
from migrate.kinds.opensearch_domain import Domain
from tests.kinds.two_sides import LEGACY, TARGET, Side, TwoSides, two_sides

KIND = Domain()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def make(world: TwoSides, side: Side = "legacy", **more: Any) -> None:
    world.client(side, "opensearch").create_domain(
        DomainName="books", EngineVersion="OpenSearch_2.11", EBSOptions={"EBSEnabled": True, "VolumeSize": 10}, **more
    )


def count(world: TwoSides, side: Side, documents: int) -> None:
    """What AWS publishes of the domain."""
    named = {"DomainName": "books", "ClientId": LEGACY if side == "legacy" else TARGET}
    point = {
        "MetricName": "SearchableDocuments", "Value": documents, "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
        "Dimensions": [{"Name": name, "Value": value} for name, value in named.items()],
    }  # fmt: skip
    world.client(side, "cloudwatch").put_metric_data(Namespace="AWS/ES", MetricData=[point])


def test_the_step_stands_until_the_target_holds_as_many_documents_and_says_how_they_come(world: TwoSides) -> None:
    make(world)
    found = world.scan(KIND)["books"]
    make(world, "target")
    count(world, "legacy", 700)

    with pytest.raises(VerificationFailed, match="documents: 700 in legacy, 0 in the target") as stopped:
        world.carry(KIND, found, "fill")
    count(world, "target", 700)
    proof = world.carry(KIND, found, "fill")

    assert stopped.value.exit_code == 5
    assert f"https://{found.facts['host']}: PUT _snapshot/move" in (stopped.value.do or "")
    assert f"In {TARGET} a role" in (stopped.value.do or "")
    assert proof.state == "equal"
    assert proof.evidence == {"documents in legacy": 700, "documents in the target": 700}


def test_a_document_that_is_missing_later_is_a_difference_and_no_count_is_no_proof(world: TwoSides) -> None:
    make(world)
    found = world.scan(KIND)["books"]
    unknown = world.carry(KIND, found, "fill")
    count(world, "legacy", 7)
    count(world, "target", 8)

    more = world.carry(KIND, found, "fill")

    assert unknown.state == "could not be proved"
    assert more.differences == ("documents: 7 in legacy, 8 in the target",)


def test_a_domain_with_a_master_user_is_made_by_a_person_with_the_values_that_the_step_says(world: TwoSides) -> None:
    make(
        world,
        AdvancedSecurityOptions={"Enabled": True, "InternalUserDatabaseEnabled": True},
        NodeToNodeEncryptionOptions={"Enabled": True},
    )
    found = world.scan(KIND)["books"]

    assert world.planned(KIND, found, "create") == []
    with pytest.raises(VerificationFailed, match="the domain books is not in the target") as stopped:
        world.carry(KIND, found, "create")
    said = stopped.value.do or ""
    asked = json.loads(said[said.index("{") : said.rindex("}") + 1])
    world.client("target", "opensearch").create_domain(**asked)
    proof = world.carry(KIND, found, "create")
    world.learn(KIND, found)

    assert asked["EngineVersion"] == "OpenSearch_2.11"
    assert {one["Key"] for one in asked["TagList"]} == {"migrate:migration", "migrate:step"}
    assert proof.state == "equal"
    assert world.differences(KIND, found) == {}
    with pytest.raises(StepFailed, match="was made by a person, and stands"):
        world.undo()
    world.client("target", "opensearch").delete_domain(DomainName="books")


def test_its_host_is_known_by_the_targets(world: TwoSides) -> None:
    make(world)
    found = world.scan(KIND)["books"]

    world.move(KIND, found, "create")
    world.learn(KIND, found)

    there = world.client("target", "opensearch").describe_domain(DomainName="books")["DomainStatus"]["Endpoint"]
    assert world.renamed(f"https://{found.facts['host']}/_search") == f"https://{there}/_search"
    assert found.size_bytes == 10 * 2**30
