"""Option groups beside their example, and what holds data and is reported: clusters, vaults, plans."""

from collections.abc import Iterator
from typing import Any

import pytest

import tests.kinds.examples.options  # noqa: F401  # lets the emulator list option groups
from migrate.kind import Kind
from migrate.kinds.backup import Plan, Vault
from migrate.kinds.rds_instance.cluster import Cluster
from migrate.kinds.rds_option_group import OptionGroup, _option
from migrate.kinds.rds_snapshot import ClusterSnapshot
from tests.kinds.two_sides import LEGACY, REGION, TwoSides, two_sides


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


@pytest.mark.parametrize("kind", [OptionGroup(), Cluster(), Vault(), Plan()], ids=lambda kind: kind.name)
def test_what_is_not_there_is_not_found(world: TwoSides, kind: Kind[Any]) -> None:
    assert world.scan(kind, only="absent") == {}
    assert all(not site.gaps for site in world.sites)


def test_only_what_people_set_is_sent_and_passwords_are_not_in_clear(world: TwoSides) -> None:
    settings = [
        {"Name": "PORT_RANGE", "Value": "1-2", "DefaultValue": "1-9", "IsModifiable": True},
        {"Name": "AS_EVER", "Value": "x", "DefaultValue": "x", "IsModifiable": True},
        {"Name": "FIXED", "Value": "y", "DefaultValue": "z", "IsModifiable": False},
        {"Name": "MASKED", "Value": "****", "IsModifiable": True},
        {"Name": "AGENT_PASSWORD", "Value": "hunter2", "IsModifiable": True},
    ]
    shown = {
        "OptionName": "OEM_AGENT",
        "OptionVersion": "13.5",
        "Port": 3872,
        "OptionSettings": settings,
        "VpcSecurityGroupMemberships": [{"VpcSecurityGroupId": "sg-2"}, {"VpcSecurityGroupId": "sg-1"}],
    }

    option = _option(world.site(OptionGroup(), "legacy"), shown)

    assert option.security_groups == ["sg-1", "sg-2"]
    assert set(option.settings) == {"PORT_RANGE", "AGENT_PASSWORD"}
    assert "hunter2" not in str(option)


def test_an_option_in_a_security_group_is_sent_after_the_group_exists(world: TwoSides) -> None:
    world.client("legacy", "rds").create_option_group(
        OptionGroupName="agents", EngineName="oracle-ee", MajorEngineVersion="19", OptionGroupDescription="d"
    )
    found = world.scan(OptionGroup())["agents"]
    option: dict[str, Any] = {
        "name": "OEM",
        "version": None,
        "port": 1158,
        "security_groups": ["sg-0123456789abcdef0"],
        "settings": {},
    }
    changed = type(found)(found.ref, found.arn, found.tags, None, None, found.facts | {"options": [option]})

    [(_, params)] = world.planned(OptionGroup(), changed, "configure")

    [sent] = params["OptionsToInclude"]
    assert sent == {"OptionName": "OEM", "Port": 1158, "VpcSecurityGroupMemberships": ["sg-0123456789abcdef0"]}
    assert [need.on for need in OptionGroup().needs(OptionGroup().typed(changed))] == ["sg-0123456789abcdef0"]


def a_cluster(world: TwoSides, **more: Any) -> Any:
    world.client("legacy", "rds").create_db_cluster(
        DBClusterIdentifier="shop",
        MasterUsername="owner",
        MasterUserPassword="not-a-real-one",
        DatabaseName="shop",
        DeletionProtection=True,
        Tags=[{"Key": "team", "Value": "shop"}],
        **more,
    )
    return world.scan(Cluster())["shop"]


def moving(found: Any) -> list[str]:
    """The actions that are for it."""
    kind: Kind[Any] = Cluster()
    return [action.name for action in kind.actions if action.applies(kind.typed(found))]


def test_a_cluster_of_another_engine_is_reported_whole_with_the_way_by_hand(world: TwoSides) -> None:
    found = a_cluster(world, Engine="aurora-mysql")
    it = Cluster().typed(found)

    assert found.arn == f"arn:aws:rds:{REGION}:{LEGACY}:cluster:shop"
    assert found.facts["engine"] == "aurora-mysql"
    assert found.facts["deletion_protection"]
    assert found.tags == {"team": "shop"}
    assert "not-a-real-one" not in str(found)
    assert moving(found) == []
    # Whoever names its host is told that it stays.
    assert {name.legacy: name.target for name in Cluster().names(it, world.place(found))}[
        it.facts.host
    ] == it.facts.host
    assert Cluster.stateful
    assert "rds.RestoreDBClusterFromSnapshot" in Cluster().by_hand(it)


@pytest.mark.parametrize("fact", [{"global_cluster": "world"}, {"replicates": "other"}, {"engine_mode": "serverless"}])
def test_an_aurora_postgresql_cluster_moves_unless_it_belongs_to_something_larger(
    world: TwoSides, fact: dict[str, str]
) -> None:
    found = a_cluster(world, Engine="aurora-postgresql")
    bound = type(found)(found.ref, found.arn, found.tags, None, None, found.facts | fact)

    assert moving(found) == ["precheck", "snapshot", "copy", "create", "prove_rows", "look_again"]
    assert moving(bound) == []


def test_manual_snapshots_of_a_cluster_are_reported_and_a_missing_one_is_none(world: TwoSides) -> None:
    a_cluster(world, Engine="aurora-postgresql")
    world.client("legacy", "rds").create_db_cluster_snapshot(
        DBClusterIdentifier="shop", DBClusterSnapshotIdentifier="before", Tags=[{"Key": "team", "Value": "shop"}]
    )

    found = world.scan(ClusterSnapshot())

    assert set(found) == {"before"}, "automated ones are AWS's own"
    assert found["before"].facts["cluster"] == "shop"
    assert found["before"].tags == {"team": "shop"}
    assert world.scan(ClusterSnapshot(), only="absent") == {}
    (need,) = ClusterSnapshot().needs(ClusterSnapshot().typed(found["before"]))
    assert str(need.on).endswith("/rds.cluster/shop")


def test_custom_endpoints_of_a_cluster_are_asked_about(world: TwoSides) -> None:
    found = a_cluster(world, Engine="aurora-postgresql")
    with_one = type(found)(
        found.ref, found.arn, found.tags, None, None, found.facts | {"custom_endpoints": ["reports"]}
    )

    [left] = Cluster().remains(Cluster().typed(with_one))

    assert list(Cluster().remains(Cluster().typed(found))) == []
    assert "reports" in left.what
    assert "rds.CreateDBClusterEndpoint" in left.do


def test_vaults_and_plans_are_reported(world: TwoSides) -> None:
    backup = world.client("legacy", "backup")
    backup.create_backup_vault(BackupVaultName="nightly")
    rule = {"RuleName": "every-night", "TargetBackupVaultName": "nightly", "ScheduleExpression": "cron(0 3 * * ? *)"}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "nights", "Rules": [rule]})["BackupPlanId"]

    vault, found = world.scan(Vault())["nightly"], world.scan(Plan())[plan]

    assert vault.arn == f"arn:aws:backup:{REGION}:{LEGACY}:backup-vault:nightly"
    assert vault.facts["holds_points"] is False
    assert found.facts["plan"] == "nights"
    assert [one["RuleName"] for one in found.facts["rules"]] == ["every-night"]
    assert "RuleId" not in found.facts["rules"][0]
    assert world.scan(Plan()) == world.scan(Plan())
