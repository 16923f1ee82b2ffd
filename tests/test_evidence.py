"""What a proof was made of is a file of the run, whole, and named by the journal; never what was carried."""

from pathlib import Path

import pytest

from migrate import evidence, files
from migrate.errors import FileError, Tampered
from migrate.journal import Journal
from migrate.kind import Proof

STEP = "222222222222/eu-west-1/rds.instance/shop:prove_rows"


def test_a_proof_is_kept_with_counts_and_times(tmp_path: Path) -> None:
    proof = Proof("different", ("rows",), ("rows of a: 1 in legacy, 2 in the target",), {"rows": 1})

    kept = evidence.keep(tmp_path, STEP, proof, began=0.0, ended=1.5, counts={"carried": 7})

    (path,) = (tmp_path / "evidence").iterdir()
    body = files.read(path, evidence.SCHEMA).body
    assert body == {
        "step": STEP, "state": "different", "compared": ["rows"],
        "differences": ["rows of a: 1 in legacy, 2 in the target"], "evidence": {"rows": 1}, "carried": {"carried": 7},
        "began": "1970-01-01T00:00:00.000+00:00", "ended": "1970-01-01T00:00:01.500+00:00", "seconds": 1.5,
    }  # fmt: skip
    assert kept.evidence["file"] == f"evidence/{path.name}"
    assert kept.evidence["rows"] == 1
    assert (kept.state, kept.differences) == (proof.state, proof.differences)


def test_a_step_that_is_proved_again_keeps_what_was_found_before(tmp_path: Path) -> None:
    for state in ("different", "equal"):
        evidence.keep(tmp_path, STEP, Proof(state), began=0, ended=0, counts={})

    states = [files.read(path, evidence.SCHEMA).body["state"] for path in sorted((tmp_path / "evidence").iterdir())]
    assert sorted(states) == ["different", "equal"]


def test_large_evidence_stands_in_the_file_alone(tmp_path: Path) -> None:
    kept = evidence.keep(tmp_path, STEP, Proof("equal", evidence={"t": "x" * 5000}), began=0, ended=0, counts={})

    assert sorted(kept.evidence) == ["digest of file", "file"]
    assert "x" * 5000 in (tmp_path / str(kept.evidence["file"])).read_text()


def test_a_file_that_was_changed_or_taken_away_is_named(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        for step in (STEP, f"{STEP}_again"):
            kept = evidence.keep(tmp_path, step, Proof("equal", (), (), {"rows": 1}), began=0, ended=0, counts={})
            journal.append(step, "verified", {"evidence": dict(kept.evidence)})
        assert evidence.look(journal) == 2

        path = tmp_path / str(kept.evidence["file"])
        whole = path.read_text(encoding="utf-8")
        for spoilt in (whole.replace('"rows":1', '"rows":2').replace('"rows": 1', '"rows": 2'), whole[:-9], ""):
            assert spoilt != whole
            path.write_text(spoilt, encoding="utf-8")
            with pytest.raises(Tampered, match=path.name):
                evidence.look(journal)
        # A whole file of another proof is no better.
        path.unlink()
        files.write(path.parent, "json", evidence.SCHEMA, {"step": STEP}).path.rename(path)
        with pytest.raises(Tampered, match=path.name):
            evidence.look(journal)
        path.unlink()
        with pytest.raises(Tampered, match=path.name):
            evidence.look(journal)


def test_each_step_has_a_name_of_its_own_that_any_file_system_takes() -> None:
    names = {
        evidence.file_name(step) for step in ("a/b:c", "a-b:c", "a b:c", "ä/b:c", "a/" + "x" * 300, "a/" + "x" * 301)
    }

    assert len(names) == 6
    assert all(len(name) < 120 and "/" not in name and name.isascii() for name in names)


def test_where_evidence_cannot_be_written_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("in the way")

    with pytest.raises(FileError):
        evidence.keep(tmp_path, STEP, Proof("equal"), began=0, ended=0, counts={})
