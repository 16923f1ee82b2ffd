"""Three buckets move under `kill -9` of the real process: every version once, in order, and nothing that nobody meant.

The rule: what is in a bucket is read by plain boto3, version by version. TORTURE=slice: fewer objects, fewer kills.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from migrate.demo.world import World

from . import small
from .story import SLOW_S, Story, story

pytestmark = [pytest.mark.world, pytest.mark.torture, pytest.mark.timeout(2400)]

HISTORIES, FILES, SUSPENDED = "small-histories", "small-files", "small-suspended"
SLICE = os.environ.get("TORTURE") == "slice"
KEYS, VERSIONS, PLAIN = (30, 3, 80) if SLICE else (170, 4, 600)
PART = 5 * 1024**2
COPIES = ("CopyObject", "DeleteObject", "UploadPartCopy", "CompleteMultipartUpload", "PutObject")
KILLS = {"bulk": 4, "delta": 3} if SLICE else {"bulk": 32, "delta": 28}
"""At most so many; a killed run leaves about as many copies as it had in flight."""


def build(world: World) -> None:
    """A bucket of histories with delete markers and an object in parts, one without versions, and a suspended one."""
    s3 = world.session(small.LEGACY).client("s3")
    for name in (HISTORIES, FILES, SUSPENDED):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=HISTORIES, VersioningConfiguration={"Status": "Enabled"})

    def put(numbered: tuple[int, int]) -> None:
        number, version = numbered
        s3.put_object(
            Bucket=HISTORIES, Key=f"k {number}", Body=f"{number}/{version}".encode(), Tagging=f"v={version}",
            Metadata={"n": str(version)},
        )  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        for version in range(VERSIONS):
            list(pool.map(put, [(number, version) for number in range(KEYS)]))
            if version == 1:
                another_second()
                list(pool.map(lambda n: s3.delete_object(Bucket=HISTORIES, Key=f"k {n}"), range(0, KEYS, 3)))
                another_second()
        list(pool.map(lambda n: s3.put_object(Bucket=FILES, Key=f"f/{n:04}", Body=b"x" * (n % 7)), range(PLAIN)))
    # All of it within a second: only a listing one by one shows the order.
    for _ in range(2):
        s3.put_object(Bucket=HISTORIES, Key="at once", Body=b"1")
        s3.delete_object(Bucket=HISTORIES, Key="at once")
    in_parts(s3, "in parts")
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=SUSPENDED, VersioningConfiguration={"Status": status})
        for number in range(KEYS // 3):
            s3.put_object(Bucket=SUSPENDED, Key=f"s/{number:03}", Body=status.encode())


def another_second() -> None:
    """S3 tells a version's time in seconds."""
    time.sleep(1.1)


def in_parts(s3: Any, key: str) -> None:
    upload = s3.create_multipart_upload(Bucket=HISTORIES, Key=key)["UploadId"]
    where = {"Bucket": HISTORIES, "Key": key, "UploadId": upload}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=bytes([n]) * size)["ETag"]}
        for n, size in ((1, PART), (2, 1000))
    ]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def legacy_goes_on(world: World) -> None:
    """What people do between the bulk and the freeze: more versions, markers, deletions for good, other files."""
    s3 = world.session(small.LEGACY).client("s3")
    for number in range(KEYS):
        s3.put_object(Bucket=HISTORIES, Key=f"k {number}", Body=b"later", Tagging="v=later")
    another_second()
    for number in range(0, KEYS, 5):
        s3.delete_object(Bucket=HISTORIES, Key=f"k {number}")
    for number in range(0, KEYS, 7):
        versions = s3.list_object_versions(Bucket=HISTORIES, Prefix=f"k {number}")["Versions"]
        oldest = [one for one in versions if one["Key"] == f"k {number}"][-1]
        s3.delete_object(Bucket=HISTORIES, Key=oldest["Key"], VersionId=oldest["VersionId"])
    for number in range(PLAIN):
        if number % 2 == 0:
            s3.put_object(Bucket=FILES, Key=f"f/{number:04}", Body=b"later")
        elif number % 11 == 0:
            s3.delete_object(Bucket=FILES, Key=f"f/{number:04}")
        elif number % 4 == 1:
            s3.put_object(Bucket=FILES, Key=f"g/{number:04}", Body=b"new")
    in_parts(s3, "in parts")
    for number in range(KEYS // 3):
        if number % 3:
            s3.put_object(Bucket=SUSPENDED, Key=f"s/{number:03}", Body=b"over the null version")
        else:
            s3.delete_object(Bucket=SUSPENDED, Key=f"s/{number:03}")


class Watch:
    """How many requests that write objects the target has been asked for so far; reads each line of the log once."""

    def __init__(self, path: Path) -> None:
        self.path, self.at, self.rest, self.count = path, 0, b"", 0

    def now(self) -> int:
        with self.path.open("rb") as log:
            log.seek(self.at)
            new = log.read()
        self.at += len(new)
        *whole, self.rest = (self.rest + new).split(b"\n")
        for line in whole:
            asked = json.loads(line)
            self.count += asked["account"] == small.TARGET and asked["operation"] in COPIES
        return self.count


def killed_after(told: Story, watch: Watch, wanted: int, after_s: float) -> bool:
    """Run, and SIGKILL it `after_s` after so many more writes of objects; False where it ended by itself before."""
    before = watch.now()
    with (told.folder / "killed.log").open("a") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "migrate", "run", str(told.folder), "--engine", "local"],
            env=told.environment(), stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + SLOW_S
        while process.poll() is None and time.monotonic() < until and watch.now() - before < wanted:
            time.sleep(0.005)
        time.sleep(after_s)
        alive = process.poll() is None
        if alive:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return alive


def listed(world: World, account: str, bucket: str) -> list[tuple[Any, ...]]:
    """Everything in a bucket, newest first within a key: key, whether a marker, bytes, tags, metadata."""
    s3 = world.session(account).client("s3")
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket))
    marked = {one["Key"] for page in pages for one in page.get("DeleteMarkers", [])}
    versions = [one for page in pages for one in page.get("Versions", []) if one["Key"] not in marked]
    found = [(one["Key"], False, one["VersionId"]) for one in versions]
    for key in marked:
        found += one_by_one(s3, bucket, key)

    def shown(one: tuple[str, bool, str]) -> tuple[Any, ...]:
        key, marker, version = one
        if marker:
            return key, True
        named = {"Bucket": bucket, "Key": key, "VersionId": version}
        got = s3.get_object(**named)
        tags = tuple((tag["Key"], tag["Value"]) for tag in s3.get_object_tagging(**named)["TagSet"])
        return key, False, hash(got["Body"].read()), tags, tuple(sorted(got["Metadata"].items()))

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(shown, sorted(found, key=lambda one: one[0])))


def one_by_one(s3: Any, bucket: str, key: str) -> list[tuple[str, bool, str]]:
    """One key's versions and markers in their order, which pages that hold both do not show."""
    found: list[tuple[str, bool, str]] = []
    where: dict[str, str] = {}
    while True:
        answer = s3.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=1, **where)
        found += [(one["Key"], False, one["VersionId"]) for one in answer.get("Versions", [])]
        found += [(one["Key"], True, "") for one in answer.get("DeleteMarkers", [])]
        # Of all keys that begin like it, the key itself comes first.
        if not answer["IsTruncated"] or found[-1][0] != key:
            return [one for one in found if one[0] == key]
        where = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}


def test_killed_at_fifty_points_of_the_copy_and_of_the_delta_every_version_is_there_once(tmp_path: Path) -> None:
    chance = random.Random(int(os.environ.get("TORTURE_SEED", "20")))
    kills = {"bulk": 0, "delta": 0}
    with story(tmp_path, build, small.CONFIG) as told:
        told.prepare()
        watch, went_on = Watch(told.log), False
        while True:
            phase = "delta" if went_on else "bulk"
            wanted, after_s = chance.choice(((1, 0.0), (1, 0.0), (2, 0.0), (5, 0.0), (1, 0.05)))
            if kills[phase] < KILLS[phase] and killed_after(told, watch, wanted, after_s):
                kills[phase] += 1
                continue
            said = told.type("run", "--engine", "local", expect=None)
            if said.code == 0:
                break
            assert said.code == 3, said.err[-3000:]
            if not went_on:
                legacy_goes_on(told.world)
                went_on = True
            assert told.answer()
        print(f"kills: {kills}, {watch.now()} writes of objects")

        assert sum(kills.values()) >= (3 if SLICE else 50)
        assert kills["delta"] >= (1 if SLICE else 12)
        for bucket in (HISTORIES, FILES, SUSPENDED):
            there = f"{bucket}-{small.TARGET}"
            legacy, target = listed(told.world, small.LEGACY, bucket), listed(told.world, small.TARGET, there)
            assert len(target) == len(legacy), "something is there twice, or missing"
            assert target == legacy
            uploads = told.world.session(small.TARGET).client("s3").list_multipart_uploads(Bucket=there)
            assert not uploads.get("Uploads"), "an upload was left over"
        assert told.type("verify").code == 0
