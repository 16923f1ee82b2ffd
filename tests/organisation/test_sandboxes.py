"""migrate org sandboxes: what is past its last day is told, read whole before it is called empty, and never emptied."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from migrate.inventory import Gap, Inventory, Resource
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region
from migrate.verbs import sandboxes
from tests.organisation.story import Story, accounts

PAST, LATER = "2026-01-31", "2099-01-31"
QUEUE: dict[str, Any] = {
    "url": "u", "attributes": {}, "kms_key": None, "kms_reuse_s": None, "policy": None, "redrive_policy": None,
    "redrive_allow_policy": None,
}  # fmt: skip
HERE = Region("eu-west-1")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Inventory]:
    """What a scan of each account shows; a test fills it."""
    inventories: dict[str, Inventory] = {}

    def scan(aws: Any, account: AccountId, regions: Any, kinds: Any, **_: Any) -> Inventory:
        return inventories.get(account) or inventory(account)

    monkeypatch.setattr(sandboxes, "scan", scan)
    return inventories


def inventory(account: str, *queues: str, gaps: tuple[Gap, ...] = ()) -> Inventory:
    number = AccountId(account)
    found = tuple(
        Resource(Ref(number, HERE, "sqs.queue", one), f"arn:aws:sqs:{HERE}:{number}:{one}", {}, None, None, QUEUE)
        for one in queues
    )
    return Inventory(number, (HERE,), tuple(every_kind()), found, gaps)


BOXES = {
    "units": {"Sandbox": {"guard_rails": ["sandbox"], "accounts": {
        "old": {"owner": "ada@shop.example", "expires": PAST}, "new": {"expires": LATER}, "endless": {},
    }}},
}  # fmt: skip


def test_a_sandbox_past_its_day_is_told_with_what_is_in_it_until_it_is_empty(
    story: Story, shown: dict[str, Inventory]
) -> None:
    story.want(BOXES)
    story.stand()
    old = accounts()["aws+old@shop.example"]
    job = Gap("glue:job", HERE, "glue.ListJobs", "no kind", "no", "arn:aws:glue:eu-west-1:1:job/x")
    shown[old] = inventory(old, "a", "b", gaps=(job,))

    said = story.type("sandboxes", expect=5)

    assert f"old ({old}, ada@shop.example's): past its last day {PAST}" in said.out
    assert "1 glue:job, 2 sqs.queue" in said.out
    assert "new (" in said.out
    assert "endless (" in said.out
    assert said.out.count("sqs.queue") == 1, "only what is past its day, or soon, is read"
    text = (story.folder / "sandboxes" / "old.nuke.yaml").read_text()
    assert f'"{old}":' in text
    assert 'blocklist: ["111111111111"]' in text
    assert "OrganizationAccountAccessRole" in text
    assert len(accounts()) == 3, "nothing was closed"

    shown[old] = inventory(old)
    empty = story.type("sandboxes")

    assert "    empty" in empty.out


def test_a_sandbox_that_could_not_be_read_whole_is_not_empty(story: Story, shown: dict[str, Inventory]) -> None:
    story.want(BOXES)
    story.stand()
    old = accounts()["aws+old@shop.example"]
    shown[old] = inventory(old, gaps=(Gap("s3.bucket", HERE, "s3.ListBuckets", "denied", "no"),))

    said = story.type("sandboxes", expect=6)

    assert "empty" not in said.out
    assert "not read: s3.bucket in eu-west-1: s3.ListBuckets: denied" in said.out


def test_a_sandbox_that_ends_soon_is_read_and_one_that_was_never_made_is_said(
    story: Story, shown: dict[str, Inventory]
) -> None:
    from datetime import UTC, datetime, timedelta

    soon = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    story.want({"accounts": {"box": {"expires": soon}}})
    story.stand()
    shown[accounts()["aws+box@shop.example"]] = inventory(accounts()["aws+box@shop.example"], "a")
    story.want({"accounts": {"box": {"expires": soon}, "never": {"expires": PAST}}})

    said = story.type("sandboxes")

    assert f"ends soon {soon}" in said.out
    assert "1 sqs.queue" in said.out
    assert f"never (no account): does not stand {PAST}" in said.out
    assert boto3.client("organizations", region_name="us-east-1").list_accounts()["Accounts"]
