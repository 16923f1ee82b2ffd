"""The door of the embedded world: who asks for what; denials, throttling, delay and the log of requests.

The one rule it keeps: what it refuses it refuses in the shape of the service's own protocol, as AWS does.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import sys
import threading
import time
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from moto.core.responses import boto3_service_name
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import BackendRequest, DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import NotFound

from migrate.demo import portal
from migrate.demo.otherwise import Otherwise, answered
from migrate.demo.site import DOWNLOADS, Site
from migrate.demo.strict._caller import CALLER, Caller, account_of
from migrate.demo.strict.cloudtrail import record
from migrate.demo.strict.nothing import NOT_EMULATED

StartResponse = Callable[[str, list[tuple[str, str]]], Any]

# RDS works for seconds on real servers and has its own locks; the rest of the emulator is not safe for many threads.
UNLOCKED = frozenset({"rds"})
REST_XML = frozenset({"cloudfront", "route53", "s3", "s3control"})

# What switches a trigger on or off: of these the log says what was asked. None of them carries a secret.
SWITCHES = frozenset(
    {
        "CreateEventSourceMapping", "CreateSchedule", "CreateService", "DeleteEventSourceMapping", "DeleteRule",
        "DeleteSchedule", "DeleteService", "DisableRule", "EnableRule", "PutBucketNotificationConfiguration", "PutRule",
        "RegisterScalableTarget", "Subscribe", "Unsubscribe", "UpdateEventSourceMapping", "UpdateSchedule",
        "UpdateService",
    }
)  # fmt: skip


class Gate:
    """The WSGI application of the embedded world."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._emulator = DomainDispatcherApplication(create_backend_app)
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._hosts: dict[str | None, Any] = {}
        self._find_host = self._emulator.get_backend_for_host
        self._emulator.get_backend_for_host = self._backend_for_host  # type: ignore[method-assign]
        self._faults = Faults(site.home / "faults.json")
        self._otherwise = Otherwise(site.home / "otherwise.json")
        log = os.environ.get("MIGRATE_DEMO_LOG")
        self._log = open(log, "a", buffering=1) if log else None  # noqa: SIM115 - open as long as the world

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(DOWNLOADS):
            return self._download(environ, start_response)
        if path == portal.PATH:
            with self._locks["sts"]:
                return portal.answer(environ, start_response)
        caller = read_caller(environ)
        if caller is None:
            key = "InvalidAccessKeyId" if _scope(environ)[3] == "s3" else "InvalidClientTokenId"
            return refuse(environ, start_response, 403, key, "The security token included in the request is invalid.")
        token = CALLER.set(caller)
        try:
            return self._answer(environ, start_response, caller)
        finally:
            CALLER.reset(token)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse, caller: Caller) -> Iterable[bytes]:
        if caller.service in NOT_EMULATED:
            start_response("200 OK", [("Content-Type", environ.get("CONTENT_TYPE") or "application/json")])
            return [b"{}"]
        try:
            app: Any = self._emulator.get_application(environ)
        except AttributeError:
            # The emulator trips over a service that it has nothing of.
            lacking = f"{caller.service} is not emulated"
            return refuse(environ, start_response, 501, "NotImplemented", lacking)
        faults = self._faults.read()
        agent = str(environ.get("HTTP_USER_AGENT", ""))
        # What is said of objects is no management event, and there is much of it.
        operation = "" if caller.service == "s3" and not (faults or self._log) else operation_of(environ, app.service)
        if faults or self._log:
            name = f"{caller.service}:{operation}"
            throttled = bool(faults) and self._faults.is_throttled(caller.account, name)
            if self._log:
                line = _line(caller, operation, environ) | ({"throttled": True} if throttled else {})
                self._log.write(json.dumps(line) + "\n")
            if faults:
                time.sleep(faults.get("delay_ms", 0) / 1000)
                if any(fnmatchcase(name, pattern) for pattern in faults.get("deny", [])):
                    text = f"User: {caller.arn()} is not authorized to perform: {name}"
                    record(caller, operation, agent, _denied(caller.service))
                    return refuse(environ, start_response, 403, _denied(caller.service), text)
                if throttled:
                    code = _throttled(caller.service)
                    return refuse(environ, start_response, 503 if code in SERVERS_FAULT else 400, code, "Rate exceeded")
        record(caller, operation, agent)
        lock = contextlib.nullcontext() if app.service in UNLOCKED else self._locks[str(app.service)]
        otherwise = self._otherwise.rules(caller.account)
        try:
            with lock:
                return answered(app, environ, start_response, caller.service, otherwise)
        except NotImplementedError as lacking:
            return refuse(environ, start_response, 501, "NotImplemented", str(lacking))
        except Exception:  # noqa: BLE001 - a defect of the emulator must answer, not hang up
            traceback.print_exc(file=sys.stderr)
            return refuse(environ, start_response, 500, "InternalFailure", "The emulator failed; see server.log.")

    def _download(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = self._site.download(environ["PATH_INFO"])
        if body is None:
            start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return [b""]
        headers = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    def _backend_for_host(self, host: str | None) -> Any:
        # The emulator tries hundreds of patterns for each request, under a lock.
        if host not in self._hosts:
            self._hosts[host] = self._find_host(host)
        return self._hosts[host]


class Faults:
    """What a test wants refused or slowed, in faults.json; costs one stat when there is no such file.

    deny: patterns on `service:Operation`. throttle: pattern → the share that is refused. buckets: pattern → [tokens a
    second, most tokens]: each account has a bucket for each operation, as AWS describes it for EC2 (EC2 Developer
    Guide, Request throttling, unverified). delay_ms: before each answer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._faults: dict[str, Any] = {}
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        """(account, operation) → tokens that were left, and when."""
        self._lock = threading.Lock()

    def is_throttled(self, account: str, name: str) -> bool:
        """Whether this request is one too many."""
        for pattern, share in self._faults.get("throttle", {}).items():
            if fnmatchcase(name, pattern) and random.random() < share:
                return True
        found = next((b for pattern, b in self._faults.get("buckets", {}).items() if fnmatchcase(name, pattern)), None)
        if found is None:
            return False
        a_second, most = map(float, found)
        with self._lock:
            now = time.monotonic()
            left, at = self._buckets.get((account, name), (most, now))
            left = min(most, left + (now - at) * a_second)
            self._buckets[account, name] = (max(left - 1.0, 0.0) if left >= 1.0 else left, now)
            return left < 1.0

    def read(self) -> dict[str, Any]:
        """The faults as the file has them now."""
        try:
            stamp = os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            return {}
        if stamp != self._stamp:
            self._faults, self._stamp = json.loads(self._path.read_text()), stamp
        return self._faults


def read_caller(environ: dict[str, Any]) -> Caller | None:
    """Who signed this request; None when the key is nobody's."""
    key, _, region, service = _scope(environ)
    if not key:
        return Caller("", "", "us-east-1", service)
    account = account_of(key)
    return Caller(account, key, region, service) if account else None


def operation_of(environ: dict[str, Any], backend: str) -> str:
    """The operation's name as botocore has it, or `METHOD path` where nothing tells."""
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target.rsplit(".", 1)[-1])
    if "urlencoded" in environ.get("CONTENT_TYPE", ""):
        action = parse_qs(_body(environ).decode(errors="replace")).get("Action")
        if action:
            return action[0]
    try:
        router = get_service_router(boto3_service_name.get(backend, backend))
        operation, _ = router.match(BackendRequest(dict(environ)))
        return str(operation.name)
    except (NotFound, NotImplementedError):
        return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def refuse(
    environ: dict[str, Any], start_response: StartResponse, status: int, code: str, message: str
) -> Iterable[bytes]:
    """Answer with an AWS error, in the shape that the request's protocol wants."""
    request_id = str(uuid.uuid4())
    kind = environ.get("CONTENT_TYPE", "")
    service = _scope(environ)[3]
    headers = [("x-amzn-RequestId", request_id)]
    if "amz-json" in kind:
        body = json.dumps({"__type": code, "message": message})
        headers.append(("Content-Type", kind))
    elif service == "ec2":
        body = f"<Response><Errors><Error><Code>{code}</Code><Message>{_xml(message)}</Message></Error></Errors>"
        body += f"<RequestID>{request_id}</RequestID></Response>"
        headers.append(("Content-Type", "text/xml"))
    elif service == "s3" or not service:
        body = f"<Error><Code>{code}</Code><Message>{_xml(message)}</Message></Error>"
        headers.append(("Content-Type", "application/xml"))
    elif "urlencoded" in kind or service in REST_XML:
        body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{_xml(message)}</Message></Error>"
        body += f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        headers.append(("Content-Type", "text/xml"))
    else:
        body = json.dumps({"message": message})
        headers += [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
    start_response(f"{status} {code}", headers)
    return [body.encode()]


def _scope(environ: dict[str, Any]) -> tuple[str, str, str, str]:
    """Key, date, region and service of the signature; empty where the request is not signed."""
    written = environ.get("HTTP_AUTHORIZATION", "")
    _, found, scope = written.partition("Credential=")
    if not found:
        given = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential")
        if not given:
            return "", "", "", ""
        scope = given[0]
    parts = scope.split(",")[0].split("/")
    if len(parts) < 5:
        return "", "", "", ""
    return parts[0], parts[1], parts[2], parts[3].lower()


def _body(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    data: bytes = stream.read()
    environ["wsgi.input"] = io.BytesIO(data)
    return data


def _line(caller: Caller, operation: str, environ: dict[str, Any]) -> dict[str, Any]:
    line = {
        "time": round(time.time(), 3),
        "account": caller.account,
        "region": caller.region,
        "service": caller.service,
        "operation": operation,
    }
    if operation in SWITCHES:
        line |= {"path": environ["PATH_INFO"], "asked": _body(environ).decode(errors="replace")}
    return line


def _denied(service: str) -> str:
    return {"ec2": "UnauthorizedOperation", "s3": "AccessDenied"}.get(
        service,
        "AccessDenied" if service in {"iam", "sts", "rds", "sns", "route53"} else "AccessDeniedException",
    )


# Source: S3 API reference, Error responses (503 Slow Down); EC2 API reference, Error codes; read 2026-11.
SERVERS_FAULT = ("RequestLimitExceeded", "SlowDown")


def _throttled(service: str) -> str:
    if service == "ec2":
        return "RequestLimitExceeded"
    if service == "s3":
        return "SlowDown"
    return (
        "Throttling" if service in {"iam", "sts", "rds", "sns", "cloudformation", "route53"} else "ThrottlingException"
    )


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
