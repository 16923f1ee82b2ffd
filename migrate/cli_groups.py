"""`migrate org`, `migrate close` and `migrate remove`: the ordinary verbs on something else than legacy's resources.

The rule: the same words mean the same as without the group; only what they say of themselves is another.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

option = click.option
Verb = Callable[..., Callable[[Callable[..., Any]], click.Command]]


def add_groups(main: click.Group, verb: Verb, plan: Any) -> None:
    """Add the groups to the command line. `plan`: the option that names a plan."""

    @main.group(cls=type(main))
    def org() -> None:
        """The organisation of migration.yaml: accounts, units, guard rails, people.

        \b
        plan → review → approve → run → verify; rollback from anywhere. What stands already is taken as it is.
        """

    # Organizations takes one change at a time and refuses others for a moment: more workers only wait for each other.
    _add(org, verb, plan, "organising", 5, {
        "plan": "Look at what stands, and plan what is to be done. Writes nothing to AWS.",
        "run": "Run the approved plan to the next gate or manual step (exit 3); run again to go on.",
        "verify": "Prove again, by fresh reads, that what the run made is what migration.yaml wants. Exit 5 where not.",
        "rollback": "Undo from the journal, newest first; what stood before is left as it was. Acts with --confirm.",
        "import_": "Write the organisation that stands into migration.yaml, comments kept. Writes nothing to AWS.",
        "sandboxes": "Say which sandboxes are past their last day and what is still in them. Exit 5, 6: not all read.",
        "apart": "Say what lets one environment's account into another's. Exit 5 where it does, 6 where not read.",
    })  # fmt: skip

    @main.group(cls=type(main))
    def close() -> None:
        """The old account's IAM users: keys set inactive, everything denied, and opened again by a rollback.

        \b
        plan → review → approve → run → verify; rollback from anywhere. Only with identities.quarantine: true.
        """

    _add(close, verb, plan, "closing", 8, {
        "plan": "Plan who is closed and how. Calls nothing.",
        "run": "Run the approved plan to the next gate (exit 3); run again to go on.",
        "verify": "Prove again, by fresh reads, that the users are closed. Exit 5 where one is not.",
        "rollback": "Open the users again as they were. Prints what it would do; acts with --confirm.",
    })  # fmt: skip

    @main.group(cls=type(main))
    def remove() -> None:
        """The old account's closed IAM users, after their soak: deleted for good. The one plan that deletes there.

        \b
        plan → review → approve, twice → run → verify; left. Only with identities.removal in migration.yaml.
        """

    _add(remove, verb, plan, "removing", 8, {
        "plan": "Look at the closed users afresh, and plan who is removed. Writes nothing to AWS.",
        "run": "Run the approved plan to the next gate or manual step (exit 3); run again to go on.",
        "verify": "Prove again, by fresh reads, that the removed users are gone. Exit 5 where one is not.",
        "rollback": "Make users of the same names again, closed and without any way in. Acts with --confirm.",
        "left": "Say which IAM users are left in which account. Exit 5 while one is that nobody declared.",
    }, {
        "plan": (option("--user", "users", multiple=True, metavar="NAME", help="Only these; again for each."),),
        "approve": (option("--deleting", metavar="ID", help="The second yes: the id that approve printed."),),
    })  # fmt: skip


_ORDER = ("plan", "review", "approve", "run", "status", "verify", "rollback")
_ALIKE = {
    "review": "Write the plan as one offline HTML page and as Markdown, and print its summary.",
    "approve": "Approve exactly this plan, by its digest; or answer a gate of its run.",
    "status": "Where the run stands, what is next, who must act. Calls nothing.",
}


def _add(
    group: click.Group, verb: Verb, plan: Any, module: str, workers: int, says: Mapping[str, str],
    more: Mapping[str, tuple[Any, ...]] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Add the verbs of one group. `more`: options that only it has."""
    at_a_time = option(
        "--workers", default=workers, show_default=True, type=click.IntRange(1, 64), help="Steps at a time."
    )
    takes: Mapping[str, tuple[Any, ...]] = {
        "review": (plan, option("--markdown", is_flag=True, help="Print Markdown instead of the summary.")),
        "approve": (
            plan,
            option("--by", help="Who approves; by default your login name."),
            option("--reason", default="", help="Why; kept with the approval."),
            option("--gate", metavar="ID", help="Answer this gate of the run instead of approving the plan."),
        ),
        "run": (
            plan,
            option("--engine", type=click.Choice(["prefect", "local"]), default="prefect", show_default=True),
            at_a_time,
        ),
        "status": (plan,),
        "verify": (plan,),
        "rollback": (
            plan,
            option("--to", "to_wave", type=click.IntRange(0), help="Undo every wave after this one; 0: everything."),
            option("--step", "steps", multiple=True, metavar="ID", help="Undo this step and what depends on it."),
            option("--confirm", metavar="ID", help="Act: the id that the listing printed."),
            at_a_time,
        ),
    }
    told = _ALIKE | dict(says)
    for name in (*_ORDER, *(one for one in says if one not in _ORDER)):
        verb(*takes.get(name, ()), *more.get(name, ()), of=group)(_acting(module, name, told[name]))


def _acting(module: str, name: str, said: str) -> Callable[..., Any]:
    fixed: dict[str, Any] = {"group": None} if name == "run" else {}

    def act(*positional: Any, **arguments: Any) -> Any:
        # Imported when it is typed: `--help` loads nothing heavy.
        return getattr(import_module(f"migrate.verbs.{module}"), name)(*positional, **arguments, **fixed)

    act.__name__, act.__doc__ = name, said
    return act
