"""What comes first because a kind says so, where no document names the other."""

from migrate import plan
from tests.plans.toys import KINDS, PROD, Copy, Create, inputs, thing


class LookAgain(Copy):
    """Looks once more before what uses it starts."""

    name, title, phase, opens_phase = "look_again", "Look again", "cutover", True


class LookedAt(type(KINDS["toy.database"])):  # type: ignore[misc]
    """A database that is looked at again."""

    actions = (Create(), Copy(), LookAgain())


def test_what_uses_a_thing_starts_after_the_last_look_at_it_and_a_stranger_does_not_wait() -> None:
    orders = thing("toy.database", "orders-prod")
    user = thing("toy.service", "web-prod", hard=(f"{orders.arn}",))
    stranger = thing("toy.service", "blog-prod")
    body = plan.make(inputs([orders, user, stranger], kinds={**KINDS, "toy.database": LookedAt()}))

    needs = {step["id"].partition("/")[2].partition("/")[2]: step["needs"] for step in body["steps"]}
    looks = [need for need in needs["toy.service/web-prod:start"] if need.endswith(":look_again")]

    assert looks == [f"{PROD}/eu-west-1/toy.database/orders-prod:look_again"]
    assert not [need for need in needs["toy.service/blog-prod:start"] if "look_again" in need]
    assert not [need for need in needs["toy.service/web-prod:create"] if "look_again" in need]
