"""Certificates and web ACLs: no record of legacy is overwritten or taken away, and what cannot move is said."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from migrate.inventory import Resource
from migrate.kinds.acm_certificate import Certificate
from migrate.kinds.wafv2 import IpSet, WebAcl
from tests.kinds.plain_site import PlainSite
from tests.kinds.two_sides import LEGACY, TwoSides, two_sides

CERTIFICATE, ACL = Certificate(), WebAcl()
ACM_VALUE = "_c9edd76ee4a0e2a74388032f3861cc50.ykybfrwcxw.acm-validations.aws."


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def zone(world: TwoSides, domain: str, *records: tuple[str, str], number: int = 1) -> str:
    route53 = world.client("legacy", "route53")
    made = route53.create_hosted_zone(Name=domain, CallerReference=f"{domain}{number}")["HostedZone"]["Id"]
    for name, value in records:
        one = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": value}]}
        change = {"Action": "CREATE", "ResourceRecordSet": one}
        route53.change_resource_record_sets(HostedZoneId=made, ChangeBatch={"Changes": [change]})
    return str(made.rpartition("/")[2])


def certificate(world: TwoSides, *names: str, **more: Any) -> Resource:
    made = world.client("legacy", "acm").request_certificate(
        DomainName=names[0], SubjectAlternativeNames=list(names), ValidationMethod="DNS", **more
    )["CertificateArn"]
    name = made.rpartition("/")[2]
    return world.scan(CERTIFICATE, only=name)[name]


def names_in(world: TwoSides, zone_id: str) -> list[str]:
    listed = world.client("legacy", "route53").list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    return sorted(one["Name"] for one in listed if one["Type"] == "CNAME")


def test_a_certificate_is_validated_in_the_nearest_public_zone_of_legacy(world: TwoSides) -> None:
    outer, inner = zone(world, "shop.example"), zone(world, "eu.shop.example")
    private = {"VPCRegion": "eu-west-1", "VPCId": "vpc-0123456789abcdef0"}
    world.client("legacy", "route53").create_hosted_zone(
        Name="other.example", CallerReference="p", VPC=private, HostedZoneConfig={"PrivateZone": True}
    )
    found = certificate(world, "shop.example", "*.shop.example", "api.eu.shop.example", "www.other.example")

    assert found.facts["zones"] == {"shop.example": outer, "api.eu.shop.example": inner}
    requests = CERTIFICATE.action("validate").requests(CERTIFICATE.typed(found), world.place(found))
    assert [(one.operation, one.side, one.params.get("HostedZoneId")) for one in requests] == [
        ("route53.ChangeResourceRecordSets", "legacy", inner),
        ("route53.ChangeResourceRecordSets", "legacy", outer),
        ("acm.DescribeCertificate", "target", None),
    ]
    assert requests[-1].wait is not None
    assert requests[-1].wait.ok == ("ISSUED",)


def test_where_two_zones_have_the_name_a_person_writes_the_record(world: TwoSides) -> None:
    zone(world, "shop.example")
    zone(world, "shop.example", number=2)
    found = certificate(world, "shop.example")

    assert found.facts["zones"] == {}
    (only,) = CERTIFICATE.action("validate").requests(CERTIFICATE.typed(found), world.place(found))
    assert only.operation == "acm.DescribeCertificate"
    assert CERTIFICATE.action("validate").legacy_after(CERTIFICATE.typed(found)) is None
    world.move(CERTIFICATE, found, "create")
    assert world.known[world.place(found).step, "record_0"].endswith(".shop.example.")
    assert world.known[world.place(found).step, "value_0"] == ACM_VALUE


def test_its_record_is_added_to_legacys_zone_and_alone_taken_away_again(world: TwoSides) -> None:
    other = f"_{'a' * 32}.other.shop.example."
    zone_id = zone(world, "shop.example", ("www.shop.example.", "else.example."), (other, ACM_VALUE))
    found = certificate(world, "shop.example")
    before = names_in(world, zone_id)

    world.move(CERTIFICATE, found)
    assert len(names_in(world, zone_id)) == len(before) + 1
    world.undo()

    assert names_in(world, zone_id) == before
    assert world.scan(CERTIFICATE, "target") == {}


def test_what_answers_already_is_found_before_it_is_written(world: TwoSides) -> None:
    zone_id = zone(world, "shop.example")
    found = certificate(world, "shop.example")
    (write, _) = CERTIFICATE.action("validate").requests(CERTIFICATE.typed(found), world.place(found))

    assert write.find is not None
    assert write.once == "put"
    assert (write.find.operation, write.find.params["HostedZoneId"]) == ("route53.TestDNSAnswer", zone_id)
    assert write.find.params["RecordName"] == {"$after": ["create", "record_0"]}


def test_the_change_in_legacy_is_said_and_seen_there(world: TwoSides) -> None:
    zone_id = zone(world, "shop.example")
    found = certificate(world, "shop.example")
    assert found.facts["validated_in_zones"] is False
    assert CERTIFICATE.action("validate").legacy_after(CERTIFICATE.typed(found)) == {"validated_in_zones": True}

    record = {
        "Name": f"_{'b' * 32}.shop.example",
        "Type": "CNAME",
        "TTL": 300,
        "ResourceRecords": [{"Value": ACM_VALUE}],
    }
    change = {"Action": "UPSERT", "ResourceRecordSet": record}
    world.client("legacy", "route53").change_resource_record_sets(
        HostedZoneId=zone_id, ChangeBatch={"Changes": [change]}
    )

    assert world.scan(CERTIFICATE)[found.ref.name].facts["validated_in_zones"] is True


def test_an_imported_certificate_is_not_moved(world: TwoSides) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .sign(key, hashes.SHA256())
    )
    world.client("legacy", "acm").import_certificate(
        Certificate=made.public_bytes(serialization.Encoding.PEM),
        PrivateKey=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
    )
    (found,) = world.scan(CERTIFICATE).values()

    assert found.facts["type"] == "IMPORTED"
    assert not any(action.applies(CERTIFICATE.typed(found)) for action in CERTIFICATE.actions)
    assert "ImportCertificate" in CERTIFICATE.manual


def test_a_certificate_that_is_not_there_is_not_found(world: TwoSides) -> None:
    for absent in ("absent", "11111111-2222-3333-4444-555555555555"):
        assert world.scan(CERTIFICATE, only=absent) == {}


def test_a_certificate_is_found_by_the_arn_that_the_answer_gave(world: TwoSides) -> None:
    found = certificate(world, "shop.example")
    world.move(CERTIFICATE, found, "create")
    arn = world.known[world.place(found).step, "arn"]
    it = CERTIFICATE.typed(found)

    located = CERTIFICATE.locate(world.site(CERTIFICATE, "target"), world.place(found), {"arn": arn}, it)

    assert located is not None
    assert located.arn == arn


def visible(name: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": name}


def web_acl(world: TwoSides, scope: str = "REGIONAL", search: bytes = b"evil") -> None:
    match = {
        "SearchString": search,
        "FieldToMatch": {"QueryString": {}},
        "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
        "PositionalConstraint": "CONTAINS",
    }
    rule = {"Name": "evil", "Priority": 0, "Statement": {"ByteMatchStatement": match}, "Action": {"Block": {}}}
    world.client("legacy", "wafv2").create_web_acl(
        Name="shop", Scope=scope, DefaultAction={"Allow": {}}, VisibilityConfig=visible("shop"),
        Rules=[rule | {"VisibilityConfig": visible("evil")}],
    )  # fmt: skip


def test_bytes_that_are_no_text_are_a_persons_work(world: TwoSides) -> None:
    web_acl(world, search=b"\xff\xfe")
    (found,) = world.scan(ACL).values()

    assert not any(action.applies(ACL.typed(found)) for action in ACL.actions)
    assert "by hand" in ACL.manual


def test_what_is_cloudfronts_is_reported_once(world: TwoSides) -> None:
    world.client("legacy", "wafv2").create_ip_set(
        Name="office", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["192.0.2.0/24"]
    )
    kind = IpSet()
    assert set(world.scan(kind)) == {"office"}
    seen: list[str] = []

    class Site(PlainSite):
        def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
            seen.append(params["Scope"])
            one = {"Name": "office", "Id": "1", "ARN": "arn:aws:wafv2:us-east-1:1:global/ipset/office/1"}
            yield from [one] if params["Scope"] == "CLOUDFRONT" else []

        def call(self, operation: str, **params: Any) -> dict[str, Any]:
            shown = {"IPAddressVersion": "IPV4", "Addresses": ["192.0.2.0/24"]}
            return {"IPSet": shown, "LockToken": "t"} if operation == "wafv2.GetIPSet" else {}

    (found,) = kind.scan(Site(world.sessions["legacy"], LEGACY, "us-east-1", kind.reads))

    assert seen == ["REGIONAL", "CLOUDFRONT"]
    assert found.ref.name == "CLOUDFRONT/office"
    assert not kind.action("create").applies(kind.typed(found))
