"""Compares what the readers found: legacy against target, content against content.

Rule: each check returns the differences in words, and says so too when there was nothing to compare.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Side = dict[str, Any]
LEGACY_ACCOUNT = "111111111111"
PARTNER_ACCOUNT = "999988887777"
SHOWN = 5
# Attributes of a queue that its move must keep as they are.
QUEUE_SETTINGS = (
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "MaximumMessageSize",
    "ReceiveMessageWaitTimeSeconds",
)


def rows_equal(legacy: Side, target: Side, names: Mapping[str, str] | None = None) -> list[str]:
    """Compare every table's rows, columns and definitions; `names` maps legacy instance to target instance."""
    found: list[str] = [] if legacy["databases"] else ["legacy has no database: nothing was compared"]
    for name, before in legacy["databases"].items():
        after = target["databases"].get((names or {}).get(name, name))
        if after is None:
            found.append(f"{name}: not in {target['account']}")
            continue
        unreadable = [side["unreadable"] for side in (before, after) if "unreadable" in side]
        if unreadable:
            found += [f"{name}: could not be read: {reason}" for reason in unreadable]
            continue
        if not any(table["rows"] for table in before["tables"].values()):
            found.append(f"{name}: legacy has no rows: nothing was compared")
        found += _maps(f"{name}: definition", before["definitions"], after["definitions"])
        found += _keys(f"{name}: table", before["tables"], after["tables"])
        for table in sorted(before["tables"].keys() & after["tables"].keys()):
            found += _table(f"{name}: {table}", before["tables"][table], after["tables"][table])
    return found


def _table(label: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    found = [] if before["columns"] == after["columns"] else [f"{label}: columns differ"]
    lost = Counter(before["rows"]) - Counter(after["rows"])
    gained = Counter(after["rows"]) - Counter(before["rows"])
    if lost or gained:
        first = next(iter(lost or gained))
        found.append(f"{label}: {lost.total()} rows missing, {gained.total()} rows too many, first {first[:80]!r}")
    return found


def sequences_ahead(legacy: Side, target: Side, names: Mapping[str, str] | None = None) -> list[str]:
    """Say which sequence of the target would give a number that legacy gave already or that a table holds."""
    found: list[str] = []
    compared = 0
    for name, before in legacy["databases"].items():
        after = target["databases"].get((names or {}).get(name, name), {})
        for sequence, old in before.get("sequences", {}).items():
            new = after.get("sequences", {}).get(sequence)
            compared += 1
            if new is None:
                found.append(f"{name}: sequence {sequence} is missing")
                continue
            if new["increment"] != old["increment"]:
                found.append(f"{name}: sequence {sequence} steps by {new['increment']}, not {old['increment']}")
            # Falling sequences are compared upside down.
            sign = 1 if old["increment"] > 0 else -1
            if sign * _next(new) < sign * _next(old):
                found.append(f"{name}: sequence {sequence} would give {_next(new)}, legacy would give {_next(old)}")
            highest = new["highest_in_table"]
            if highest is not None and sign * _next(new) <= sign * highest:
                found.append(f"{name}: sequence {sequence} would give {_next(new)}, the table holds {highest}")
    return found if compared else ["legacy has no sequence: nothing was compared"]


def _next(sequence: dict[str, Any]) -> int:
    return int(sequence["last_value"]) + (int(sequence["increment"]) if sequence["is_called"] else 0)


def objects_equal(legacy: Side, target: Side, buckets: Mapping[str, str]) -> list[str]:
    """Compare every version of every object; `buckets` maps legacy bucket to target bucket."""
    found: list[str] = [] if buckets else ["no bucket was named: nothing was compared"]
    for old, new in buckets.items():
        before, after = legacy["buckets"].get(old), target["buckets"].get(new)
        if before is None or after is None:
            found.append(f"{old}: not in legacy" if before is None else f"{old}: no {new} in {target['account']}")
            continue
        if before["versioning"] != after["versioning"]:
            found.append(f"{old}: versioning is {after['versioning']}, was {before['versioning']}")
        found += _keys(f"{old}: object", before["history"], after["history"])
        for key in sorted(before["history"].keys() & after["history"].keys()):
            found += _versions(f"{old}/{key}", before["history"][key], after["history"][key])
    return found


def _versions(label: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for what in ("versions", "markers"):
        if len(before[what]) != len(after[what]):
            found.append(f"{label}: {len(after[what])} {what}, were {len(before[what])}")
    if found:
        return found
    for number, (old, new) in enumerate(zip(before["markers"], after["markers"], strict=True)):
        # Places are ranges: S3 does not say which of two things of the same second came first.
        if old[0] > new[1] or new[0] > old[1]:
            found.append(f"{label}: delete marker {number} has {new} newer versions, had {old}")
    found += [
        f"{label}: version {number} (0 is the newest): {part} differs"
        for number, (old, new) in enumerate(zip(before["versions"], after["versions"], strict=True))
        for part in sorted(old.keys() | new.keys())
        if old.get(part) != new.get(part)
    ]
    return found


def images_equal(legacy: Side, target: Side, repositories: Iterable[str] | None = None) -> list[str]:
    """Compare digests, tags and the bytes of manifests and layers, in the named repositories or in all."""
    wanted = sorted(legacy["images"] if repositories is None else repositories)
    found: list[str] = [] if wanted else ["no repository: nothing was compared"]
    for name in wanted:
        before, after = legacy["images"].get(name, {}), target["images"].get(name)
        if not before or after is None:
            found.append(f"{name}: no images in legacy" if not before else f"{name}: not in {target['account']}")
            continue
        found += _keys(f"{name}: image", before, after)
        for digest in sorted(before.keys() & after.keys()):
            image, label = after[digest], f"{name}@{digest[:19]}"
            if image["tags"] != before[digest]["tags"]:
                found.append(f"{label}: tags {image['tags']}, were {before[digest]['tags']}")
            if image["manifest"] != digest:
                found.append(f"{label}: the manifest's sha256 is {image['manifest'][:19]}")
            found += _keys(f"{label}: layer", before[digest]["layers"], image["layers"])
            found += [
                f"{label}: layer {layer[:19]} has the sha256 {content[:19]}"
                for layer, content in image["layers"].items()
                if layer != content
            ]
    return found


def code_equal(legacy: Side, target: Side) -> list[str]:
    """Compare the bytes of every function's package and every layer, under unchanged names."""
    found: list[str] = [] if legacy["functions"] else ["legacy has no function: nothing was compared"]
    for what in ("functions", "layers"):
        found += _maps(what.removesuffix("s"), legacy[what], target[what])
    return found


def queues_equal(legacy: Side, target: Side, names: Iterable[str]) -> list[str]:
    """Compare the settings of the named queues, and that a dead-letter queue is still one."""
    wanted = list(names)
    found: list[str] = [] if wanted else ["no queue was named: nothing was compared"]
    for name in wanted:
        before, after = legacy["queues"].get(name), target["queues"].get(name)
        if before is None or after is None:
            found.append(f"{name}: not in {'legacy' if before is None else target['account']}")
            continue
        found += [
            f"{name}: {setting} is {after.get(setting)}, was {before.get(setting)}"
            for setting in QUEUE_SETTINGS
            if before.get(setting) != after.get(setting)
        ]
        redrive = (before.get("RedrivePolicy") or "").replace(legacy["account"], target["account"])
        if _tokens(redrive, target["account"]) != _tokens(after.get("RedrivePolicy") or "", target["account"]):
            found.append(f"{name}: RedrivePolicy differs")
    return found


def legacy_id_residue(target: Side, legacy_account: str = LEGACY_ACCOUNT) -> list[str]:
    """List every document of a target in which the legacy account's id still stands, with its surroundings."""
    found: list[str] = [] if target["documents"] else ["the target has no document: nothing was searched"]
    for path, text in sorted(target["documents"].items()):
        for hit in re.finditer(legacy_account, text):
            found.append(f"{path}: …{text[max(0, hit.start() - 40) : hit.end() + 40]}…")
    return found


def partner_untouched(legacy: Side, target: Side, partner: str = PARTNER_ACCOUNT) -> list[str]:
    """Say where a third party's name was changed, lost, or given to another account."""
    found: list[str] = []
    compared = 0
    for path, text in sorted(legacy["documents"].items()):
        tokens = _tokens(text, partner)
        if not tokens:
            continue
        if path in target["documents"]:
            compared += 1
            after = _tokens(target["documents"][path], partner)
            if after != tokens:
                found.append(f"{path}: names of {partner} were {sorted(tokens)}, are {sorted(after)}")
        for token in tokens:
            # The partner's queue in any account but the partner's: somebody rewrote what was not theirs.
            if token.startswith("arn:") and not token.endswith(":root") and token.count(partner) == 1:
                forged = re.compile(re.escape(token).replace(partner, rf"(?!{partner})\d{{12}}"))
                found += [
                    f"{other}: {hit.group()} was {token}"
                    for other, content in sorted(target["documents"].items())
                    for hit in forged.finditer(content)
                ]
    return found if compared else [*found, f"no document of both sides names {partner}: nothing was compared"]


def aws_owned_untouched(legacy: Side, target: Side) -> list[str]:
    """Say where a name that AWS owns (arn:aws:iam::aws:policy/…) was changed or lost."""
    pattern = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:aws:[^\"\s,\\\]]+")
    found: list[str] = []
    compared = 0
    for path in sorted(legacy["documents"].keys() & target["documents"].keys()):
        before = Counter(pattern.findall(legacy["documents"][path]))
        after = Counter(pattern.findall(target["documents"][path]))
        compared += bool(before)
        if before != after:
            found.append(f"{path}: names of AWS were {sorted(before)}, are {sorted(after)}")
    return found if compared else [*found, "no document of both sides names anything of AWS: nothing was compared"]


def _tokens(text: str, account: str) -> Counter[str]:
    """Every word that contains an account id, as often as it stands there."""
    return Counter(re.findall(rf"[^\"\s,\\\[\]{{}}]*{account}[^\"\s,\\\[\]{{}}]*", text))


def _keys(label: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for word, names in (("missing", before.keys() - after.keys()), ("too many", after.keys() - before.keys())):
        listed = sorted(names)
        found += [f"{label} {name}: {word}" for name in listed[:SHOWN]]
        if len(listed) > SHOWN:
            found.append(f"{label}: {len(listed) - SHOWN} more {word}")
    return found


def _maps(label: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        *_keys(label, before, after),
        *(f"{label} {name}: differs" for name in sorted(before.keys() & after.keys()) if before[name] != after[name]),
    ]
