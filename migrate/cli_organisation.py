"""`migrate org`: the verbs of the organisation. The rule: the same words mean the same as without `org`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from migrate.out import Out

option = click.option
PLAN = option("--plan", "plan_path", type=click.Path(path_type=Path, dir_okay=False), help="This plan, not the newest.")
# Organizations takes one change at a time and refuses others for a moment: more workers only wait for each other.
WORKERS = option("--workers", default=5, show_default=True, type=click.IntRange(1, 64), help="Steps at a time.")


def add_organisation(main: click.Group, verb: Callable[..., Callable[[Callable[..., Any]], click.Command]]) -> None:
    """Add the group and its verbs to the command line."""

    @main.group(cls=type(main))
    def org() -> None:
        """The organisation of migration.yaml: accounts, units, guard rails, people.

        \b
        plan → review → approve → run → verify; rollback from anywhere. What stands already is taken as it is.
        """

    @verb(of=org)
    def org_plan(out: Out, folder: Path) -> Any:
        """Look at what stands, and plan what is to be done. Writes nothing to AWS."""
        from migrate.verbs.organising import plan as act

        return act(out, folder)

    @verb(PLAN, option("--markdown", is_flag=True, help="Print Markdown instead of the summary."), of=org)
    def org_review(out: Out, folder: Path, **arguments: Any) -> Any:
        """Write the plan as one offline HTML page and as Markdown, and print its summary."""
        from migrate.verbs.organising import review as act

        return act(out, folder, **arguments)

    @verb(
        PLAN,
        option("--by", help="Who approves; by default your login name."),
        option("--reason", default="", help="Why; kept with the approval."),
        option("--gate", metavar="ID", help="Answer this gate of the run instead of approving the plan."),
        of=org,
    )
    def org_approve(out: Out, folder: Path, **arguments: Any) -> Any:
        """Approve exactly this plan, by its digest; or answer a gate of its run."""
        from migrate.verbs.organising import approve as act

        return act(out, folder, **arguments)

    @verb(
        PLAN,
        option("--engine", type=click.Choice(["prefect", "local"]), default="prefect", show_default=True),
        WORKERS,
        of=org,
    )
    def org_run(out: Out, folder: Path, **arguments: Any) -> Any:
        """Run the approved plan to the next gate or manual step (exit 3); run again to go on."""
        from migrate.verbs.organising import run as act

        return act(out, folder, group=None, **arguments)

    @verb(PLAN, of=org)
    def org_status(out: Out, folder: Path, plan_path: Path | None) -> Any:
        """Where the run stands, what is next, who must act. Calls nothing."""
        from migrate.verbs.organising import status as act

        return act(out, folder, plan_path=plan_path)

    @verb(PLAN, of=org)
    def org_verify(out: Out, folder: Path, plan_path: Path | None) -> Any:
        """Prove again, by fresh reads, that what the run made is what migration.yaml wants. Exit 5 where it is not."""
        from migrate.verbs.organising import verify as act

        return act(out, folder, plan_path=plan_path)

    @verb(
        PLAN,
        option("--to", "to_wave", type=click.IntRange(0), help="Undo every wave after this one; 0 undoes everything."),
        option("--step", "steps", multiple=True, metavar="ID", help="Undo this step and what depends on it."),
        option("--confirm", metavar="ID", help="Act: the id that the listing printed."),
        WORKERS,
        of=org,
    )
    def org_rollback(out: Out, folder: Path, **arguments: Any) -> Any:
        """Undo from the journal, newest first; what stood before is left as it was. Acts with --confirm."""
        from migrate.verbs.organising import rollback as act

        return act(out, folder, **arguments)

    @verb(of=org)
    def org_import(out: Out, folder: Path) -> Any:
        """Write the organisation that stands into migration.yaml, comments kept. Writes nothing to AWS."""
        from migrate.verbs.organising import import_ as act

        return act(out, folder)
