"""Certificates: requested anew for the same names, validated, issued before anything needs them.

The rule: a certificate's key never leaves its account, so none is copied. A record that validates is added to a zone
of legacy and never put over another one: ACM gives each account a record name of its own for each domain.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    Find,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    pair_tags,
    tag_pairs,
)

GONE = ("ResourceNotFoundException",)
ARN = after("create", "arn")
LIVING = ("ISSUED", "PENDING_VALIDATION")
DEAD = ("FAILED", "VALIDATION_TIMED_OUT", "REVOKED", "EXPIRED", "INACTIVE")
TTL_S = 300
KEY_TYPES = ("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")
"""ListCertificates shows RSA of 1024 and 2048 bits only, unless the others are asked for. Source: acm.ListCertificates
Includes.keyTypes, botocore 1.44.5."""
OF_ACM = re.compile(r"_[0-9a-z]{32}\.(.+?)\.?")
VALIDATES = re.compile(r".+\.acm-validations\.aws\.?")


class CertificateFacts(Facts):
    """Source: acm.DescribeCertificate, acm.ListTagsForCertificate, route53.ListHostedZones,
    route53.ListResourceRecordSets."""

    domain: str
    names: list[str]
    """Every name that it is for, the domain too."""
    type: str
    status: str
    managed_by: str | None
    authority_arn: str | None
    validation_method: str | None
    validation_domains: dict[str, str]
    """For validation by mail: name → domain to whose addresses AWS writes, where they differ."""
    key_algorithm: str
    options: dict[str, str]
    zones: dict[str, str]
    """For validation by DNS: domain → id of legacy's public zone that its record belongs into. Where there is none, or
    more than one, a person writes the record."""
    validated_in_zones: bool
    """Whether these zones hold records that validate each of these domains: any account's."""

    @property
    def moves(self) -> bool:
        """Whether the same can be requested elsewhere."""
        own = self.managed_by is None and self.authority_arn is None
        return self.type == "AMAZON_ISSUED" and own and self.status in LIVING

    @property
    def domains(self) -> list[str]:
        """What has to be validated: a wildcard is validated with the domain that it stands under."""
        return sorted({_plain(name) for name in self.names}) if self.validation_method == "DNS" else []


class Create(Action[CertificateFacts]):
    """The request, until AWS says by which records it will be validated."""

    name = "create"
    title = "Request the certificate"

    def applies(self, it: It[CertificateFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[CertificateFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "DomainName": facts.domain,
            "KeyAlgorithm": facts.key_algorithm,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        others = [name for name in facts.names if name != facts.domain]
        for name, value in (
            ("SubjectAlternativeNames", others),
            ("ValidationMethod", facts.validation_method),
            ("Options", facts.options),
        ):
            if value:
                made[name] = value
        if facts.validation_domains:
            made["DomainValidationOptions"] = [
                {"DomainName": name, "ValidationDomain": domain}
                for name, domain in sorted(facts.validation_domains.items())
            ]
        own: dict[str, Json] = {"CertificateArn": ARN}
        shown = "Certificate.DomainValidationOptions"
        request = Request(
            "acm.RequestCertificate",
            made,
            once="token",
            token_param="IdempotencyToken",
            creates=True,
            outputs={"arn": "CertificateArn"},
            # Records are shown some seconds later. Source: ACM User Guide, DNS validation, read 2026-11; unverified.
            wait=Wait("acm.DescribeCertificate", own, f"{shown}[].not_null(ResourceRecord.Type, 'none')", ("CNAME",))
            if facts.domains
            else None,
            undo=Request("acm.DeleteCertificate", own, done=GONE, retry=("ResourceInUseException",)),
        )
        if not facts.domains:
            return [request]
        records: dict[str, str] = {}
        for number, domain in enumerate(facts.domains):
            named = next(name for name in facts.names if _plain(name) == domain)
            record = f"{shown}[?DomainName=='{named}'] | [0].ResourceRecord"
            records |= {f"record_{number}": f"{record}.Name", f"value_{number}": f"{record}.Value"}
        return [request, Request("acm.DescribeCertificate", own, outputs=records)]


class Validate(Action[CertificateFacts]):
    """Its records in legacy's zones, or a person's work; then it is waited for.

    The names and values that AWS gave are in the receipt of the request (`record_0`, `value_0`, and so on); `migrate
    status` and the run show those that a person has to write.
    """

    name = "validate"
    title = "Validate the certificate and wait until it is issued"
    undo_class = "R1"
    downtime = "D0"

    def applies(self, it: It[CertificateFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[CertificateFacts], place: Place) -> Sequence[Request]:
        requests = []
        for number, domain in enumerate(it.facts.domains):
            if domain in it.facts.zones:
                zone, record = it.facts.zones[domain], after("create", f"record_{number}")
                value = after("create", f"value_{number}")
                requests.append(
                    Request(
                        "route53.ChangeResourceRecordSets",
                        _change("UPSERT", zone, record, value),
                        "legacy",
                        retry=("PriorRequestNotComplete",),
                        # What stands there already is another certificate's of that account: not ours to take away.
                        find=Find(
                            "route53.TestDNSAnswer",
                            {"HostedZoneId": zone, "RecordName": record, "RecordType": "CNAME"},
                            {f"standing_{number}": "RecordData[0]"},
                        ),
                        undo=Request(
                            "route53.ChangeResourceRecordSets",
                            _change("DELETE", zone, record, value),
                            "legacy",
                            done=("InvalidChangeBatch", "NoSuchHostedZone"),
                            retry=("PriorRequestNotComplete",),
                        ),
                    )
                )
        own: dict[str, Json] = {"CertificateArn": ARN}
        issued = Wait("acm.DescribeCertificate", own, "Certificate.Status", ("ISSUED",), DEAD, every_s=20)
        return [*requests, Request("acm.DescribeCertificate", own, wait=issued)]

    def legacy_after(self, it: It[CertificateFacts]) -> Mapping[str, Json] | None:
        return {"validated_in_zones": True} if it.facts.zones else None

    def says(self, it: It[CertificateFacts], outputs: Mapping[str, str]) -> Sequence[str]:
        said = []
        for number, domain in enumerate(it.facts.domains):
            record, value = outputs.get(f"record_{number}", ""), outputs.get(f"value_{number}", "")
            if domain not in it.facts.zones and record:
                said.append(
                    f"write into the DNS of {domain}: {record} CNAME {value} (TTL {TTL_S}), and leave it there for "
                    f"renewals; it is there when `dig +short CNAME {record}` prints {value}"
                )
        if it.facts.validation_method == "EMAIL":
            domains = sorted({it.facts.validation_domains.get(name, name) for name in it.facts.names})
            said.append(f"open the mail that AWS sent to the addresses of {', '.join(domains)}, and say yes there")
        return said


class Certificate(Kind[CertificateFacts]):
    """A certificate of ACM, called by the end of its ARN.

    Its key and its own life (dates, serial number) are not carried: the target's is a new one. Where legacy holds the
    domain's zone, the record that validates it is added there, and stays: without it the certificate is not renewed.
    Elsewhere a person writes it: the step waits, and says record and value (`migrate status`). Validation by
    mail waits for somebody to open it. A zone that is moved later takes these records along, as it is scanned then.
    """

    name = "acm.certificate"
    title = "Certificate"
    facts = CertificateFacts
    named = False
    reads = frozenset(
        {
            "acm.ListCertificates",
            "acm.DescribeCertificate",
            "acm.ListTagsForCertificate",
            "route53.ListHostedZones",
            "route53.ListResourceRecordSets",
        }
    )
    tagging_types = ("acm:certificate",)
    volatile = frozenset({"status", "zones", "validated_in_zones"})
    passing = frozenset({"status"})
    actions = (Create(), Validate())
    manual = (
        "It cannot be requested anew. Imported: who holds its key imports it in the target (acm.ImportCertificate). "
        "Of a private authority: share the authority, then request it there. Of CloudFront: it comes with the "
        "distribution. Expired, revoked or never validated: nothing needs it."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            wanted = {"Includes": {"keyTypes": list(KEY_TYPES)}, "MaxItems": 1000}
            listed = site.pages("acm.ListCertificates", "CertificateSummaryList", **wanted)
            arns = [one["CertificateArn"] for one in listed]
        else:
            arns = [f"arn:aws:acm:{site.region}:{site.account}:certificate/{only}"] if re.fullmatch(ID, only) else []
        answers = site.map(lambda arn: site.optional("acm.DescribeCertificate", missing=GONE, CertificateArn=arn), arns)
        found = [answer["Certificate"] for answer in answers if answer]
        zones = _zones(site) if any(_method(one) == "DNS" for one in found) else {}

        def more(one: Mapping[str, Any]) -> tuple[CertificateFacts, dict[str, str]]:
            arn = one["CertificateArn"]
            tags = site.optional("acm.ListTagsForCertificate", missing=GONE, CertificateArn=arn) or {}
            return _facts(site, one, zones), pair_tags(tags.get("Tags"))

        for one, (facts, tags) in zip(found, site.map(more, found), strict=True):
            arn = one["CertificateArn"]
            yield self.found(site, arn.rpartition("/")[2], facts, arn=arn, tags=tags)

    def needs(self, it: It[CertificateFacts]) -> Iterator[Need]:
        if it.facts.authority_arn:
            where = "acm.DescribeCertificate Certificate.CertificateAuthorityArn"
            yield Need(it.facts.authority_arn, "trusts", "soft", where)

    def names(self, it: It[CertificateFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)

    def locate(
        self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[CertificateFacts]
    ) -> Resource | None:
        own = outputs.get("id") or outputs.get("arn", "").rpartition("/")[2]
        return super().locate(site, place, {"id": own} if own else {}, it)

    def quota(self, it: It[CertificateFacts]) -> tuple[str, str] | None:
        return "acm", "L-F141DD1D"


ID = r"[A-Za-z0-9-]{36}"


def _plain(name: str) -> str:
    return name.removeprefix("*.").rstrip(".").lower()


def _change(action: str, zone: str, record: Json, value: Json) -> dict[str, Json]:
    wanted = {"Name": record, "Type": "CNAME", "TTL": TTL_S, "ResourceRecords": [{"Value": value}]}
    return {"HostedZoneId": zone, "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": wanted}]}}


def _method(one: Mapping[str, Any]) -> str | None:
    methods = [option.get("ValidationMethod") for option in one.get("DomainValidationOptions") or ()]
    return next(filter(None, methods), None)


def _facts(site: ReadSite, one: Mapping[str, Any], zones: Mapping[str, list[str]]) -> CertificateFacts:
    method, options = _method(one), one.get("DomainValidationOptions") or ()
    names = sorted({one["DomainName"], *(one.get("SubjectAlternativeNames") or ())})
    plain = sorted({_plain(name) for name in names}) if method == "DNS" else []
    into = {domain: zone for domain in plain if (zone := _zone_of(domain, zones))}
    return CertificateFacts(
        domain=one["DomainName"],
        names=names,
        type=one["Type"],
        status=one["Status"],
        managed_by=one.get("ManagedBy") or None,
        authority_arn=one.get("CertificateAuthorityArn") or None,
        validation_method=method,
        validation_domains={
            option["DomainName"]: option["ValidationDomain"]
            for option in options
            if method == "EMAIL" and option.get("ValidationDomain") not in (None, option["DomainName"])
        },
        # Shown as `RSA-2048`, requested as `RSA_2048`. Source: acm.DescribeCertificate, botocore 1.44.5.
        key_algorithm=one["KeyAlgorithm"].replace("-", "_"),
        options={key: value for key, value in sorted((one.get("Options") or {}).items()) if key in OPTIONS},
        zones=into,
        validated_in_zones=bool(into) and all(_is_validated(site, zone, domain) for domain, zone in into.items()),
    )


OPTIONS = ("CertificateTransparencyLoggingPreference", "Export")


def _zones(site: ReadSite) -> dict[str, list[str]]:
    """Public zones of the account, by domain."""
    found: dict[str, list[str]] = {}
    for zone in site.pages("route53.ListHostedZones", "HostedZones"):
        if not (zone.get("Config") or {}).get("PrivateZone"):
            found.setdefault(_plain(zone["Name"]), []).append(zone["Id"].rpartition("/")[2])
    return found


def _zone_of(domain: str, zones: Mapping[str, list[str]]) -> str | None:
    """The one zone whose records are asked for this domain; None where two claim it: nobody knows which is asked."""
    while "." in domain:
        if domain in zones:
            return zones[domain][0] if len(zones[domain]) == 1 else None
        domain = domain.partition(".")[2]
    return None


def _is_validated(site: ReadSite, zone: str, domain: str) -> bool:
    """Whether the zone has a validation record for the domain."""
    # AWS orders names from their last label on, so all below the domain stand together behind it.
    for record in site.pages(
        "route53.ListResourceRecordSets", "ResourceRecordSets", HostedZoneId=zone, StartRecordName=domain
    ):
        name = record["Name"].rstrip(".").lower()
        if not name.endswith(domain):
            break
        of = OF_ACM.fullmatch(name)
        values = [value["Value"] for value in record.get("ResourceRecords") or ()]
        if of is not None and of[1] == domain and any(VALIDATES.fullmatch(value) for value in values):
            return True
    return False


KINDS = (Certificate(),)
