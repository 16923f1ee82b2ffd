"""The command line: verbs only. The rule: every heavy import is inside its verb, so that help answers at once."""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from migrate import __version__
from migrate.cli_groups import add_groups
from migrate.cli_reports import add_reports
from migrate.errors import MigrateError, UsageError
from migrate.out import Out

FOLDER = click.Path(path_type=Path, file_okay=False)


class Verbs(click.Group):
    """Verbs in the order in which a migration uses them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Not sorted: the order of the story."""
        return list(self.commands)

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **named: Any) -> click.Context:
        """As click does it, but for the exit code."""
        words = list(args)
        with _wrong_command_line(words):
            made = super().make_context(info_name, args, *more, **named)
        made.meta["migrate.words"] = words
        return made

    def invoke(self, ctx: click.Context) -> Any:
        """As click does it, but for the exit code."""
        with _wrong_command_line(ctx.meta["migrate.words"]):
            return super().invoke(ctx)


@contextmanager
def _wrong_command_line(words: list[str]) -> Iterator[None]:
    """A wrong command line ends with 64, not with click's 2: that means that differences exist."""
    try:
        yield
    except click.UsageError as error:
        if error.exit_code == UsageError.exit_code:
            raise  # The group inside has said it.
        error.exit_code = UsageError.exit_code  # type: ignore[misc]  # click reads it from the error
        do = f"{error.ctx.command_path if error.ctx else 'migrate'} --help"
        what = {"error": "UsageError", "what": error.format_message(), "do": do, "exit": error.exit_code}
        Out("--json" in words).end(what)
        raise


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="migrate")
def main() -> None:
    """Move a company out of its single AWS account, step by step, with proof and a way back.

    \b
    init → doctor → scan → graph → plan → review → approve → run → verify; rollback from anywhere.
    Nothing is written to AWS before `run`. See it whole without an account: migrate demo run
    """


def verb(
    *params: Callable[[Any], Any], folder: bool = True, of: click.Group = main
) -> Callable[[Callable[..., Any]], click.Command]:
    """A verb: --json, the folder argument, errors said once and the exit codes kept."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        @wraps(function)
        def guarded(**arguments: Any) -> None:
            out = Out(arguments.pop("as_json"))
            sys.exit(_guarded(out, function, arguments))

        command: Any = guarded
        if folder:
            command = click.argument("folder", type=FOLDER, default=Path())(command)
        for param in reversed(params):
            command = param(command)
        command = click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")(command)
        made = of.command(function.__name__.removesuffix("_"))(command)
        made.help = function.__doc__
        return made

    return wrap


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _guarded(out: Out, function: Callable[..., Any], arguments: dict[str, Any]) -> int:
    try:
        code = int(function(out, **arguments) or 0)
        out.end()
        return code
    except MigrateError as error:
        out.say(f"error: {error}")
        out.end({"error": type(error).__name__, "what": error.what, "do": error.do, "exit": error.exit_code})
        return error.exit_code
    except KeyboardInterrupt:
        out.say("interrupted; what was done is in the journal, run again to go on")
        out.end({"error": "Interrupted", "what": "interrupted", "do": "run again to go on", "exit": 130})
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno not in NO_ROOM:
            return _defect(out, error)
        what = f"{error.filename or 'a file'} cannot be written: {error.strerror}"
        out.say(f"error: {what}\n  do: make room on its disk, then type the same again: it goes on")
        out.end({"error": "FileError", "what": what, "do": "make room on its disk", "exit": 1})
        return 1
    except Exception as error:  # noqa: BLE001 — the last door: a person gets one clear line, never a traceback
        return _defect(out, error)


def _defect(out: Out, error: Exception) -> int:
    import os
    import traceback

    if os.environ.get("MIGRATE_TRACEBACK"):
        traceback.print_exception(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    what = f"a defect of this product: {type(error).__name__} at {where}: {error}"
    do = "what was done is in the journal; set MIGRATE_TRACEBACK=1 for the whole story, and report it"
    out.say(f"error: {what}\n  do: {do}")
    out.end({"error": "Defect", "what": what, "do": do, "exit": 1})
    return 1


option = click.option


def flag(name: str, help_text: str) -> Callable[[Any], Any]:
    """An option that is there or not."""
    return click.option(name, is_flag=True, help=help_text)


@verb(
    flag("--defaults", "Ask nothing; leave what must be filled in marked."),
    option("--legacy", metavar="ACCOUNT", help="The account that everything is in today."),
    option("--region", "regions", multiple=True, help="A region in use; may be repeated."),
    option("--target", "targets", multiple=True, metavar="ALIAS=ACCOUNT", help="A target account; may be repeated."),
    option("--role", default="OrganizationAccountAccessRole", show_default=True, help="Role assumed in the targets."),
    option("--name", help="Name of the migration."),
)
def init(out: Out, **arguments: Any) -> Any:
    """Write migration.yaml from a few questions, or from the options with --defaults."""
    from migrate.verbs.beginning import init as act

    return act(out, **arguments)


@verb()
def doctor(out: Out, folder: Path) -> Any:
    """Who am I, can I get in everywhere, what is missing; each with its fix. Reads only."""
    from migrate.verbs.beginning import doctor as act

    return act(out, folder)


@verb(
    flag("--strict", "Exit 6 where the scan has gaps."),
    option("--workers", default=32, show_default=True, type=click.IntRange(1, 64), help="Calls in flight."),
    option("--account", help="Scan this target (alias) instead of legacy, for comparing before and after."),
)
def scan(out: Out, folder: Path, strict: bool, workers: int, account: str | None) -> Any:
    """Catalogue the legacy account: every kind, every region asked for. Reads metadata only, by construction."""
    from migrate.verbs.beginning import scan as act

    return act(out, folder, strict=strict, workers=workers, account=account)


@verb(
    option("--as", "form", type=click.Choice(["text", "svg", "html", "mermaid", "dot", "json"]), default="text"),
    option("--why", nargs=2, metavar="A B", help="Why A needs B: the chain of edges with their evidence."),
    option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write there instead of stdout."),
)
def graph(out: Out, folder: Path, form: str, why: tuple[str, str] | None, output: Path | None) -> Any:
    """The dependency graph: waves, cut-over groups, cycles, dangling references. Calls nothing."""
    from migrate.verbs.planning import graph as act

    return act(out, folder, form=form, why=why, output=output)


@verb(option("--inventory", type=click.Path(path_type=Path, dir_okay=False), help="This one, not the newest."))
def plan(out: Out, folder: Path, inventory: Path | None) -> Any:
    """Waves, steps, requests, gates, estimates. Calls nothing; same inputs, same digest."""
    from migrate.verbs.planning import plan as act

    return act(out, folder, inventory=inventory)


PURPOSES = ["scan", "run", "quiet", "healthy", "org", "org-members", "close", "remove", "unused"]
PLAN = option("--plan", "plan_path", type=click.Path(path_type=Path, dir_okay=False), help="This plan, not the newest.")


@verb(PLAN, flag("--markdown", "Print Markdown instead of the summary."))
def review(out: Out, folder: Path, plan_path: Path | None, markdown: bool) -> Any:
    """Write the plan as one offline HTML page and as Markdown, and print its summary."""
    from migrate.verbs.planning import review as act

    return act(out, folder, plan_path=plan_path, markdown=markdown)


@verb(
    PLAN,
    option("--by", help="Who approves; by default your login name."),
    option("--reason", default="", help="Why; kept with the approval."),
    option("--gate", metavar="ID", help="Answer this gate of the run instead of approving the plan."),
)
def approve(out: Out, folder: Path, **arguments: Any) -> Any:
    """Approve exactly this plan, by its digest; or answer a gate of its run."""
    from migrate.verbs.planning import approve as act

    return act(out, folder, **arguments)


@verb(
    PLAN,
    option("--engine", type=click.Choice(["prefect", "local"]), default="prefect", show_default=True),
    option("--workers", default=8, show_default=True, type=click.IntRange(1, 64), help="Steps at a time."),
    option("--group", metavar="REF", help="Only this resource's cut-over group."),
)
def run(out: Out, folder: Path, **arguments: Any) -> Any:
    """Run the approved plan to the next gate (exit 3); run again to go on, after a gate or a crash alike."""
    from migrate.verbs.acting import run as act

    return act(out, folder, **arguments)


@verb(PLAN)
def status(out: Out, folder: Path, plan_path: Path | None) -> Any:
    """Where the run stands, what is next, who must act. Calls nothing."""
    from migrate.verbs.acting import status as act

    return act(out, folder, plan_path=plan_path)


@verb(PLAN)
def outside(out: Out, folder: Path, plan_path: Path | None) -> Any:
    """What stands outside AWS has to change: every host, URL, bucket name and key, old and new. Calls nothing."""
    from migrate.verbs.outside import outside as act

    return act(out, folder, plan_path=plan_path)


@verb(
    PLAN,
    option("--last", metavar="24h", help="Only this long ago (m, h, d), not all since the cut-over."),
    option("--without", multiple=True, metavar="KIND", help="Leave this kind out (a pattern); may be repeated."),
)
def quiet(out: Out, folder: Path, **arguments: Any) -> Any:
    """Whether anybody still uses what was cut over: legacy's metrics since. Reads only. Exit 5: used, 6: not known."""
    from migrate.verbs.quiet import quiet as act

    return act(out, folder, **arguments)


@verb(
    PLAN,
    option("--last", metavar="30m", help="Only this long ago (m, h, d), not all since the cut-over."),
    option("--without", multiple=True, metavar="NAME", help="Leave this one out (a pattern); may be repeated."),
)
def healthy(out: Out, folder: Path, **arguments: Any) -> Any:
    """Whether the targets' load balancers answer as well as legacy's did. Reads only. Exit 5: worse, 6: not known."""
    from migrate.verbs.healthy import healthy as act

    return act(out, folder, **arguments)


@verb(
    flag("--write", "Add the proposal to migration.yaml; what stands there stays."),
    flag("--welcome", "Write an ~/.aws/config and a page for each person into the folder."),
    option("--inventory", type=click.Path(path_type=Path, dir_okay=False), help="This one, not the newest."),
)
def people(out: Out, folder: Path, **arguments: Any) -> Any:
    """Who the IAM users are, what they become in the organisation, what each keeps, loses and gains. Calls nothing."""
    from migrate.verbs.people import people as act

    return act(out, folder, **arguments)


@verb(PLAN)
def verify(out: Out, folder: Path, plan_path: Path | None) -> Any:
    """Prove again, from fresh reads of both sides, everything the run claims. Exit 5 where they differ."""
    from migrate.verbs.acting import verify as act

    return act(out, folder, plan_path=plan_path)


@verb(
    PLAN,
    option("--to", "to_wave", type=click.IntRange(0), help="Undo every wave after this one; 0 undoes everything."),
    option("--step", "steps", multiple=True, metavar="ID", help="Undo this step and what depends on it."),
    option("--confirm", metavar="ID", help="Act: the id that the listing printed."),
    option("--losing", "losing_id", metavar="ID", help="Act although rows would be lost: the listing's other id."),
    option("--by", help="Who says that they may be lost; by default your login name."),
    option("--workers", default=8, show_default=True, type=click.IntRange(1, 64)),
)
def rollback(out: Out, folder: Path, **arguments: Any) -> Any:
    """Undo from the journal, newest first. Prints what it would do; acts with --confirm."""
    from migrate.verbs.acting import rollback as act

    return act(out, folder, **arguments)


@verb(
    click.argument("left", type=click.Path(path_type=Path, dir_okay=False)),
    click.argument("right", type=click.Path(path_type=Path, dir_okay=False), required=False),
    flag("--detailed-exitcode", "Exit 2 where they differ."),
    folder=False,
)
def diff(out: Out, left: Path, right: Path | None, detailed_exitcode: bool) -> Any:
    """Two inventories, or two plans; or one inventory against the account as it is (reads)."""
    from migrate.verbs.planning import diff as act

    return act(out, left, right, detailed_exitcode=detailed_exitcode)


@verb(
    option("--for", "purpose", type=click.Choice(PURPOSES), default="scan", show_default=True),
    PLAN,
    option("--account", "alias", help="With --for run: this account alone; `legacy` for legacy."),
)
def policy(out: Out, purpose: str, folder: Path, plan_path: Path | None, alias: str | None) -> Any:
    """The IAM policy of a verb; for `run` what the plan needs in each account, proofs and the way back included."""
    from migrate.verbs.telling import policy as act

    return act(out, purpose, folder, plan_path, alias)


@verb(click.argument("word", required=False), folder=False)
def explain(out: Out, word: str | None) -> Any:
    """Explain a kind, a kind.action, a class (R2, D1), an exit code, or list what can be explained."""
    from migrate.verbs.telling import explain as act

    return act(out, word)


@verb(click.argument("what", type=click.Choice(["config", "runbook"]), default="config"), folder=False)
def schema(out: Out, what: str) -> Any:
    """The JSON schema of migration.yaml, or the fields of a runbook."""
    from migrate.verbs.telling import schema as act

    return act(out, what)


@verb(
    click.argument("what", type=click.Choice(["run", "up", "env", "down", "status", "slow", "pass"]), default="run"),
    option("--home", type=FOLDER, default=Path(".demo"), show_default=True, help="Where the embedded world lives."),
    flag("--keep", "Leave the world up after `run`."),
    option("--minutes", default=60, show_default=True, type=click.IntRange(1), help="How far `pass` moves its clock."),
    folder=False,
)
def demo(out: Out, what: str, home: Path, keep: bool, minutes: int) -> Any:
    """The whole story on an embedded AWS and a real PostgreSQL; needs no account. What is simulated says so.

    slow: from now on its databases, tables, gateways and certificates take their time, by the world's own clock. pass:
    that clock jumps.
    """
    from migrate.demo.verbs import act

    return act(out, what, home, keep=keep, minutes=minutes)


@verb(click.argument("shell", type=click.Choice(["bash", "zsh", "fish"])), folder=False)
def completion(out: Out, shell: str) -> Any:
    """The completion script for a shell."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is not None:
        out.result(made(main, {}, "migrate", "_MIGRATE_COMPLETE").source())


add_groups(main, verb, PLAN)
add_reports(main, verb)


@verb(folder=False)
def version(out: Out) -> Any:
    """The version."""
    out.result(__version__, {"version": __version__})
