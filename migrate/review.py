"""A plan for people: one offline HTML page, Markdown, terminal; and the approval that is bound to its digest.

The rule: page one says what could hurt — refusals, gaps, downtime, changes in legacy, what is not moved — before
anything else, and nothing on the page comes from anywhere but the plan file.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from migrate import estimate, files
from migrate.ciphertext import UNSEEN
from migrate.errors import PlanRefused, StaleError
from migrate.inventory import Inventory
from migrate.names import Ref, typed
from migrate.pictures import Cell, short_label, svg
from migrate.plan import Plan
from migrate.steps import PlannedRequest, Step
from migrate.values import Json, shown

UNDO = {
    "R0": "delete what was made in the target",
    "R1": "as R0, and put legacy's own setting back",
    "R2": "switch back, nothing is lost",
    "R3": "switch back; what the target wrote since is lost",
    "R4": "cannot be undone",
}
DOWN = {
    "D0": "none, built beside",
    "D1": "seconds",
    "D2": "minutes: writers stand still",
    "D3": "grows with the data",
    "D4": "days of lead time, people elsewhere",
}


@dataclass(frozen=True)
class Page:
    """What the templates show, computed once."""

    plan: Plan
    facts: Mapping[str, Any]


def look(plan: Plan, inventory: Inventory) -> Page:
    """Everything a reader needs, from the plan and its inventory."""
    aliases = {account: alias for alias, account in plan.body["targets"].items()}
    names = {ref: r.tags["Name"] for ref, r in inventory.by_ref.items() if r.tags.get("Name")}
    steps = list(plan.steps.values())
    waves: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        waves[step.wave].append(step)
    gates = defaultdict(list)
    for gate in plan.gates:
        gates[gate.after_wave].append(gate)
    return Page(
        plan,
        {
            "digest": plan.digest,
            "body": plan.body,
            "aliases": aliases,
            "waves": [
                {"number": number, "gates": gates.get(number - 1, []), "steps": [_step(s, aliases) for s in those]}
                for number, those in sorted(waves.items())
            ],
            "last_gates": [g for g in plan.gates if g.after_wave >= plan.waves],
            "picture": svg(_cells(steps, aliases, names)) if steps else "",
            "called": {str(ref): name for ref, name in names.items()},
            "waived": _waived(plan.body["waived"]),
            "downtime": _downtime(plan, aliases),
            "seconds": sum(int(step.estimate.get("seconds") or 0) for step in steps),
            "cost": _cost(plan, inventory, aliases),
            "undo": UNDO,
            "down": DOWN,
            "counts_by_account": _by_account(steps, aliases),
            "basis": estimate.UNCALIBRATED,
            "irreversible": [step.id for step in steps if step.undo_class == "R4"],
            "unseen": UNSEEN,
            "gap_groups": _gap_groups(plan.body["gaps"]),
        },
    )


def as_html(page: Page) -> str:
    """One page, no network, every text escaped."""
    return _templates(True).get_template("review.html.j2").render(page.facts)


def as_markdown(page: Page) -> str:
    """The same for a pull request."""
    return _templates(False).get_template("review.md.j2").render(page.facts)


def write(page: Page, folder: Path) -> tuple[Path, Path]:
    """Write the page and its Markdown beside the plan."""
    stem = page.plan.path.name.removesuffix(".plan.json") if page.plan.path else page.plan.digest[:8]
    html_path, md_path = folder / f"{stem}.plan.html", folder / f"{stem}.plan.md"
    files.put(html_path, as_html(page).encode())
    files.put(md_path, as_markdown(page).encode())
    return html_path, md_path


def approve(folder: Path, plan: Plan, *, by: str, reason: str) -> files.Written:
    """Bind an approval to the plan's digest.

    Raises PlanRefused where the plan has refusals: nothing is written then.
    """
    _refuse(plan)
    body = {"plan": plan.digest, "by": by, "reason": reason, "migration": plan.migration}
    return files.write(folder, "approval.json", files.APPROVAL, body)


def approval_of(folder: Path, plan: Plan) -> files.Written:
    """The approval of exactly this plan. Raises StaleError where there is none, PlanRefused where there cannot be."""
    _refuse(plan)
    found = [files.read(path, files.APPROVAL) for path in sorted(folder.glob("*.approval.json"))]
    for approval in reversed(found):
        if approval.body.get("plan") == plan.digest:
            return approval
    last = f"the last one is for plan {str(found[-1].body.get('plan'))[:8]}" if found else "there is no approval"
    raise StaleError(
        f"plan {plan.digest[:8]} is not approved: {last}",
        do=f"migrate review {typed(folder)} && migrate approve {typed(folder)}",
    )


def _refuse(plan: Plan) -> None:
    if plan.refusals:
        first = plan.refusals[0]
        raise PlanRefused(
            f"plan {plan.digest[:8]} has {len(plan.refusals)} refusals, the first: {first['what']}", do=first["do"]
        )


def _templates(escape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("migrate"),
        autoescape=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"minutes": _minutes, "one_line": _one_line, "pretty": _pretty}
    return environment


def _step(step: Step, aliases: Mapping[str, str]) -> dict[str, Any]:
    return {
        "step": step,
        "alias": aliases.get(step.account, step.account),
        "requests": [_request(request, aliases) for request in step.requests],
        "carry": None if step.carry is None else _pretty(shown(step.carry)),
    }


def _request(request: PlannedRequest, aliases: Mapping[str, str]) -> dict[str, Any]:
    return {
        "account": aliases.get(request.account, "legacy"),
        "operation": request.operation,
        "params": _pretty(shown(request.params)),
        "undo": None if request.undo is None else request.undo.operation,
        "undo_params": None if request.undo is None else _pretty(shown(request.undo.params)),
    }


def _cells(steps: list[Step], aliases: Mapping[str, str], called: Mapping[Ref, str]) -> list[Cell]:
    cells: dict[str, Cell] = {}
    for step in steps:
        base = step.id.rpartition(":")[0]
        if base not in cells:
            label = short_label(f"{step.ref.kind.split('.')[-1]} {called.get(step.ref) or step.name}")
            hint = f"{step.ref} → {aliases.get(step.account, step.account)}"
            service = step.ref.kind.split(".")[0]
            cells[base] = Cell(base, label, hint, step.wave, aliases.get(step.account, step.account), service)
    return list(cells.values())


def _waived(waived: list[dict[str, Json]]) -> list[dict[str, Any]]:
    """What was waived, by the reason that people gave."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in waived:
        found[one["because"]].append(one["key"])
    return [{"because": because, "keys": keys} for because, keys in found.items()]


def _downtime(plan: Plan, aliases: Mapping[str, str]) -> list[dict[str, Any]]:
    """From the first step that stops something in legacy to the last that starts the target, an account each."""
    spans: dict[str, list[Step]] = defaultdict(list)
    for step in plan.steps.values():
        spans[aliases.get(step.account, step.account)].append(step)
    found = []
    for alias, steps in sorted(spans.items()):
        stops = [s.wave for s in steps if s.downtime in ("D1", "D2", "D3")]
        if not stops:
            continue
        inside = [s for s in steps if min(stops) <= s.wave <= max(stops)]
        by_wave: dict[int, int] = defaultdict(int)
        for step in inside:
            by_wave[step.wave] = max(by_wave[step.wave], int(step.estimate.get("seconds") or 0))
        worst = max(s.downtime for s in inside)
        found.append({"alias": alias, "seconds": sum(by_wave.values()), "class": worst, "steps": len(inside)})
    return found


def _cost(plan: Plan, inventory: Inventory, aliases: Mapping[str, str]) -> dict[str, Any]:
    per: dict[str, float] = defaultdict(float)
    unpriced: dict[str, int] = defaultdict(int)
    for step in plan.steps.values():
        if step.action != "create":
            continue
        resource = inventory.by_ref.get(step.ref)
        price = estimate.monthly_usd(resource) if resource else None
        if price is not None:
            per[aliases.get(step.account, step.account)] += price
        elif step.ref.kind in estimate.UNPRICED:
            unpriced[step.ref.kind] += 1
    return {
        "monthly": {alias: round(usd, 2) for alias, usd in sorted(per.items())},
        "total": round(sum(per.values()), 2),
        "unpriced": dict(sorted(unpriced.items())),
        "basis": estimate.MONEY_BASIS,
    }


def _by_account(steps: list[Step], aliases: Mapping[str, str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for step in steps:
        found[aliases.get(step.account, step.account)][step.ref.kind].add(str(step.ref))
    return {alias: {kind: len(refs) for kind, refs in sorted(kinds.items())} for alias, kinds in sorted(found.items())}


def _gap_groups(gaps: list[dict[str, Json]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[dict[str, Json]]] = defaultdict(list)
    for gap in gaps:
        found[gap["reason"], gap["kind"]].append(gap)
    return [{"reason": reason, "kind": kind, "gaps": those} for (reason, kind), those in sorted(found.items())]


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _pretty(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def _one_line(text: Any) -> str:
    """For Markdown tables and lists: no line breaks, no cell marks, no raw HTML, no links or images."""
    plain = "".join(letter if letter.isprintable() else " " for letter in str(text)).replace("`", "'")
    return re.sub(r"[\\|\[\]]", r"\\\g<0>", plain.replace("&", "&amp;").replace("<", "&lt;"))
