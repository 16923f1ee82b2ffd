"""What a proof of carried data was made of, as a file in the run's folder: counts, digests, queries, times.

The rule: written before the step is called verified or failed, and never holding what was carried.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from migrate import files
from migrate.errors import FileError, StaleError, Tampered
from migrate.journal import COMPARE, EVIDENCE, Journal
from migrate.kind import Proof
from migrate.values import Json

SCHEMA = "migrate.evidence/1"
_SAID = ("step", "state", "compared", "differences", "evidence")
IN_JOURNAL_BYTES = 4096
"""Evidence up to this size stands in the journal itself too."""


def keep(run_folder: Path, step: str, proof: Proof, *, began: float, ended: float, counts: Mapping[str, Json]) -> Proof:
    """Write the proof to `<run>/evidence/<step>.json`; give it back with the file's name and a digest of what it says.

    A step that is proved again gets `<step>.2.json` and so on. `began` and `ended` are seconds since the epoch, of the
    comparison; `counts` is what the carrying reported.
    Raises FileError where the folder cannot be written to: the step is not verified then.
    """
    said: dict[str, Json] = {
        "step": step,
        "state": proof.state,
        "compared": list(proof.compared),
        "differences": list(proof.differences),
        "evidence": dict(proof.evidence),
    }
    times: dict[str, Json] = {"began": _time(began), "ended": _time(ended), "seconds": round(ended - began, 3)}
    body: dict[str, Json] = said | times | {"carried": dict(counts)}
    path = _free(run_folder / EVIDENCE, file_name(step))
    files.write(path.parent, "json", SCHEMA, body).path.rename(path)
    small = len(files.canonical(said["evidence"])) <= IN_JOURNAL_BYTES
    # The digest leaves times out: two runs of the same thing have the same journal.
    kept: dict[str, Json] = {"file": f"{EVIDENCE}/{path.name}", "digest of file": files.digest_of(SCHEMA, said)}
    return replace(proof, evidence=(dict(proof.evidence) if small else {}) | kept)


def look(journal: Journal) -> int:
    """Compare every file of evidence with what the journal says of it; gives how many there are.

    Raises Tampered where one was changed or is gone.
    """
    count = 0
    for entry in journal.entries():
        said = entry.data.get("evidence")
        if not isinstance(said, dict) or "digest of file" not in said:
            continue
        path, count = journal.path.parent / str(said["file"]), count + 1
        try:
            body = files.read(path, SCHEMA).body
            is_whole = files.digest_of(SCHEMA, {name: body[name] for name in _SAID}) == said["digest of file"]
        except (FileError, StaleError, KeyError):
            is_whole = False
        if not is_whole:
            raise Tampered(
                f"{path} is not what {entry.step} wrote down when it was proved",
                do=COMPARE,
            )
    return count


def file_name(step: str) -> str:
    """A step's id as part of a file name: readable, and another one for each step."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", step).strip("-")[:100]
    return f"{readable}.{hashlib.sha256(step.encode()).hexdigest()[:8]}"


def _free(folder: Path, name: str) -> Path:
    """A path that nothing stands at: files of a run are only ever added."""
    path, number = folder / f"{name}.json", 1
    while path.exists():
        number += 1
        path = folder / f"{name}.{number}.json"
    return path


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
