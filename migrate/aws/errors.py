"""What an AWS call can come back with, sorted by what may be done next. Imports no botocore: codes and words only.

ReadFailed     a read was refused or not answered; `reason` says how it appears in an inventory
NotSent        a write was surely not executed: transient (again later), auth (new credentials), definite (give up)
Unknown        a write whose answer never came: it may or may not have been executed. Look before sending again

The rule: what is not known to be harmless is Unknown.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from migrate.errors import AccessError, MigrateError
from migrate.inventory import GapReason

# Source: botocore.retries.standard.ThrottledRetryableChecker, botocore 1.44.5, without LimitExceededException, which
# is a quota for most services; and the codes of services outside that list.
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "Throttling.Rate",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
        "TransactionInProgressException",
        "429",
    }
)
EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "TokenRefreshRequired",
        "NoCredentials",
    }
)
DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "Forbidden",
        "NotAuthorized",
        "NotAuthorizedException",
        "UnauthorizedOperation",
        "UnauthorizedException",
        "403",
    }
)
# In an account whose identity was proved, these mean that the region does not know the account.
# Source: IAM guide, Managing AWS STS in an AWS Region, unverified.
NOT_KNOWN = frozenset({"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"})
REGION_OFF = frozenset({"OptInRequired", "RegionDisabledException"})
UNSUPPORTED = frozenset(
    {
        "InvalidAction",
        "MethodNotAllowed",
        "NotImplemented",
        "NotYetImplemented",
        "UnknownAction",
        "UnknownOperation",
        "UnknownOperationException",
        "404",
        "405",
        "501",
    }
)
_NOT_BUILT = re.compile(r"not (?:yet |been |currently )*implemented|is not supported by this endpoint|<html", re.I)
_REQUEST_ID = re.compile(
    r"[ ,;(]*\(?\b(?:extended |host )?(?:aws )?request[ -]?id:? *[\w/+=-]+\)?"
    r"|[ ,;(]*\bhost ?id:? *[\w/+=-]+\)?"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    re.I,
)


class ReadFailed(AccessError):
    """A read that AWS refused or did not answer. Nothing was changed."""

    def __init__(
        self,
        operation: str,
        region: str,
        *,
        code: str,
        said: str,
        reason: GapReason,
        status: int | None = None,
    ) -> None:
        super().__init__(
            f"{operation} in {region}: {said or code} ({reason})",
            do="migrate doctor, or give the role this permission",
        )
        self.operation, self.region = operation, region
        self.code, self.said, self.reason, self.status = code, said, reason, status


class NoSuchOperation(MigrateError):
    """A kind or a plan names an operation that the installed botocore does not have. Nothing was sent."""


class CallFailed(MigrateError):
    """A write that did not come back well; see the two subclasses for whether it may have been executed."""

    def __init__(self, operation: str, *, code: str, said: str, request_id: str = "") -> None:
        super().__init__(f"{operation}: {said or code}")
        self.operation, self.code, self.said, self.request_id = operation, code, said, request_id


class NotSent(CallFailed):
    """The write was surely not executed. Nothing was changed."""

    def __init__(
        self,
        operation: str,
        sort: Literal["transient", "auth", "definite"],
        *,
        code: str,
        said: str,
        request_id: str = "",
    ) -> None:
        super().__init__(operation, code=code, said=said, request_id=request_id)
        self.sort: Literal["transient", "auth", "definite"] = sort


class Unknown(CallFailed):
    """The answer never came, or is not one: the write may have been executed. Never send it again blindly."""


def code(error: BaseException) -> str:
    """AWS's error code, or the name of the exception for what never reached AWS. A ReadFailed keeps its own."""
    own = getattr(error, "code", None)
    if isinstance(own, str):
        return own
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return str(response.get("Error", {}).get("Code", "") or "")
    return type(error).__name__


def status(error: BaseException) -> int | None:
    """The HTTP status of the answer, where there was one."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, Mapping):
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return int(found) if found is not None else None
    return None


def request_id(error: BaseException) -> str:
    """AWS's request id, or nothing."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return str(response.get("ResponseMetadata", {}).get("RequestId", "") or "")
    return ""


def said(error: BaseException) -> str:
    """What AWS answered, in one line without request ids: the same refusal reads the same in every scan."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, Mapping):
        message = str(response.get("Error", {}).get("Message", "") or "")
        if "<html" in message.lower() or "<!doctype" in message.lower():
            message = "the endpoint answered with a web page"
        text = ": ".join(part for part in (code(error), message) if part)
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(_REQUEST_ID.sub("", text).split())[:300]


def throttled(error: BaseException) -> bool:
    """Whether AWS asked to be asked more slowly."""
    return code(error) in THROTTLED or status(error) == 429


def not_built(error: BaseException) -> bool:
    """Whether the endpoint says that it does not have this operation."""
    if isinstance(error, NotImplementedError):  # an emulator inside this process says it so
        return True
    http, name = status(error), code(error)
    if http == 501 or name in UNSUPPORTED:
        return not operation_of(error).startswith("Head")  # where 404 just means that it is not there
    return http is not None and http >= 400 and bool(_NOT_BUILT.search(str(error)))


def fell_over(error: BaseException) -> bool:
    """Whether the answer is a web page of a server that failed: a gateway's on the way, or an emulator's own."""
    http = status(error) or 0
    return http >= 500 and http != 501 and "<html" in str(error).lower()


def operation_of(error: BaseException) -> str:
    """The operation's name, where the error carries it."""
    return str(getattr(error, "operation_name", ""))


def reason(error: BaseException) -> GapReason | None:
    """How a refused read appears in an inventory, or None where the error is no refusal but a defect or a stop."""
    own = getattr(error, "reason", None)
    if isinstance(error, ReadFailed) and own is not None:
        return error.reason
    if not_built(error):
        return "unsupported by endpoint"
    if status(error) is None:
        return None
    name = code(error)
    if throttled(error):
        return "throttled"
    if name in REGION_OFF or name in NOT_KNOWN:
        return "region off"
    if name in DENIED or name.startswith("AccessDenied") or status(error) == 403:
        return "denied"
    return "failed"
