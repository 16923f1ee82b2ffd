"""Whom a copy could still speak to: other accounts, hosts of third parties, mailboxes. For people, before it is made.

The rule: what is copied as it stands and leads out of the account is told. Nothing here decides; nothing is changed.
"""

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.values import Json

_ACCOUNT = re.compile(r"\barn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}):")
_ONLY_ACCOUNT = re.compile(r"[0-9]{12}")
_QUEUE_URL = re.compile(r"https://sqs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/([0-9]{12})/")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)+)", re.I)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?::[0-9]+)?", re.I)
_MAIL = re.compile(r"[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.I)
_AWS = re.compile(r"(?:^|\.)(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|internal|local|localhost|aws\.dev)$", re.I)
_SENDERS = {
    "ses:sendemail": "e-mails", "ses:sendrawemail": "e-mails", "sns:publish": "text messages",
    "mobiletargeting:sendmessages": "messages to customers",
}  # fmt: skip
_SETTINGS = frozenset({"ecs.task_definition", "lambda.function", "ssm.parameter"})
_SETTING = re.compile(r"environment|\.value$", re.I)
"""Where a text is a program's setting: a bare host name there is somewhere that it calls."""


def findings(resources: Iterable[Resource], legacy: str, account: str) -> Iterator[str]:
    """A line for each thing outside that the copy would know, with who knows it."""
    found: dict[str, set[str]] = defaultdict(set)
    for resource in resources:
        known = f"{resource.ref.kind} {resource.ref.name}"
        for where, text in texts(resource.facts):
            is_setting = resource.ref.kind in _SETTINGS and _SETTING.search(where) is not None
            for what in _outside(text, {legacy, account}, is_setting=is_setting):
                found[what].add(known)
        for statement in statements(resource.facts):
            for what in _sends(statement):
                found[what].add(known)
    for what, who in sorted(found.items()):
        yield f"{what}: {', '.join(sorted(who))}"


def texts(value: Json, where: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a document with the names of what it lies in."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, where)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, f"{where}.{key}")


def statements(value: Json) -> Iterator[dict[str, Any]]:
    """Every policy statement in a document that allows something."""
    if isinstance(value, list):
        for item in value:
            yield from statements(item)
    elif isinstance(value, dict):
        if value.get("Effect") == "Allow":
            yield value
        for item in value.values():
            yield from statements(item)


def _outside(text: str, own: set[str], *, is_setting: bool) -> Iterator[str]:
    ids = {*_ACCOUNT.findall(text), *_QUEUE_URL.findall(text), *([text] if _ONLY_ACCOUNT.fullmatch(text) else ())}
    for other in sorted(ids - own):
        yield f"the account {other} is named as in the original"
    hosts = set(_URL.findall(text))
    if is_setting:
        hosts |= {part for part in re.split(r"[,;\s]+", text) if _HOST.fullmatch(part)}
        for address in _MAIL.findall(text):
            yield f"the mailbox {address} is named as in the original"
    for host in sorted({host.partition(":")[0].lower() for host in hosts}):
        if not _AWS.search(host) and not re.fullmatch(r"[0-9.]+", host):
            yield f"{host} would be called as by the original"


def _sends(statement: dict[str, Any]) -> Iterator[str]:
    if "Resource" not in statement:
        return
    said = statement.get("Action", [])
    allowed = [one.lower() for one in ([said] if isinstance(said, str) else said)]
    resources = statement["Resource"]
    anything = "*" in ([resources] if isinstance(resources, str) else resources)
    for action, what in _SENDERS.items():
        # To a topic of its own it may publish; a telephone number is no resource, only `*` allows it.
        if any(fnmatch.fnmatchcase(action, one) for one in allowed) and (anything or not action.startswith("sns:")):
            yield (
                f"it may send {what} ({action}): the account's own sandbox holds that back until somebody asks AWS for "
                "production access"
            )
