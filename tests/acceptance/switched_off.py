"""The command line with its carrying switched off: `python -m tests.acceptance.switched_off VERB …`.

The rule: the product believes itself, its own proofs are off too, so that only independent readers can tell.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from migrate import drafting
from migrate.carry import objects
from migrate.cli import main
from migrate.kind import Proof, Request
from migrate.kinds.rds_instance.actions import Create, ProveRows
from migrate.rewrite import Rewriter

PASSWORD = "correct-horse-1"
EQUAL = Proof("equal", (), ())


def no_rows() -> None:
    """The database is made empty instead of being restored."""
    with_rows = Create.requests

    def empty(self: Create, it: Any, place: Any) -> Sequence[Request]:
        restore, *rest = with_rows(self, it, place)
        assert restore.operation == "rds.RestoreDBInstanceFromDBSnapshot"
        params = {name: value for name, value in restore.params.items() if name != "DBSnapshotIdentifier"}
        made = {
            "Engine": "postgres",
            "DBName": it.facts.db_name,
            "AllocatedStorage": it.facts.allocated_gib,
            "MasterUsername": it.facts.master_user,
            "MasterUserPassword": PASSWORD,
        }
        return [replace(restore, operation="rds.CreateDBInstance", params=params | made), *rest]

    Create.requests = empty  # type: ignore[method-assign]
    ProveRows.prove = lambda *_: EQUAL  # type: ignore[method-assign]


def no_objects() -> None:
    """No object is copied."""
    objects.copy_all = lambda *_: {"copied": 0}
    objects.prove_all = lambda *_, **__: EQUAL


def no_rewriting() -> None:
    """Policies stay as they are in legacy."""
    rewriting = Rewriter._walk

    def walk(self: Rewriter, value: Any, *rest: Any) -> Any:
        return value if isinstance(value, dict) and "Statement" in value else rewriting(self, value, *rest)

    Rewriter._walk = walk  # type: ignore[method-assign]
    drafting.residue = lambda *_: []  # type: ignore[attr-defined]


if __name__ == "__main__":
    no_rows()
    no_objects()
    no_rewriting()
    sys.argv[0] = "migrate"
    main()
