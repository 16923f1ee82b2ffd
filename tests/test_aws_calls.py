"""Single reads and writes: each refusal known for what it is, nothing lost, nothing sent twice."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from migrate.aws import Aws, NotSent, Permit, ReadFailed, Unknown, Writer, code, permitted, reason
from migrate.aws import errors as aws_errors
from migrate.aws.errors import NoSuchOperation
from migrate.carry import objects, one_key
from migrate.errors import AccessError
from migrate.names import GLOBAL, AccountId, Region
from tests.endpoint import ACCOUNT, FOREIGN, NOTHING, Answer, Asked, Endpoint, environment, ok, refused
from tests.endpoint import serving as serving_at

LEGACY, IRELAND = AccountId(ACCOUNT), Region("eu-west-1")


class Shared:
    """One endpoint and one Aws for the tests that need no sessions of their own: clients take a while to make."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.aws = quick()
        self.aws.whoami(LEGACY)

    def __call__(self, answer: Callable[[Asked], Answer] | Answer) -> Endpoint:
        self.endpoint.asked.clear()
        self.endpoint.answer = (lambda _: answer) if isinstance(answer, Answer) else answer
        self.aws.pacer._buckets.clear()
        self.aws.pacer.patience_s = 30
        return self.endpoint

    @property
    def site(self) -> Any:
        return self.aws.site(LEGACY, IRELAND, kind="kms.key")


@pytest.fixture(scope="module")
def one_aws() -> Iterator[Shared]:
    with pytest.MonkeyPatch.context() as patch, serving_at(lambda _: NOTHING) as endpoint:
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        for name, value in environment(endpoint.url).items():
            patch.setenv(name, value)
        shared = Shared(endpoint)
        with reading():
            shared.aws.sessions.client(LEGACY, "kms")
            shared.aws.sessions.client(LEGACY, "events")
        yield shared
        shared.aws.close()


def reading(*operations: str) -> Any:
    return permitted(Permit(frozenset(operations), scan=True))


def writing(operation: str) -> Any:
    return permitted(Permit(frozenset(), writes=lambda *_: None))


def quick(**settings: Any) -> Aws:
    aws = Aws(workers=4, **settings)
    aws.pacer.backoff_s = 0.001
    return aws


def test_global_is_asked_at_the_home_of_the_partition(one_aws: Shared) -> None:
    endpoint = one_aws(ok(Keys=[]))

    with reading("kms.ListKeys"):
        one_aws.aws.site(LEGACY, GLOBAL).call("kms.ListKeys")

    assert endpoint.asked[-1].region == "us-east-1"


def test_requests_say_which_product_sent_them(one_aws: Shared) -> None:
    endpoint = one_aws(ok(Keys=[]))

    with reading("kms.ListKeys"):
        one_aws.site.call("kms.ListKeys")

    assert "migrate-aws/" in endpoint.asked[0].agent


# Reads


def test_reads_are_sent_again_after_server_failures_and_dropped_connections(one_aws: Shared) -> None:
    answers = iter([refused("InternalFailure", status=500), Answer(0, ""), ok(Keys=[{"KeyId": "k"}])])
    endpoint = one_aws(lambda _: next(answers))

    with reading("kms.ListKeys"):
        assert one_aws.site.call("kms.ListKeys")["Keys"] == [{"KeyId": "k"}]
    assert endpoint.operations() == ["ListKeys"] * 3


def test_a_throttled_read_is_sent_again_until_it_is_served(one_aws: Shared) -> None:
    answers = iter([*[refused("ThrottlingException", "Rate exceeded")] * 7, ok(Keys=[])])
    one_aws(lambda _: next(answers))

    with reading("kms.ListKeys"):
        assert one_aws.site.call("kms.ListKeys")["Keys"] == []


def test_a_read_that_a_server_answered_with_a_page_of_its_failure_is_sent_again(one_aws: Shared) -> None:
    page = Answer(500, "<!doctype html><html><title>500 Internal Server Error</title></html>", "text/html")
    answers = iter([page, page, ok(Keys=[])])
    one_aws(lambda _: next(answers))

    with reading("kms.ListKeys"):
        assert one_aws.site.call("kms.ListKeys")["Keys"] == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused("AccessDeniedException", "not authorized"), "denied"),
        (Answer(500, "<!doctype html><html>oh</html>", "text/html"), "unsupported by endpoint"),
        (Answer(403, "", "text/html"), "denied"),
        (refused("UnrecognizedClientException", "invalid token"), "region off"),
        (refused("OptInRequired", "subscribe"), "region off"),
        (refused("NotYetImplemented", "x", 404), "unsupported by endpoint"),
        (refused("UnknownOperationException", ""), "unsupported by endpoint"),
        (Answer(501, "<html>nope</html>", "text/html"), "unsupported by endpoint"),
        (Answer(404, "<!doctype html><html><title>404</title>", "text/html"), "unsupported by endpoint"),
        (Answer(200, "<html>hello</html>", "text/html"), "unsupported by endpoint"),
        (refused("InternalError", "The list_keys action has not been implemented", 500), "unsupported by endpoint"),
        (refused("InternalFailure", "oh", 500), "failed"),
        (refused("ValidationException", "wrong"), "failed"),
        (refused("ThrottlingException", "slow"), "throttled"),
        (Answer(0, ""), "unreachable"),
    ],
)
def test_each_refusal_has_its_reason_and_becomes_a_gap_where_optional(
    one_aws: Shared, answer: Answer, expected: str
) -> None:
    one_aws(answer)
    one_aws.aws.pacer.patience_s = 0
    site = one_aws.site

    with reading("kms.ListKeys"):
        with pytest.raises(ReadFailed) as raised:
            site.call("kms.ListKeys")
        assert site.optional("kms.ListKeys", missing=()) is None

    assert reason(raised.value) == expected
    assert [(gap.kind, gap.region, gap.call, gap.reason) for gap in site.gaps] == [
        ("kms.key", "eu-west-1", "kms.ListKeys", expected)
    ]


def test_an_unreachable_endpoint_is_said_so(one_aws: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")  # nothing else here asks sns

    with reading("sns.ListTopics"), pytest.raises(ReadFailed) as raised:
        one_aws.site.call("sns.ListTopics")

    assert raised.value.reason == "unreachable"


@pytest.mark.parametrize("body", ['{"Keys": []}', "{}", ""])
def test_an_answer_is_an_answer_whatever_type_the_endpoint_gives_it(one_aws: Shared, body: str) -> None:
    one_aws(Answer(200, body, "text/html; charset=utf-8"))

    with reading("kms.ListKeys"):
        assert not one_aws.site.call("kms.ListKeys").get("Keys")


def test_what_is_not_set_is_no_gap(one_aws: Shared) -> None:
    one_aws(refused("NotFoundException"))
    site = one_aws.site

    with reading("kms.GetKeyPolicy"):
        found = site.optional("kms.GetKeyPolicy", missing=("NotFoundException",), KeyId="k", PolicyName="default")

    assert found is None
    assert site.gaps == []


def test_credentials_that_end_stop_everything_instead_of_making_gaps(one_aws: Shared) -> None:
    one_aws(refused("ExpiredTokenException"))
    site = one_aws.site

    with reading("kms.ListKeys"), pytest.raises(AccessError, match="credentials any more") as raised:
        site.optional("kms.ListKeys", missing=())
    assert not isinstance(raised.value, ReadFailed)


def test_what_was_said_carries_no_request_id_and_no_page() -> None:
    def error(message: str) -> Exception:
        found = RuntimeError()
        found.response = {"Error": {"Code": "Denied", "Message": message}}  # type: ignore[attr-defined]
        return found

    assert aws_errors.said(error("no way (Request ID: 4fe2-91, Extended Request ID: a/b+c=)")) == "Denied: no way"
    assert aws_errors.said(error("trace 0f5a1c9e-1111-4222-8333-444455556666 \n x")) == "Denied: trace x"
    assert "html" not in aws_errors.said(error("<html><body>5</body></html>"))


def test_every_page_is_read_with_the_largest_page_that_the_service_allows(one_aws: Shared) -> None:
    def answer(asked: Asked) -> Answer:
        start = int(asked.params.get("Marker", 0))
        more = {"Truncated": True, "NextMarker": str(start + 1)} if start < 4 else {"Truncated": False}
        return ok(Keys=[{"KeyId": f"{start}"}], **more)

    endpoint = one_aws(answer)

    with reading("kms.ListKeys"):
        found = list(one_aws.site.pages("kms.ListKeys", "Keys[].KeyId"))

    assert found == ["0", "1", "2", "3", "4"]
    assert {asked.params["Limit"] for asked in endpoint.asked} == {1000}


def test_operations_without_a_paginator_are_read_to_the_end_too(one_aws: Shared) -> None:
    def answer(asked: Asked) -> Answer:
        token = asked.params.get("NextToken", "0")
        return ok(EventBuses=[{"Name": token}], **({"NextToken": str(int(token) + 1)} if int(token) < 3 else {}))

    one_aws(answer)
    aws = one_aws.aws
    assert aws.sessions.paginator("events", "ListEventBuses") is None, "the test needs one that botocore does not page"

    with reading("events.ListEventBuses"):
        found = list(one_aws.site.pages("events.ListEventBuses", "EventBuses[].Name"))

    assert found == ["0", "1", "2", "3"]


@pytest.mark.parametrize("operation", ["kms.ListKeys", "events.ListEventBuses"])
def test_an_endpoint_that_gives_the_same_page_for_ever_is_left(one_aws: Shared, operation: str) -> None:
    def answer(asked: Asked) -> Answer:
        return ok(Keys=[], EventBuses=[], Truncated=True, NextMarker="same", NextToken="same")

    one_aws(answer)

    with reading(operation), pytest.raises(ReadFailed, match="same page"):
        list(one_aws.site.pages(operation, "Keys"))


def test_an_operation_that_does_not_exist_is_said_so(one_aws: Shared) -> None:
    one_aws(ok())
    site = one_aws.site

    with reading("kms.ListNothing"):
        with pytest.raises(NoSuchOperation, match=r"knows no operation kms\.ListNothing"):
            site.call("kms.ListNothing")
        with pytest.raises(NoSuchOperation, match=r"knows no operation kms\.ListNothing"):
            list(site.pages("kms.ListNothing", "X"))


# Writes


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused("ThrottlingException", "slow"), "transient"),
        (refused("SlowDown", "slow", 503), "transient"),
        (refused("ExpiredTokenException", "old"), "auth"),
        (refused("UnrecognizedClientException", "who"), "auth"),
        (refused("ValidationException", "wrong"), "definite"),
        (refused("AccessDeniedException", "no"), "definite"),
        (refused("LimitExceededException", "quota"), "definite"),
        (refused("AlreadyExistsException", "there"), "definite"),
        (refused("NotYetImplemented", "x", 501), "definite"),
        (refused("InternalFailure", "oh", 500), "unknown"),
        (refused("ServiceUnavailable", "oh", 503), "unknown"),
        (Answer(502, "<html>bad gateway</html>", "text/html"), "unknown"),
        (refused("RequestTimeout", "late"), "unknown"),
        (Answer(0, ""), "unknown"),
    ],
)
def test_each_failed_write_is_sent_once_and_known_for_what_it_is(
    one_aws: Shared, answer: Answer, expected: str
) -> None:
    endpoint = one_aws(answer)

    with writing("kms.CreateKey"), pytest.raises((NotSent, Unknown)) as raised:
        Writer(one_aws.aws).send(LEGACY, IRELAND, "kms.CreateKey", {})

    assert (raised.value.sort if isinstance(raised.value, NotSent) else "unknown") == expected
    assert endpoint.operations() == ["CreateKey"]
    if answer.status and "html" not in answer.content_type:
        assert raised.value.request_id == "0f5a1c9e-1111-4222-8333-444455556666"
        assert code(raised.value)
        assert raised.value.said.startswith(code(raised.value))


def test_what_never_left_was_not_executed(one_aws: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = one_aws(ok())
    writer = Writer(one_aws.aws)

    with writing("kms.CreateKey"):
        with pytest.raises(NotSent) as raised:
            writer.send(LEGACY, IRELAND, "kms.CreateKey", {"NoSuchParameter": 1})
        assert raised.value.sort == "definite"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
        with pytest.raises(NotSent) as raised:
            writer.send(LEGACY, IRELAND, "sqs.CreateQueue", {"QueueName": "q"})
        assert raised.value.sort == "transient"
    assert endpoint.operations() == []


def test_slow_down_without_a_body_that_says_it_is_waited_out(one_aws: Shared) -> None:
    """The answer to a HEAD has none."""
    answers = iter([*[Answer(503, "")] * 7, Answer(200, "")])
    one_aws(lambda _: next(answers))

    with permitted(Permit(frozenset({"s3.HeadObject"}))):
        one_aws.site.call("s3.HeadObject", Bucket="bucket", Key="key")


def test_a_head_that_is_refused_without_a_word_is_that_and_no_defect_of_ours(one_aws: Shared) -> None:
    """400 for a customer's own key: botocore then asks for the bucket's region by itself."""
    one_aws(lambda asked: Answer(400 if "/key" in asked.operation else 200, ""))

    with permitted(Permit(objects.READS)), pytest.raises(ReadFailed) as refused_head:
        one_aws.site.call("s3.HeadObject", Bucket="sealed", Key="key")

    assert refused_head.value.code == "400"
    assert code(refused_head.value) in one_key.OF_ONE_OBJECT
