"""Signing in by Identity Center as a person does: a profile of ~/.aws/config, and the token of a sign-in.

Simulated: the sign-in, which leaves the token where `aws sso login` does. What follows is the SDK's own way.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from migrate.demo import portal, world

WHO = "import boto3, sys; print(boto3.Session(profile_name=sys.argv[1]).client('sts').get_caller_identity()['Arn'])"


def sign_in(home: Path, session: str, user: str) -> None:
    """Leave a sign-in's token in a home folder. Source of the file's name: utils.SSOTokenLoader, botocore 1.44.5."""
    until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    token = {"accessToken": f"{portal.TOKEN}{user}", "expiresAt": until}
    (cache / f"{hashlib.sha1(session.encode()).hexdigest()}.json").write_text(json.dumps(token))


def who_am_i(running: world.World, home: Path, profile: str) -> subprocess.CompletedProcess[str]:
    """sts.GetCallerIdentity under a profile, in a process of its own that has nothing but the home folder."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment = plain | {"HOME": str(home), "AWS_ENDPOINT_URL": running.endpoint}
    return subprocess.run(
        [sys.executable, "-c", WHO, profile], env=environment, capture_output=True, text=True, check=False
    )
