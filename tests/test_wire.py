"""Requests that go past botocore are signed as its own would be, sent once, and read whole or not at all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, SSLError
from botocore.utils import parse_timestamp, percent_encode
from hypothesis import given
from hypothesis import strategies as st

from migrate.aws import timestamps
from migrate.aws.signature import Signer, scope_of
from migrate.aws.wire import Wire
from tests.endpoint import serving, xml
from tests.test_aws import certificate

AT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
TEXT = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=20)


@given(
    key=st.text(min_size=1, max_size=30).filter(lambda key: not any("\ud800" <= one <= "\udfff" for one in key)),
    version=st.none() | st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1),
    more=st.dictionaries(st.sampled_from(["x-amz-copy-source", "x-amz-storage-class", "if-match"]), TEXT),
    secret=st.text(min_size=1).filter(lambda key: not any("\ud800" <= one <= "\udfff" for one in key)),
    token=st.none() | st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1),
)
def test_any_request_has_the_signature_that_botocore_gives_it(
    key: str, version: str | None, more: dict[str, str], secret: str, token: str | None
) -> None:
    path = "/bucket/" + percent_encode(key, safe="/~")
    query = f"versionId={version}" if version else ""
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", secret, token)
    request = AWSRequest("HEAD", url="http://here.test:8080" + path + (f"?{query}" if query else ""), headers=more)
    with patch("botocore.auth.get_current_datetime", return_value=AT):
        S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)

    headers = dict(more)
    signer = Signer("eu-west-1", "s3")
    signer.sign("HEAD", "here.test:8080", path, query, headers, credentials, AT.timestamp())

    assert headers["authorization"] == request.headers["Authorization"]
    assert scope_of(request.headers) == ("eu-west-1", "s3")


def test_another_day_and_another_secret_have_their_own_keys() -> None:
    said = set()
    signer = Signer("eu-west-1", "s3")
    for secret, at in (("a", 0.0), ("a", 86400.0), ("b", 86400.0), ("a", 86400.0)):
        headers: dict[str, str] = {}
        who = SimpleNamespace(access_key="AKIA", secret_key=secret, token=None)
        signer.sign("PUT", "h", "/b/k", "", headers, who, at)
        said.add(headers["authorization"])

    assert len(said) == 3


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), st.booleans())
def test_a_time_is_read_as_botocore_reads_it(at: datetime, milliseconds: bool) -> None:
    text = at.isoformat(timespec="milliseconds" if milliseconds else "seconds") + "Z"

    assert timestamps.parse(text) == parse_timestamp(text)
    assert timestamps.parse(text).utcoffset() == parse_timestamp(text).utcoffset()


@pytest.mark.parametrize("other", ["Sun, 22 Nov 2026 23:30:00 GMT", 1700000000, "2026-11-22T23:30:00+01:00"])
def test_a_time_in_another_form_is_botocores(other: object) -> None:
    assert timestamps.parse(other) == parse_timestamp(other)


@contextmanager
def server(*connections: list[bytes]) -> Iterator[tuple[str, list[int]]]:
    """Answers the requests of each connection in turn with these bytes, then closes it; counts what was asked."""
    listening = socket.create_server(("127.0.0.1", 0))
    asked: list[int] = []

    def serve() -> None:
        for answers in connections:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with sock, suppress(OSError):
                for answer in answers:
                    heard = b""
                    while not heard.endswith(b"\r\n\r\n"):
                        heard += sock.recv(4096)
                    asked.append(len(heard))
                    for begin in range(0, len(answer), 7):
                        sock.sendall(answer[begin : begin + 7])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def wire() -> Wire:
    return Wire(None, connect_s=2.0, read_s=5.0)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    ],
)
def test_an_answer_is_read_whole_in_every_form(answer: bytes, body: bytes) -> None:
    with server([answer]) as (origin, _):
        reply = wire().send("PUT", origin, "/b/k", {"host": "h"})

    assert (reply.status, reply.body) == (200, body)


def test_a_head_has_no_body_whatever_its_length_says() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\nx-amz-meta-a: 1\r\nx-amz-meta-a: 2\r\n\r\n"
    with server([answer, answer]) as (origin, asked):
        one = wire()
        replies = [one.send("HEAD", origin, "/b/k", {"host": "h"}) for _ in range(2)]

    assert [reply.body for reply in replies] == [b"", b""]
    assert replies[0].headers["x-amz-meta-a"] == "1, 2"
    assert len(asked) == 2


def test_a_connection_that_the_server_ended_meanwhile_is_not_used_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with server([answer], [answer]) as (origin, asked):
        one = wire()
        one.send("PUT", origin, "/b/k", {"host": "h"})
        threading.Event().wait(0.2)
        again = one.send("PUT", origin, "/b/k", {"host": "h"})

    assert again.body == b"ok"
    assert len(asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf of it",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ],
)
def test_half_an_answer_or_none_may_have_been_executed_and_is_not_sent_again(answer: bytes) -> None:
    with server([answer], [answer]) as (origin, asked), pytest.raises(ConnectionClosedError):
        wire().send("PUT", origin, "/b/k", {"host": "h"})

    assert len(asked) == 1


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(EndpointConnectionError):
        wire().send("PUT", f"http://127.0.0.1:{port}", "/b/k", {"host": "h"})


@pytest.mark.parametrize("wrong", ["", "issuer", "host"])
def test_over_tls_only_the_named_host_with_a_trusted_certificate_is_spoken_to(tmp_path: Path, wrong: str) -> None:
    cert, wrap = certificate(tmp_path, "elsewhere.example" if wrong == "host" else "127.0.0.1")
    bundle = str(certificate(tmp_path, "other.example")[0]) if wrong == "issuer" else str(cert)
    with serving(lambda _: xml("<ok/>"), wrap) as endpoint:
        one = Wire(bundle, connect_s=5.0, read_s=5.0)
        if wrong:
            with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
                one.send("HEAD", endpoint.url, "/b/k", {"host": "h"})
        else:
            assert one.send("GET", endpoint.url, "/b/k", {"host": "h"}).body == b"<ok/>"

    assert len(endpoint.asked) == (0 if wrong else 1)
