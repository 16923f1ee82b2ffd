"""Whatever a document holds: no name of legacy is left in it, and it can be led back."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.names import AccountId, Ref
from migrate.rewrite import Index, Rewriter
from migrate.values import Json
from tests.plans.toys import HERE, LEGACY, PARTNER, PROD
from tests.rewriting import ECR, HOST, INDEX, SQS, SUBNET, rewritten

# Documents built from names that are known, third parties' names and any text.
NAMES = [
    f"arn:aws:iam::{LEGACY}:role/app", f"arn:aws:sqs:{HERE}:{LEGACY}:orders", f"{SQS}/{LEGACY}/orders", LEGACY,
    "arn:aws:s3:::shop-uploads/*", "s3://shop-uploads/k", f"{LEGACY}.{ECR}/shop:v1", f"arn:aws:iam::{LEGACY}:root",
    f"arn:aws:logs:{HERE}:{LEGACY}:log-group:/app/web:*", SUBNET, HOST, "shop-uploads",
]  # fmt: skip
OTHERS = ["arn:aws:iam::aws:policy/ReadOnlyAccess", f"arn:aws:iam::{PARTNER}:role/app", PARTNER, "☃", "{", '"', ""]
TEXTS = st.lists(st.sampled_from([*NAMES, *OTHERS]), min_size=1, max_size=4).map(" ".join)
DOCUMENTS = st.recursive(
    TEXTS | st.none() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["Resource", "Value", "env", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(DOCUMENTS)
def test_no_document_of_known_names_keeps_a_legacy_id_and_rewriting_it_again_changes_nothing(document: Json) -> None:
    out = rewritten(document)
    assert out.problems == []
    text = json.dumps(out.value)
    for step in set(re.findall(r'\{"\$after": \["[^"]*"', text)):
        text = text.replace(step, "")  # a placeholder names its step by the legacy resource
    assert not any(name in text for name in (LEGACY, SUBNET, HOST))
    again = rewritten(out.value)
    assert again.value == out.value
    assert again.problems == []


PREDICTABLE = st.recursive(
    st.lists(st.sampled_from([name for name in NAMES if name not in (SUBNET, HOST)]), min_size=1, max_size=3).map(
        " ".join
    ),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


def inverse() -> Index:
    """Target → legacy, made from the index itself."""
    back = Index(AccountId(PROD))
    for text, known in INDEX.known.items():
        target = known.targets.get(AccountId(PROD))
        if isinstance(target, str):
            back.add(target, type(known)(Ref(*known.ref), known.sort, {AccountId(LEGACY): text}))
    return back


@settings(deadline=None)
@given(PREDICTABLE)
def test_the_inverse_name_map_restores_the_document(document: Json) -> None:
    there = rewritten(document).value
    assert Rewriter(inverse(), AccountId(LEGACY))(there).value == document
