"""A mailbox and a web address that AWS asks: subscribed early, waited for, told to a person, taken back.

The emulator is strict here: a subscription is pending until plain boto3 brings its token.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.sns.models import SNSBackend, Subscription, sns_backends
from moto.sns.responses import SNSResponse

from migrate import asking
from migrate.demo.strict.sns import confirmation
from migrate.errors import Conflict
from migrate.kinds import every_kind
from tests.kinds.in_process import InProcess
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides, two_sides

KINDS = {name: every_kind()[name] for name in ("sns.topic", "sns.subscription", "sns.asked_subscription")}
TOPIC = {side: f"arn:aws:sns:{REGION}:{account}:orders" for side, account in (("legacy", LEGACY), ("target", TARGET))}
PATCHED = (
    (SNSBackend, ("subscribe", "unsubscribe")),
    (Subscription, ("publish",)),
    (SNSResponse, ("confirm_subscription", "list_subscriptions", "list_subscriptions_by_topic")),
)
MAILBOX, HOOK = ("email", "ops@shop.example"), ("https", "https://partner.example/hook")
PLACED = [{"kind": "sns.*", "to": "production"}]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    """Two accounts in which nobody is confirmed by themselves; legacy has a topic."""
    for owner, names in PATCHED:
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))  # put back after the test
    confirmation()
    with two_sides(monkeypatch) as made:
        made.client("legacy", "sns").create_topic(Name="orders")
        yield made


def subscribe(world: TwoSides, protocol: str, endpoint: str, *, side: str = "legacy", yes: bool = True) -> str:
    sns = world.client(side, "sns")  # type: ignore[arg-type]
    arn: str = sns.subscribe(TopicArn=TOPIC[side], Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    if yes:
        say_yes(world, arn, side=side)
    return arn


def say_yes(world: TwoSides, arn: str, *, side: str = "target") -> None:
    """As its owner does, with the token that was sent."""
    topic, _, token = arn.rpartition(":")
    world.client(side, "sns").confirm_subscription(TopicArn=topic, Token=token)  # type: ignore[arg-type]


def listed(world: TwoSides) -> list[tuple[str, str]]:
    """Endpoint and ARN of the target's subscriptions, by plain boto3."""
    found = world.client("target", "sns").list_subscriptions()["Subscriptions"]
    return sorted((one["Endpoint"], one["SubscriptionArn"]) for one in found)


def planned(world: TwoSides, tmp_path: Path) -> InProcess:
    made = InProcess(world, tmp_path / "m", KINDS)
    made.plan(placement=PLACED)
    return made


def told(made: InProcess) -> list[str]:
    engine = made.engine()
    try:
        return [text for texts in asking.of_all(engine.ground).values() for text in texts]
    finally:
        made.journal.close()


@pytest.mark.parametrize(
    ("protocol", "endpoint", "asks"),
    [(*MAILBOX, "open AWS's mail"), (*HOOK, "take SubscribeURL out of what it got")],
)
def test_an_endpoint_is_asked_early_and_the_run_goes_on_once_its_owner_said_yes(
    world: TwoSides, tmp_path: Path, protocol: str, endpoint: str, asks: str
) -> None:
    subscribe(world, protocol, endpoint)
    made = planned(world, tmp_path)
    assert endpoint in "\n".join(str(one) for one in made.body["findings"])

    failed = made.tried()

    assert listed(world) == [(endpoint, "PendingConfirmation")]
    ((step, error),) = failed.items()
    assert step.endswith(":confirm")
    assert "still not confirmed by its owner after 1 minutes" in str(error)
    (text,) = told(made)
    assert endpoint in text
    assert asks in text
    arn = text.partition("--subscription-arn ")[2].partition("`")[0]
    assert arn.startswith(TOPIC["target"])

    say_yes(world, arn)

    assert made.tried() == {}
    assert listed(world) == [(endpoint, arn)]
    assert told(made) == []
    assert made.proofs()["sns.asked_subscription"].state == "equal"
    assert made.clients.sent.count("sns.Subscribe") == 1
    result = made.undo()
    assert result.whole
    assert listed(world) == []


def test_a_rollback_before_the_yes_takes_the_rest_back_and_leaves_the_question_to_aws(
    world: TwoSides, tmp_path: Path
) -> None:
    subscribe(world, *MAILBOX)
    made = planned(world, tmp_path)
    made.tried()

    result = made.undo()

    assert result.whole, result
    assert world.client("target", "sns").list_topics()["Topics"] == []
    engine = made.engine()
    said = [str(entry.data["left to AWS"]) for entry in engine.journal.entries() if "left to AWS" in entry.data]
    made.journal.close()
    assert len(said) == 1
    assert "48 hours" in said[0]
    # The whole story again, from the start.
    assert [step.rpartition(":")[2] for step in made.tried()] == ["confirm"]


def test_a_subscription_that_aws_deleted_is_asked_for_again_after_its_step_was_undone(
    world: TwoSides, tmp_path: Path
) -> None:
    subscribe(world, *MAILBOX)
    made = planned(world, tmp_path)
    made.tried()
    sns_backends[TARGET][REGION].subscriptions.clear()  # 48 hours are over

    create, confirm = (one for one in made.made.steps if "asked" in one)
    failed = made.tried()

    assert "within 48 hours; undo its step create, then run again" in str(failed[confirm])
    assert "`migrate rollback --step` with the id of this step, ending in `:create`" in told(made)[0]
    assert made.undo(create).whole
    assert [one.rpartition(":")[2] for one in made.tried()] == ["confirm"]
    assert listed(world) == [(MAILBOX[1], "PendingConfirmation")]


def test_one_step_that_was_undone_asks_again_while_the_first_question_is_still_open(
    world: TwoSides, tmp_path: Path
) -> None:
    subscribe(world, *MAILBOX)
    made = planned(world, tmp_path)
    made.tried()
    (create,) = (one for one in made.made.steps if "asked" in one and one.endswith(":create"))
    assert made.undo(create).whole
    assert listed(world) == [(MAILBOX[1], "PendingConfirmation")]

    assert [step.rpartition(":")[2] for step in made.tried()] == ["confirm"]

    assert listed(world) == [(MAILBOX[1], "PendingConfirmation")]
    say_yes(world, told(made)[0].partition("--subscription-arn ")[2].partition("`")[0])
    assert made.tried() == {}


def test_nobody_is_asked_who_never_said_yes_in_legacy_and_a_person_is_told(world: TwoSides, tmp_path: Path) -> None:
    subscribe(world, *MAILBOX, yes=False)
    kind = KINDS["sns.asked_subscription"]

    (found,) = world.scan(kind).values()

    assert found.ref.name == "orders/email/ops@shop.example"
    assert not any(action.applies(kind.typed(found)) for action in kind.actions)
    assert "Nobody confirmed it" in kind.by_hand(kind.typed(found))


def test_nobody_is_asked_for_a_topic_of_another_account(world: TwoSides) -> None:
    subscribe(world, *MAILBOX)
    kind = KINDS["sns.asked_subscription"]
    (found,) = world.scan(kind).values()
    found.facts["topic_arn"] = TOPIC["legacy"].replace(LEGACY, "999988887777")

    assert not any(action.applies(kind.typed(found)) for action in kind.actions)


def test_one_that_somebody_made_and_confirmed_there_before_is_not_taken_over(world: TwoSides, tmp_path: Path) -> None:
    subscribe(world, *MAILBOX)
    made = planned(world, tmp_path)
    world.client("target", "sns").create_topic(Name="orders")
    theirs = subscribe(world, *MAILBOX, side="target")
    (create,) = (one for one in made.made.steps if "asked" in one and one.endswith(":create"))
    engine = made.engine()
    for step in made.made.steps:
        if "sns.topic" in step:
            engine.journal.append(step, "verified")

    with pytest.raises(Conflict, match="was not made by this migration"):
        engine.step(create)

    made.journal.close()
    assert listed(world) == [(MAILBOX[1], theirs)]


def test_each_subscription_is_listed_by_one_kind_only(world: TwoSides) -> None:
    for protocol, endpoint in (MAILBOX, HOOK, ("sms", "+491700000000")):
        subscribe(world, protocol, endpoint, yes=protocol != "sms")

    protocols = {
        name: sorted(one.facts["protocol"] for one in world.scan(KINDS[name]).values())
        for name in ("sns.subscription", "sns.asked_subscription")
    }

    assert protocols == {"sns.subscription": ["sms"], "sns.asked_subscription": ["email", "https"]}


def test_what_is_pending_gets_no_message_and_is_not_deleted(world: TwoSides) -> None:
    arn = subscribe(world, *MAILBOX, yes=False)
    sns = world.client("legacy", "sns")

    with pytest.raises(sns.exceptions.InvalidParameterException, match="pending confirmation"):
        sns.unsubscribe(SubscriptionArn=arn)
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.confirm_subscription(TopicArn=TOPIC["legacy"], Token="guessed")
    say_yes(world, arn, side="legacy")
    sns.unsubscribe(SubscriptionArn=arn)

    assert sns.list_subscriptions()["Subscriptions"] == []
