"""What people have to do while a run waits: told by the run, by status and at the gate, in full, once it is known."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate import asking
from migrate.errors import StepFailed
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.out import Out
from migrate.progress import steps_told
from migrate.verbs import gates
from migrate.verbs.acting import status
from tests.kinds.in_process import InProcess
from tests.kinds.two_sides import TARGET, two_sides

KINDS = {"acm.certificate": every_kind()["acm.certificate"]}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[InProcess]:
    """A certificate of a domain whose DNS is not with legacy."""
    with two_sides(monkeypatch) as world:
        world.client("legacy", "acm").request_certificate(
            DomainName="shop.example", SubjectAlternativeNames=["*.shop.example"], ValidationMethod="DNS"
        )
        made = InProcess(world, tmp_path / "m", KINDS)
        made.plan(placement=[{"kind": "acm.*", "to": "production"}])
        yield made


def test_the_record_at_a_foreign_dns_is_told_in_full_once_aws_gave_it(
    elsewhere: InProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    create, validate = elsewhere.made.steps
    told: list[str] = []
    with steps_told(told.append) as tell:
        engine = elsewhere.engine(told=tell)
        assert asking.of_all(engine.ground) == {}
        engine.step(create)
        # The emulator issues nothing: the step waits until its time is over.
        with pytest.raises(StepFailed, match="still PENDING_VALIDATION"):
            engine.step(validate)
        asked = asking.of_all(engine.ground)
        elsewhere.journal.close()

    acm = elsewhere.world.client("target", "acm")
    (arn,) = (one["CertificateArn"] for one in acm.list_certificates()["CertificateSummaryList"])
    record = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0]["ResourceRecord"]
    (text,) = asked[validate]
    assert f"write into the DNS of shop.example: {record['Name']} CNAME {record['Value']} (TTL 300)" in text
    assert f"dig +short CNAME {record['Name']}" in text
    assert f"  asks      {validate}: {text}" in told
    assert status(Out(), elsewhere.folder, plan_path=None) == 0
    assert text in capsys.readouterr().out
    assert text in gates.asked(asked)


def test_nothing_is_asked_where_the_zone_is_legacys_own(elsewhere: InProcess) -> None:
    elsewhere.world.client("legacy", "route53").create_hosted_zone(Name="shop.example", CallerReference="1")
    elsewhere.plan(placement=[{"kind": "acm.*", "to": "production"}])
    create, _ = elsewhere.made.steps
    engine = elsewhere.engine()

    engine.step(create)

    assert asking.of_all(engine.ground) == {}
    elsewhere.journal.close()


def test_validation_by_mail_asks_for_the_mail_to_be_opened(elsewhere: InProcess) -> None:
    kind = KINDS["acm.certificate"]
    (found,) = elsewhere.world.scan(kind).values()
    found.facts.update(validation_method="EMAIL", validation_domains={"www.shop.example": "shop.example"})
    found.facts["names"] = ["www.shop.example"]

    (text,) = kind.action("validate").says(kind.typed(found), {})

    assert "open the mail that AWS sent to the addresses of shop.example" in text
    assert Migration(elsewhere.folder).config.account("production") == TARGET
