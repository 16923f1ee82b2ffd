"""What an endpoint may do that nobody expects: no downloads, things that vanish while they are listed, long silence."""

import errno
import io
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from migrate.aws import ReadFailed
from migrate.aws.session import Sessions
from migrate.carry.images import take_away
from migrate.carrying import StepCarrier
from migrate.drift import unexplained, unread
from migrate.errors import AccessError, StepFailed
from migrate.ground import download_into, not_blind
from migrate.inventory import Gap, Inventory, Resource
from migrate.kind import Facts, Kind
from migrate.kinds.ecs_task_definition import TaskDefinition
from migrate.names import AccountId, Ref, Region
from migrate.out import Out
from migrate.progress import steps_told
from migrate.proving import legacy_unchanged
from migrate.running import Outcome


class Refusal(Exception):
    """A refusal by AWS, with its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def carrier(fetch: Any, slept: list[float]) -> StepCarrier:
    """A carrier that has nothing but a way to download."""
    made = object.__new__(StepCarrier)
    clock = SimpleNamespace(sleep=slept.append)
    made.step = "777788889999/us-east-2/lambda.function/f:create"
    made.ground = SimpleNamespace(fetch=fetch, check_stop=lambda: None, clock=clock)  # type: ignore[assignment]
    return made


def test_a_download_that_no_address_answers_fails_its_step_and_says_what_to_do() -> None:
    slept: list[float] = []

    def nobody(url: str) -> bytes:
        raise OSError("Name or service not known")

    with pytest.raises(StepFailed, match="Name or service not known") as failed:
        carrier(nobody, slept).fetch("https://code.example/f?X-Amz-Signature=abc")

    assert len(slept) == 2
    assert "to: legacy" in failed.value.do
    assert "Signature" not in failed.value.what, "the signature lets anybody in"


def test_a_download_that_breaks_off_once_is_tried_again() -> None:
    answers: list[Any] = [ConnectionResetError("gone"), b"code"]

    def shaky(url: str) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bytes(answer)

    assert carrier(shaky, []).fetch("https://code.example/f") == b"code"


def test_a_download_into_a_file_that_breaks_off_begins_the_file_again() -> None:
    """Read in parts, a body that ends too early looks like a whole one."""
    bodies = [b"a layer of ", b"a layer of an image"]

    class Shaky(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(bodies[-1])))
            self.end_headers()
            self.wfile.write(bodies.pop(0))

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Shaky)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    slept: list[float] = []
    made = carrier(None, slept)
    made.ground = SimpleNamespace(  # type: ignore[assignment]
        fetch_into=download_into, check_stop=lambda: None, clock=SimpleNamespace(sleep=slept.append)
    )
    file = io.BytesIO()
    try:
        made.fetch_into(f"http://127.0.0.1:{server.server_port}/layer", file)
    finally:
        server.shutdown()
        server.server_close()

    assert (file.getvalue(), len(slept)) == (b"a layer of an image", 1)


class Vanishing:
    """An account in which everything listed is gone when it is looked into."""

    account, region = AccountId("777788889999"), Region("us-east-2")

    def __init__(self, code: str) -> None:
        self._code = code

    def call(self, operation: str, **_: Any) -> dict[str, Any]:
        return {"EventBuses": [{"Name": "gone"}]}

    def pages(self, operation: str, key: str, **_: Any) -> Iterator[Any]:
        if operation == "ecs.ListClusters":
            return iter(["arn:aws:ecs:us-east-2:777788889999:cluster/gone"])
        if operation == "ecs.ListTaskDefinitionFamilies":
            return iter(())
        raise Refusal("ClusterNotFoundException" if operation == "ecs.ListServices" else self._code)

    def map(self, what: Any, items: Any) -> list[Any]:
        return [what(item) for item in items]


def test_a_cluster_or_bus_deleted_while_it_is_looked_into_uses_no_task_definition() -> None:
    assert list(TaskDefinition().scan(Vanishing("ResourceNotFoundException"))) == []  # type: ignore[arg-type]


def test_a_refused_look_for_what_uses_a_task_definition_is_not_passed_over() -> None:
    with pytest.raises(Refusal):
        list(TaskDefinition().scan(Vanishing("AccessDeniedException")))  # type: ignore[arg-type]


def test_images_of_a_repository_that_is_gone_are_gone() -> None:
    def pages(*_: Any, **__: Any) -> Iterator[Any]:
        raise Refusal("RepositoryNotFoundException")

    to: Any = SimpleNamespace(target=SimpleNamespace(pages=pages), place=SimpleNamespace(name="app"), outputs={})

    take_away(to)  # and sends nothing: this carrier cannot write


def test_what_a_listing_without_an_answer_would_have_shown_is_not_gone() -> None:
    account, region = AccountId("666677778888"), Region("us-east-2")
    there = tuple(
        Resource(Ref(account, region, kind, "one"), "arn", {}, None, None, {}) for kind in ("sqs.queue", "sns.topic")
    )
    before = Inventory(account, (region,), ("sns.topic", "sqs.queue"), there, ())
    lost = Gap("sqs.queue", region, "sqs.ListQueues", "unreachable", "no whole answer came")
    now = Inventory(account, (region,), ("sns.topic", "sqs.queue"), (), (lost,))
    plan: Any = SimpleNamespace(steps={}, migration="m", whole=lambda scanned: scanned)
    journal: Any = None

    found = unexplained(before, now, plan, journal, {})

    assert found == [f"- {there[1].ref} is gone", f"+ gap {lost.key}: unreachable: {lost.said}"]
    assert unread(before, now) == [f"{lost.key}: unreachable: {lost.said}"]
    assert unread(now, now) == []


@pytest.mark.parametrize(
    ("said", "direct", "blind"),
    [
        ("sqs.GetQueueUrl: unreachable: no whole answer came", True, True),
        ("sqs.GetQueueUrl: denied: AccessDenied", True, True),
        ("kms.GetKeyPolicy: denied: of another key", False, False),
        ("kms.ListKeys: throttled: Throttling", False, True),
    ],
)
def test_a_look_that_was_not_answered_is_not_taken_for_nothing_there(said: str, direct: bool, blind: bool) -> None:
    site: Any = SimpleNamespace(refusals=[said])

    if blind:
        with pytest.raises(AccessError, match="could not be seen"):
            not_blind("a queue", site, direct=direct)
    else:
        not_blind("a key", site, direct=direct)


def test_a_legacy_resource_that_cannot_be_read_is_not_called_gone() -> None:
    site = SimpleNamespace(refusals=["ecr.DescribeRepositories: unreachable: no"])
    ground: Any = SimpleNamespace(
        legacy=lambda step: site,
        resource=lambda step: None,
        kind=lambda step: SimpleNamespace(again=lambda site, scanned: None),
    )
    step: Any = SimpleNamespace(ref=Ref(AccountId("666677778888"), Region("us-east-2"), "ecr.repository", "app"))

    with pytest.raises(AccessError, match="could not be seen"):
        legacy_unchanged(ground, step)


def test_many_reads_that_failed_are_one_error_that_lists_them() -> None:
    outcome = Outcome()
    for number in range(40):
        outcome.failed[f"step-{number}"] = ReadFailed(
            "ssm.DescribeParameters", "us-east-2", code="X", said=f"no {number}", reason="unreachable"
        )

    error = outcome.error

    assert type(error) is AccessError
    assert "40 steps failed" in str(error)
    assert "and 10 more" in str(error)
    assert "migrate doctor" in error.do


def test_a_run_says_what_it_waits_for_after_a_silence() -> None:
    said: list[str] = []
    with steps_told(said.append, silence_s=0.05) as told:
        told("a/b:create", "acting")
        until = time.monotonic() + 5
        while not said and time.monotonic() < until:
            time.sleep(0.01)
        told("a/b:create", "verified")

    assert said[0].startswith("  under way a/b:create for ")
    assert said[-1] == "  verified  a/b:create"


def test_a_result_and_an_error_after_it_are_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    from migrate.cli import _guarded

    def refused(out: Out) -> int:
        out.result("", {"plan": "p"})
        raise StepFailed("refused", do="settle it")

    assert _guarded(Out(as_json=True), refused, {}) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["plan"] == "p"
    assert said.get("exit", 1) == 1


def test_without_any_credentials_nobody_is_told_to_look_at_a_role(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    account = AccountId("777788889999")

    with pytest.raises(AccessError, match="no AWS credentials") as refused:
        Sessions(roles={account: "arn:aws:iam::777788889999:role/R"}).whoami(account)

    assert "log" in refused.value.do
    assert "trusts" not in refused.value.do


class Issued(Kind[Facts]):
    """A kind with a fact that AWS changes by itself."""

    name = "toy.certificate"
    passing = frozenset({"status"})


def test_what_aws_changes_by_itself_is_no_drift_and_everything_else_is() -> None:
    account, region = AccountId("666677778888"), Region("us-east-2")
    ref = Ref(account, region, "toy.certificate", "one")

    def found(**facts: str) -> Inventory:
        return Inventory(account, (region,), ("toy.certificate",), (Resource(ref, "arn", {}, None, None, facts),), ())

    plan: Any = SimpleNamespace(steps={}, migration="m", whole=lambda scanned: scanned)
    journal: Any = None
    before = found(status="PENDING", names="a")
    kinds = {"toy.certificate": Issued()}
    assert unexplained(before, found(status="ISSUED", names="a"), plan, journal, kinds) == []
    assert unexplained(before, found(status="ISSUED", names="b"), plan, journal, kinds) == [
        f"~ {ref}: facts.names: expected 'a', found 'b'"
    ]


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "make room"), (errno.EIO, "a defect of this product")])
def test_a_full_disk_is_no_defect(number: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    from migrate.cli import _guarded

    def full(out: Any) -> int:
        raise OSError(number, "no", "carried.run/x.problems.txt")

    assert _guarded(Out(as_json=True), full, {}) == 1
    assert said in capsys.readouterr().err
