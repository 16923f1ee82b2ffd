"""Answers about objects are read as botocore reads them, whatever is in them."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import botocore.session
import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from hypothesis import example, given
from hypothesis import strategies as st

from migrate.aws.object_answers import Answers
from migrate.aws.wire import Reply

MODEL = botocore.session.get_session().get_service_model("s3")
ANSWERS = Answers(MODEL.operation_model("HeadObject"))
PARSER = create_parser("rest-xml")
HEADERS = tuple(
    shape.serialization["name"].lower()
    for shape in MODEL.operation_model("HeadObject").output_shape.members.values()
    if shape.serialization.get("location") == "header"
)
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=12)
VALUE = st.one_of(
    TEXT, st.integers(-3, 10**13).map(str),
    st.sampled_from(["true", "false", "True", "0", "٣", "", "2022-11-06T08:49:37Z"]),
    st.sampled_from(["Sun, 06 Nov 2022 08:49:37 GMT", "Sun, 31 Feb 2022 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37"]),
)  # fmt: skip
NAME = st.one_of(
    st.sampled_from(HEADERS), st.sampled_from(["x-amz-meta-a", "x-amz-meta-ä", "x-amz-meta-", "date", "x-amz-id-2"]),
    st.sampled_from(["x-amz-request-id", "server", "x-amz-metadata"]),
)  # fmt: skip


def by_botocore(operation: str, reply: Reply) -> Any:
    told = {
        "status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body,
        "context": {"operation_name": operation},
    }  # fmt: skip
    return PARSER.parse(told, MODEL.operation_model(operation).output_shape)


@given(st.dictionaries(NAME, VALUE, max_size=12))
@example({"last-modified": "Sun, 06 Nov 2022 08:49:37 GMT", "content-length": "4096", "etag": '"a"'})
@example({"x-amz-object-lock-retain-until-date": "2022-11-06T08:49:37Z"})
def test_a_head_is_what_botocore_reads_or_left_to_it(headers: dict[str, str]) -> None:
    reply = Reply(200, headers, b"")

    found = ANSWERS.read("HeadObject", reply)

    if found is not None:
        assert found == by_botocore("HeadObject", reply)


def test_the_usual_head_is_not_left_to_botocore() -> None:
    headers = {
        "last-modified": "Sun, 06 Nov 2022 08:49:37 GMT", "content-length": "4096", "etag": '"0f"', "server": "S3",
        "content-type": "text/plain", "x-amz-meta-owner": "ann", "x-amz-checksum-crc64nvme": "abc=", "x-amz-id-2": "h",
        "x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-bucket-key-enabled": "true",
        "x-amz-mp-parts-count": "3", "x-amz-request-id": "r", "x-amz-version-id": "v",
    }  # fmt: skip

    found = ANSWERS.read("HeadObject", Reply(200, headers, b""))

    assert found is not None
    assert found == by_botocore("HeadObject", Reply(200, headers, b""))
    assert (found["Metadata"], found["PartsCount"], found["BucketKeyEnabled"]) == ({"owner": "ann"}, 3, True)


TAG = st.tuples(*[st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)] * 2)


@given(st.lists(TAG, max_size=4), st.sampled_from(["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"']))
def test_tags_are_what_botocore_reads(tags: list[tuple[str, str]], space: str) -> None:
    lines = "".join(f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>" for key, value in tags)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Tagging{space}><TagSet>{lines}</TagSet></Tagging>'
    reply = Reply(200, {"x-amz-version-id": "v", "x-amz-request-id": "r"}, text.encode())

    found = ANSWERS.read("GetObjectTagging", reply)

    assert found == by_botocore("GetObjectTagging", reply)
    assert found["TagSet"] == [{"Key": key, "Value": value} for key, value in tags]


@pytest.mark.parametrize("operation", ["HeadObject", "GetObjectTagging", "CopyObject"])
@pytest.mark.parametrize(
    "body",
    [
        b"<Error><Code>SlowDown</Code></Error>", b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<Tagg", b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value><Value>c</Value></Tag></TagSet></Tagging>", b"",
    ],
)  # fmt: skip
def test_what_is_no_usual_success_is_left_to_botocore(operation: str, body: bytes) -> None:
    assert ANSWERS.read(operation, Reply(403, {}, body)) is None
    if operation != "HeadObject":
        assert ANSWERS.read(operation, Reply(200, {}, body)) is None
