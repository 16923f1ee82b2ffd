"""An endpoint that answers a dozen AWS operations late and, where told to, refuses by token bucket. Loopback only.

The rule: it does as little as it can, so that what is measured is the client. Latency and limits are parameters, not
claims about AWS.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

ACCOUNT = "111111111111"
PAGE = 25

# operation → (name of the list, one element for n, how many)
LISTS: dict[str, tuple[str, Any, int]] = {
    "ListKeys": ("Keys", lambda n: {"KeyId": f"key-{n}", "KeyArn": f"arn:aws:kms:x:{ACCOUNT}:key/key-{n}"}, 20),
    "DescribeLogGroups": ("logGroups", lambda n: {"logGroupName": f"/app/{n}"}, 40),
    "ListTables": ("TableNames", lambda n: f"table-{n}", 15),
    "ListRules": ("Rules", lambda n: {"Name": f"rule-{n}"}, 15),
    "ListQueues": ("QueueUrls", lambda n: f"http://q/{n}", 20),
    "ListSecrets": ("SecretList", lambda n: {"Name": f"secret-{n}"}, 15),
    "ListClusters": ("clusterArns", lambda n: f"arn:aws:ecs:x:{ACCOUNT}:cluster/c{n}", 10),
    "DescribeParameters": ("Parameters", lambda n: {"Name": f"/p/{n}"}, 10),
}
_TOKENS = {"nextToken", "NextToken", "NextMarker", "LastEvaluatedTableName"}
_TOKEN_OUT = {
    "ListKeys": "NextMarker",
    "DescribeLogGroups": "nextToken",
    "ListTables": "LastEvaluatedTableName",
    "ListClusters": "nextToken",
}
_TOKEN_IN = {
    "ListKeys": "Marker",
    "DescribeLogGroups": "nextToken",
    "ListTables": "ExclusiveStartTableName",
    "ListClusters": "nextToken",
}
_SCOPE = re.compile(rb"Credential=[^/]+/\d+/([^/]+)/")
_TARGET = re.compile(rb"(?i)\r\nx-amz-target: *[\w.]*?(\w+)\r\n")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_AUTH = re.compile(rb"(?i)\r\nauthorization: *([^\r]+)")


@dataclass
class Stub:
    """What it does to each call, and what it saw."""

    latency_s: float = 0.08
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    """operation → (calls a second, burst), counted for each region."""
    served: int = 0
    refused: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one kept-alive connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                if not head.startswith(b"GET /-/"):
                    await asyncio.sleep(self.latency_s)
                status, sort, answer = self.answer(head, body)
                self.in_flight -= 1
                writer.write(
                    b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                    % (status, sort, len(answer), answer)
                )
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    def answer(self, head: bytes, body: bytes) -> tuple[int, bytes, bytes]:
        """Status, content type and body."""
        if head.startswith(b"GET /-/counts"):
            counts = {"served": self.served, "refused": self.refused, "most_in_flight": self.most_in_flight}
            return 200, b"application/json", json.dumps(counts).encode()
        scope = _SCOPE.search(head)
        region = scope[1].decode() if scope else "?"
        target = _TARGET.search(head)
        name = target[1].decode() if target else parse_qs(body.decode()).get("Action", ["?"])[0]
        if self._too_much(name, region):
            self.refused += 1
            return 400, b"application/x-amz-json-1.1", b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
        self.served += 1
        if target is None:
            return 200, b"text/xml", _xml(name)
        return 200, b"application/x-amz-json-1.1", json.dumps(_json(name, json.loads(body or b"{}"))).encode()

    def _too_much(self, name: str, region: str) -> bool:
        if name not in self.limits:
            return False
        rate, burst = self.limits[name]
        now = time.monotonic()
        tokens, at = self._buckets.get((name, region), (burst, now))
        tokens = min(burst, tokens + (now - at) * rate)
        self._buckets[name, region] = (tokens - (tokens >= 1), now)
        return tokens < 1


def _json(name: str, asked: dict[str, Any]) -> dict[str, Any]:
    if name not in LISTS:
        return {}
    key, element, count = LISTS[name]
    token_out, token_in = _TOKEN_OUT.get(name, "NextToken"), _TOKEN_IN.get(name, "NextToken")
    start = int(asked.get(token_in, 0))
    stop = min(start + PAGE, count)
    more: dict[str, Any] = {token_out: str(stop)} if stop < count else {}
    if name == "ListKeys" and more:
        more["Truncated"] = True
    return {key: [element(n) for n in range(start, stop)], **more}


def _xml(name: str) -> bytes:
    inner = ""
    if name == "GetCallerIdentity":
        who = f"<Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn>"
        inner = f"<GetCallerIdentityResult>{who}</GetCallerIdentityResult>"
    elif name == "ListAccountAliases":
        none = "<AccountAliases/><IsTruncated>false</IsTruncated>"
        inner = f"<ListAccountAliasesResult>{none}</ListAccountAliasesResult>"
    elif name == "DescribeVpcs":
        inner = (
            "<vpcSet>"
            + "".join(f"<item><vpcId>vpc-{n:017x}</vpcId><cidrBlock>10.{n}.0.0/16</cidrBlock></item>" for n in range(5))
            + "</vpcSet>"
        )
    elif name == "DescribeVpcAttribute":
        on = "<value>true</value>"
        inner = f"<enableDnsSupport>{on}</enableDnsSupport><enableDnsHostnames>{on}</enableDnsHostnames>"
    return f"<{name}Response>{inner}</{name}Response>".encode()


async def serve(stub: Stub) -> None:
    """Serve on a free port and print it."""
    server = await asyncio.start_server(stub.connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


@contextmanager
def running(latency_s: float, limits: dict[str, tuple[float, float]] | None = None) -> Iterator[str]:
    """A stub in a process of its own, so that it takes nothing of the client's interpreter; gives its URL."""
    settings = json.dumps({"latency_s": latency_s, "limits": limits or {}})
    process = subprocess.Popen([sys.executable, "-m", "bench.stub", settings], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(serve(Stub(given["latency_s"], {name: tuple(limit) for name, limit in given["limits"].items()})))
