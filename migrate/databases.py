"""Connections for the proof of rows: where a database is reached, and with which credentials.

The rule: what cannot be reached gives None, and the proof then says "could not be proved"; a password stays in memory.
"""

import json
import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from migrate.aws import Aws, Permit, ReadFailed, permitted
from migrate.config import Config
from migrate.errors import ConfigError
from migrate.names import AccountId, Region

TUNNELS_VARIABLE = "MIGRATE_TUNNELS"
FROM_OTHER_SIDE = (" from the target", " from legacy")
"""After an address in the tunnels file: where a server of the other side reaches it (PrivateLink's, say)."""
_SECRET_READS = frozenset({"secretsmanager.GetSecretValue"})


class Databases:
    """Opens connections as migration.yaml says."""

    def __init__(self, aws: Aws, config: Config, region: Region) -> None:
        self._aws, self._config, self._region = aws, config, region
        self.why_not: dict[str, str] = {}
        """Host → why no connection could be made."""

    def connect(self, account: AccountId, host: str, port: int, database: str, *, side: str, instance: str) -> Any:
        """An open psycopg connection, or None; `why_not` then says why."""
        try:
            import psycopg
        except ImportError:
            self.why_not[host] = "psycopg is not installed: pip install 'migrate-aws[postgres]'"
            return None
        login = self._login(account, instance, host)
        if login is None and side == "target":
            # A restored database has the logins of the one it was made from, and its own secret may come later.
            login = self._login(AccountId(self._config.legacy.account), instance, host)
        if login is None:
            return None
        name, number = self._address(host, port)
        try:
            return psycopg.connect(
                host=name, port=number, dbname=database, user=login[0], password=login[1], connect_timeout=10,
                # A database of SQL_ASCII would give bytes for every name.
                application_name="migrate", client_encoding="utf8",
            )  # fmt: skip
        except psycopg.Error as error:
            self.why_not[host] = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            return None

    def route(self, host: str, port: int) -> tuple[str, int]:
        """Where a server of the other side reaches an address of legacy or of the target: the address itself, unless
        the tunnels say."""
        return self._address(host, port, FROM_OTHER_SIDE)

    def _address(self, host: str, port: int, marks: tuple[str, ...] = ("",)) -> tuple[str, int]:
        path = os.environ.get(TUNNELS_VARIABLE) or self._config.tunnels
        if not path:
            return host, port
        try:
            known = dict(json.loads(Path(path).read_text(encoding="utf-8")).items())
            there = next((known[one] for mark in marks if (one := f"{host}:{port}{mark}") in known), None)
        except (OSError, ValueError, AttributeError) as error:
            raise ConfigError(
                f"the tunnels file {path} cannot be used: {error}", do='write {"<host>:<port>": "<host>:<port>"} there'
            ) from None
        if there is None:
            return host, port
        name, _, number = str(there).rpartition(":")
        return name, int(number)

    def _login(self, account: AccountId, instance: str, host: str) -> tuple[str, str] | None:
        entry = next((d for d in self._config.databases if fnmatchcase(instance, d.instance)), None)
        if entry is None:
            self.why_not[host] = f"migration.yaml names no secret for {instance} (databases: instance, secret)"
            return None
        secret = entry.secret.replace("{instance}", instance)
        try:
            with permitted(Permit(reads=_SECRET_READS)):
                answer = self._aws.read(account, self._region, "secretsmanager.GetSecretValue", {"SecretId": secret})
            value = json.loads(answer["SecretString"])
            return str(value["username"]), str(value["password"])
        except ReadFailed as error:
            self.why_not[host] = f"secret {secret} of {account}: {error.said or error.code}"
        except (KeyError, ValueError, TypeError):
            self.why_not[host] = f"secret {secret} of {account} is not JSON with username and password"
        return None
