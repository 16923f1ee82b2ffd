"""graph, plan, review, approve, diff: from files to files. Nothing here calls AWS, but `diff` with one file."""

import getpass
from collections.abc import Callable
from pathlib import Path

from migrate import files, pictures
from migrate import plan as planning
from migrate import review as reviewing
from migrate.errors import PlanRefused, UsageError
from migrate.graph import Edge, Graph, build
from migrate.inventory import Inventory
from migrate.migration import Migration
from migrate.names import Ref, typed
from migrate.out import Out
from migrate.placement import place
from migrate.plan import Plan


def graph(out: Out, folder: Path, *, form: str, why: tuple[str, str] | None, output: Path | None) -> int:
    """Draw the graph of the newest inventory, or explain one chain of it."""
    migration = Migration(folder)
    _, inventory = migration.inventory()
    built = build(inventory, migration.kinds)
    if why is not None:
        return _why(out, built, *(_one(built, text) for text in why))
    placed = place(built, migration.config, migration.kinds).placed
    rows = {ref: ", ".join(those.accounts) for ref, those in placed.items()}
    if form == "json" or (form == "text" and out.as_json):
        text = files.canonical(pictures.as_json(built)).decode()
    elif form == "svg":
        strong = [(str(e.ref), str(e.needs)) for e in built.edges if e.strength != "soft"]
        text = pictures.svg(pictures.cells_of_graph(built, rows), strong)
    else:
        draw = {"mermaid": pictures.mermaid, "dot": pictures.dot, "text": _text}
        text = pictures.page(built, rows) if form == "html" else draw[form](built)
    if output is None:
        out.result(text, pictures.as_json(built) if form in ("json", "text") else {"form": form, "text": text})
    else:
        files.put(output, text.encode())
        out.say(f"wrote {output}")
        out.result("", {"form": form, "output": str(output)})
    return 0


def plan(out: Out, folder: Path, *, inventory: Path | None) -> int:
    """Write the plan. Exit 1 where it is refused: the file is written, so that the reasons can be read."""
    migration = Migration(folder)
    made = planning.write(folder, migration.inputs(inventory))
    assert made.path is not None
    counts = made.body["counts"]
    copied = made.body.get("blueprint")
    if copied:
        out.say(
            f"a copy of the shape of {copied['of']} in {copied['to']} ({copied['account']}), without data: nothing "
            f"leaves {made.legacy}, and nothing there is changed"
        )
    out.say(
        f"plan {made.digest[:8]}: {counts['moved']} of {counts['resources']} resources "
        f"{'are copied, empty,' if copied else 'move'} in "
        f"{len(made.steps)} steps, {made.waves} waves, {len(made.gates)} gates, "
        f"{counts['requests']} requests; {counts['gaps']} gaps, {len(made.body['waived'])} waived"
    )
    out.result(str(made.path), {"plan": str(made.path), "digest": made.digest, "refusals": made.refusals} | counts)
    if made.refusals:
        raise refused(
            out, made, do=f"settle them in {folder}/migration.yaml, plan again", rest=f"migrate review {typed(folder)}"
        )
    out.say(f"next: migrate review {typed(folder)}")
    return 0


def refused(out: Out, made: Plan, *, do: str, rest: str = "") -> PlanRefused:
    """Say the first reasons, and where the others stand if that is told; the error to raise."""
    for refusal in made.refusals[:20]:
        out.say(f"  refused: {refusal['what']}\n    do: {refusal['do']}")
    if rest and len(made.refusals) > 20:
        out.say(f"  and {len(made.refusals) - 20} more: {rest}")
    return PlanRefused(f"the plan is refused for {len(made.refusals)} reasons", do=do)


def review(
    out: Out, folder: Path, *, plan_path: Path | None, markdown: bool, of: Callable[[Path], Migration] = Migration
) -> int:
    """Write the page and the Markdown."""
    migration = of(folder)
    found = migration.plan(plan_path)
    _, inventory = migration.inventory(found.body["inventory"])
    page = reviewing.look(found, inventory)
    html_path, md_path = reviewing.write(page, migration.folder)
    if markdown:
        out.result(reviewing.as_markdown(page))
        return 0
    summary(out, found)
    out.result(str(html_path), {"html": str(html_path), "markdown": str(md_path), "digest": found.digest})
    out.say(f"next: open it in a browser, then migrate approve {typed(folder)}")
    return 0


def summary(out: Out, found: Plan) -> None:
    """The plan on a terminal, page one first."""
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True)
    counts = found.body["counts"]
    console.print(
        f"[bold]{found.migration}[/] {found.digest[:8]}: {counts['moved']} move, {counts['reported']} reported, "
        f"{counts['gaps']} gaps, {len(found.refusals)} refusals, {len(found.body['legacy_changes'])} changes in legacy"
    )
    table = Table("wave", "steps", "what", "downtime")
    gates = {gate.after_wave: gate for gate in found.gates}
    for wave in range(1, found.waves + 1):
        if wave - 1 in gates:
            table.add_row("gate", "", gates[wave - 1].ask, "")
        steps = [step for step in found.steps.values() if step.wave == wave]
        titles: dict[str, int] = {}
        for step in steps:
            titles[f"{step.ref.kind}.{step.action}"] = titles.get(f"{step.ref.kind}.{step.action}", 0) + 1
        what = ", ".join(f"{count} {title}" for title, count in sorted(titles.items()))
        table.add_row(str(wave), str(len(steps)), what, max(step.downtime for step in steps))
    console.print(table)


def approve(
    out: Out, folder: Path, *, plan_path: Path | None, by: str | None, reason: str, gate: str | None,
    of: Callable[[Path], Migration] = Migration,
) -> int:  # fmt: skip
    """Approve the plan, or answer a gate of its run."""
    migration = of(folder)
    found = migration.plan(plan_path)
    who = by or getpass.getuser()
    if gate is not None:
        from migrate.verbs.gates import answer

        return answer(out, migration, found, gate, who, reason)
    migration.check_fresh(found)
    written = reviewing.approve(migration.folder, found, by=who, reason=reason)
    out.say(f"approved plan {found.digest[:8]} as {who}; next: migrate run {typed(folder)}")
    out.result(str(written.path), {"approval": str(written.path), "plan": found.digest, "by": who})
    return 0


def diff(out: Out, left: Path, right: Path | None, *, detailed_exitcode: bool) -> int:
    """Compare two files of the same sort, or an inventory with the account as it is."""
    if left.name.endswith(".plan.json"):
        if right is None:
            raise UsageError("a plan is compared with another plan", do="migrate diff A.plan.json B.plan.json")
        found = _plan_differences(planning.read(left), planning.read(right))
    else:
        before = files.read_inventory(left)[1]
        if right is None:
            from migrate.verbs.beginning import scan_again

            after = scan_again(out, Migration(left.parent), before)
        else:
            after = files.read_inventory(right)[1]
        found = inventory_differences(before, after)
    out.result("\n".join(found), found)
    out.say(f"{len(found)} differences")
    return 2 if found and detailed_exitcode else 0


def inventory_differences(before: Inventory, after: Inventory) -> list[str]:
    """Every difference, a line each: vanished, new, changed with the field."""
    from migrate.proving import compare

    lines = [f"- {ref} is gone" for ref in sorted(set(before.by_ref) - set(after.by_ref))]
    lines += [f"+ {ref} is new" for ref in sorted(set(after.by_ref) - set(before.by_ref))]
    for ref in sorted(set(before.by_ref) & set(after.by_ref)):
        one, two = before.by_ref[ref].as_json(), after.by_ref[ref].as_json()
        lines += [f"~ {ref}: {difference}" for difference in compare(one, two)]
    lines += [f"- gap {gap.key} ({gap.reason})" for gap in sorted(set(before.gaps) - set(after.gaps))]
    lines += [f"+ gap {gap.key} ({gap.reason})" for gap in sorted(set(after.gaps) - set(before.gaps))]
    return lines


def _plan_differences(before: Plan, after: Plan) -> list[str]:
    from migrate.proving import compare

    lines = [f"- step {step}" for step in before.steps if step not in after.steps]
    lines += [f"+ step {step}" for step in after.steps if step not in before.steps]
    for step in before.steps:
        if step in after.steps:
            one, two = before.steps[step].as_json(), after.steps[step].as_json()
            lines += [f"~ {step}: {difference}" for difference in compare(one, two)]
    return lines


def _one(built: Graph, text: str) -> Ref:
    """The resource a person means by a ref, an ARN, or the end of a ref."""
    found = [ref for ref, r in built.resources.items() if text in (str(ref), r.arn, ref.name)]
    found = found or [ref for ref in built.resources if str(ref).endswith(text)]
    if len(found) != 1:
        listed = ", ".join(map(str, sorted(found)[:6]))
        raise UsageError(
            f"{text!r} names {len(found)} resources{': ' + listed if listed else ''}",
            do="give the whole ref, as `graph` prints it",
        )
    return found[0]


def _why(out: Out, built: Graph, start: Ref, end: Ref) -> int:
    chain = built.why(start, end)
    if chain is None:
        out.result(f"{start} does not need {end}", [])
        return 0
    told = [f"{edge.ref}\n  {edge.why} {edge.needs}\n  ({edge.strength}, seen in {edge.seen_in})" for edge in chain]
    out.result("\n".join(told), [{name: str(getattr(edge, name)) for name in Edge._fields} for edge in chain])
    return 0


def _text(built: Graph) -> str:
    lines = [
        f"{len(built.resources)} resources, {len(built.edges)} edges, {max(built.waves.values(), default=0)} waves"
    ]
    for wave in sorted(set(built.waves.values())):
        lines.append(f"wave {wave}")
        lines += [f"  {ref}" for ref in sorted(built.resources) if built.waves[ref] == wave]
    for group, refs in built.members().items():
        lines.append(f"changes over together: {group}")
        lines += [f"  {ref}" for ref in refs]
    lines += [f"needs each other: {' <-> '.join(map(str, cycle))}" for cycle in built.cycles]
    lines += [f"dangling: {d.ref}: {d.seen_in}: {d.text}" for d in built.dangling]
    return "\n".join(lines)
