"""A loopback endpoint whose answers a test writes: what it was asked, by whom, in which region.

The rule: it knows nothing of AWS; a test says every answer.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

ACCOUNT = "111111111111"


@dataclass(frozen=True)
class Asked:
    """One request."""

    operation: str
    region: str
    key: str
    """The access key id that signed it."""
    params: dict[str, Any]
    agent: str


@dataclass(frozen=True)
class Answer:
    """One answer. status 0: the connection is dropped."""

    status: int
    body: str
    content_type: str = "application/x-amz-json-1.1"
    announced: int = 0
    """So many bytes are promised, and the connection is dropped once the body is sent."""


def ok(**values: Any) -> Answer:
    """A JSON answer."""
    return Answer(200, json.dumps(values))


def refused(code: str, message: str = "no", status: int = 400) -> Answer:
    """A JSON error."""
    return Answer(status, json.dumps({"__type": code, "message": message}))


def xml(text: str, status: int = 200) -> Answer:
    """An XML answer."""
    return Answer(status, text, "text/xml")


def identity(account: str = ACCOUNT, arn: str = "") -> Answer:
    """The answer to GetCallerIdentity."""
    who = f"<Account>{account}</Account><Arn>{arn or f'arn:aws:iam::{account}:user/test'}</Arn><UserId>x</UserId>"
    result = f"<GetCallerIdentityResult>{who}</GetCallerIdentityResult>"
    return xml(f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>")


def no_alias() -> Answer:
    """The answer to ListAccountAliases of an account without one."""
    inner = "<AccountAliases/><IsTruncated>false</IsTruncated>"
    result = f"<ListAccountAliasesResult>{inner}</ListAccountAliasesResult>"
    return xml(f"<ListAccountAliasesResponse>{result}</ListAccountAliasesResponse>")


@dataclass
class Endpoint:
    """What a test drives."""

    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def operations(self) -> list[str]:
        """Every operation asked for, without the questions of who we are."""
        return [a.operation for a in self.asked if a.operation not in ("GetCallerIdentity", "ListAccountAliases")]

    def reply(self, asked: Asked) -> Answer:
        """The test's answer, or the usual one to who we are."""
        if asked.operation == "ListAccountAliases":
            return no_alias()
        answer = self.answer(asked)
        return (
            identity()
            if answer.status == 200 and asked.operation == "GetCallerIdentity" and not answer.body
            else answer
        )


NOTHING = Answer(200, "")


@contextmanager
def serving(answer: Callable[[Asked], Answer], wrap: Callable[[Any], Any] | None = None) -> Iterator[Endpoint]:
    """Serve on a free port; `wrap` may put TLS around the listening socket."""
    endpoint = Endpoint(answer)

    class Handle(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = _parse(self, body)
            endpoint.asked.append(asked)
            given = endpoint.reply(asked)
            if given.status == 0:
                self.close_connection = True
                return
            self.send_response(given.status)
            self.send_header("Content-Type", given.content_type)
            self.send_header("x-amzn-RequestId", "0f5a1c9e-1111-4222-8333-444455556666")
            self.send_header("Content-Length", str(given.announced or len(given.body.encode())))
            self.end_headers()
            self.wfile.write(given.body.encode())
            self.close_connection = self.close_connection or bool(given.announced)

        do_GET = do_POST = do_PUT = do_HEAD = _do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handle)
    if wrap is not None:
        server.socket = wrap(server.socket)
    endpoint.url = f"{'https' if wrap else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _parse(request: BaseHTTPRequestHandler, body: str) -> Asked:
    auth = request.headers.get("Authorization") or ""
    signed = re.search(r"Credential=([^/]+)/\d+/([^/]+)/", auth)
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if target:
        operation, params = target, json.loads(body or "{}")
    elif "Action=" in body:
        params = {key: values[0] for key, values in parse_qs(body).items()}
        operation = params["Action"]
    else:
        operation, params = f"{request.command} {request.path}", {}
    key, region = (signed[1], signed[2]) if signed else ("", "")
    return Asked(operation, region, key, params, request.headers.get("User-Agent", ""))


def environment(url: str) -> dict[str, str]:
    """The AWS environment that leads to the endpoint and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


FOREIGN = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
)
"""Variables of whoever runs the tests that must not reach them."""
