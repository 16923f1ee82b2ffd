"""A DB option group with two options and settings of their own."""

from typing import Any

from moto.rds.models import RDSBackend

from migrate.inventory import Resource
from tests.kinds.examples import Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides

_ALONE = RDSBackend.describe_option_groups


def _listed(backend: RDSBackend, asked: Any) -> list[Any]:
    """The emulator fails where all are asked for; AWS lists them. Source: rds.DescribeOptionGroups, botocore 1.44.5."""
    named = "option_group_name" in asked
    return list(_ALONE(backend, asked)) if named else list(backend.option_groups.values())


# Not declared there as what it becomes: a plain assignment is a type error.
setattr(RDSBackend, "describe_option_groups", _listed)  # noqa: B010


def an_option_group(world: TwoSides) -> Resource:
    rds = world.client("legacy", "rds")
    rds.create_option_group(
        OptionGroupName="shop",
        EngineName="mysql",
        MajorEngineVersion="8.0",
        OptionGroupDescription="the shop's",
        Tags=needed.PAIRS,
    )
    audit = [{"Name": "SERVER_AUDIT_EVENTS", "Value": "CONNECT,QUERY"}]
    rds.modify_option_group(
        OptionGroupName="shop",
        OptionsToInclude=[
            {"OptionName": "MEMCACHED", "OptionSettings": [{"Name": "CHUNK_SIZE", "Value": "64"}]},
            {"OptionName": "MARIADB_AUDIT_PLUGIN", "OptionSettings": audit},
        ],
        ApplyImmediately=True,
    )
    return needed.scanned(world, "rds.option_group", "shop")


def without_memcached(world: TwoSides, it: Resource) -> None:
    world.client("target", "rds").modify_option_group(OptionGroupName="shop", OptionsToRemove=["MEMCACHED"])


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "rds").add_tags_to_resource(ResourceName=it.arn, Tags=needed.OTHER_PAIRS)


CREATION = "AWS allows it at creation only"

EXAMPLES = (
    Example(
        "rds.option_group",
        an_option_group,
        {"options": without_memcached, "tags": tagged},
        {"engine": CREATION, "major_version": CREATION, "description": CREATION},
    ),
)
