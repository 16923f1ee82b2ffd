"""Who outside of legacy may send to a queue, topic or bus that moves: what they have to change, and what happens until
they do.

The rule: a policy is read as it stands. Who might be anybody is called anybody, and nothing in legacy is said to
forward: no service of AWS does so by itself.
"""

import json
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from migrate.inventory import Inventory, Resource
from migrate.kind import Kind
from migrate.kinds._documents import DEAD, listed, statements
from migrate.names import AccountId, Arn, Ref
from migrate.sites import Place
from migrate.values import Json, shown

SENDS = {"sqs.queue": "sqs:SendMessage", "sns.topic": "sns:Publish", "events.event_bus": "events:PutEvents"}
"""Kind → the action with which somebody sends to it."""
_BY_ACCOUNT = ("aws:sourceaccount", "aws:principalaccount", "aws:sourceowner", "sns:sourceowner")
_BY_ARN = ("aws:sourcearn", "aws:principalarn")
_BY_ORGANISATION = ("aws:principalorgid", "aws:sourceorgid", "aws:principalorgpaths", "aws:sourceorgpaths")
_BOUNDS = re.compile(r"(?:ForAnyValue:)?(?:String(?:Equals|EqualsIgnoreCase|Like)|Arn(?:Equals|Like))", re.IGNORECASE)
"""Operators that let in what they name and nothing else. Source: IAM guide, condition operators, read 2026-11."""
_NUMBER = re.compile(r"[0-9]{12}")


class Senders(NamedTuple):
    """One queue, topic or bus with those outside who may send to it."""

    resource: Resource
    who: tuple[str, ...]
    """As the policy says it: accounts, ARNs, organisations, or `anybody`."""
    accounts: tuple[str, ...]
    """Their accounts, where every one of them is known. Empty: it may be others too."""


class Told(NamedTuple):
    """What somebody has to know about one of them in one target."""

    ref: Ref
    who: tuple[str, ...]
    to: str
    prove: str
    meanwhile: str

    def sentence(self) -> str:
        """All of it, as the plan says it."""
        return (
            f"{', '.join(self.who)} may send to {self.ref}: they go on sending to legacy until they send to {self.to} "
            f"instead, whose policy lets them in as the old one's did. What still arrives at the old one stays in "
            f"legacy until somebody carries it: nothing forwards it. They have changed when {self.prove}. Meanwhile, "
            f"if you want it: {self.meanwhile}"
        )


def outside_senders(inventory: Inventory) -> Iterator[Senders]:
    """Each queue, topic and bus whose policy lets somebody send who is not of legacy, in the order of the inventory."""
    buckets = {one.ref.name for one in inventory.of("s3.bucket")}
    for resource in inventory.resources:
        sends = SENDS.get(resource.ref.kind)
        policy = resource.facts.get("policy") if sends else None
        who: dict[str, str] = {}
        for statement in statements(policy) if policy else ():
            if statement.get("Effect") == "Allow" and _is_about(statement, str(sends)):
                who |= _strangers(statement, inventory.account, buckets)
        if who:
            accounts = tuple(sorted(set(who.values())))
            yield Senders(resource, tuple(sorted(who)), () if "" in accounts else accounts)


def findings(
    inventory: Inventory, kinds: Mapping[str, Kind[Any]], places: Callable[[Ref], Sequence[Place]],
    made: Collection[tuple[Ref, AccountId]], aliases: Mapping[AccountId, str],
) -> Iterator[str]:  # fmt: skip
    """A sentence for each that moves, and for each account that it goes to."""
    for one in outside_senders(inventory):
        resource = one.resource
        for place in places(resource.ref):
            if (resource.ref, place.account) in made:
                kind = kinds[resource.ref.kind]
                new = {name: target for name, target, _ in kind.names(kind.typed(resource), place)}
                texts = {name: target if isinstance(target, str) else shown(target) for name, target in new.items()}
                yield told(one, texts, place.account, aliases[place.account]).sentence()


def told(one: Senders, texts: Mapping[str, str], account: AccountId, alias: str) -> Told:
    """What to say of it. `texts`: what each of its names in legacy becomes in that account."""
    resource = one.resource
    arn = texts.get(resource.arn, resource.arn)
    url = str(resource.facts.get("url", ""))
    by_kind = {"sqs.queue": _queue, "sns.topic": _topic, "events.event_bus": _bus}
    to, prove, meanwhile = by_kind[resource.ref.kind](one, arn, texts.get(url, url), account, alias)
    return Told(resource.ref, one.who, to, prove, meanwhile)


def _queue(one: Senders, arn: str, url: str, account: AccountId, alias: str) -> tuple[str, str, str]:
    old = str(one.resource.facts["url"])
    return (
        f"{url} ({arn})",
        "the old queue's NumberOfMessagesSent stays 0, which `migrate quiet` reads",
        f"in legacy `aws sqs receive-message --queue-url {old} --max-number-of-messages 10 --attribute-names All "
        f"--message-attribute-names All`, in {alias} `aws sqs send-message --queue-url {url} --message-body BODY` for "
        f"each, and only then in legacy `aws sqs delete-message --queue-url {old} --receipt-handle HANDLE`. Where a "
        f"topic of theirs sends, its owner subscribes the new queue beside the old one: `aws sns subscribe --topic-arn "
        f"THEIRS --protocol sqs --notification-endpoint {arn}`",
    )


def _topic(one: Senders, arn: str, _: str, account: AccountId, alias: str) -> tuple[str, str, str]:
    # A topic has no topic among its subscribers. Whoever owns the queue subscribes it without a confirmation, once the
    # topic lets that account subscribe. Source: SNS guide, "Sending Amazon SNS messages to an Amazon SQS queue in a
    # different account", read 2026-11.
    old, is_fifo = one.resource.arn, one.resource.ref.name.endswith(".fifo")
    queue, made = _late_queue(arn, "sns.amazonaws.com", old, is_fifo=is_fifo)
    raw = "--attributes RawMessageDelivery=true"
    return (
        arn,
        "the old topic's NumberOfMessagesPublished stays 0, which `migrate quiet` reads",
        f"in legacy `aws sns add-permission --topic-arn {old} --label migrate-late --aws-account-id {account} "
        f"--action-name Subscribe`; in {alias} `{made}`, then `aws sns subscribe --topic-arn {old} --protocol sqs "
        f"--notification-endpoint {queue} {raw}`; what comes there goes on with `aws sns publish --topic-arn {arn} "
        "--message BODY`. Take the queue, the subscription and the permission away afterwards",
    )


def _bus(one: Senders, arn: str, _: str, account: AccountId, alias: str) -> tuple[str, str, str]:
    # "If a receiver account sets up a rule that sends events received from a sender account on to a third account,
    # these events are not sent to the third account": a rule with the new bus as target would stay silent. Source:
    # EventBridge guide, "Sending and receiving events between AWS accounts", read 2026-11.
    resource, name = one.resource, one.resource.ref.name
    own = str(resource.ref.account)
    pattern = json.dumps({"account": list(one.accounts) or [{"anything-but": [own]}]})
    rule = f"{_plain(name)}-late"
    rule_arn = f"{resource.arn.rsplit(':', 1)[0]}:rule/{'' if name == 'default' else f'{name}/'}{rule}"
    queue, made = _late_queue(resource.arn, "events.amazonaws.com", rule_arn)
    where = f"--event-bus-name {shlex.quote(name)}"
    return (
        arn,
        f"the rule `{rule}` below matches nothing any more (AWS/Events TriggeredRules): no metric counts what a bus "
        "gets, so `migrate quiet` cannot say it",
        f"the sender adds the new bus as a second target of its own rule, or puts each event into both. A rule on the "
        "old bus that sends to the new one stays silent: AWS does not send what came from one account on to a third. "
        f"What comes can be kept in legacy: `{made}`, `aws events put-rule --name {rule} {where} --event-pattern "
        f"{shlex.quote(pattern)}`, `aws events put-targets --rule {rule} {where} --targets Id=late,Arn={queue}`; each "
        f"goes on with `aws events put-events` in {alias}, whose account then stands in it as the sender",
    )


def _late_queue(beside: str, service: str, source: str, *, is_fifo: bool = False) -> tuple[str, str]:
    """ARN of a queue beside something, and the command that makes it: this one source may send to it."""
    arn = Arn.parse(beside)
    place = (arn.partition, "sqs", arn.region, arn.account) if arn else ("aws", "sqs", "REGION", "ACCOUNT")
    name = f"{_plain(beside.rpartition(':')[2].removesuffix('.fifo'))}-late{'.fifo' if is_fifo else ''}"
    queue = ":".join(("arn", *place, name))
    statement = {
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    attributes = {"Policy": policy, "MessageRetentionPeriod": "1209600"} | ({"FifoQueue": "true"} if is_fifo else {})
    return queue, f"aws sqs create-queue --queue-name {name} --attributes {shlex.quote(json.dumps(attributes))}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)[:60]


def _is_about(statement: Mapping[str, Json], action: str) -> bool:
    if "NotAction" in statement:
        return not any(_names(one, action) for one in listed(statement["NotAction"]))
    return any(_names(one, action) for one in listed(statement.get("Action")))


def _names(pattern: Json, action: str) -> bool:
    # IAM's patterns have no brackets, fnmatch's do.
    return fnmatchcase(action.lower(), str(pattern).lower().replace("[", "[[]"))


def _strangers(statement: Mapping[str, Json], own: AccountId, buckets: Collection[str]) -> dict[str, str]:
    """Who is let in and is not of the account → their account, or "" where it may be any."""
    bounds = _bounds(statement.get("Condition") or {}, own, buckets)
    if any(not one for one in bounds):
        return {}  # one of the conditions lets in none but the account's own
    principal = statement.get("Principal")
    if "NotPrincipal" in statement or principal == "*":
        return bounds[0] if bounds else {"anybody": ""}
    found: dict[str, str] = {}
    for sort, names in principal.items() if isinstance(principal, Mapping) else ():
        for name in map(str, listed(names)):
            if sort != "Service" and name != "*":
                account = _account(name)
                if account != own and not DEAD.fullmatch(name):
                    found[name] = account
            elif bounds:
                found |= {f"{name} for {one}" if sort == "Service" else one: whose for one, whose in bounds[0].items()}
            else:
                found[f"{name} for any account" if sort == "Service" else "anybody"] = ""
    return found


def _bounds(conditions: Mapping[str, Json], own: AccountId, buckets: Collection[str]) -> list[dict[str, str]]:
    """Of each condition that says whose something is: the strangers among them; what names accounts comes first."""
    found: list[tuple[int, dict[str, str]]] = []
    for operator, keys in conditions.items():
        for key, values in keys.items() if _BOUNDS.fullmatch(operator) else ():
            texts = [str(one) for one in listed(values)]
            folded = key.lower()
            if folded in _BY_ACCOUNT:
                found.append((0, {one: one if _NUMBER.fullmatch(one) else "" for one in texts if one != own}))
            elif folded in _BY_ARN:
                found.append((1, {one: _account(one) for one in texts if not _is_own(one, own, buckets)}))
            elif folded in _BY_ORGANISATION:
                found.append((2, {f"the organisation {one}": "" for one in texts}))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _account(name: str) -> str:
    """The account of an id or an ARN; empty where it has none or any."""
    arn = Arn.parse(name)
    account = arn.account if arn else name
    return account if _NUMBER.fullmatch(account) else ""


def _is_own(name: str, own: AccountId, buckets: Collection[str]) -> bool:
    """Whether an ARN, or a pattern of one, is the account's own. A bucket's has no account: it is known by its name."""
    arn = Arn.parse(name)
    if arn is None or arn.service != "s3":
        return _account(name) == own
    pattern = arn.resource.replace("[", "[[]")
    return arn.account == own or any(fnmatchcase(bucket, pattern) for bucket in buckets)
