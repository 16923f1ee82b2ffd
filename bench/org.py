"""The plan of a whole organisation: 500 people, 20 accounts, from nothing. Goal: 10 s of CPU.

Each group has two permission sets in every account; everybody is in two groups. Reading AWS is not in it.
"""

import os
import sys
import time
from typing import Any

from migrate import runbook
from migrate.config import Config
from migrate.files import canonical
from migrate.inventory import Resource
from migrate.organisation import planning, wishes
from migrate.organisation.kinds import wanted_kinds
from migrate.runbook import shipped

QUICK = os.environ.get("BENCH") == "quick"
PEOPLE, ACCOUNTS, GROUPS = (100 if QUICK else 500), 20, 10
GOAL_S = 10.0 * PEOPLE / 500
MANAGEMENT = "111111111111"
TODAY = "2026-11-23"


def _config() -> Config:
    accounts = [f"box{number}" for number in range(ACCOUNTS)]
    groups = {
        f"group{number}": {
            "assign": [{"accounts": accounts, "permission_set": f"set{(number + more) % GROUPS}"} for more in (0, 1)]
        }
        for number in range(GROUPS)
    }
    people = [
        {
            "name": f"Person {n}",
            "email": f"p{n}@shop.example",
            "groups": [f"group{n % GROUPS}", f"group{n // 3 % GROUPS}"],
        }
        for n in range(PEOPLE)
    ]
    section: dict[str, Any] = {
        "management": {"account": MANAGEMENT}, "legacy": {"how": "management"}, "email": "aws+{alias}@shop.example",
        "units": {"Workloads": {"guard_rails": ["no-iam-users"], "accounts": {alias: {} for alias in accounts}}},
        "guard_rails": {"everywhere": ["protect-organisation", "allowed-regions"], "canary": "box0"},
        "groups": groups, "people": people, "most_accounts": 50,
        "permission_sets": {
            f"set{n}": {"policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]} for n in range(GROUPS)
        },
    }  # fmt: skip
    legacy = {"account": MANAGEMENT, "regions": ["eu-west-1"]}
    return Config.model_validate(
        {"schema": "migrate.config/1", "migration": "shop", "legacy": legacy, "organisation": section}
    )


def _plan(config: Config, present: list[Resource]) -> tuple[dict[str, Any], float]:
    began, kinds = time.process_time(), wanted_kinds()
    actions = frozenset(f"{kind.name}.{action.name}" for kind in kinds.values() for action in kind.actions)
    book = runbook.load(planning.RUNBOOK, shipped().parent, actions)
    drawn = planning.draw(config, present, kinds, TODAY)
    body = planning.body(drawn, config, "config", "inventory", (book,), kinds)
    canonical(body)
    return body, time.process_time() - began


def main() -> int:
    """Measure, print, and say whether the goal was missed."""
    config = _config()
    body, took = _plan(config, [])
    assert config.organisation is not None
    wanted = wishes.wishes(config.organisation, ("eu-west-1",), MANAGEMENT, TODAY)
    print(f"{PEOPLE} people, {ACCOUNTS} accounts: {len(wanted)} wishes, {body['counts']['requests']} requests")
    print(f"  planned in {took:.1f} s of CPU, goal {GOAL_S:.0f} s; {len(body['refusals'])} refusals")
    return int(took > GOAL_S or bool(body["refusals"]))


if __name__ == "__main__":
    sys.exit(main())
