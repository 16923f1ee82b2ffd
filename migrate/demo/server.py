"""The process of the embedded world: `python -m migrate.demo.server --port 0 --home DIR`.

The one rule it keeps: it listens on loopback only, keeps its state in memory, and leaves no process behind:
it ends on SIGTERM, and by itself when its folder is gone.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from migrate.demo.accounts import ACCOUNTS, LEGACY, TARGET_ROLE

# Roles of a real account carry AWS-managed policies; the emulator leaves them out unless told before its import.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

# The emulator's default account is a constant that many of its modules copy: it is set before they are imported.
import moto.core  # isort: skip
import moto.core.models  # isort: skip

for module in (moto.core, moto.core.models):
    # Re-exported there, not declared: a plain assignment is a type error.
    setattr(module, "DEFAULT_ACCOUNT_ID", LEGACY)  # noqa: B010

from moto.moto_server.werkzeug_app import MotoRequestHandler  # noqa: E402
from werkzeug.serving import DechunkedInput, make_server  # noqa: E402

from migrate.demo import clock, quick, strict  # noqa: E402
from migrate.demo import site as world_site  # noqa: E402
from migrate.demo.gate import Gate  # noqa: E402
from migrate.demo.portal import TOKEN_HEADER  # noqa: E402
from migrate.demo.postgres import Fleet  # noqa: E402


class KeepAlive(MotoRequestHandler):
    """Answers many requests on one connection: reads each body whole, sends each answer in one piece."""

    protocol_version = "HTTP/1.1"
    # Without this a small answer waits for the client's delayed acknowledgement: 40 ms.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        if isinstance(environ["wsgi.input"], DechunkedInput):
            body = environ["wsgi.input"].read()
            environ["CONTENT_LENGTH"] = str(len(body))
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        else:
            body = self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        # The server drops headers with an underscore, which the access portal's token has.
        environ[TOKEN_HEADER] = self.headers.get("x-amz-sso_bearer_token", "")
        environ["wsgi.input_terminated"] = True
        answer: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None, /) -> Any:
            answer[:] = [(status, headers)]

        content = b"".join(self.server.app(environ, start_response))
        status, headers = answer[0]
        code, _, words = status.partition(" ")
        self._send(int(code), words, headers, content)

    def _send(self, code: int, words: str, headers: list[tuple[str, str]], content: bytes) -> None:
        head = self.command == "HEAD"
        silent = head or code in {204, 304}
        self.send_response_only(code, words)
        named = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() in ("date", "transfer-encoding") or (name.lower() == "content-length" and not head):
                continue
            self.send_header(name, value)
        if code not in {204, 304} and not (head and "content-length" in named):
            self.send_header("Content-Length", str(len(content)))
        # The world says its own time, as AWS does: a soak of weeks is over once somebody pushed the clock on.
        self.send_header("Date", self.date_time_string(clock.now_s()))
        buffered: list[bytes] = self._headers_buffer
        buffered.append(b"\r\n")
        if not silent:
            buffered.append(content)
        self.flush_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay quiet: MIGRATE_DEMO_LOG is the log."""


def make_target_roles() -> None:
    """Give every target the role that AWS Organizations makes in a member account.

    Source: Organizations user guide, Accessing member accounts in your organization, unverified.
    """
    from moto.iam.models import iam_backends

    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{LEGACY}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    for account in sorted(ACCOUNTS - {LEGACY}):
        backend = iam_backends[account]["aws"]
        backend.create_role(
            role_name=TARGET_ROLE,
            assume_role_policy_document=json.dumps(trust),
            path="/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="3600",
        )
        backend.attach_role_policy("arn:aws:iam::aws:policy/AdministratorAccess", TARGET_ROLE)


def watch(home: Path, stop: threading.Event) -> None:
    """Ask the world to end when its folder is gone or belongs to another process."""
    mark = home / "server.json"
    while not stop.wait(1.0):
        try:
            mine = json.loads(mark.read_text())["pid"] == os.getpid()
        except (FileNotFoundError, NotADirectoryError):
            mine = False
        if not mine:
            stop.set()


def serve(home: Path, port: int) -> None:
    """Run the world until it is told to stop."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    fleet = Fleet(home)
    quick.enter()
    try:
        server = make_server("127.0.0.1", port, _not_ready, threaded=True, request_handler=KeepAlive)
        site = world_site.Site(home, server.server_port, fleet)
        world_site.enter(site)
        clock.enter(home)
        strict.apply_all()
        server.app = Gate(site)
        make_target_roles()
        site.close_tunnel("")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        text = json.dumps({"port": server.server_port, "pid": os.getpid(), "started": round(time.time(), 3)})
        world_site.write_atomically(home / "server.json", text)
        watch(home, stop)
        server.shutdown()
        server.server_close()
    finally:
        fleet.close()
        for name in ("server.json", "tunnels.json"):
            (home / name).unlink(missing_ok=True)


def _not_ready(_: Any, __: Any) -> list[bytes]:
    raise RuntimeError("asked before the rules were applied")


def main(words: list[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args(words)
    serve(given.home.resolve(), given.port)
    sys.stdout.flush()
    # Idle keep-alive connections hold daemon threads; nothing is left to be saved.
    os._exit(0)


if __name__ == "__main__":
    main()
