"""Inventory + configuration + runbooks → plan.

The cases in `plans/<case>/` are data: what is found and decided in `case.yaml`, the plan in `expected.txt`, written
anew with `GOLDEN=write`.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from migrate import files, plan
from migrate.errors import ConfigError, PlanRefused
from migrate.inventory import Gap, Resource
from migrate.plan import Inputs
from migrate.runbook import PHASES
from migrate.values import Json, after
from tests.plans.toys import HERE, KINDS, LEGACY, PARTNER, PROD, inputs, ref, runbook, thing

CASES = sorted(path.parent for path in Path(__file__).parent.glob("plans/*/case.yaml"))
UNEXPLAINED = [{"gap": "*", "because": "looked at by hand, all of it"}]


def case(folder: Path) -> Inputs:
    said = YAML(typ="safe").load((folder / "case.yaml").read_text(encoding="utf-8"))
    books = [runbook(steps, name) for name, steps in said.get("runbooks", {}).items()]
    things = [thing(kind, name, tags, **facts) for kind, name, tags, facts in said["things"]]
    gaps = [Gap(*gap) for gap in said.get("gaps", [])]
    return inputs(things, gaps=gaps, runbooks=books, **said.get("config", {}))


def spelt(body: dict[str, Json]) -> str:
    """A plan as text that people compare."""
    lines = [f"counts {json.dumps(body['counts'])}"]
    lines += [f"refused {line['key']}: {line['what']}" for line in body["refusals"]]
    lines += [f"not moved {ref_text}" for ref_text in body["not_moved"]]
    lines += [f"by hand {line['ref']}: {line['do']}" for line in body["manual"]]
    for ref_text, there in body["placement"].items():
        lines.append(f"placed {ref_text}: {', '.join(there['accounts'])}, {there['by']} {there['evidence']}")
    lines += [f"renamed {line['ref']}: {line['name']}" for line in body["renames"]]
    lines += [f"legacy {line['ref']}: {line['fact']} becomes {line['becomes']}" for line in body["legacy_changes"]]
    gates = {gate["after_wave"]: gate for gate in body["gates"]}
    wave = 0
    for step in body["steps"]:
        for number in range(wave, step["wave"]):
            if number in gates:
                gate = gates[number]
                lines.append(f"GATE {gate['id']}: {gate['ask']} ({gate['approvers']}, {gate['within_s']})")
        wave = step["wave"]
        lines.append(f"{wave} {step['id']} {step['downtime']} {step['undo_class']}")
        lines += [f"    after {because}" for because in step["because"]]
        for request in step["requests"]:
            sent = json.dumps(request["params"], ensure_ascii=False, sort_keys=True)
            lines.append(f"    {request['account']} {request['operation']} {sent}")
        if step["carry"]:
            lines.append(f"    carries {json.dumps(step['carry'], sort_keys=True)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_the_plan_of_a_case_is_the_one_that_was_looked_at(folder: Path) -> None:
    made = spelt(plan.make(case(folder)))
    if os.environ.get("GOLDEN") == "write":
        (folder / "expected.txt").write_text(made, encoding="utf-8")
    assert made == (folder / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_a_plan_survives_its_file_unchanged(folder: Path, tmp_path: Path) -> None:
    written = plan.write(tmp_path, case(folder))
    assert written.path is not None
    read = plan.read(written.path)
    assert (read.steps, read.gates, read.digest) == (written.steps, written.gates, written.digest)
    assert [step.as_json() for step in read.steps.values()] == read.body["steps"]


def digests() -> str:
    return " ".join(files.digest_of(files.PLAN, plan.make(case(folder))) for folder in CASES)


def test_the_same_inputs_give_the_same_digest_in_every_process() -> None:
    def other(seed: str) -> str:
        code = "import tests.test_plan as t; print(t.digests())"
        env = {"PYTHONHASHSEED": seed}
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout

    assert other("1").strip() == other("2").strip() == digests()


def test_the_order_in_which_a_scan_finds_things_does_not_matter() -> None:
    given = case(CASES[0])
    turned = inputs(reversed(given.inventory.resources), gaps=given.inventory.gaps[::-1])
    assert plan.make(turned)["steps"] == plan.make(inputs(given.inventory))["steps"]


def keys(body: dict[str, Json]) -> list[str]:
    return [line["key"] for line in body["refusals"]]


def refused(*things: Resource, **more: Any) -> list[str]:
    return keys(plan.make(inputs(things, **more)))


GAP = Gap("cognito-idp:userpool", "eu-west-1", "tag.GetResources", "no kind", "nobody handles it", "arn:pool")
QUEUE = thing("toy.queue", "orders-prod")


def test_a_gap_refuses_the_plan_until_a_person_waives_it_with_a_reason() -> None:
    assert refused(QUEUE, gaps=[GAP]) == ["cognito-idp:userpool/eu-west-1/arn:pool"]
    waiver = {"gap": "cognito-idp:*", "because": "users sign in through the old pool"}
    body = plan.make(inputs([QUEUE], gaps=[GAP], waivers=[waiver, {"gap": "kms:*", "because": "covers nothing"}]))
    assert body["refusals"] == []
    assert [(line["key"], line["because"]) for line in body["waived"]] == [(GAP.key, waiver["because"])]
    assert body["counts"]["gaps"] == 1
    assert body["idle_waivers"] == ["kms:*"]


def test_what_can_only_be_decided_is_not_waived() -> None:
    queue = f"arn:aws:sqs:{HERE}:{LEGACY}:shared"
    things = [
        thing("toy.queue", "shared"), thing("toy.service", "web-prod", hard=(queue,)),
        thing("toy.service", "web-dev", hard=(queue,)), thing("toy.database", "attic"),
    ]  # fmt: skip
    found = refused(*things, waivers=UNEXPLAINED)
    assert found == [f"placement/{ref('toy.queue', 'shared')}", f"placement/{ref('toy.database', 'attic')}"]
    assert refused(*things) == found


def test_what_holds_no_data_and_goes_nowhere_is_listed_and_refuses_nothing() -> None:
    body = plan.make(inputs([QUEUE, thing("toy.queue", "idle")]))
    assert body["refusals"] == []
    assert body["not_moved"] == [str(ref("toy.queue", "idle"))]


def test_a_reference_to_nothing_refuses_and_one_of_a_thing_that_stays_does_not() -> None:
    lost = thing("toy.service", "web", hard=("sg-0123456789abcdef0",))
    rule = {"name": "web", "to": "production"}
    # Said once, though its request and its document name it too.
    assert refused(lost, placement=[rule]) == [f"dangling/{lost.ref}/sg-0123456789abcdef0"]
    assert refused(lost, placement=[rule | {"to": "legacy"}]) == []


def test_an_unresolved_reference_refuses_and_says_in_which_request_and_where() -> None:
    document = {"Env": [{"name": "R", "value": f"arn:aws:sqs:{HERE}:{LEGACY}:idle"}]}
    body = plan.make(inputs([thing("toy.service", "web-prod", document=document), thing("toy.queue", "idle")],
                            placement=[{"name": "web-prod", "to": "production"}], environments={}))  # fmt: skip
    # The only user of the queue places it.
    assert body["refusals"] == []
    moved = thing("toy.queue", "idle", moves=False)
    found = plan.make(inputs([thing("toy.service", "web-prod", document=document), moved]))["refusals"]
    assert len(found) == 1
    assert "Document.Env[0].value: " in found[0]["what"]
    assert "goes to no account" in found[0]["what"]


def test_the_legacy_account_id_that_no_grammar_knows_refuses_the_plan() -> None:
    for text in (f"acct{LEGACY}", f"x_{LEGACY}_y"):
        body = plan.make(inputs([thing("toy.queue", "q-prod", document={"Note": text})]))
        assert ["the legacy account id is left" in line["what"] for line in body["refusals"]] == [True]
    assert refused(thing("toy.queue", "q-prod", document={"Note": f"9{LEGACY} {PARTNER}"})) == []


def test_no_step_for_a_target_holds_the_legacy_account_id() -> None:
    body = plan.make(case(Path(__file__).parent / "plans" / "two_environments"))
    for step in body["steps"]:
        for request in step["requests"]:
            if request["account"] != LEGACY:
                sent = json.dumps(request["params"] | {"Tags": None})
                assert LEGACY not in sent.replace(f'"{LEGACY}/', ""), step["id"]
    assert PARTNER in json.dumps(body["steps"])


@pytest.mark.parametrize("mark", [{"$after": ["x", "y"]}, {"$after": 5}, {"$join": []}, {"$json": 1}, {"$sealed": "z"}])
@pytest.mark.parametrize("where", ["document", "tags"])
def test_a_legacy_document_that_imitates_a_placeholder_is_refused_and_cannot_be_waived(
    mark: dict[str, Json], where: str
) -> None:
    facts: dict[str, Any] = {"document": {"Pattern": [mark]}} if where == "document" else {}
    tags = dict.fromkeys(mark, "x") if where == "tags" else {}
    hostile = thing("toy.queue", "q-prod", tags, **facts)
    body = plan.make(inputs([hostile, QUEUE], waivers=UNEXPLAINED))
    assert keys(body) == [f"marks/{hostile.ref}"]
    assert [step["ref"] for step in body["steps"]] == [str(QUEUE.ref)]


@pytest.mark.parametrize(
    "name",
    ['say "hi"', "it's", "line\nbreak", "</script><script>alert(1)", "a|b", "🦄 ünï", '{"$after": ["a"]}', "a/b:c"],
)  # fmt: skip
def test_a_thing_may_be_called_anything(name: str, tmp_path: Path) -> None:
    written = plan.write(tmp_path, inputs([thing("toy.queue", f"prod {name}", {name: name}, document={"T": name})]))
    assert written.refusals == []
    assert written.path is not None
    (step,) = plan.read(written.path).steps.values()
    assert step.name == f"prod {name}"
    assert step.ref.name == f"prod {name}"
    assert step.create_id == step.id
    assert step.requests[0].params["Document"] == {"T": name}


def test_two_things_that_would_get_one_name_are_refused() -> None:
    other = thing("toy.queue", "b-prod")
    body = plan.make(inputs([thing("toy.queue", "a-prod"), other], renames={str(other.ref): "a-prod"}))
    assert keys(body) == [f"taken/{PROD}/{HERE}/toy.queue/a-prod"]


def test_a_decision_about_something_that_was_not_found_refuses() -> None:
    nobody = str(ref("toy.queue", "ordres-prod"))
    assert refused(QUEUE, renames={nobody: "x"}) == [f"unknown/{nobody}"]
    assert refused(QUEUE, placement=[{"ref": nobody, "to": "production"}]) == [f"unknown/{nobody}"]


def test_what_a_carrying_step_cannot_resolve_refuses_too() -> None:
    class Lost(type(KINDS["toy.database"].action("copy"))):  # type: ignore[misc]
        def summary(self, it: Any, place: Any) -> dict[str, Json]:
            return {"from": it.arn, "to": f"arn:aws:sqs:{HERE}:{LEGACY}:gone"}

    class Database(type(KINDS["toy.database"])):  # type: ignore[misc]
        actions = (KINDS["toy.database"].action("create"), Lost())

    body = plan.make(inputs([thing("toy.database", "db-prod")], kinds=KINDS | {"toy.database": Database()}))
    assert "carries to value: " in body["refusals"][0]["what"]


# Order.

ROLE = f"arn:aws:iam::{LEGACY}:role/app-prod"
PAIR = [thing("toy.role", "app-prod"), thing("toy.service", "web-prod", document={"Role": ROLE})]
TO_PROD = [{"runbook": "all", "accounts": ["production"]}]


def waves(body: dict[str, Json]) -> dict[str, int]:
    return {step["id"].split("/", 2)[2]: step["wave"] for step in body["steps"]}


def test_what_a_request_names_is_made_in_an_earlier_wave_with_the_evidence() -> None:
    body = plan.make(inputs(PAIR))
    made = waves(body)
    assert made["toy.role/app-prod:create"] < made["toy.service/web-prod:create"]
    step = next(step for step in body["steps"] if step["id"].endswith("web-prod:create"))
    assert "document.Role" in step["because"][0]


def test_gates_stand_between_waves_and_one_that_nothing_follows_is_left_out() -> None:
    book = runbook([
        {"id": "first", "ask": "Begin?"}, {"id": "build", "do": "all.build"}, {"id": "middle", "ask": "Stop them?"},
        {"id": "rest", "do": ["all.freeze", "all.data", "all.cutover"]}, {"id": "last", "ask": "Happy?"},
    ])  # fmt: skip
    body = plan.make(inputs(PAIR, runbooks=[book]))
    made = waves(body)
    gates = {gate["id"].rpartition(":")[2]: gate["after_wave"] for gate in body["gates"]}
    assert gates == {"first": 0, "middle": max(made["toy.service/web-prod:create"], made["toy.role/app-prod:allow"])}
    assert made["toy.service/web-prod:stop_legacy"] > gates["middle"]


def test_an_order_that_contradicts_the_graph_names_both_lines_and_the_fix() -> None:
    book = runbook([
        {"id": "services", "do": "toy.service.create"}, {"id": "roles", "do": "toy.role.create"},
        {"id": "rest", "do": ["all.build", "all.freeze", "all.cutover"]},
    ])  # fmt: skip
    with pytest.raises(ConfigError) as error:
        plan.make(inputs(PAIR, runbooks=[book]))
    text = str(error.value)
    assert "(services) does toy.service.create" in text
    assert "(roles) does" in text
    assert "move toy.role.create to services or before it, or toy.service.create after roles" in text


def test_under_all_a_step_waits_for_the_line_of_what_it_needs() -> None:
    book = runbook([
        {"id": "build", "do": "all.build"}, {"id": "sure", "ask": "Sure?"}, {"id": "roles", "do": "toy.role.create"},
        {"id": "rest", "do": ["all.freeze", "all.cutover"]},
    ])  # fmt: skip
    body = plan.make(inputs([*PAIR, QUEUE], runbooks=[book]))
    made, after_wave = waves(body), body["gates"][0]["after_wave"]
    assert made["toy.queue/orders-prod:create"] <= after_wave
    assert after_wave < made["toy.role/app-prod:create"] < made["toy.service/web-prod:create"]


def test_an_account_that_no_runbook_serves_is_an_error_with_the_fix() -> None:
    with pytest.raises(ConfigError) as error:
        plan.make(inputs([thing("toy.queue", "orders-dev")], move=TO_PROD))
    assert "add development to a `move` entry" in str(error.value)


def test_accounts_move_in_the_order_of_the_configuration() -> None:
    move = [{"runbook": "all", "accounts": ["development"]}, {"runbook": "all", "accounts": ["production"]}]
    things = [QUEUE, thing("toy.queue", "orders-dev"), thing("toy.service", "web-dev")]
    body = plan.make(inputs(things, move=move))
    made = waves(body)
    assert made["toy.queue/orders-prod:create"] > made["toy.service/web-dev:start"]
    assert [gate["id"] for gate in body["gates"]] == ["development:told"]


def test_a_gate_before_a_line_is_asked_only_where_that_line_has_something_to_do() -> None:
    steps = [
        {"id": "build", "do": "all.build"},
        {"id": "close_gate", "ask": "May the bridges go?", "before": "close"},
        {"id": "close", "do": "all.close"},
        {"id": "start_gate", "ask": "May it start?", "before": "cutover"},
        {"id": "cutover", "do": ["all.freeze", "all.cutover"]},
    ]
    services = [thing("toy.service", f"web-{env}") for env in ("prod", "dev")]
    parts = [{"runbook": "all", "accounts": [alias]} for alias in ("production", "development")]

    body = plan.make(inputs(services, runbooks=[runbook(steps), runbook(steps)], move=parts))

    assert [gate["id"] for gate in body["gates"]] == ["production:start_gate", "development:start_gate"]


def test_a_gate_before_no_line_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match="'later' is the id of no later `do` line"):
        runbook([{"id": "a", "do": "all.build"}, {"id": "b", "ask": "Well?", "before": "later"}])


def test_two_gates_that_one_answer_would_open_are_refused() -> None:
    with pytest.raises(ConfigError, match="same id"):
        plan.make(inputs([QUEUE], move=[*TO_PROD, *TO_PROD]))


def test_steps_that_need_each_other_are_refused_with_the_chain() -> None:
    arn = f"arn:aws:sqs:{HERE}:{LEGACY}:"
    circle = [
        thing("toy.queue", "a-prod", document={"To": f"{arn}b-prod"}),
        thing("toy.queue", "b-prod", document={"To": f"{arn}a-prod"}),
    ]
    with pytest.raises(PlanRefused) as error:
        plan.make(inputs(circle))
    chain = str(error.value).splitlines()[0]
    assert chain.count("a-prod:create") + chain.count("b-prod:create") == 3
    assert " → " in chain


def test_steps_run_in_the_order_of_the_file_and_waves_never_go_back() -> None:
    for folder in CASES:
        body = plan.make(case(folder))
        seen: dict[str, int] = {}
        for step in body["steps"]:
            assert step["wave"] >= max(seen.values(), default=1)
            for need in step["needs"]:
                same = need.rpartition(":")[0] == step["id"].rpartition(":")[0]
                assert seen[need] < step["wave"] or (same and seen[need] == step["wave"])
            seen[step["id"]] = step["wave"]


def test_changes_in_legacy_are_listed_and_have_an_inverse() -> None:
    body = plan.make(inputs(PAIR))
    service = ref("toy.service", "web-prod")
    stop = f"{PROD}/{HERE}/toy.service/web-prod:stop_legacy"
    assert body["legacy_changes"] == [{"step": stop, "ref": str(service), "fact": "count", "becomes": 0}]
    for step in body["steps"]:
        for request in step["requests"]:
            if request["account"] == LEGACY:
                assert request["undo"]["account"] == LEGACY


def test_what_aws_gives_anew_is_known_after_its_step() -> None:
    vpc = "vpc-0123456789abcdef0"
    things = [thing("toy.network", vpc, {"env": "prod"}), thing("toy.subnet", "subnet-0123456789abcdef1", inside=vpc)]
    body = plan.make(inputs(things))
    subnet = next(step for step in body["steps"] if step["ref"].endswith("subnet-0123456789abcdef1"))
    assert subnet["requests"][0]["params"]["Inside"] == after(f"{PROD}/{HERE}/toy.network/{vpc}:create", "id")
    assert subnet["requests"][0]["undo"]["params"]["Id"] == after(subnet["id"], "id")


def test_the_digest_follows_every_input() -> None:
    made = {
        hashlib.sha256(files.canonical(plan.make(given))).hexdigest()
        for given in (
            inputs(PAIR), inputs([*PAIR, QUEUE]), inputs(PAIR, external_id="x"),
            inputs(PAIR, runbooks=[runbook([{"id": "all", "do": [f"all.{phase}" for phase in PHASES]}])]),
        )
    }  # fmt: skip
    assert len(made) == 4


def test_legacys_writers_stop_before_their_data_is_copied_though_the_new_ones_need_its_new_host() -> None:
    database = thing("toy.database", "db-prod")
    host = "db-prod.abc123xyz.eu-west-1.rds.amazonaws.com"
    role = thing("toy.role", "app-prod", document={"Host": host})
    service = thing("toy.service", "web-prod", document={"Role": role.arn})
    body = plan.make(inputs([database, role, service]))
    assert body["refusals"] == []
    steps = {step["id"].split("/", 2)[2]: step for step in body["steps"]}
    stop, copy, start = (steps[f"toy.{one}"] for one in (
        "service/web-prod:stop_legacy", "database/db-prod:copy", "service/web-prod:start"))  # fmt: skip
    # Not by the order of waves alone: where the stop fails, the copy must not begin.
    assert stop["id"] in copy["needs"]
    assert stop["id"] in start["needs"]
    assert steps["toy.service/web-prod:create"]["id"] not in stop["needs"]
    assert stop["wave"] < copy["wave"] < start["wave"]
