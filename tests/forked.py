"""`python -m migrate` as a process of its own, forked off one that has imported everything already.

The rule: nothing but the imports is shared. Each command has its own process, process group, environment, folder,
files and exit code, and can be killed. What a test says of the start itself (imports, the hash seed) takes a fresh
interpreter.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

ROOT = Path(__file__).parents[1]
_NUMBER = struct.Struct("!i")


class Forked:
    """One command under way, with what tests use of `subprocess.Popen`."""

    def __init__(
        self, words: Sequence[str], env: Mapping[str, str], stdout: IO[Any], stderr: IO[Any], *, module: str = "migrate"
    ) -> None:
        self.args = [module, *words]
        self.returncode: int | None = None
        asked = {"module": module, "words": list(words), "env": dict(env), "cwd": str(Path.cwd())}
        said = json.dumps(asked).encode()
        files = array.array("i", [stdout.fileno(), stderr.fileno()])
        self._line, theirs = socket.socketpair()
        with theirs:
            files.append(theirs.fileno())
            _nursery().sendmsg([_NUMBER.pack(len(said))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
        self._line.sendall(said)
        self.pid = _read_number(self._line)

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutExpired."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._line], [], [], timeout)[0]:
            self.returncode = _read_number(self._line)
            self._line.close()
        return self.returncode


def ended(
    words: Sequence[str], env: Mapping[str, str], within_s: float, *, module: str = "migrate"
) -> tuple[int, str, str]:
    """Type a command and wait for its end: exit code, stdout and stderr. Raises TimeoutExpired, and ends it then."""
    with TemporaryFile("w+", encoding="utf-8") as out, TemporaryFile("w+", encoding="utf-8") as err:
        process = Forked(words, env, out, err, module=module)
        try:
            code = process.wait(within_s)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return code, texts[0], texts[1]


def _read_number(line: socket.socket) -> int:
    return int(_NUMBER.unpack(_read(line, _NUMBER.size))[0])


def _read(line: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = line.recv(size - len(content))
        if not more:
            raise EOFError("the other end is gone")
        content += more
    return content


_STARTED: dict[int, socket.socket] = {}
"""This process → its line to the one that forks: whoever was forked himself has none."""


def _nursery() -> socket.socket:
    if os.getpid() not in _STARTED:
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            env={name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "MOTO_", "PREFECT_"))},
        )  # fmt: skip
        theirs.close()
        _STARTED[os.getpid()] = ours

        def end() -> None:
            ours.close()
            process.wait(20)

        atexit.register(end)
    return _STARTED[os.getpid()]


def _serve(line: socket.socket) -> None:
    """Fork a command for each that is asked for, and say how it ended, until nobody is left to ask."""
    import gc

    from tests import forked_imports  # noqa: F401

    gc.freeze()
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([line, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _tell_the_dead(running)
        if line not in ready:
            continue
        size, ancillary, _, _ = line.recvmsg(_NUMBER.size, socket.CMSG_SPACE(3 * 4))
        if not size:
            return
        files = array.array("i")
        files.frombytes(ancillary[0][2])
        out, err, theirs = files
        with socket.socket(fileno=theirs) as asker:
            said = json.loads(_read(asker, _NUMBER.unpack(size)[0]))
            pid = os.fork()
            if not pid:
                for one in (line, woken, wake, asker, *running.values()):
                    one.close()
                _become(said, out, err)
            running[pid] = asker.dup()
            asker.sendall(_NUMBER.pack(pid))
        os.close(out)
        os.close(err)


def _tell_the_dead(running: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with running.pop(pid) as asker, contextlib.suppress(OSError):
                asker.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _become(said: Mapping[str, Any], out: int, err: int) -> None:
    """What `python -m <module>` is, in the new process. Does not come back."""
    import runpy

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(said["env"])
    os.chdir(said["cwd"])
    sys.argv = [said["module"], *said["words"]]
    runpy.run_module(said["module"], run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
