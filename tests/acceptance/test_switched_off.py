"""The proof of arrival has teeth: a run that copies no rows, no objects and rewrites no account id is found out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrate.demo import verbs
from migrate.demo.accounts import TARGETS
from migrate.demo.legacy import build
from tests.acceptance import checks, readers, switched_off
from tests.crash.story import Story, story


class Careless(Story):
    """The same commands, by the command line with its heart taken out."""

    module = "tests.acceptance.switched_off"

    def run_until_it_fails(self) -> str:
        """Run, every gate answered, and give what the run said when it failed."""
        while (said := self.type("run", "--engine", "local", expect=None)).code == 3:
            assert self.answer()
        assert said.code == 1, said.err[-3000:]
        return said.err


@pytest.mark.world
@pytest.mark.torture
@pytest.mark.timeout(1200)
def test_a_run_that_copies_nothing_and_rewrites_nothing_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = verbs.example().read_text(encoding="utf-8")
    with story(tmp_path, lambda w: build(w.session(), w.tunnels), config) as told:
        for name, value in told.world.env().items():
            monkeypatch.setenv(name, value)
        careless = Careless(told.world, told.folder, {"PYTHONPATH": os.getcwd()})
        careless.prepare()
        found_out = careless.run_until_it_fails()
        assert ":test_launch: the task stopped" in found_out
        assert "unable to retrieve secret" in found_out
        careless.more[switched_off.NO_LAUNCH] = "1"
        careless.run()
        legacy, target = readers.read_legacy("dev"), readers.read_target("dev", TARGETS["development"])

    buckets = {"shop-uploads-dev": f"shop-uploads-dev-{TARGETS['development']}"}
    assert [said for said in checks.rows_equal(legacy, target) if "customers" in said]
    assert checks.objects_equal(legacy, target, buckets)
    assert checks.legacy_id_residue(target)
