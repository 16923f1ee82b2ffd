"""The quota template: in use before the first account is made, taken away by a rollback, ten requests at most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.servicequotas.responses import ServiceQuotasResponse

from migrate import plan as planning
from migrate.demo.strict import service_quotas as strict_quotas
from tests.organisation.story import Story

VPCS: dict[str, Any] = {"service": "vpc", "quota": "L-F678F1CE", "region": "eu-west-1", "value": 20}
WANTED: dict[str, Any] = {"accounts": {"box": {}}, "quota_template": [VPCS, VPCS | {"quota": "L-A4707A72"}]}


@pytest.fixture(autouse=True)
def _operations() -> Iterator[None]:
    """What the emulator lacks: as the embedded world has it, taken away again."""
    strict_quotas.request_template()
    yield
    for name in strict_quotas.NAMES:
        delattr(ServiceQuotasResponse, name)


def quotas(region: str = "us-east-1") -> Any:
    return boto3.client("service-quotas", region_name=region)


def test_new_accounts_wait_for_the_template_and_a_rollback_takes_it_away(story: Story) -> None:
    story.want(WANTED)

    made = story.stand()
    listed = quotas().list_service_quota_increase_requests_in_template()["ServiceQuotaIncreaseRequestInTemplateList"]
    state = quotas().get_association_for_service_quota_template()
    again = story.plan()["todo"]
    waves = order(story, made["plan"])
    story.undo(made["plan"])

    assert {(one["QuotaCode"], one["DesiredValue"]) for one in listed} == {("L-F678F1CE", 20.0), ("L-A4707A72", 20.0)}
    assert state["ServiceQuotaTemplateAssociationStatus"] == "ASSOCIATED"
    assert again == 0
    assert waves["servicequotas.template_request"] < waves["servicequotas.template"] < waves["organizations.account"]
    with pytest.raises(quotas().exceptions.ClientError, match=r"AWSServiceAccessNotEnabled|NoAvailableOrganization"):
        quotas().get_association_for_service_quota_template()


def order(story: Story, plan: str) -> dict[str, int]:
    """Kind → the wave in which it is made."""
    steps = planning.read(Path(plan)).steps.values()
    return {step.ref.kind: step.wave for step in steps if step.action == "create"}


def test_what_stands_with_another_value_is_told_and_left(story: Story) -> None:
    story.want(WANTED)
    story.stand()
    story.want(WANTED | {"quota_template": [VPCS | {"value": 30}]})

    said = story.type("plan", expect=1).err

    assert "vpc/L-F678F1CE@eu-west-1 stands, but otherwise: value is 20.0, wanted is 30.0" in said


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ([VPCS, VPCS], "vpc/L-F678F1CE/eu-west-1 is there twice"),
        ([VPCS | {"quota": f"L-{number}"} for number in range(11)], "at most 10 items"),
        ([VPCS | {"value": 0}], "greater than 0"),
        ([VPCS | {"quota": "vpcs per region"}], "should match pattern"),
    ],
)
def test_what_aws_would_refuse_is_refused_before(story: Story, template: list[Any], said: str) -> None:
    story.want({"accounts": {"box": {}}, "quota_template": template})

    assert said in story.type("plan", expect=1).err


def test_the_template_is_in_one_region_only_in_the_embedded_world(story: Story) -> None:
    with pytest.raises(quotas("eu-west-1").exceptions.ClientError, match="TemplatesNotAvailableInRegion"):
        quotas("eu-west-1").associate_service_quota_template()
