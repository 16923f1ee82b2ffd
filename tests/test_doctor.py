"""What doctor finds, and that each finding has its fix."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from migrate import doctor
from migrate.aws import Aws
from migrate.names import AccountId, Region
from tests.endpoint import ACCOUNT, FOREIGN, NOTHING, Answer, Asked, Endpoint, environment, refused, serving, xml

LEGACY, STRANGER = AccountId(ACCOUNT), AccountId("222222222222")
REGIONS = (Region("eu-west-1"), Region("eu-south-1"), Region("eu-wst-1"))


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    def answer(asked: Asked) -> Answer:
        if asked.operation != "DescribeRegions":
            return NOTHING
        names = {"eu-west-1": "opt-in-not-required", "eu-south-1": "not-opted-in"}
        items = "".join(
            f"<item><regionName>{name}</regionName><optInStatus>{state}</optInStatus></item>"
            for name, state in names.items()
        )
        return xml(f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>")

    with serving(answer) as endpoint:
        for name in FOREIGN:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment(endpoint.url).items():
            monkeypatch.setenv(name, value)
        yield endpoint


def test_each_account_and_region_has_a_finding_and_each_bad_one_a_fix(endpoint: Endpoint) -> None:
    found = list(doctor.examine(Aws(workers=2), {LEGACY: "legacy", STRANGER: "production"}, REGIONS))

    bad = [one for one in found if not one.ok]
    assert [one.what.split(":")[0] for one in bad] == [
        f"eu-south-1 is off in {LEGACY}",
        f"eu-wst-1 does not exist for {LEGACY}",
        f"production {STRANGER}",
    ]
    assert all(one.fix for one in bad)
    assert any(one.what.startswith(f"legacy {LEGACY} as arn:aws:iam") for one in found if one.ok)
    assert any(one.what.startswith("Python 3") for one in found)


def test_regions_that_may_not_be_read_are_a_finding(endpoint: Endpoint) -> None:
    endpoint.answer = lambda asked: NOTHING if asked.operation != "DescribeRegions" else refused("AccessDenied", "no")

    found = list(doctor.enabled(Aws(workers=2), LEGACY, REGIONS))

    assert [(one.ok, one.fix) for one in found] == [(False, "allow ec2:DescribeRegions")]


@pytest.mark.parametrize("off_s", [-600, 0, 600])
def test_a_clock_that_is_wrong_is_found(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, off_s: int) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(seconds=off_s)

    monkeypatch.setattr(doctor, "datetime", Clock)

    found = doctor.clock(Aws(workers=2), LEGACY)

    assert found.ok == (off_s == 0)
    assert bool(found.fix) == (off_s != 0)
