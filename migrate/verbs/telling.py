"""policy, explain, schema: what the product knows about itself, from the same data that it acts by."""

import json
from pathlib import Path
from typing import Any

from migrate import permissions
from migrate.errors import MigrateError, UsageError
from migrate.kind import Action, CarryAction, Kind
from migrate.kinds import every_kind
from migrate.migration import Migration
from migrate.names import AccountId
from migrate.out import Out
from migrate.review import DOWN, UNDO
from migrate.runbook import PHASES
from migrate.values import Json

EXIT_CODES = {
    0: "done",
    1: "error",
    2: "differences exist (only with --detailed-exitcode)",
    3: "stopped at a gate: a person is needed",
    4: "plan stale, tampered with or not approved; nothing was written",
    5: "verification failed: the sides differ, each difference is named",
    6: "incomplete: gaps under --strict, or failures tolerated",
    64: "usage: the command line or a file's name",
    130: "interrupted; the journal knows what was done, run again to go on",
}


def policy(out: Out, purpose: str, folder: Path, plan_path: Path | None, alias: str | None) -> int:
    """The IAM policy of a verb's role: what its kinds declare, or for `run` what one plan sends, and nothing else."""
    if purpose == "run":
        return _policies_of_run(out, folder, plan_path, alias)
    title = "".join(word.capitalize() for word in f"migrate-{purpose}".split("-"))
    document = _document(title, purpose)
    size = permissions.size(document)
    if size > permissions.MANAGED:
        fits = "as a role's inline policy" if size <= permissions.INLINE else "only in parts"
        most = f"more than a managed policy takes ({permissions.MANAGED})"
        out.say(f"{size} characters: {most}; it fits {fits} ({permissions.INLINE})")
    out.result(json.dumps(document, indent=1), document)
    return 0


def _document(title: str, purpose: str) -> dict[str, Any]:
    """The document of all operations; what is allowed on one thing only has a statement of its own."""
    from migrate.organisation.permissions import NARROW

    rest, statements = set(_operations(purpose)), list[Any]()
    for resource, narrow in NARROW.get(purpose, {}).items():
        for one in permissions.of_operations(f"{title}Only", rest & narrow)["Statement"] if rest & narrow else ():
            statements.append(one | {"Sid": f"{title}Only{len(statements) + 1}", "Resource": resource})
        rest -= narrow
    document = permissions.of_operations(title, rest)
    return document | {"Statement": [*document["Statement"], *statements]}


def _policies_of_run(out: Out, folder: Path, plan_path: Path | None, alias: str | None) -> int:
    migration = Migration(folder)
    plan = migration.plan(plan_path)
    needed = permissions.of_run(plan, migration.kinds)
    accounts = {"legacy": plan.legacy, **{name: AccountId(text) for name, text in plan.body["targets"].items()}}
    if alias is not None and alias not in accounts:
        raise UsageError(f"no account is called {alias!r}", do=f"one of {', '.join(accounts)}")
    found: dict[str, list[Json]] = {}
    for name, account in accounts.items():
        if account in needed and alias in (None, name):
            found[name] = needed[account].documents()
            many = len(found[name])
            too_many = f", more than a role takes by default ({permissions.ATTACHED})"
            said = "" if many <= permissions.ATTACHED else too_many
            out.say(f"{name} {account}: {many} polic{'y' if many == 1 else 'ies'}{said}")
    out.say("AWS may check further actions for some calls: one that is denied names what it missed.")
    out.result(json.dumps(found, indent=1), found)
    return 0


def _operations(purpose: str) -> set[str]:
    """What the verb may send."""
    from migrate import health, quiet
    from migrate.organisation import permissions as of_organisation
    from migrate.people import permissions as of_people
    from migrate.scan import GET_RESOURCES
    from migrate.unhandled import PROBES
    from migrate.unhandled.sizes import reads
    from migrate.verbs.refused import LOOKUP

    if purpose == "scan":
        listed = {GET_RESOURCES, "iam.ListAccountAliases"}.union(*map(reads, PROBES))
        return listed.union(*(kind.reads for kind in every_kind().values()))
    if purpose in ("quiet", "healthy"):
        return set(quiet.READS) if purpose == "quiet" else {*health.READS, LOOKUP}
    by_purpose = {
        "close": of_people.of_closing, "remove": of_people.of_removing, "unused": of_people.of_unused,
        "org": of_organisation.of_management, "org-members": of_organisation.of_members,
    }  # fmt: skip
    return set(by_purpose[purpose]())


def explain(out: Out, word: str | None) -> int:
    """Explain one word, or list the words."""
    from migrate.organisation.kinds import wanted_kinds

    wanted = wanted_kinds()
    kinds = every_kind() | wanted
    if word is None:
        lines = [
            f"{kind.name:36} {kind.title}{'' if kind.actions else ' (reported, not moved)'}"
            for kind in every_kind().values()
        ]
        lines += ["", "of the organisation (migrate org), wanted and not found:"]
        lines += [f"{kind.name:36} {kind.title}" for kind in wanted.values()]
        lines += ["", "classes: " + ", ".join([*UNDO, *DOWN]), "exit codes: " + ", ".join(map(str, EXIT_CODES))]
        out.result("\n".join(lines), {"kinds": list(kinds), "classes": UNDO | DOWN, "exit_codes": EXIT_CODES})
        return 0
    if word in kinds:
        text = _kind(kinds[word])
    elif word.rpartition(".")[0] in kinds:
        kind = kinds[word.rpartition(".")[0]]
        try:
            text = _action(kind, kind.action(word.rpartition(".")[2]))
        except KeyError:
            raise UsageError(
                f"{kind.name} has no action {word.rpartition('.')[2]!r}", do=f"migrate explain {kind.name}"
            ) from None
    elif word in UNDO:
        text = f"{word}, the way back: {UNDO[word]}"
    elif word in DOWN:
        text = f"{word}, downtime: {DOWN[word]}"
    elif word.isdigit() and int(word) in EXIT_CODES:
        text = f"exit code {word}: {EXIT_CODES[int(word)]}"
    elif word in PHASES:
        text = f"phase {word}: {_PHASE[word]}"
    else:
        raise UsageError(f"nothing here is called {word!r}", do="migrate explain lists the words")
    out.result(text, {"word": word, "text": text})
    return 0


_PHASE = {
    "build": "made beside legacy, without downtime",
    "freeze": "legacy's writers and triggers stop",
    "data": "copied while nothing writes, and what can only be made from it",
    "cutover": "the target's triggers and services start",
    "close": "what stood only for the time of the move goes: temporary bridges to legacy",
}


def _kind(kind: Kind) -> str:  # type: ignore[type-arg]
    lines = [f"{kind.name}: {kind.title}", (type(kind).__doc__ or "").strip(), ""]
    lines += [f"facts ({(kind.facts.__doc__ or '').strip()}):"]
    lines += [f"  {name}{' (may differ)' if name in kind.volatile else ''}" for name in kind.facts.model_fields]
    lines += ["actions:"] + [f"  {kind.name}.{action.name}: {action.title} ({action.phase})" for action in kind.actions]
    if not kind.actions:
        lines.append(f"  none: {kind.manual or 'reported only'}")
    return "\n".join([*lines, "reads: " + ", ".join(sorted(kind.reads))])


def _action(kind: Kind, action: Action) -> str:  # type: ignore[type-arg]
    lines = [f"{kind.name}.{action.name}: {action.title}", (type(action).__doc__ or "").strip()]
    lines += [f"phase {action.phase}: {_PHASE[action.phase]}"]
    lines += [
        f"downtime {action.downtime}: {DOWN[action.downtime]}",
        f"way back {action.undo_class}: {UNDO[action.undo_class]}",
    ]
    if isinstance(action, CarryAction):
        lines.append("carries content; may write: " + (", ".join(sorted(action.writes)) or "nothing"))
    return "\n".join(lines)


def schema(out: Out, what: str) -> int:
    """The JSON schema of migration.yaml, or of a runbook in words."""
    from migrate.config import Config

    if what == "config":
        document = Config.model_json_schema(by_alias=True)
    elif what == "runbook":
        document = {
            "schema": "migrate.runbook/1",
            "steps": [
                {"id": "text", "do": "kind.action, a list of them, or all.<phase>", "timeout": "12h"},
                {"id": "text", "ask": "a question", "approvers": 1, "within": "24h", "before": "a line"},
            ],
            "phases": list(PHASES),
        }
    else:
        raise MigrateError(f"no schema is called {what}")
    out.result(json.dumps(document, indent=1), document)
    return 0
