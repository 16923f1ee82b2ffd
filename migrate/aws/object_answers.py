"""Answers of calls about single objects, read without botocore's work: it takes most of the time of a proof.

The rule: what is read here is what botocore reads of the same answer (a test compares them); whatever is not of the
usual form, and every answer that is not a success, is left to botocore.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.sax.saxutils import unescape

from botocore.utils import tzutc

from migrate.aws.wire import Reply

_COPIED = re.compile(rb"<CopyObjectResult[\s>].*?<ETag>([^<]*)</ETag>", re.S)
_NO_TAGS = re.compile(
    rb"(?:<\?xml[^>]*\?>)?\s*<Tagging(?: xmlns=\"[^\"<]*\")?>\s*<TagSet(?:/>|></TagSet>)\s*</Tagging>\s*"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(rf"\w{{3}}, (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.A)
_UTC = tzutc()

Read = Callable[[str], Any]


class Unusual(Exception):
    """Not of the form that is read here."""


class Answers:
    """Reads the answers of one S3 client's model."""

    def __init__(self, head: Any) -> None:
        """`head`: botocore's model of HeadObject."""
        self._members: dict[str, tuple[str, Read]] = {}
        self._prefix, self._prefixed = "", ""
        for name, shape in head.output_shape.members.items():
            place, written = shape.serialization.get("location"), shape.serialization.get("name", name).lower()
            if place == "headers":
                self._prefix, self._prefixed = written, name
            elif place == "header":
                iso = shape.serialization.get("timestampFormat") is not None
                self._members[written] = (name, _unusual if iso else _READERS.get(shape.type_name, _unusual))

    def read(self, operation: str, reply: Reply) -> dict[str, Any] | None:
        """The answer, or None where botocore has to read it."""
        if reply.status != 200:
            return None
        try:
            if operation == "HeadObject":
                return self._headed(reply.headers)
            return _copied(reply) if operation == "CopyObject" else _tagged(reply)
        except Unusual:
            return None

    def _headed(self, headers: Mapping[str, str]) -> dict[str, Any]:
        # botocore warns of one that it cannot read, and keeps its text.
        if "expires" in headers:
            raise Unusual
        metadata: dict[str, str] = {}
        answer: dict[str, Any] = {"ResponseMetadata": _about(headers), self._prefixed: metadata}
        for header, value in headers.items():
            if header.startswith(self._prefix):
                metadata[header[len(self._prefix) :]] = value
            elif (member := self._members.get(header)) is not None:
                name, read = member
                answer[name] = read(value)
        return answer


def _copied(reply: Reply) -> dict[str, Any]:
    """A copy that succeeded. An error may come with status 200 as well: it has no such body."""
    found = _COPIED.search(reply.body)
    if found is None:
        raise Unusual
    etag = unescape(found[1].decode(), {"&quot;": '"', "&#34;": '"'})
    answer = {"CopyObjectResult": {"ETag": etag}, "ResponseMetadata": _about(reply.headers)}
    version = reply.headers.get("x-amz-version-id")
    return answer if version is None else answer | {"VersionId": version}


def _tagged(reply: Reply) -> dict[str, Any]:
    answer: dict[str, Any] = {"ResponseMetadata": _about(reply.headers)}
    if "x-amz-version-id" in reply.headers:
        answer["VersionId"] = reply.headers["x-amz-version-id"]
    if _NO_TAGS.fullmatch(reply.body):
        return answer | {"TagSet": []}
    try:
        root = fromstring(reply.body)
    except (ParseError, ValueError):
        raise Unusual from None
    if _local(root) != "Tagging" or [_local(child) for child in root] != ["TagSet"]:
        raise Unusual
    return answer | {"TagSet": [_tag(element) for element in root[0]]}


def _tag(element: Element) -> dict[str, str]:
    found = {_local(child): child.text or "" for child in element}
    if _local(element) != "Tag" or len(element) != 2 or found.keys() != {"Key", "Value"}:
        raise Unusual
    return {"Key": found["Key"], "Value": found["Value"]}


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _about(headers: Mapping[str, str]) -> dict[str, Any]:
    about: dict[str, Any] = {"HTTPStatusCode": 200, "HTTPHeaders": dict(headers)}
    if "x-amz-request-id" in headers:
        about |= {"RequestId": headers["x-amz-request-id"], "HostId": headers.get("x-amz-id-2", "")}
    return about


def _unusual(value: str) -> Any:
    raise Unusual


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise Unusual
    return int(value)


def _date(value: str) -> datetime:
    found = _DATE.fullmatch(value)
    if found is None:
        raise Unusual
    day, month, year, *clock = found.groups()
    hour, minute, second = map(int, clock)
    try:
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=_UTC)
    except ValueError:
        raise Unusual from None


_READERS: dict[str, Read] = {
    "string": str, "integer": _number, "long": _number, "timestamp": _date, "boolean": lambda value: value == "true",
}  # fmt: skip
"""By the type in botocore's model; a time in headers is of RFC 822 unless the model says otherwise."""
