"""Fixtures of the carrying code's tests: an emulator in this process, and a session in each of two accounts."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from tests.carry.fake_carrier import LEGACY, TARGET, FakeCarrier, session


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, boto3.Session]]:
    """Sessions in the legacy and in the target account."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(FakeCarrier, "folder", tmp_path)
    with mock_aws():
        # The emulator keeps object tags per account and loses them in a copy between accounts; AWS does not.
        s3_backends[TARGET]["aws"].tagger = s3_backends[LEGACY]["aws"].tagger
        yield {"legacy": session(LEGACY), "target": session(TARGET)}
