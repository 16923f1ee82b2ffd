"""What came back from botocore, turned into what the rest of the product knows.

The rule: every exception of botocore ends here; those that pass through unchanged are defects of ours.
"""

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    ResponseStreamingError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from migrate.aws import errors
from migrate.errors import AccessError
from migrate.inventory import GapReason
from migrate.pacing import Verdict

_SIGN_IN = (
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
_NEVER_ARRIVED = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
_NO_ANSWER = (HTTPClientError, IncompleteReadError, ResponseStreamingError)

_LOG_IN = "log in again (aws sso login), and run the same command again: it goes on where it stopped"


def judge_read(error: Exception) -> Verdict:
    """What the scheduler does with a read that was not served."""
    # S3's Slow Down, where the answer to a HEAD has no body that says it.
    if errors.throttled(error) or errors.code(error) == "503":
        return "throttled"
    if errors.fell_over(error):
        # Once may be chance. A server that always falls over does not have the operation.
        return "transient"
    if errors.not_built(error) or _untrusted(error):
        return "final"
    if isinstance(error, ClientError):
        return "transient" if (errors.status(error) or 0) >= 500 else "final"
    return "transient" if isinstance(error, _NO_ANSWER) else "final"


def read_failed(error: Exception, operation: str, region: str) -> Exception:
    """The error to raise for a read: ReadFailed, AccessError where nothing can be read any more, else the same."""
    said, name = errors.said(error), errors.code(error)
    if isinstance(error, _SIGN_IN) or name in errors.EXPIRED:
        return AccessError(f"AWS does not accept the credentials any more: {said}", do=_LOG_IN)
    reason: GapReason | None = errors.reason(error)
    if isinstance(error, ResponseParserError):
        reason, said = "unsupported by endpoint", "the endpoint's answer is not one of this service"
    elif isinstance(error, _NEVER_ARRIVED) or _untrusted(error):
        reason = "unreachable"
    elif isinstance(error, _NO_ANSWER):
        reason, said = "unreachable", f"{type(error).__name__}: no whole answer came"
    if reason is None or isinstance(error, ParamValidationError):
        return error
    return errors.ReadFailed(operation, region, code=name, said=said, reason=reason, status=errors.status(error))


def write_failed(error: Exception, operation: str) -> Exception:
    """The error to raise for a write: NotSent where it was surely not executed, Unknown where it may have been."""
    known: dict[str, Any] = {
        "code": errors.code(error),
        "said": errors.said(error),
        "request_id": errors.request_id(error),
    }
    if isinstance(error, _SIGN_IN):
        return errors.NotSent(operation, "auth", **known)
    if isinstance(error, ClientError):
        return _write_answered(error, operation, known)
    if isinstance(error, _NEVER_ARRIVED):
        return errors.NotSent(operation, "transient", **known)
    if _untrusted(error) or isinstance(error, NotImplementedError):
        return errors.NotSent(operation, "definite", **known)
    if isinstance(error, (*_NO_ANSWER, ResponseParserError)):
        return errors.Unknown(operation, **known)
    # What is left of botocore's own errors was found before anything was sent: wrong parameters, no such endpoint.
    return errors.NotSent(operation, "definite", **known) if isinstance(error, BotoCoreError) else error


def _write_answered(error: ClientError, operation: str, known: dict[str, Any]) -> Exception:
    name, http = errors.code(error), errors.status(error) or 0
    if errors.throttled(error):
        return errors.NotSent(operation, "transient", **known)
    if name in errors.EXPIRED or name in errors.NOT_KNOWN:
        return errors.NotSent(operation, "auth", **known)
    if errors.not_built(error):
        return errors.NotSent(operation, "definite", **known)
    if 400 <= http < 500 and http != 408 and name not in ("RequestTimeout", "RequestTimeoutException"):
        return errors.NotSent(operation, "definite", **known)
    # 5xx, an answer that broke off, a 200 with an error in it (S3's copies), or a redirect that went nowhere.
    return errors.Unknown(operation, **known)


def _untrusted(error: Exception) -> bool:
    """Whether the TLS handshake failed: nothing was sent, and nothing will be by trying again."""
    return isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)
