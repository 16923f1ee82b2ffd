"""Prefect shows a run and changes nothing: the same journal, the same targets, the same exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from migrate import running

pytestmark = pytest.mark.timeout(600)


def clean() -> dict[str, str]:
    """The environment without what is said of Prefect in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}


def told(folder: Path, story: str, **env: str) -> tuple[dict[str, Any], str]:
    """A story in a process of its own: Prefect reads its environment once, when it is imported."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.story", story, str(folder)],
        env=clean() | {"HOME": str(folder / "nobody")} | env,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said, done.stderr


def test_flows_and_threads_leave_the_same_journal_targets_and_exit_codes(tmp_path: Path) -> None:
    said, noise = told(tmp_path, "whole")

    assert {name: said[name] for name in ("group", "failed", "gate", "rest")} == {
        "group": [0, 0], "failed": [1, 1], "gate": [3, 3], "rest": [0, 0],
    }  # fmt: skip
    assert said["journal"][0] == said["journal"][1]
    assert said["moved"][0] == said["moved"][1]
    assert said["undone"][0] == said["undone"][1] != []
    assert said["left"][0] == said["left"][1]
    # A flow per wave that had work, one for the group, one for the rollback; and Prefect saw the failure.
    assert said["flows"] == [
        ["group-loop-0a0a0a0a", "Completed"], ["rollback", "Completed"],
        ["wave-1", "Completed"], ["wave-1", "Failed"],
        ["wave-2", "Completed"], ["wave-3", "Completed"], ["wave-4", "Completed"], ["wave-5", "Completed"],
    ]  # fmt: skip
    assert "Traceback" not in noise
    # Its data lies with the run, and nothing of a resource is in it.
    assert list((tmp_path / "prefect").glob("*.db"))
    kept = b"".join(path.read_bytes() for path in (tmp_path / "prefect").rglob("*") if path.is_file())
    assert b"hunter2" not in kept
    assert b"bar 1" not in kept


def test_a_prefect_that_cannot_be_reached_does_not_keep_a_run_from_ending(tmp_path: Path) -> None:
    said, _ = told(tmp_path, "alone", PREFECT_API_URL="http://127.0.0.1:9/api")

    assert said == {"end": 0, "proofs": ["equal"]}


def pressed(folder: Path, times: int, aws_takes_s: float) -> tuple[int, str, str, float]:
    """A run in a terminal of its own where somebody presses Ctrl-C: code, what it said, and how long it took to end."""
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.flows.story", "interrupted", str(folder), str(aws_takes_s)],
        env=clean() | {"HOME": str(folder / "nobody")}, cwd=Path(__file__).parents[2], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert run.stdout is not None
    assert run.stdout.readline() == "under way\n"
    began = time.monotonic()
    for _ in range(times):
        os.killpg(run.pid, signal.SIGINT)
        time.sleep(0.3)
    out, err = run.communicate(timeout=120)
    return run.returncode, out, err, time.monotonic() - began


def test_ctrl_c_ends_a_shown_run_after_what_is_under_way_and_prefect_says_nothing(tmp_path: Path) -> None:
    code, out, err, took_s = pressed(tmp_path, 1, 2.0)

    assert (code, json.loads(out.splitlines()[-1])) == (0, {"end": 130})
    assert took_s < 15
    assert err.startswith("stopping: what is under way is finished first.")
    assert len(err.splitlines()) == 1


@pytest.mark.torture
def test_a_second_ctrl_c_leaves_at_once_whatever_is_under_way(tmp_path: Path) -> None:
    code, _, err, took_s = pressed(tmp_path, 3, 100.0)

    assert code == 130
    assert took_s < running.LEAVE_S + 5
    assert "prefect" not in err.lower()


def test_a_server_of_a_run_that_is_killed_ends(tmp_path: Path) -> None:
    starts = (
        "import sys, time; from pathlib import Path; from flows import server, settings; folder = Path(sys.argv[1]); "
        "settings.prepare(folder); print(server.own(folder / 'server.log'), flush=True); time.sleep(300)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", starts, str(tmp_path)], env=clean(), stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    port = int(run.stdout.readline().split(":")[2].partition("/")[0])
    socket.create_connection(("127.0.0.1", port)).close()

    run.kill()
    run.wait()
    run.stdout.close()

    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            time.sleep(0.2)
            continue
        return
    raise AssertionError("Prefect's server outlived the run")
