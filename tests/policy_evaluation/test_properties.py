"""What holds for all documents that AWS accepts."""

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.policy_evaluation import ABSENT, UNKNOWN, Asked, Decision, MalformedPolicy, Policies, decide
from migrate.policy_evaluation.deciding import _decided
from migrate.policy_evaluation.operators import OPERATORS
from migrate.policy_evaluation.patterns import matches, template
from tests.policy_evaluation.asks import FEDERATED, HERE, ROLE, ROOT, SESSION, THERE, USER, asked, document

ACTIONS = ["s3:GetObject", "s3:PutObject", "ec2:RunInstances", "iam:CreateUser", "kms:Decrypt", "sts:AssumeRole"]
ACTION_PATTERNS = ["*", "s3:*", "s3:Get*", "S3:getobject", "ec2:Run?nstances", "iam:*User*", "kms:Decrypt", "sts:*"]
RESOURCES = [
    "*",
    "arn:aws:s3:::b/k",
    "arn:aws:s3:::b/home/ann/k",
    "arn:aws:s3:::b/a:b.gz",
    f"arn:aws:iam::{HERE}:role/r",
]
RESOURCE_PATTERNS = [
    "*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/?", "arn:aws:s3:::b/home/${aws:username}/*",
    "arn:aws:s3:::b/*.gz", "arn:aws:iam::*:role/*", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'home'}/*",
    "arn:aws:s3:::b/${aws:PrincipalTag/team}/*",
]  # fmt: skip
KEYS = ["aws:SourceIp", "aws:RequestedRegion", "aws:PrincipalTag/team", "aws:CurrentTime", "aws:TagKeys", "s3:prefix"]
VALUES = ["a", "b", "", "true", "10", "10.0.0.1", "10.0.0.0/8", "2026-11-22", "arn:aws:s3:::b", "a*", "${aws:username}"]
PRINCIPALS = [USER, SESSION, ROLE, ROOT, FEDERATED, f"arn:aws:iam::{THERE}:user/x", "s3.amazonaws.com", "*"]

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def one_or_more(options: list[str]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(options), st.lists(st.sampled_from(options), min_size=1, max_size=3))


operators = st.builds(
    lambda quantifier, name, suffix: "Null" if name == "Null" else f"{quantifier}{name}{suffix}",
    st.sampled_from(["", "", "", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from([*OPERATORS, "Null"]),
    st.sampled_from(["", "", "IfExists"]),
)


@st.composite
def condition_elements(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for operator in draw(st.lists(operators, max_size=2)):
        values = ["true", "false"] if operator == "Null" else VALUES
        found[operator] = draw(st.dictionaries(st.sampled_from(KEYS), one_or_more(values), min_size=1, max_size=2))
    return found


@st.composite
def statements(draw: st.DrawFn, *, with_principal: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    found[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(one_or_more(ACTION_PATTERNS))
    found[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(one_or_more(RESOURCE_PATTERNS))
    if condition := draw(condition_elements()):
        found["Condition"] = condition
    if with_principal:
        named = draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))
        names = [USER, ROLE, SESSION, HERE, THERE, "*", FEDERATED]
        found[named] = draw(st.one_of(st.just("*"), st.builds(lambda names: {"AWS": names}, one_or_more(names))))
    return found


def documents(*, with_principal: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda found, version: document(*found, version=version),
        st.lists(statements(with_principal=with_principal), max_size=3),
        st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]),
    )


policy_sets = st.builds(
    Policies,
    identity=st.lists(documents(), max_size=2).map(tuple),
    boundary=st.none() | documents(),
    resource=st.none() | documents(with_principal=True),
    scps=st.lists(st.lists(documents(), max_size=2).map(tuple), max_size=2).map(tuple),
    rcps=st.lists(st.lists(documents(with_principal=True), max_size=1).map(tuple), max_size=1).map(tuple),
    session=st.none() | st.lists(documents(), min_size=1, max_size=2).map(tuple),
)
contexts = st.dictionaries(
    st.sampled_from([key.lower() for key in KEYS]),
    st.one_of(st.just(UNKNOWN), st.just(ABSENT), st.lists(st.sampled_from(VALUES), min_size=1, max_size=2).map(tuple)),
)
questions = st.builds(
    lambda action, resource, by, of, context: asked(action, resource, by=by, of=of, context=context),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from(PRINCIPALS),
    st.sampled_from([HERE, THERE]),
    contexts,
)


def changed(question: Asked, **fields: Any) -> Asked:
    names = ("principal", "action", "resource", "context", "account", "resource_account")
    return Asked(**({name: getattr(question, name) for name in names} | fields))


@few
@given(questions, policy_sets)
def test_every_question_is_answered_with_reasons_and_the_same_when_asked_again(
    question: Asked, policies: Policies
) -> None:
    decision = decide(question, policies)

    assert isinstance(decision, Decision)
    assert decision.because
    assert decide(question, policies) == decision == _decided(question, policies, policies.parts)


@few
@given(questions, policy_sets, st.sampled_from(["identity", "boundary", "resource", "session", "scps"]))
def test_a_deny_wins_whatever_else_there_is(question: Asked, policies: Policies, place: str) -> None:
    everything = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    no = document(everything | ({"Principal": "*"} if place == "resource" else {}))
    fields = {name: getattr(policies, name) for name in ("identity", "boundary", "resource", "scps", "session")}
    before = fields[place]
    fields[place] = {
        "identity": lambda: (*before, no),
        "boundary": lambda: no,
        "resource": lambda: no,
        "session": lambda: (*(before or ()), no),
        "scps": lambda: (*before, (no,)),
    }[place]()

    decision = decide(question, Policies(**fields))

    has_account = question.sort not in ("service", "anonymous")
    assert decision.outcome == "explicit deny" or (place == "scps" and not has_account)


@few
@given(questions, policy_sets, statements())
def test_an_allow_more_takes_nothing_away_and_a_deny_more_gives_nothing(
    question: Asked, policies: Policies, more: Mapping[str, Any]
) -> None:
    fields = {name: getattr(policies, name) for name in ("boundary", "resource", "scps", "rcps", "session")}
    before = decide(question, policies)

    allowing = decide(
        question, Policies(identity=(*policies.identity, document({**more, "Effect": "Allow"})), **fields)
    )
    denying = decide(question, Policies(identity=(*policies.identity, document({**more, "Effect": "Deny"})), **fields))

    assert allowing.is_allowed or not before.is_allowed
    assert before.is_allowed or not denying.is_allowed
    assert denying.outcome == "explicit deny" or before.outcome != "explicit deny"


@few
@given(questions, st.lists(statements(), min_size=1, max_size=3))
def test_a_statement_for_each_action_says_the_same(question: Asked, found: list[dict[str, Any]]) -> None:
    parts = []
    for one in found:
        actions = one.get("Action")
        parts.extend([{**one, "Action": each} for each in actions] if isinstance(actions, list) else [one])

    whole = decide(question, Policies(identity=(document(*found),)))
    split = decide(question, Policies(identity=(document(*parts),)))
    apart = decide(question, Policies(identity=tuple(document(part) for part in parts)))

    assert whole.outcome == split.outcome == apart.outcome


@few
@given(questions, st.lists(statements(), min_size=1, max_size=3))
def test_actions_and_condition_keys_ignore_case(question: Asked, found: list[dict[str, Any]]) -> None:
    shouted = json.loads(json.dumps(found))
    for one in shouted:
        for element in ("Action", "NotAction"):
            if element in one:
                actions = one[element]
                one[element] = actions.upper() if isinstance(actions, str) else [each.swapcase() for each in actions]
        for operator, keys in one.get("Condition", {}).items():
            one["Condition"][operator] = {key.swapcase(): values for key, values in keys.items()}

    quiet = decide(question, Policies(identity=(document(*found),)))
    loud = decide(changed(question, action=question.action.swapcase()), Policies(identity=(document(*shouted),)))

    assert quiet.outcome == loud.outcome


@settings(max_examples=100, deadline=None)
@given(questions, policy_sets, st.data())
def test_what_is_decided_without_knowing_a_value_holds_for_every_value(
    question: Asked, policies: Policies, data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from([key.lower() for key in KEYS]))
    blind = decide(changed(question, context={**question.context, key: UNKNOWN}), policies)

    for values in (ABSENT, *((value,) for value in VALUES), ("a", "b")):
        seeing = decide(changed(question, context={**question.context, key: values}), policies)
        if blind.outcome == "allowed":
            assert seeing.outcome == "allowed"
        elif blind.outcome == "explicit deny":
            assert seeing.outcome == "explicit deny"
        elif blind.outcome == "implicit deny":
            assert seeing.outcome in ("implicit deny", "explicit deny")


def naive(pattern: str, text: str) -> bool:
    """Wildcards as one would explain them."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return naive(pattern[1:], text) or (bool(text) and naive(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@settings(max_examples=300, deadline=None)
@given(st.text("ab*?.\n$", max_size=8), st.text("ab*?.\n$", max_size=8))
def test_wildcards_match_as_a_naive_matcher_does(pattern: str, text: str) -> None:
    tokens = template(pattern, with_variables=False, with_wildcards=True).parts

    assert matches(tokens, text) == naive(pattern, text)  # type: ignore[arg-type]


def test_a_pattern_of_many_wildcards_takes_no_time() -> None:
    tokens = template("*a" * 500 + "b", with_variables=False, with_wildcards=True).parts

    assert not matches(tokens, "a" * 2000)  # type: ignore[arg-type]


def by_hand(question: Asked, policies: Policies) -> str:
    """Users in their own account, documents without conditions and variables: the rules in ten lines."""

    def found(documents: Any, effect: str) -> bool:
        return any(
            one["Effect"] == effect
            and any(naive(each.lower(), question.action.lower()) for each in one["Action"])
            and any(naive(each, question.resource) for each in one["Resource"])
            for each_document in documents
            for one in each_document["Statement"]
        )

    boundary = [policies.boundary] if policies.boundary else []
    limits = [boundary] if boundary else []
    if any(found(each, "Deny") for each in (policies.identity, boundary, *policies.scps)):
        return "explicit deny"
    if all(found(each, "Allow") for each in (policies.identity, *limits, *policies.scps)):
        return "allowed"
    return "implicit deny"


plain_documents = st.builds(
    lambda found: document(*found),
    st.lists(
        st.fixed_dictionaries(
            {
                "Effect": st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
                "Action": st.lists(st.sampled_from(ACTION_PATTERNS), min_size=1, max_size=2),
                "Resource": st.lists(st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/k"]), min_size=1),
            }
        ),
        max_size=3,
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["s3:GetObject", "s3:PutObject", "ec2:RunInstances", "iam:CreateUser"]),
    st.sampled_from(["*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/home/ann/k"]),
    st.builds(
        Policies,
        identity=st.lists(plain_documents, max_size=2).map(tuple),
        boundary=st.none() | plain_documents,
        scps=st.lists(st.lists(plain_documents, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
    ),
)
def test_plain_policies_decide_as_ten_lines_by_hand_do(action: str, resource: str, policies: Policies) -> None:
    question = asked(action, resource)

    assert decide(question, policies).outcome == by_hand(question, policies)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([
                "Version", "Statement", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal",
                "Condition", "Sid", "StringLike", "Null", "AWS", "x",
            ]),
            inner | st.sampled_from(["Allow", "*", "s3:*", "2012-10-17"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(json_values, st.sampled_from(["identity", "resource", "scps"]))
def test_any_json_is_decided_or_refused_with_one_clear_error(value: Any, place: str) -> None:
    policies = {
        "identity": lambda: Policies(identity=(value,)),
        "resource": lambda: Policies(resource=value if value is not None else {}),
        "scps": lambda: Policies(scps=((value,),)),
    }[place]()

    try:
        decide(asked(), policies)
    except MalformedPolicy as error:
        refused: MalformedPolicy | None = error
    else:
        refused = None

    assert refused is None or (refused.what and refused.do)


def test_the_vocabulary_of_the_properties_reaches_every_answer() -> None:
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    no = document({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:x": "true"}}})
    found = {
        decide(asked(action, resource, by=by), Policies(identity=identity)).outcome
        for action, resource, by, identity in product(
            ACTIONS, RESOURCES, [USER, ROLE], [(everything,), (), (no, everything)]
        )
    }

    assert found == {"allowed", "implicit deny", "could not be decided"}
