"""What a test says that somebody changed on AWS where the emulator knows no call for it: a read shows another value.

The one rule it keeps: only the answer differs, in the service's own protocol; the emulator's state stays as it was.
"""

from __future__ import annotations

import copy
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.parsers import create_parser
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import NotFound

Step = str | int | Mapping[str, Any]
"""A member's or a map's key, an index of a list, or the item of a list of which these members say the same."""


class Otherwise:
    """The file `otherwise.json` of a world's folder; costs one stat where there is none.

    A list of `{"account", "operation": "ec2.DescribeSubnets", "asked": {…}, "at": [step, …], "value": …}`: where
    this account asks this operation with at least these parameters, the answer shows the value at that place. `null`
    takes away what stands there, and the index after a list's last adds to it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._rules: list[dict[str, Any]] = []

    def rules(self, account: str) -> list[dict[str, Any]]:
        """What this account is shown otherwise, as the file has it now."""
        try:
            stamp = os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            return []
        if stamp != self._stamp:
            self._rules, self._stamp = json.loads(self._path.read_text()), stamp
        return [rule for rule in self._rules if rule["account"] == account]


Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def answered(
    app: Application, environ: dict[str, Any], start_response: Callable[..., Any], signed_for: str,
    rules: Sequence[Mapping[str, Any]],
) -> list[bytes]:  # fmt: skip
    """The emulator's answer to a request that is signed for this service, with what these rules say shown otherwise."""
    # Two services may sign by one name: elb and elbv2.
    services = sorted({rule["operation"].partition(".")[0] for rule in rules})
    services = [service for service in services if get_service_model(service).signing_name == signed_for]
    if not services:
        return list(app(environ, start_response))
    body = environ["wsgi.input"].read()
    environ["wsgi.input"] = io.BytesIO(body)
    # The application may change its environ.
    asked = dict(environ)
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def keep(status: str, headers: list[tuple[str, str]], _: Any = None, /) -> Any:
        told[:] = [(status, headers)]

    content = b"".join(app(environ, keep))
    status, headers = told[0]
    if status.startswith("2"):
        for service in services:
            asked["wsgi.input"] = io.BytesIO(body)
            headers, content = _shown(service, BackendRequest(asked), headers, content, rules)
    start_response(status, headers)
    return [content]


def _shown(
    service: str, request: Any, headers: list[tuple[str, str]], content: bytes, rules: Sequence[Mapping[str, Any]]
) -> tuple[list[tuple[str, str]], bytes]:
    try:
        operation, in_path = get_service_router(service).match(request)
    except NotFound:
        return headers, content
    # Where the action is a parameter, so is the version: elb and elbv2 both have a DescribeLoadBalancers.
    if request.values.get("Version", "") not in ("", get_service_model(service).api_version):
        return headers, content
    rules = [rule for rule in rules if rule["operation"] == f"{service}.{operation.name}"]
    if not rules or operation.output_shape is None or operation.has_streaming_output:
        return headers, content
    protocol = determine_request_protocol(get_service_model(service), request.content_type)
    params = _params(operation, protocol, request, in_path)
    rules = [rule for rule in rules if is_asked(rule, params)]
    told = {"status_code": 200, "headers": {name.lower(): value for name, value in headers}, "body": content}
    answer = create_parser(protocol).parse(told, operation.output_shape)
    answer.pop("ResponseMetadata", None)
    otherwise = copy.deepcopy(answer)
    for rule in rules:
        put(otherwise, rule["at"], rule["value"])
    if otherwise == answer:
        return headers, content
    made = get_serializer_class(service, protocol)(operation).serialize(otherwise)
    written = made["body"]
    kept = [one for one in headers if one[0].lower() not in {name.lower() for name in made["headers"]}]
    kept += [(name, str(value)) for name, value in made["headers"].items()]
    return kept, written.encode() if isinstance(written, str) else written


def _params(operation: OperationModel, protocol: str, request: Any, in_path: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, by the names that botocore has."""
    parsed: dict[str, Any] = PROTOCOL_PARSERS[protocol](operation, map_type=dict).parse(
        {
            "method": request.method, "values": request.values, "headers": request.headers, "body": request.data,
            "url_path": request.path, "url_params": dict(in_path),
        }
    )  # fmt: skip
    return parsed


def is_asked(rule: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether a rule is about a request with these parameters."""
    return all(params.get(name) == value for name, value in rule["asked"].items())


def put(answer: Any, at: Sequence[Step], value: Any) -> bool:
    """Let the answer show this value at that place; False where it has no such place."""
    *way, last = at
    inside = answer
    for step in way:
        key = _key(inside, step)
        if key is None:
            return False
        if isinstance(inside, dict):
            inside = inside.setdefault(key, {})
        elif 0 <= key < len(inside):
            inside = inside[key]
        else:
            return False
    key = _key(inside, last)
    if key is None or (isinstance(inside, list) and not 0 <= key <= len(inside)):
        return False
    if value is None:
        if isinstance(inside, dict):
            inside.pop(key, None)
        elif key < len(inside):
            del inside[key]
    elif isinstance(inside, list) and key == len(inside):
        inside.append(value)
    else:
        inside[key] = value
    return True


def _key(inside: Any, step: Step) -> Any:
    if isinstance(inside, dict):
        return step if isinstance(step, str) else None
    if not isinstance(inside, list):
        return None
    if isinstance(step, Mapping):
        fitting = [
            at
            for at, item in enumerate(inside)
            if isinstance(item, dict) and all(item.get(name) == value for name, value in step.items())
        ]
        return fitting[0] if len(fitting) == 1 else None
    return step if isinstance(step, int) else None
