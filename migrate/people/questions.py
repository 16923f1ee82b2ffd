"""What is asked about each person in each account, before and after: drawn from their own policies, and a fixed list.

The rule: a question names the same thing on both sides, by its old and by its new name; it stands for a class (an
action that a pattern covers), so the answer to it is an answer about the pattern.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from migrate.names import AccountId
from migrate.people.permission_sets import Persona
from migrate.people.statements import Statement, pattern, statements_of
from migrate.people.tailoring import Ground
from migrate.rewrite import Rewritten
from migrate.values import Json, resolve

DANGEROUS: Mapping[str, str] = {
    "account:CloseAccount": "",
    "cloudtrail:StopLogging": "",
    "cloudformation:DeleteStack": "cloudformation.stack",
    "dynamodb:DeleteTable": "dynamodb.table",
    "ec2:AuthorizeSecurityGroupIngress": "ec2.security_group",
    "ec2:TerminateInstances": "ec2.instance",
    "ecs:UpdateService": "ecs.service",
    "iam:AttachRolePolicy": "iam.role",
    "iam:AttachUserPolicy": "",
    "iam:CreateAccessKey": "",
    "iam:CreatePolicyVersion": "iam.policy",
    "iam:CreateRole": "",
    "iam:CreateUser": "",
    "iam:PassRole": "iam.role",
    "iam:PutRolePolicy": "iam.role",
    "iam:UpdateAssumeRolePolicy": "iam.role",
    "kms:Decrypt": "kms.key",
    "kms:ScheduleKeyDeletion": "kms.key",
    "lambda:UpdateFunctionCode": "lambda.function",
    "organizations:CreateAccount": "",
    "organizations:LeaveOrganization": "",
    "rds:DeleteDBInstance": "rds.instance",
    "s3:DeleteBucket": "s3.bucket",
    "s3:PutBucketPolicy": "s3.bucket",
    "secretsmanager:GetSecretValue": "secretsmanager.secret",
    "ssm:GetParameter": "ssm.parameter",
    "sts:AssumeRole": "iam.role",
}
"""Actions that are asked about in any case → the kind whose things they are asked of; empty: of `*`."""

OF_EACH_KIND = 2
"""How many things of a kind a dangerous action is asked of in an account."""
OF_EACH_PATTERN = 3
"""How many known things or actions stand for a pattern, besides a made-up one."""
OF_AWS = 40
"""How many actions of a policy that AWS keeps are asked about: it is the same document on both sides."""

_MADE_UP = "Anything"


class Question(NamedTuple):
    """One action on one thing, as it is called before and after."""

    action: str
    before: str
    after: str


@dataclass
class Corpus:
    """The actions that any policy names exactly: they stand for the patterns of all."""

    actions: Sequence[str]

    @classmethod
    def of(cls, statements: Iterable[Statement]) -> "Corpus":
        """Of these statements, and the dangerous ones."""
        named = {action for each in statements for action in _actions(each)}
        return cls(sorted({action for action in named if not _is_pattern(action)} | set(DANGEROUS)))

    def for_(self, action: str) -> list[str]:
        """Concrete actions that stand for one element of a statement."""
        if not _is_pattern(action):
            return [action]
        made = re.sub(r"[*?]+", _MADE_UP, action)
        if ":" not in made:
            made = f"ec2:{made}"
        matches = pattern(action, any_case=True).fullmatch
        return [made, *[one for one in self.actions if matches(one)][:OF_EACH_PATTERN]]


def questions(
    persona: Persona,
    account: AccountId,
    rewrite: Callable[[Json], Rewritten],
    ground: Ground,
    corpus: Corpus,
) -> tuple[Question, ...]:
    """Every question about one persona in one account, without repeats, sorted."""
    asked: set[Question] = set()
    bounds = statements_of(persona.boundary_document, "the boundary") if persona.boundary_document else ()
    for statement in (*persona.statements(), *bounds):
        pairs = list(_resources(statement, account, rewrite, ground))
        is_open = "*" in statement.resources or bool(statement.not_resources)
        for action in _actions(statement):
            for one in corpus.for_(action):
                asked.update(Question(one, *pair) for pair in pairs)
                things = ground.things(account, one.partition(":")[0].lower())[:OF_EACH_KIND] if is_open else ()
                asked.update(Question(one, arn, after) for arn in things if (after := renamed(arn, rewrite, ground)))
    for held in persona.policies:
        if held.is_kept_by_aws and held.document is not None:
            actions = [a for each in statements_of(held.document, str(held)) for a in _actions(each)]
            asked.update(Question(corpus.for_(action)[0], "*", "*") for action in _spread(sorted(set(actions))))
    for action, kind in DANGEROUS.items():
        for arn in ground.things(account, kind)[:OF_EACH_KIND] if kind else ("*",):
            if after := renamed(arn, rewrite, ground):
                asked.add(Question(action, arn, after))
    return tuple(sorted(asked))


def questions_of_set(
    documents: Iterable[Mapping[str, Json]],
    of_aws: Iterable[Mapping[str, Json]],
    account: AccountId,
    legacy: AccountId,
    named: Sequence[tuple[str, str]],
    corpus: Corpus,
) -> tuple[Question, ...]:
    """Questions drawn from a permission set itself, so that what a person added to it is asked about as well.

    `named`: old and new ARN of everything that goes to the account. What names nothing of it is asked of a made-up
    thing, which in the old account has the same name.
    """
    asked: set[Question] = set()
    old_names = {new: old for old, new in named}
    for statement in [one for document in documents for one in statements_of(document, "a permission set")]:
        pairs: list[tuple[str, str]] = []
        for text in statement.resources + statement.not_resources:
            if text == "*":
                pairs.append(("*", "*"))
            elif "${" not in text:
                matches = pattern(text).fullmatch
                met = [pair for pair in named if matches(pair[1])][:OF_EACH_PATTERN]
                made = _made_up(text)
                before = _as_before(made, old_names) or made.replace(account, legacy)
                pairs += met if met and not _is_pattern(text) else [*met, (before, made)]
        for action in _actions(statement):
            asked.update(Question(one, *pair) for one in corpus.for_(action) for pair in pairs)
    for document in of_aws:
        actions = {action for one in statements_of(document, "a policy of AWS") for action in _actions(one)}
        asked.update(Question(corpus.for_(action)[0], "*", "*") for action in _spread(sorted(actions)))
    return tuple(sorted(asked))


def _as_before(made: str, old_names: Mapping[str, str]) -> str:
    """The old name of a thing that lies in one that goes to the account (an object, an item); empty where in none.

    A bucket's ARN holds no account id: its objects are told by its name alone.
    """
    ends = [match.start() for match in re.finditer("[/:]", made)]
    return next((old_names[made[:end]] + made[end:] for end in reversed(ends) if made[:end] in old_names), "")


def _resources(
    statement: Statement, account: AccountId, rewrite: Callable[[Json], Rewritten], ground: Ground
) -> Iterator[tuple[str, str]]:
    for text in statement.resources + statement.not_resources:
        if text == "*":
            yield "*", "*"
            continue
        if "${" in text:
            continue
        matches = pattern(text).fullmatch
        known = [arn for arn, _, accounts in ground.matching(text) if account in accounts and matches(arn)]
        pairs = [(arn, renamed(arn, rewrite, ground)) for arn in known[:OF_EACH_PATTERN]]
        if not known or _is_pattern(text):
            out = rewrite(text)
            where = frozenset(account for ref in out.mentions for account in ground.goes_to(ref))
            where = where or ground.accounts_of(text)
            if not out.stays and (not where or account in where):
                pairs.append((_made_up(text), _made_up(renamed(text, rewrite, ground))))
        yield from ((before, after) for before, after in pairs if after)


@lru_cache(64)
def _spread_of(texts: tuple[str, ...]) -> tuple[str, ...]:
    step = max(1, -(-len(texts) // OF_AWS))
    return texts[::step]


def _spread(texts: list[str]) -> tuple[str, ...]:
    """Some of them, evenly."""
    return _spread_of(tuple(texts))


def renamed(text: str, rewrite: Callable[[Json], Rewritten], ground: Ground) -> str:
    """The text in the account's names; what AWS has not named yet stands under its old name; empty: it does not go."""
    if text == "*":
        return text
    out = rewrite(text)
    if out.stays:
        return ""
    try:
        value = resolve(out.value, ground.known)
    except KeyError:
        return ""
    return value if isinstance(value, str) else ""


def _actions(statement: Statement) -> tuple[str, ...]:
    return statement.actions + statement.not_actions


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _made_up(text: str) -> str:
    return re.sub(r"[*?]+", _MADE_UP, text)
