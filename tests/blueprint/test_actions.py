"""What a copy does of every kind there is: nothing that carries content, nothing in legacy, all of it early."""

from typing import Any

import pytest

from migrate import blueprint
from migrate.blueprint.actions import CANNOT, LEFT_OUT, MADE, NOT_MADE, undecided
from migrate.blueprint.shaped import Shaped
from migrate.kind import CarryAction, Kind
from migrate.kinds import every_kind
from migrate.sections import Blueprint

COPIED = blueprint.kinds(every_kind(), Blueprint(of="production", to="staging"))
KINDS = [pytest.param(kind, id=name) for name, kind in COPIED.items()]
CARRIES = {
    "s3.PutObject", "s3.CopyObject", "s3.UploadPart", "s3.UploadPartCopy", "dynamodb.BatchWriteItem",
    "ssm.PutParameter",
    "secretsmanager.PutSecretValue", "ecs.RunTask", "route53.ChangeResourceRecordSets", "s3control.CreateJob",
    "ec2.CreateLaunchTemplateVersion", "scheduler.UpdateSchedule",
}  # fmt: skip
"""Operations by which content, or what acts, would get into a copy."""


@pytest.mark.parametrize("kind", KINDS)
def test_no_action_of_a_copy_carries_content_or_may_write_in_legacy(kind: Kind[Any]) -> None:
    for action in kind.actions:
        if isinstance(action, CarryAction):
            assert not action.writes & CARRIES
            assert action.writes_in_legacy == frozenset()
        assert action.phase in ("build", "data", "cutover")


def test_every_action_of_every_kind_is_decided() -> None:
    replaced = {"acm.certificate", "ecs.service", "rds.instance", "secretsmanager.secret", "ssm.parameter"}
    open_ones = {
        name: why
        for name, kind in every_kind().items()
        if name not in replaced and (why := undecided(kind)) and name not in CANNOT
    }

    assert open_ones == {}


def test_the_tables_name_actions_and_kinds_that_there_are() -> None:
    there = {f"{kind.name}.{action.name}" for kind in every_kind().values() for action in kind.actions}

    assert there >= MADE | LEFT_OUT.keys()
    assert every_kind().keys() >= NOT_MADE.keys() | CANNOT.keys()
    assert not MADE & LEFT_OUT.keys()


def test_what_stops_legacy_or_takes_a_snapshot_there_is_no_action_of_a_copy() -> None:
    names = {f"{kind.name}.{action.name}" for kind in COPIED.values() for action in kind.actions}

    assert not {name for name in names if name.endswith((".stop_legacy", ".snapshot", ".copy", ".copy_value"))}
    assert {"rds.instance.create", "secretsmanager.secret.fill", "ssm.parameter.fill", "ecs.service.start"} <= names


def test_the_kinds_as_migrations_know_them_are_kept_beside() -> None:
    assert blueprint.originals(COPIED) == every_kind()
    assert all(isinstance(kind, Shaped) for kind in COPIED.values())
