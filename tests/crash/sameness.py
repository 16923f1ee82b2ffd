"""Whether two inventories show the same things, whatever ids AWS gave: each id is replaced by what it stands for.

The rule: a thing is its facts and the things it names, never its id; two equal things are counted as two.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

_GIVEN = re.compile(
    r"\b([a-z]{2,12})-(?:[0-9a-f]{8}|[0-9a-f]{17})\b"  # EC2: vpc-0a1b…, eipalloc-…
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # keys, mappings, policies
    r"|\b(?:db|cluster)-[A-Z0-9]{26}\b"
    r"|(?<=/)[0-9a-f]{16}\b"  # load balancers and their parts
    r"|\bA(?:ROA|IDA|NPA|GPA|IPA)[A-Z0-9]{12,17}\b"
)
_DRAWN = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?!/)"  # addresses
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|(?<=:secret:)[\w/+=.@-]+-[A-Za-z0-9]{6}\b"
    r"|\b[a-z0-9]{12}(?=\.eu-west-1\.rds\.)"
    r"|-\d{9,10}(?=\.eu-west-1\.elb\.)"
    r"|-[0-9a-f]{8}(?=\.com\.amazonaws\.|\.execute-api\.)"
    r"|(?<=:scalable-target/)\w+"
    r"|(?<=task-definition/)(?<!\w)[\w-]+:\d+$"
    r"|(?<=:layer:)[\w-]+:\d+$"
    r"|(?<=lambda\.layer/)[\w-]+:\d+$"
)
"""What AWS draws anew for a second life: addresses, times, suffixes, and the numbers of revisions and versions."""
_REVISION = re.compile(r"(?<=[\w]):\d+$")
ROUNDS = 4


def things(lines: Iterable[dict[str, Any]]) -> Counter[str]:
    """Each resource and gap of an inventory in words without ids, and how often it is there."""
    found: dict[str, Any] = {}
    for line in lines:
        one = line.get("resource") or line["gap"]
        one = {key: value for key, value in one.items() if key not in ("size_bytes", "said")}
        found[str(one.get("ref") or json.dumps(one))] = one
    named = {ref.split("/", 3)[-1]: ref for ref in found if _GIVEN.fullmatch(ref.split("/", 3)[-1])}
    labels = dict.fromkeys(found, "")
    for _ in range(ROUNDS):
        shown = {ref: _words(one, named, labels) for ref, one in found.items()}
        labels = {ref: hashlib.sha256(text.encode()).hexdigest()[:10] for ref, text in shown.items()}
    return Counter(_words(one, named, labels) for one in found.values())


def differences(one: Counter[str], other: Counter[str]) -> list[str]:
    """What is only on one side, shortened."""
    gone = [f"- {count} × {text[:1500]}" for text, count in sorted((one - other).items())]
    return gone + [f"+ {count} × {text[:1500]}" for text, count in sorted((other - one).items())]


def _words(one: Any, named: dict[str, str], labels: dict[str, str]) -> str:
    def stands_for(match: re.Match[str]) -> str:
        ref = named.get(match[0])
        # What no resource here carries is of AWS's making, or a name that legacy's thing has.
        return f"<{labels[ref]}>" if ref else f"<{match[1] or 'id'}>"

    def said(text: str) -> str:
        text = _DRAWN.sub("<drawn>", _GIVEN.sub(stands_for, text))
        return _REVISION.sub(":<n>", text) if "ecs.task_definition/" in text or "lambda.layer/" in text else text

    return json.dumps(_each(one, said), sort_keys=True)


def _each(value: Any, said: Callable[[str], str]) -> Any:
    """The value with every text replaced; lists in one order, for AWS gives many of them in any."""
    if isinstance(value, dict):
        return {said(key): _each(item, said) for key, item in value.items()}
    if isinstance(value, list):
        items = [_each(item, said) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return said(value) if isinstance(value, str) else value
