"""File systems beside their examples: files that nobody copied, a policy (which the emulator cannot delete), names."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.efs.models import FileSystem as MotoFileSystem

from migrate.errors import Conflict, StepFailed
from migrate.kinds.efs import AccessPoint, FileSystem
from migrate.kinds.efs.actions import EMPTY_BYTES
from tests.kinds.examples import _ground as ground
from tests.kinds.two_sides import LEGACY, REGION, HandCarrier, TwoSides, two_sides


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def make(world: TwoSides) -> str:
    return str(world.client("legacy", "efs").create_file_system(CreationToken="x")["FileSystemId"])


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Metered bytes by file system."""
    held: dict[str, int] = {}
    size = property(lambda file_system: {"Value": held.get(file_system.file_system_id, 6144)})
    monkeypatch.setattr(MotoFileSystem, "size_in_bytes", size)
    return held


def carried(world: TwoSides, resource: Any, name: str) -> tuple[Any, Any, Any]:
    action: Any = FileSystem().action(name)
    return action, FileSystem().typed(resource), HandCarrier(world, FileSystem(), action, resource)


def test_what_is_not_there_is_not_found(world: TwoSides) -> None:
    own = make(world)

    assert world.scan(FileSystem(), only="fs-0123456789abcdef0") == {}
    assert world.scan(AccessPoint(), only="fsap-0123456789abcdef0") == {}
    assert set(world.scan(FileSystem())) == {own}
    assert all(not site.gaps for site in world.sites)


def test_the_step_stands_still_until_a_person_has_copied_the_files(world: TwoSides, sizes: dict[str, int]) -> None:
    own = make(world)
    sizes[own] = EMPTY_BYTES * 7
    resource = world.scan(FileSystem())[own]
    world.move(FileSystem(), resource, "create")
    there = str(world.renamed(own))
    copying, it, to = carried(world, resource, "copy_files")

    with pytest.raises(StepFailed) as raised:
        copying.carry(it, to)
    before = copying.prove(it, to)
    sizes[there] = EMPTY_BYTES * 7

    assert "datasync.CreateTask" in str(raised.value.do)
    assert before.state == "different"
    assert copying.carry(it, to) == {"bytes in legacy": EMPTY_BYTES * 7, "bytes in the target": EMPTY_BYTES * 7}
    assert copying.prove(it, to).state == "equal"
    assert resource.size_bytes == EMPTY_BYTES * 7


def test_an_empty_file_system_needs_no_person(world: TwoSides, sizes: dict[str, int]) -> None:
    own = make(world)
    resource = world.scan(FileSystem())[own]
    world.move(FileSystem(), resource, "create")
    copying, it, to = carried(world, resource, "copy_files")

    assert copying.carry(it, to)["bytes in the target"] == 6144
    copying.uncarry(it, to)


def test_files_in_the_target_are_not_deleted_by_a_rollback(world: TwoSides, sizes: dict[str, int]) -> None:
    own = make(world)
    resource = world.scan(FileSystem())[own]
    world.move(FileSystem(), resource, "create")
    sizes[str(world.renamed(own))] = EMPTY_BYTES + 1
    copying, it, to = carried(world, resource, "copy_files")

    with pytest.raises(Conflict, match="deletes the files"):
        copying.uncarry(it, to)


def test_mount_targets_are_made_once_where_an_answer_was_lost(world: TwoSides) -> None:
    network = ground.a_network(world)
    own = make(world)
    for subnet in network.subnets:
        world.client("legacy", "efs").create_mount_target(FileSystemId=own, SubnetId=subnet)
    resource = world.scan(FileSystem())[own]
    world.move(FileSystem(), resource, "create")
    mounting, it, to = carried(world, resource, "mount")
    first = world.client("target", "efs")
    first.create_mount_target(FileSystemId=str(world.renamed(own)), SubnetId=str(to.rewrite(network.subnets[0])))

    mounting.carry(it, to)

    assert to.written == ["efs.CreateMountTarget"]
    assert mounting.prove(it, to).state == "equal"


def test_a_policy_is_sent_in_the_targets_names(world: TwoSides) -> None:
    own = make(world)
    arn = f"arn:aws:elasticfilesystem:{REGION}:{LEGACY}:file-system/{own}"
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "elasticfilesystem:*", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    world.client("legacy", "efs").put_file_system_policy(FileSystemId=own, Policy=json.dumps(policy))
    resource = world.scan(FileSystem())[own]

    [(request, params)] = world.planned(FileSystem(), resource, "configure")

    assert request.operation == "efs.PutFileSystemPolicy"
    assert request.undo is not None
    assert request.undo.operation == "efs.DeleteFileSystemPolicy"
    assert params["Policy"]["$json"]["Statement"][0]["Resource"] != arn
    assert own not in params["Policy"]["$json"]["Statement"][0]["Resource"]


def test_its_host_name_is_renamed(world: TwoSides) -> None:
    own = make(world)
    resource = world.scan(FileSystem())[own]
    world.move(FileSystem(), resource, "create")

    there = world.renamed(own)

    assert there != own
    assert world.renamed(f"{own}.efs.{REGION}.amazonaws.com:/data") == f"{there}.efs.{REGION}.amazonaws.com:/data"
