"""Rules over Service Quotas: the request template of an organisation, which the emulator lacks.

The one rule it keeps: it is there in us-east-1 only, and once Organizations trusts the service.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import add, strict
from migrate.demo.strict._refusal import Refusal

SERVICE = "servicequotas.amazonaws.com"
MOST = 10
NAMES = (
    "associate_service_quota_template",
    "disassociate_service_quota_template",
    "get_association_for_service_quota_template",
    "put_service_quota_increase_request_into_template",
    "delete_service_quota_increase_request_from_template",
    "list_service_quota_increase_requests_in_template",
)


@strict(
    "service-quotas.request-template",
    makes="a template of at most ten quota requests is kept and switched on in us-east-1, by the management account of "
    "an organisation that trusts servicequotas.amazonaws.com (that new accounts get the quotas is not simulated)",
    source="service-quotas.AssociateServiceQuotaTemplate, PutServiceQuotaIncreaseRequestIntoTemplate, botocore 1.44.5; "
    "ten: Service Quotas User Guide, unverified",
)
def request_template() -> None:
    """The emulator has none of these operations."""
    from moto.core.responses import ActionResult, EmptyResult
    from moto.organizations.models import organizations_backends
    from moto.servicequotas.responses import ServiceQuotasResponse

    def kept(self: Any) -> dict[str, Any]:
        if self.region != "us-east-1":
            raise Refusal("TemplatesNotAvailableInRegionException", "The template is not available in this Region.")
        backend = organizations_backends[self.current_account]["aws"]
        if backend.org is None:
            raise Refusal("NoAvailableOrganizationException", "The account is not in an organization.")
        if SERVICE not in {one["ServicePrincipal"] for one in backend.services}:
            raise Refusal("AWSServiceAccessNotEnabledException", "Service access is not enabled for Service Quotas.")
        found: dict[str, Any] = backend.__dict__.setdefault("world_quota_template", {"on": False, "requests": {}})
        return found

    def key(self: Any) -> tuple[str, str, str]:
        return self._get_param("ServiceCode"), self._get_param("QuotaCode"), self._get_param("AwsRegion")

    def associate(self: Any) -> Any:
        kept(self)["on"] = True
        return EmptyResult()

    def disassociate(self: Any) -> Any:
        if not kept(self)["on"]:
            raise Refusal("ServiceQuotaTemplateNotInUseException", "The template is not associated.")
        kept(self)["on"] = False
        return EmptyResult()

    def association(self: Any) -> Any:
        status = "ASSOCIATED" if kept(self)["on"] else "DISASSOCIATED"
        return ActionResult({"ServiceQuotaTemplateAssociationStatus": status})

    def put(self: Any) -> Any:
        there = kept(self)["requests"]
        if key(self) not in there and len(there) >= MOST:
            raise Refusal("QuotaExceededException", f"A template takes {MOST} requests.")
        service, quota, region = key(self)
        there[key(self)] = {
            "ServiceCode": service, "ServiceName": service, "QuotaCode": quota, "QuotaName": quota, "Unit": "None",
            "AwsRegion": region, "DesiredValue": float(self._get_param("DesiredValue")), "GlobalQuota": False,
        }  # fmt: skip
        return ActionResult({"ServiceQuotaIncreaseRequestInTemplate": there[key(self)]})

    def delete(self: Any) -> Any:
        if kept(self)["requests"].pop(key(self), None) is None:
            raise Refusal("NoSuchResourceException", "There is no such request in the template.")
        return EmptyResult()

    def listed(self: Any) -> Any:
        return ActionResult({"ServiceQuotaIncreaseRequestInTemplateList": list(kept(self)["requests"].values())})

    for name, operation in zip(NAMES, (associate, disassociate, association, put, delete, listed), strict=True):
        add(ServiceQuotasResponse, name)(operation)
