"""`migrate close`: the verbs on the old account's users. The rule: the same words mean the same as without `close`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from migrate.out import Out

option = click.option
PLAN = option("--plan", "plan_path", type=click.Path(path_type=Path, dir_okay=False), help="This plan, not the newest.")
WORKERS = option("--workers", default=8, show_default=True, type=click.IntRange(1, 64), help="Steps at a time.")


def add_closing(main: click.Group, verb: Callable[..., Callable[[Callable[..., Any]], click.Command]]) -> None:
    """Add the group and its verbs to the command line."""

    @main.group(cls=type(main))
    def close() -> None:
        """The old account's IAM users: keys set inactive, everything denied, and opened again by a rollback.

        \b
        plan → review → approve → run → verify; rollback from anywhere. Only with identities.quarantine: true.
        """

    @verb(of=close)
    def close_plan(out: Out, folder: Path) -> Any:
        """Plan who is closed and how. Calls nothing."""
        from migrate.verbs.closing import plan as act

        return act(out, folder)

    @verb(PLAN, option("--markdown", is_flag=True, help="Print Markdown instead of the summary."), of=close)
    def close_review(out: Out, folder: Path, **arguments: Any) -> Any:
        """Write the plan as one offline HTML page and as Markdown, and print its summary."""
        from migrate.verbs.closing import review as act

        return act(out, folder, **arguments)

    @verb(
        PLAN,
        option("--by", help="Who approves; by default your login name."),
        option("--reason", default="", help="Why; kept with the approval."),
        option("--gate", metavar="ID", help="Answer this gate of the run instead of approving the plan."),
        of=close,
    )
    def close_approve(out: Out, folder: Path, **arguments: Any) -> Any:
        """Approve exactly this plan, by its digest; or answer a gate of its run."""
        from migrate.verbs.closing import approve as act

        return act(out, folder, **arguments)

    @verb(
        PLAN,
        option("--engine", type=click.Choice(["prefect", "local"]), default="prefect", show_default=True),
        WORKERS,
        of=close,
    )
    def close_run(out: Out, folder: Path, **arguments: Any) -> Any:
        """Run the approved plan to the next gate (exit 3); run again to go on."""
        from migrate.verbs.closing import run as act

        return act(out, folder, group=None, **arguments)

    @verb(PLAN, of=close)
    def close_status(out: Out, folder: Path, plan_path: Path | None) -> Any:
        """Where the run stands, what is next, who must act. Calls nothing."""
        from migrate.verbs.closing import status as act

        return act(out, folder, plan_path=plan_path)

    @verb(PLAN, of=close)
    def close_verify(out: Out, folder: Path, plan_path: Path | None) -> Any:
        """Prove again, by fresh reads, that the users are closed. Exit 5 where one is not."""
        from migrate.verbs.closing import verify as act

        return act(out, folder, plan_path=plan_path)

    @verb(
        PLAN,
        option("--to", "to_wave", type=click.IntRange(0), help="Undo every wave after this one; 0 undoes everything."),
        option("--step", "steps", multiple=True, metavar="ID", help="Undo this step and what depends on it."),
        option("--confirm", metavar="ID", help="Act: the id that the listing printed."),
        WORKERS,
        of=close,
    )
    def close_rollback(out: Out, folder: Path, **arguments: Any) -> Any:
        """Open the users again as they were. Prints what it would do; acts with --confirm."""
        from migrate.verbs.closing import rollback as act

        return act(out, folder, **arguments)
