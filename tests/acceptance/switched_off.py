"""The command line with its heart taken out: no rows restored, no objects copied, account ids not rewritten.

`python -m tests.acceptance.switched_off VERB …` does what migrate does, and its own proofs are silenced: whether a run
is found empty is then up to readers that share nothing with the product. With NO_LAUNCH in the environment no service
is launched either: a task that reads its secrets by a name of legacy finds it out before anybody compares.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3

from migrate import clients, drafting, proving, tokens
from migrate.carry import objects, prove_objects
from migrate.demo.accounts import TARGET_ROLE
from migrate.kind import Proof
from migrate.kinds._last_look import LastLook
from migrate.kinds._test_launch import TestLaunch
from migrate.kinds.rds_instance.actions import ProveRows
from migrate.kinds.rds_instance.last_look import LookAgain

NO_LAUNCH = "CARELESS_WITHOUT_LAUNCH"


def _empty_database(account: str, params: dict[str, Any]) -> dict[str, Any]:
    """What a careless mover does: a new database of the same name, login and settings, with nothing in it."""
    name = params["DBInstanceIdentifier"]
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=f"{name.replace('-', '/')}/db")["SecretString"]
    login = json.loads(secret)
    role = f"arn:aws:iam::{account}:role/{TARGET_ROLE}"
    given = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="careless")["Credentials"]
    rds = boto3.client(
        "rds",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    kept = {key: value for key, value in params.items() if key not in ("DBSnapshotIdentifier", "OptionGroupName")}
    return dict(
        rds.create_db_instance(
            **kept,
            Engine="postgres",
            EngineVersion=boto3.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0][
                "EngineVersion"
            ],
            AllocatedStorage=20,
            StorageEncrypted=True,
            DBName=login["dbname"],
            MasterUsername=login["username"],
            MasterUserPassword=login["password"],
        )
    )


def take_out() -> None:
    """Switch the three copies off, and the product's own proofs of them."""
    send, within = clients.Sends.send, tokens.Index.within

    def careless_send(self: clients.Sends, operation: str, **params: Any) -> dict[str, Any]:
        if operation == "rds.RestoreDBInstanceFromDBSnapshot":
            return _empty_database(str(self._account), params)
        return send(self, operation, **params)

    def careless_within(self: tokens.Index, text: str, *, loose: bool) -> list[tokens.Span]:
        return [span for span in within(self, text, loose=loose) if span.known or span.problem]

    equal = Proof("equal")
    for module, name, careless in ((objects, "copy_all", {}), (prove_objects, "prove_all", equal)):
        assert name in vars(module), f"{module.__name__} has no {name} to switch off"
        vars(module)[name] = lambda *_, made=careless, **__: made
    ProveRows.prove = lambda *_: equal  # type: ignore[method-assign]
    # The last look before the cut-over finds the empty buckets out by itself.
    for look in (LastLook, LookAgain):
        look.carry = lambda *_: {}  # type: ignore[method-assign]
        look.prove = lambda *_: equal  # type: ignore[method-assign]
    if os.environ.get(NO_LAUNCH):
        TestLaunch.carry = lambda *_: {}  # type: ignore[method-assign]
        TestLaunch.prove = lambda *_: equal  # type: ignore[method-assign]
    clients.Sends.send = careless_send  # type: ignore[method-assign]
    tokens.Index.within = careless_within  # type: ignore[method-assign]
    proving.verify = lambda *_: equal
    drafting._left = lambda *_: []


if __name__ == "__main__":
    take_out()
    from migrate.cli import main

    main(prog_name="migrate")
