"""Start, find and stop an embedded world, and open sessions in its accounts.

The one rule it keeps: it knows the world by its folder only; any process that knows the folder can use or stop it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from migrate.demo.accounts import ACCOUNTS, LEGACY, OPERATOR_KEY, OPERATOR_SECRET, TARGET_ROLE
from migrate.demo.postgres import sweep

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


class WorldFailure(RuntimeError):
    """The world did not start; the message carries the end of its log."""


class WorldSession(boto3.Session):  # type: ignore[misc]  # boto3 has no types
    """A boto3 session whose clients talk to the embedded world, whatever the environment says."""

    def __init__(self, endpoint: str, **named: Any) -> None:
        super().__init__(**named)
        self._endpoint = endpoint

    def client(self, *words: Any, **named: Any) -> Any:
        """Make a client of the world's endpoint."""
        named.setdefault("endpoint_url", self._endpoint)
        return super().client(*words, **named)

    def resource(self, *words: Any, **named: Any) -> Any:
        """Make a resource of the world's endpoint."""
        named.setdefault("endpoint_url", self._endpoint)
        return super().resource(*words, **named)


@dataclass(frozen=True)
class World:
    """A running embedded world."""

    home: Path
    port: int
    pid: int
    region: str = "eu-west-1"
    _credentials: dict[str, dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def endpoint(self) -> str:
        """The URL that stands for every AWS endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tunnels(self) -> Path:
        """The file that says where each RDS endpoint really listens."""
        return self.home / "tunnels.json"

    def env(self) -> dict[str, str]:
        """The environment in which any AWS tool works on the legacy account of this world.

        AWS_PROFILE and AWS_SESSION_TOKEN must be absent beside it: see `unset`.
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
            "AWS_SECRET_ACCESS_KEY": OPERATOR_SECRET,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "MIGRATE_TUNNELS": str(self.tunnels),
        }

    @staticmethod
    def unset() -> tuple[str, ...]:
        """The variables that would defeat `env` if they stayed set."""
        return (
            "AWS_PROFILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_SESSION_TOKEN",
            "AWS_CONFIG_FILE",
            "AWS_ENDPOINT_URL_S3",
        )

    def session(self, account: str = LEGACY, region: str | None = None) -> boto3.Session:
        """Open a session in an account: legacy by its key, any other through its role."""
        region = region or self.region
        if account == LEGACY:
            return WorldSession(
                self.endpoint,
                aws_access_key_id=OPERATOR_KEY,
                aws_secret_access_key=OPERATOR_SECRET,
                region_name=region,
            )
        if account not in ACCOUNTS:
            raise ValueError(f"{account} is no account of this world: {', '.join(sorted(ACCOUNTS))}")
        if account not in self._credentials:
            role = f"arn:aws:iam::{account}:role/{TARGET_ROLE}"
            answer = self.session().client("sts").assume_role(RoleArn=role, RoleSessionName="world")
            given = answer["Credentials"]
            self._credentials[account] = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        return WorldSession(self.endpoint, region_name=region, **self._credentials[account])

    def tunnel(self, host: str, port: int) -> tuple[str, int]:
        """Where an RDS endpoint really listens."""
        address = json.loads(self.tunnels.read_text())[f"{host}:{port}"]
        name, _, number = address.rpartition(":")
        return name, int(number)


def up(home: Path, region: str = "eu-west-1", *, log: Path | None = None) -> World:
    """Start the world of a folder, detached, or give the one that runs there; ready when this returns."""
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    running = find(home, region)
    if running:
        return running
    (home / "server.json").unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    environment.pop("MIGRATE_DEMO_LOG", None)
    if log or os.environ.get("MIGRATE_DEMO_LOG"):
        environment["MIGRATE_DEMO_LOG"] = str(log or os.environ["MIGRATE_DEMO_LOG"])
    with (home / "server.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "migrate.demo.server", "--home", str(home), "--port", "0"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        world = find(home, region)
        if world:
            # The process outlives this one: nobody here waits for it.
            process.returncode = process.returncode or 0
            return world
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise WorldFailure(f"the embedded world did not start: {(home / 'server.log').read_text()[-2000:]}")


def find(home: Path, region: str = "eu-west-1") -> World | None:
    """Give the world that runs in a folder, or None."""
    home = home.resolve()
    try:
        mark = json.loads((home / "server.json").read_text())
        with socket.create_connection(("127.0.0.1", mark["port"]), timeout=5):
            return World(home, mark["port"], mark["pid"], region)
    except (FileNotFoundError, NotADirectoryError, ConnectionError):
        return None


def down(home: Path) -> bool:
    """Stop the world of a folder and its databases; say whether one was running."""
    home = home.resolve()
    world = find(home)
    if world is None:
        sweep(home)
        return False
    os.kill(world.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline and (home / "server.json").exists():
        time.sleep(0.05)
    if (home / "server.json").exists():
        # The kernel stops the databases with it (PR_SET_PDEATHSIG), their files are ours to remove.
        os.kill(world.pid, signal.SIGKILL)
        (home / "server.json").unlink(missing_ok=True)
        sweep(home)
    # The process that called `up` is its parent and must take its exit status; any other has nothing to take.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(world.pid, 0)
    return True
