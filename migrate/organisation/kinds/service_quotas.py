"""servicequotas.template, servicequotas.template_request: what AWS asks for in each account that is made afterwards.

The rule: the template stands before the first account is made, because accounts that stand get nothing from it. It is
asked for in us-east-1, where alone it is. Source: Service Quotas User Guide, "Using Service Quotas request templates"
(unverified); service-quotas TemplatesNotAvailableInRegionException, botocore 1.44.5.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Need, Place, ReadSite, Request
from migrate.organisation.wanted import Make, Wanted, WantedKind, called
from migrate.values import Json

SERVICE = "servicequotas.amazonaws.com"
"""Without its trusted access: AWSServiceAccessNotEnabledException (service-quotas, botocore 1.44.5)."""
TEMPLATE, TEMPLATE_REQUEST = "servicequotas.template", "servicequotas.template_request"
NONE_YET = ("AWSServiceAccessNotEnabledException", "NoAvailableOrganizationException", "NoSuchResourceException",
            "ServiceQuotaTemplateNotInUseException")  # fmt: skip
"""Codes that mean: nothing is asked for. Source: error shapes of service-quotas, botocore 1.44.5."""


class TemplateRequest(Wanted):
    """Source: service-quotas.ListServiceQuotaIncreaseRequestsInTemplate. The name is `<service>/<quota>@<region>`."""

    service: str
    quota: str
    region: str
    value: float


def _which(it: It[TemplateRequest]) -> dict[str, Json]:
    return {"ServiceCode": it.facts.service, "QuotaCode": it.facts.quota, "AwsRegion": it.facts.region}


class PutRequest(Make[TemplateRequest]):
    """PutServiceQuotaIncreaseRequestIntoTemplate. Undone: what new accounts have asked for meanwhile stays asked."""

    title = "Ask for a higher quota in each new account"

    def requests(self, it: It[TemplateRequest], place: Place) -> list[Request]:
        gone = Request("service-quotas.DeleteServiceQuotaIncreaseRequestFromTemplate", _which(it), done=NONE_YET)
        put = "service-quotas.PutServiceQuotaIncreaseRequestIntoTemplate"
        return [Request(put, _which(it) | {"DesiredValue": it.facts.value}, once="named", creates=True, undo=gone)]


class TemplateRequestKind(WantedKind[TemplateRequest]):
    """A quota that new accounts ask for. One that stands with another value is a person's to change."""

    name = TEMPLATE_REQUEST
    title = "Quota asked for in new accounts"
    facts = TemplateRequest
    reads = frozenset({"service-quotas.ListServiceQuotaIncreaseRequestsInTemplate"})
    stamped = False
    actions = (PutRequest(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every request in the template, or the one."""
        # Asked once without pages: before there is an organisation, or trusted access, that is a refusal.
        operation = "service-quotas.ListServiceQuotaIncreaseRequestsInTemplate"
        if site.optional(operation, missing=NONE_YET) is None:
            return
        for one in list(site.pages(operation, "ServiceQuotaIncreaseRequestInTemplateList")):
            service, quota, region = one["ServiceCode"], one["QuotaCode"], one["AwsRegion"]
            name = called_in(service, quota, region)
            if only in (None, name):
                value = float(one["DesiredValue"])
                facts = TemplateRequest(
                    id=name, stands=True, service=service, quota=quota, region=region, value=value
                )  # fmt: skip
                yield self.found(site, name, facts, arn="")

    def needs(self, it: It[TemplateRequest]) -> Iterator[Need]:
        """The service's access."""
        access = called("organizations.service_access", SERVICE)
        yield Need(access, "in", "hard", "service-quotas.PutServiceQuotaIncreaseRequestIntoTemplate")


def called_in(service: str, quota: str, region: str) -> str:
    """The name of a request in the template."""
    return f"{service}/{quota}@{region}"


class Template(Wanted):
    """Source: service-quotas.GetAssociationForServiceQuotaTemplate."""

    requests: list[str]
    """How wishes call what is in it."""


class Associate(Make[Template]):
    """AssociateServiceQuotaTemplate: from then on each new account asks. Undone: no account asks any more."""

    title = "Let new accounts ask for higher quotas"

    def requests(self, it: It[Template], place: Place) -> list[Request]:
        undo = Request("service-quotas.DisassociateServiceQuotaTemplate", {}, done=NONE_YET)
        return [Request("service-quotas.AssociateServiceQuotaTemplate", {}, once="named", creates=True, undo=undo)]


class TemplateKind(WantedKind[Template]):
    """The organisation's quota request template, in use."""

    name = TEMPLATE
    title = "Quota request template"
    facts = Template
    reads = frozenset({"service-quotas.GetAssociationForServiceQuotaTemplate"})
    stamped = False
    volatile = WantedKind.volatile | {"requests"}
    actions = (Associate(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Whether it is in use."""
        answer = site.optional("service-quotas.GetAssociationForServiceQuotaTemplate", missing=NONE_YET) or {}
        if answer.get("ServiceQuotaTemplateAssociationStatus") == "ASSOCIATED" and only in (None, "template"):
            yield self.found(site, "template", Template(id="template", stands=True, requests=[]), arn="")

    def needs(self, it: It[Template]) -> Iterator[Need]:
        """What is in it: an account that is made between the two would ask for less."""
        for one in it.facts.requests:
            yield Need(one, "names", "hard", "service-quotas.AssociateServiceQuotaTemplate")


KINDS = (TemplateKind(), TemplateRequestKind())
