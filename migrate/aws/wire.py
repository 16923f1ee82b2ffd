"""HTTP/1.1 over kept connections, for the few requests that are sent by the million.

The rule: it sends each request once and never again by itself, and whatever it does not understand ends the connection
and is an answer that did not come. TLS is the standard library's, with host names checked.
"""

import select
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

MOST_HEAD_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
FRESH_S = 0.1


class Reply(NamedTuple):
    """One whole answer; header names are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


class NotUnderstood(Exception):
    """What came is no HTTP/1.1 answer."""


class _Connection:
    """One connection, with what was read past the last answer: nothing, unless the server errs."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.spare = b""
        self.used_at = 0.0

    def is_dropped(self) -> bool:
        """Whether the server ended it meanwhile: something to read where nothing was asked.

        Not looked at a moment after an answer: who ends a connection says so in the answer, or lets it wait for long,
        and each look hands the interpreter to another thread.
        """
        if time.monotonic() - self.used_at < FRESH_S:
            return bool(self.spare)
        looking = select.poll()  # select itself knows no file descriptor above 1023
        looking.register(self.sock, select.POLLIN)
        return bool(self.spare) or bool(looking.poll(0))

    def more(self) -> bytes:
        read = self.sock.recv(READ_BYTES)
        if not read:
            raise ConnectionError("the server closed the connection within an answer")
        return read


class Wire:
    """Connections to any number of servers: safe in several threads."""

    def __init__(self, bundle: str | None, *, connect_s: float, read_s: float) -> None:
        self._bundle, self._connect_s, self._read_s = bundle, connect_s, read_s
        self._idle: dict[str, deque[_Connection]] = {}
        self._making = threading.Lock()
        self._context: ssl.SSLContext | None = None
        weakref.finalize(self, _end, self._idle)

    def send(self, method: str, origin: str, target: str, headers: Mapping[str, str]) -> Reply:
        """Send a request without a body to `scheme://host[:port]` and return its whole answer.

        Raises what botocore raises: EndpointConnectionError, ConnectTimeoutError (never sent), ReadTimeoutError,
        ConnectionClosedError (it may have been executed), SSLError.
        """
        url = origin + target
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        connection = self._connection(origin)
        try:
            connection.sock.sendall("\r\n".join(lines).encode("latin-1"))
            reply, keeps = _read(connection, method)
        except TimeoutError as error:
            connection.sock.close()
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except (OSError, NotUnderstood) as error:
            connection.sock.close()
            raise ConnectionClosedError(endpoint_url=url, error=error) from error
        except BaseException:
            connection.sock.close()
            raise
        if keeps:
            connection.used_at = time.monotonic()
            self._idle[origin].append(connection)
        else:
            connection.sock.close()
        return reply

    def _connection(self, origin: str) -> _Connection:
        idle = self._idle.setdefault(origin, deque())
        while True:
            try:
                found = idle.pop()
            except IndexError:
                return self._connect(origin)
            if not found.is_dropped():
                return found
            found.sock.close()

    def _connect(self, origin: str) -> _Connection:
        parts = urlsplit(origin)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        try:
            sock = socket.create_connection((host, port), timeout=self._connect_s)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=origin, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=origin, error=error) from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if parts.scheme == "https":
                sock = self._secure().wrap_socket(sock, server_hostname=host)
            sock.settimeout(self._read_s)
        except TimeoutError as error:
            sock.close()
            raise ConnectTimeoutError(endpoint_url=origin, error=error) from error
        except ssl.SSLError as error:
            sock.close()
            raise SSLError(endpoint_url=origin, error=error) from error
        except OSError as error:
            sock.close()
            raise EndpointConnectionError(endpoint_url=origin, error=error) from error
        return _Connection(sock)

    def _secure(self) -> ssl.SSLContext:
        with self._making:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=self._bundle)
            return self._context


def _end(idle: dict[str, deque[_Connection]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().sock.close()


def _read(connection: _Connection, method: str) -> tuple[Reply, bool]:
    """The next answer, and whether the connection may be used again."""
    data = connection.spare
    while True:
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > MOST_HEAD_BYTES:
                raise NotUnderstood("the head of the answer has no end")
            data += connection.more()
        status, version, headers = _head(data[:end])
        data = data[end + 4 :]
        if status >= 200:
            break
    keeps = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if method == "HEAD" or status in (204, 304):
        body = b""
    elif "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked":
            raise NotUnderstood(f"transfer-encoding {headers['transfer-encoding']}")
        body, data = _chunks(connection, data)
    elif "content-length" in headers:
        if not headers["content-length"].isdecimal():
            raise NotUnderstood("content-length is no number")
        size = int(headers["content-length"])
        while len(data) < size:
            data += connection.more()
        body, data = data[:size], data[size:]
    else:
        keeps = False
        while read := connection.sock.recv(READ_BYTES):
            data += read
        body, data = data, b""
    connection.spare = data
    return Reply(status, headers, body), keeps


def _head(text: bytes) -> tuple[int, str, dict[str, str]]:
    first, *lines = text.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise NotUnderstood(f"the answer begins with {first[:40]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise NotUnderstood(f"the header {line[:40]!r}")
        name = name.lower()
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(rest[:3]), version, headers


def _chunks(connection: _Connection, data: bytes) -> tuple[bytes, bytes]:
    """The body that comes in chunks, and what was read past it. Trailers are left out."""
    body = b""
    while True:
        while (end := data.find(b"\r\n")) < 0:
            data += connection.more()
        said = data[:end].partition(b";")[0].strip()
        try:
            size = int(said, 16)
        except ValueError:
            raise NotUnderstood(f"a chunk of {said[:20]!r} bytes") from None
        data = data[end + 2 :]
        if size == 0:
            break
        while len(data) < size + 2:
            data += connection.more()
        body, data = body + data[:size], data[size + 2 :]
    while not data.startswith(b"\r\n"):
        while (end := data.find(b"\r\n")) < 0:
            data += connection.more()
        if end == 0:
            break
        data = data[end + 2 :]
    return body, data[2:]
