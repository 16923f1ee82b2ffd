"""The embedded world's dashboards."""

from __future__ import annotations

import json

import pytest

from migrate.demo.accounts import LEGACY
from migrate.demo.world import World

pytestmark = pytest.mark.world


def test_a_dashboard_is_the_same_in_every_region(a_world: World, name: str) -> None:
    here, elsewhere = (
        a_world.session(LEGACY, region).client("cloudwatch") for region in ("eu-west-1", "ap-southeast-2")
    )
    here.put_dashboard(DashboardName=name, DashboardBody=json.dumps({"widgets": []}))

    shown = elsewhere.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    elsewhere.delete_dashboards(DashboardNames=[name])

    assert [one["DashboardName"] for one in shown] == [name]
    assert here.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"] == []
