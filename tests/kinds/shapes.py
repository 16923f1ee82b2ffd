"""Checks a planned request against AWS's own input shapes. The rule: botocore's model is the judge, not an emulator."""

import json
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

from migrate.values import is_mark

_LOADED = botocore.session.Session()


@cache
def _service(name: str) -> Any:
    return _LOADED.get_service_model(name)


def check_request(operation: str, params: dict[str, Any]) -> None:
    """Fail where the operation does not exist or its parameters do not fit; placeholders stand for a dummy text."""
    service, _, name = operation.partition(".")
    shape = _service(service).operation_model(name).input_shape
    report = ParamValidator().validate(filled(params), shape)
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"
    unknown = _unknown(filled(params), shape, "")
    assert not unknown, f"{operation} does not know {unknown}"


def filled(value: Any) -> Any:
    """The value with every placeholder replaced by a dummy text."""
    if isinstance(value, list):
        return [filled(item) for item in value]
    if isinstance(value, dict) and "$json" in value:
        return json.dumps(filled(value["$json"]), separators=(",", ":"))
    if is_mark(value) and str((value.get("$after") or ("", ""))[1]).endswith("_arn"):
        return "arn:aws:dummy:eu-west-1:222222222222:dummy/0123456789"
    if is_mark(value):
        return "dummy-0123456789-0123456789-01234567"  # as long as a UUID: the longest shortest that AWS wants
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    return value


def _unknown(value: Any, shape: Shape | None, where: str) -> list[str]:
    """Members that the shape does not have: botocore would drop them from some protocols without a word."""
    if shape is None:
        return [where or "parameters"] if value else []
    if shape.type_name == "structure" and isinstance(value, dict):
        members: dict[str, Shape] = shape.members
        wrong = [f"{where}.{key}" for key in value if key not in members]
        return wrong + [
            name
            for key, item in value.items()
            if key in members
            for name in _unknown(item, members[key], f"{where}.{key}")
        ]
    if shape.type_name == "list" and isinstance(value, list):
        return [n for item in value for n in _unknown(item, shape.member, f"{where}[]")]
    return []
