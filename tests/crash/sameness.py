"""Whether two inventories show the same things, whatever ids AWS gave: each id is replaced by what it stands for.

The rule: a thing is its facts and the things it names, never its id; two equal things are counted as two.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

_GIVEN = re.compile(
    r"\b[a-z]{2,12}-[0-9a-f]{8}(?:[0-9a-f]{9})?\b"  # EC2: vpc-0a1b…, eipalloc-…
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?:db|cluster)-[A-Z0-9]{26}\b"
    r"|\b[0-9a-f]{16}\b"  # load balancers and their parts
    r"|\bA(?:ROA|IDA|NPA|GPA|IPA)[A-Z0-9]{17}\b"
)
_DRAWN = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?!/)"  # addresses
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|(?<=:secret:)[^\"]+-[A-Za-z0-9]{6}(?=\")"
    r"|\b[a-z0-9]{12}(?=\.eu-west-1\.rds\.)"
    r"|-\d{9,10}(?=\.eu-west-1\.elb\.)"
)
ROUNDS = 4


def things(lines: Iterable[dict[str, Any]], *, without: tuple[str, ...] = ()) -> Counter[str]:
    """Each resource of an inventory in words without ids, and how often it is there."""
    texts: dict[str, str] = {}
    for line in lines:
        resource = line.get("resource") or line["gap"]
        resource = {key: value for key, value in resource.items() if key not in ("size_bytes", "said")}
        if str(resource.get("ref", "")).split("/")[2:3] in [[kind] for kind in without]:
            continue
        texts[str(resource.get("ref", json.dumps(resource)))] = json.dumps(resource, sort_keys=True)
    names = {_name(ref): ref for ref in texts if _GIVEN.fullmatch(_name(ref))}
    labels = dict.fromkeys(texts, "")
    for _ in range(ROUNDS):
        shown = {ref: _shown(text, names, labels) for ref, text in texts.items()}
        labels = {ref: hashlib.sha256(text.encode()).hexdigest()[:10] for ref, text in shown.items()}
    return Counter(_shown(text, names, labels) for text in texts.values())


def _name(ref: str) -> str:
    return ref.split("/", 3)[-1]


def _shown(text: str, names: dict[str, str], labels: dict[str, str]) -> str:
    def stands_for(match: re.Match[str]) -> str:
        ref = names.get(match[0])
        return f"<{labels[ref]}>" if ref else f"<{match[0].partition('-')[0] if match[0][0].islower() else 'id'}>"

    # What no resource carries is drawn by chance; hexadecimal of another account is a name of legacy.
    return _DRAWN.sub("<drawn>", _GIVEN.sub(stands_for, text))


def differences(one: Counter[str], other: Counter[str]) -> list[str]:
    """What is only on one side, shortened."""
    gone = [f"- {count} × {text[:1500]}" for text, count in sorted((one - other).items())]
    return gone + [f"+ {count} × {text[:1500]}" for text, count in sorted((other - one).items())]
