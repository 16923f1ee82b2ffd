"""`migrate report`: what stands, told for people who decide. The rule: a report reads, and takes nothing away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from migrate.out import Out

Verb = Callable[..., Callable[[Callable[..., Any]], click.Command]]
INVENTORY = click.option(
    "--inventory", type=click.Path(path_type=Path, dir_okay=False), help="This one, not the newest."
)


def add_reports(main: click.Group, verb: Verb) -> None:
    """Add the group to the command line."""

    @main.group(cls=type(main))
    def report() -> None:
        """What stands, told for people who decide: unused rights, who reaches what, what has no tags. Only reads."""

    days = click.option(
        "--days", default=90, show_default=True, type=click.IntRange(1, 400), help="Used within so many days."
    )

    @verb(days, INVENTORY, of=report)
    def unused(out: Out, folder: Path, **arguments: Any) -> Any:
        """Rights that nobody used, as AWS saw it: by user, group, role and permission set. Exit 6: not all was told."""
        from migrate.verbs.unused import unused as act

        return act(out, folder, **arguments)

    @verb(INVENTORY, of=report)
    def reach(out: Out, folder: Path, **arguments: Any) -> Any:
        """Who can read, change and delete how much, before and in the planned organisation. Calls nothing."""
        from migrate.verbs.reach import reach as act

        return act(out, folder, **arguments)

    owner = click.option("--owner", multiple=True, metavar="KEY", help="A tag that says whose it is; again for each.")
    environment = click.option("--environment", multiple=True, metavar="KEY", help="One that says the environment.")

    @verb(owner, environment, INVENTORY, of=report)
    def untagged(out: Out, folder: Path, **arguments: Any) -> Any:
        """Which things carry no owner or environment tag, and what is stamped. Exit 6: not all was read."""
        from migrate.verbs.untagged import untagged as act

        return act(out, folder, **arguments)
