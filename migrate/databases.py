"""Connections for the proof of rows: where a database is reached, and with which credentials.

The rule: what cannot be reached gives None, and the proof then says "could not be proved"; a password stays in memory.
Instances are called by their names in legacy throughout, which is what migration.yaml knows.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from migrate.aws import Aws, Permit, ReadFailed, permitted
from migrate.config import Config
from migrate.errors import ConfigError
from migrate.names import AccountId, Region
from migrate.sites import NEW_PASSWORD

TUNNELS_VARIABLE = "MIGRATE_TUNNELS"
FROM_OTHER_SIDE = (" from the target", " from legacy")
"""After an address in the tunnels file: where a server of the other side reaches it (PrivateLink's, say)."""
LOGIN_READS = frozenset({"rds.DescribeDBClusters", "rds.DescribeDBInstances", "secretsmanager.GetSecretValue"})
MANAGED = "rds!"
"""How the names of the secrets begin that RDS keeps itself: unverified."""


class Databases:
    """Opens connections as migration.yaml says."""

    def __init__(self, aws: Aws, config: Config, region: Region) -> None:
        self._aws, self._config, self._region = aws, config, region
        self.why_not: dict[str, str] = {}
        """Host → why no connection could be made."""

    def connect(
        self, account: AccountId, host: str, port: int, database: str, *, side: str, instance: str,
        login: tuple[str, str] | None = None,
    ) -> Any:  # fmt: skip
        """An open psycopg connection, or None; `why_not` then says why. With `login`, as that user by that password."""
        try:
            import psycopg
        except ImportError:
            self.why_not[host] = "psycopg is not installed: pip install 'migrate-aws[postgres]'"
            return None
        logins = iter([login]) if login else self._logins(account, instance, host, side)
        name, number = self._address(host, port)
        for user, password in logins:
            try:
                return psycopg.connect(
                    host=name, port=number, dbname=database, user=user, password=password, connect_timeout=10,
                    # A database of SQL_ASCII would give bytes for every name.
                    application_name="migrate", client_encoding="utf8",
                )  # fmt: skip
            except psycopg.Error as error:
                said = str(error).strip().splitlines()
                self.why_not[host] = said[0] if said else type(error).__name__
                # Who got no answer, or was let in by the password, gets no further with another one.
                if not (isinstance(error, psycopg.OperationalError) and error.pgconn and error.pgconn.used_password):
                    return None
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

    def _logins(self, account: AccountId, instance: str, host: str, side: str) -> Iterator[tuple[str, str]]:
        """What may open it, the likeliest first. In the target that changes on the way: a restored database has the
        logins of the one it was made from, and a new password is in the secret before everybody reads it there."""
        entry = self._config.database(instance)
        if entry is None:
            self.why_not[host] = f"migration.yaml names no secret for {instance} (databases: instance, secret)"
            return
        secret = entry.secret_of(instance)
        if not secret or secret.startswith(MANAGED):
            # Each side has its own, with a password of its own.
            found = self._managed(account, host)
            login = self._read_login(account, found, host) if found else None
            if login:
                yield login
            return
        tried: list[tuple[str, str]] = []
        legacy = AccountId(self._config.legacy.account)
        later: list[tuple[AccountId, dict[str, str]]] = []
        if side == "target":
            later = [(account, {"VersionStage": NEW_PASSWORD})] if entry.rotate_password else []
            later.append((legacy, {}))
        for of, version in [(account, {}), *later]:
            # What was not reached is said of the first.
            said = self.why_not.get(host)
            login = self._read_login(of, secret, host, **version)
            if tried and said:
                self.why_not[host] = said
            if login and login not in tried:
                tried.append(login)
                yield login

    def _managed(self, account: AccountId, host: str) -> str | None:
        """The ARN of the secret in which RDS keeps the master password of what answers at this host."""
        try:
            with permitted(Permit(reads=LOGIN_READS)):
                for operation, listed, at in _ENDPOINTS:
                    for one in self._aws.site(account, self._region).pages(operation, listed):
                        if at(one) == host and one.get("MasterUserSecret"):
                            return str(one["MasterUserSecret"]["SecretArn"])
        except ReadFailed as error:
            self.why_not[host] = f"RDS of {account} does not say which secret it keeps: {error.said or error.code}"
            return None
        self.why_not[host] = (
            f"RDS keeps no master password for it in {account}, and migration.yaml names no other secret (databases)"
        )
        return None

    def _read_login(self, account: AccountId, secret: str, host: str, **version: str) -> tuple[str, str] | None:
        asked = {"SecretId": secret, **version}
        try:
            with permitted(Permit(reads=LOGIN_READS)):
                answer = self._aws.read(account, self._region, "secretsmanager.GetSecretValue", asked)
            value = json.loads(answer["SecretString"])
            return str(value["username"]), str(value["password"])
        except ReadFailed as error:
            self.why_not[host] = f"secret {secret} of {account}: {error.said or error.code}"
        except (KeyError, ValueError, TypeError):
            self.why_not[host] = f"secret {secret} of {account} is not JSON with username and password"
        return None


_ENDPOINTS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("rds.DescribeDBInstances", "DBInstances", lambda one: (one.get("Endpoint") or {}).get("Address")),
    ("rds.DescribeDBClusters", "DBClusters", lambda one: one.get("Endpoint")),
)
