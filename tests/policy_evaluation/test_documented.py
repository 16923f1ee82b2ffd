"""Policies from AWS's public documentation evaluate as their pages say.

A case is data in `documented/*.yaml`: the page, the policies, and questions with their answers. In a case:
`identity`, `boundary`, `resource`, `session` as in Policies; `scp`, `rcp`: attached to the account, FullAWSAccess at
the root and beside it; without `identity` the principal is an administrator. A question: `ask` (action and resource),
`by` (else the user ann of 123456789012), `of` (the resource's account, else the principal's), `with` (context: one
value, a list, or an empty list for a key that is absent), `answer`. Version is 2012-10-17 where none stands.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from migrate.policy_evaluation import FULL_AWS_ACCESS, Asked, Policies, decide

FOLDER = Path(__file__).parent / "documented"
ANN = "arn:aws:iam::123456789012:user/ann"


def cases() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        for case in YAML(typ="safe", pure=True).load(path.read_text()):
            found.append(pytest.param(case, id=f"{path.stem}: {case['page']}"))
    return found


def versioned(document: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", **document}


def policies(case: Mapping[str, Any]) -> Policies:
    def levels(sort: str) -> tuple[tuple[Any, ...], ...]:
        if sort not in case:
            return ()
        full = (FULL_AWS_ACCESS,) if sort == "scp" else ()
        return (full, (*full, versioned(case[sort])))

    return Policies(
        identity=tuple(map(versioned, case["identity"])) if "identity" in case else (FULL_AWS_ACCESS,),
        boundary=versioned(case["boundary"]) if "boundary" in case else None,
        resource=versioned(case["resource"]) if "resource" in case else None,
        scps=levels("scp"),
        rcps=levels("rcp"),
        session=tuple(map(versioned, case["session"])) if "session" in case else None,
    )


def question(ask: Mapping[str, Any]) -> Asked:
    action, resource = ask["ask"].split(" ", 1)
    principal = ask.get("by", ANN)
    found = re.match(r"arn:aws:(?:iam|sts)::(\d{12}):", principal)
    account = found[1] if found and "provider/" not in principal else ""
    context = {key: tuple(value) if isinstance(value, list) else (value,) for key, value in ask.get("with", {}).items()}
    return Asked(principal, action, resource, context, account, ask.get("of", account or "123456789012"))


@pytest.mark.parametrize("case", cases())
def test_a_documented_policy_evaluates_as_its_page_says(case: Mapping[str, Any]) -> None:
    answers = [(ask["ask"], ask.get("with"), decide(question(ask), policies(case))) for ask in case["asks"]]

    wrong = [
        f"{what} {context}: {decision.outcome}, not {ask['answer']} ({decision.because})"
        for ask, (what, context, decision) in zip(case["asks"], answers, strict=True)
        if decision.outcome != ask["answer"]
    ]
    assert not wrong
    assert all(decision.because for _, _, decision in answers)


def test_at_least_fifty_documents_and_every_kind_of_policy_are_among_them() -> None:
    found = [param.values[0] for param in cases()]

    assert sum(len(case.get("identity", ())) or 1 for case in found) >= 50
    assert len({case["page"] for case in found}) == len(found) >= 50
    assert {"identity", "boundary", "resource", "scp", "rcp", "session"} <= {key for case in found for key in case}
    assert {ask["answer"] for case in found for ask in case["asks"]} == {
        "allowed", "explicit deny", "implicit deny", "could not be decided",
    }  # fmt: skip
