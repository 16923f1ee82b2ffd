"""What refuses a plan because AWS would refuse it, or because something would be left behind."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from migrate import plan
from migrate.aws_rules import NAME_RULES, unfit
from migrate.config import Config
from migrate.graph import build
from migrate.inventory import Gap, Resource
from migrate.kind import It, Kind, Name, Need, Place
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region
from migrate.tokens import Index
from migrate.values import Json
from tests.plans.toys import HERE, KINDS, LEGACY, PROD, Role, ToyFacts, User, config, inputs, inventory, thing

CERTIFICATE = f"arn:aws:acm:{HERE}:{LEGACY}:certificate/11111111-2222-3333-4444-555555555555"
THERE = CERTIFICATE.replace(LEGACY, PROD)
ROLE = thing("toy.role", "app-prod")
WEB = thing("toy.service", "web-prod", hard=(ROLE.arn,))


def refusals(*things: object, **more: object) -> dict[str, str]:
    body = plan.make(inputs(things, **more))  # type: ignore[arg-type]
    return {line["key"]: line["what"] for line in body["refusals"]}


def test_what_moves_without_that_which_it_needs_is_refused_until_a_person_answers_for_it() -> None:
    stays = {"name": "app-prod", "to": "legacy"}
    found = refusals(ROLE, WEB, placement=[stays])
    key = f"stays/{WEB.ref}/{ROLE.ref}"
    assert f"{ROLE.ref}, which it needs (reads; toy.Describe Needs[]), stays in legacy" in found[key]
    assert (
        refusals(ROLE, WEB, placement=[stays], waivers=[{"gap": key, "because": "it may be assumed from there"}]) == {}
    )
    assert refusals(ROLE, WEB) == {}
    assert refusals(ROLE, WEB, placement=[stays, {"name": "web-prod", "to": "legacy"}]) == {}


def test_what_moves_while_what_it_needs_goes_nowhere_is_refused() -> None:
    # Nothing but the need says where the role belongs, and one that goes to two accounts says nothing.
    role = thing("toy.role", "plain")
    web = thing("toy.service", "web", hard=(role.arn,))
    both = {"name": "web", "to": ["production", "development"]}
    found = refusals(role, web, placement=[both])
    assert "goes to no account" in found[f"stays/{web.ref}/{role.ref}"]


def test_what_lies_in_something_cannot_go_to_another_account() -> None:
    net = thing("toy.network", "vpc-0123456789abcdef0", {"env": "dev"})
    subnet = thing("toy.subnet", "subnet-0123456789abcdef1", inside=net.ref.name)
    rules = [{"name": subnet.ref.name, "to": "production"}, {"name": net.ref.name, "to": "development"}]
    found = refusals(net, subnet, placement=rules)
    assert "goes only to development: it cannot lie there" in found[f"stays/{subnet.ref}/{net.ref}"]


def test_a_bucket_whose_new_name_is_too_long_is_refused_at_planning() -> None:
    long = thing("s3.bucket", f"{'a' * 55}-prod")
    found = refusals(long)
    (key,) = found
    assert key.startswith("name/")
    assert "(73 characters) is no name for it: 3 to 63" in found[key]
    assert refusals(long, renames={str(long.ref): "short-prod"}) == {}


def test_a_name_that_stays_is_not_judged() -> None:
    assert refusals(thing("s3.bucket", "Old_Style-prod"), buckets="{name}") == {}


@pytest.mark.parametrize(
    ("kind", "name", "fits"),
    [
        ("s3.bucket", "a" * 63, True), ("s3.bucket", "a" * 64, False), ("s3.bucket", "ab", False),
        ("s3.bucket", "a..b", False), ("s3.bucket", "192.168.5.4", False), ("s3.bucket", "Shop", False),
        ("s3.bucket", "x--ol-s3", False), ("elbv2.load_balancer", "internal-x", False),
        ("elbv2.load_balancer", "a" * 33, False), ("elbv2.target_group", "web-", False),
        ("rds.instance", "a--b", False), ("rds.instance", "orders-prod", True), ("rds.instance", "1a", False),
        ("sqs.queue", "a" * 80, True), ("sqs.queue", "a" * 81, False), ("sqs.queue", "jobs.fifo", True),
        ("ecr.repository", "shop/web", True), ("ecr.repository", "Shop", False), ("iam.role", "a b", False),
        ("nobody.knows", "!", True),
    ],
)  # fmt: skip
def test_names_are_judged_as_aws_documents_them(kind: str, name: str, fits: bool) -> None:
    assert (unfit(kind, name) == "") == fits


def test_every_rule_of_names_is_of_a_kind_that_exists() -> None:
    assert NAME_RULES.keys() - every_kind().keys() == set()
    for rule in NAME_RULES.values():
        re.compile(rule.pattern)


def test_a_thing_without_a_kind_gets_the_name_that_a_person_gives_it() -> None:
    listener = thing("toy.service", "front-prod", document={"Certificate": CERTIFICATE})
    gap = Gap("acm:certificate", HERE, "acm.ListCertificates", "no kind", "no kind for it", CERTIFICATE)
    waiver = {"gap": "acm:*", "because": "requested by hand"}
    found = plan.make(inputs([listener], gaps=[gap], waivers=[waiver]))["refusals"]
    assert [line["key"] for line in found] == [f"dangling/{listener.ref}/{CERTIFICATE}"]
    assert "has no kind (see its gap)" in found[0]["what"]
    assert f"renames: {{{CERTIFICATE}: " in found[0]["do"]

    body = plan.make(inputs([listener], gaps=[gap], waivers=[waiver], renames={CERTIFICATE: THERE}))
    assert body["refusals"] == []
    assert body["steps"][0]["requests"][0]["params"]["Document"] == {"Certificate": THERE}


STORE = f"arn:aws:elasticloadbalancing:{HERE}:{LEGACY}:truststore/staff/73e2d6bc24d8a067"


def test_a_trust_store_is_refused_with_the_exact_commands_until_a_person_says_what_it_is_called() -> None:
    listener = thing("toy.service", "front-prod", document={"TrustStoreArn": STORE})
    (refusal,) = plan.make(inputs([listener]))["refusals"]

    assert f"get-trust-store-ca-certificates-bundle --trust-store-arn {STORE} --query Location" in refusal["do"]
    assert "create-trust-store --name staff --ca-certificates-bundle-s3-bucket BUCKET" in refusal["do"]
    assert f"renames: {{{STORE}: <the new ARN>}}. Done when" in refusal["do"]
    named = re.findall(r"(?:elbv2 |\(|, )([a-z]+-trust-store[a-z-]*)", refusal["do"])
    elbv2 = botocore.session.get_session().get_service_model("elbv2")
    assert len(named) == 6
    assert {xform_name(name).replace("_", "-") for name in elbv2.operation_names} >= set(named)
    there = STORE.replace(LEGACY, PROD)
    assert plan.make(inputs([listener], renames={STORE: there}))["refusals"] == []


def test_a_run_renames_by_what_the_plan_was_given() -> None:
    listener = thing("toy.service", "front-prod", document={"Certificate": CERTIFICATE})
    given = inputs([listener], renames={CERTIFICATE: THERE})
    made = plan.from_body(plan.make(given), "0" * 64)
    assert made.names(given.inventory, KINDS).known[CERTIFICATE].targets[AccountId(PROD)] == THERE


@pytest.mark.parametrize("renames", [{CERTIFICATE: "short"}, {str(WEB.ref): THERE}, {"web-prod": "web"}])
def test_a_rename_that_is_neither_ref_nor_arn_is_an_error(renames: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"an ARN becomes an ARN|is not <account>"):
        Config.model_validate(config().model_dump(by_alias=True) | {"renames": renames})


def test_people_who_are_taken_out_of_policies_are_listed_with_whose() -> None:
    ana = thing("iam.user", "ana")
    role = thing("toy.role", "service-prod")
    policy: Json = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": [ana.arn, role.arn]}, "Action": "sqs:*"}]}
    queue = thing("toy.queue", "jobs-prod", document=policy)
    assert plan.make(inputs([ana, role, queue]))["dropped"] == {str(ana.ref): [str(queue.ref)]}


class Aliased(Role):
    """Known by a name that is free in each region, as a key's alias is."""

    def names(self, it: It[ToyFacts], place: Place) -> Iterator[Name]:
        yield Name("alias/shop", f"alias/{it.ref.region}", "host")


def test_a_name_that_two_regions_have_means_the_own_regions_thing() -> None:
    kind, index = Aliased(), Index(AccountId(LEGACY))
    regions = (HERE, Region("us-east-1"))
    for region in regions:
        one = thing("toy.role", "key")
        place = Place("toys", AccountId(PROD), region, "key", f"{PROD}/{region}/toy.role/key:create")
        index.enter(kind, kind.typed(replace(one, ref=one.ref._replace(region=region))), (place,))
    for region in regions:
        known = index.in_region(region).known["alias/shop"]
        assert (known.ref.region, known.targets) == (region, {PROD: f"alias/{region}"})
        assert "alias/shop" not in index.in_region(region).clashes
    # What lies in no region cannot say which is meant.
    assert "alias/shop" in index.in_region(Region("global")).clashes


class Stays(User):
    """Not moved, and somebody has to do it."""

    name, quiet = "toy.by_hand", False


def test_what_a_person_has_to_move_refuses_the_plan_until_somebody_says_who_does_it() -> None:
    cluster = thing("toy.by_hand", "orders")
    kinds = KINDS | {"toy.by_hand": Stays()}
    (refusal,) = plan.make(inputs([cluster], kinds=kinds))["refusals"]
    assert refusal["key"] == f"by hand/{cluster.ref}"
    assert refusal["do"].startswith("gets a role instead Say who does it: waive it")
    waiver = {"gap": "by hand/*/toy.by_hand/*", "because": "ana moves it on Friday"}
    settlements: tuple[dict[str, Any], ...] = (
        {"waivers": [waiver]},
        {"placement": [{"kind": "toy.by_hand", "to": "legacy"}]},
    )
    for settled in settlements:
        body = plan.make(inputs([cluster], kinds=kinds, **settled))
        assert body["refusals"] == []
        assert body["manual"] == [{"ref": str(cluster.ref), "do": "gets a role instead"}]
    assert plan.make(inputs([thing("iam.user", "ana")]))["refusals"] == []


class Measured(Role):
    """With a fact that nothing is made from."""

    name, volatile = "toy.measured", frozenset({"document"})


def test_what_nothing_is_made_from_need_not_name_what_was_found() -> None:
    kinds = KINDS | {"toy.measured": Measured()}
    document = {"Snapshot": "snap-0123456789abcdef0"}
    one, other = (thing(kind, "disk-prod", document=document) for kind in ("toy.measured", "toy.subnet"))
    assert build(inventory([one]), kinds).dangling == ()
    assert [lost.text for lost in build(inventory([other]), kinds).dangling] == ["snap-0123456789abcdef0"]


def test_what_is_assumed_attached_or_a_dead_letter_queue_must_be_in_the_same_account() -> None:
    for why in ("assumes", "attached to", "dead letters"):
        used, user = thing("toy.queue", "used"), thing("toy.queue", "user")
        rules = [{"name": "used", "to": "development"}, {"name": "user", "to": "production"}]

        found = refusals(used, user, placement=rules, kinds=KINDS | {"toy.queue": _needing(why, used.ref)})

        assert "goes only to development: AWS wants both in one account" in found[f"stays/{user.ref}/{used.ref}"]
        together = [{"name": "use*", "to": "production"}]
        assert refusals(used, user, placement=together, kinds=KINDS | {"toy.queue": _needing(why, used.ref)}) == {}


def _needing(why: Any, on: Ref) -> Kind[ToyFacts]:
    """Queues of which all others need one, softly: their requests do not say it."""
    queue = copy.copy(KINDS["toy.queue"])
    needs = lambda it: iter(() if it.ref == on else (Need(on, why, "soft", "toy.Describe"),))  # noqa: E731
    queue.needs = needs  # type: ignore[method-assign]
    return queue


def test_what_would_be_started_in_two_accounts_is_asked_about() -> None:
    worker = thing("toy.service", "worker")
    both = {"name": "worker", "to": ["production", "development"]}

    found = refusals(worker, placement=[both])

    key = f"owners/{worker.ref}"
    assert "would be started in production and development: each would act" in found[key]
    assert refusals(worker, placement=[both], waivers=[{"gap": key, "because": "each has a queue of its own"}]) == {}
    assert refusals(worker, placement=[{"name": "worker", "to": "production"}]) == {}


def test_a_name_that_looks_like_an_id_of_aws_is_no_reference_to_something_missing() -> None:
    rule = thing(
        "toy.queue",
        "vpc-12345678",
        document={"Own": "vpc-12345678", "Arn": f"arn:aws:sqs:{HERE}:{LEGACY}:vpc-12345678"},
    )
    other = thing("toy.queue", "other", document={"Vpc": "vpc-87654321"})
    all_there = [{"name": "*", "to": "production"}]

    assert refusals(rule, placement=all_there) == {}
    assert any("vpc-87654321" in said for said in refusals(other, placement=all_there).values())


@pytest.mark.parametrize("primary", ["moves", "stays", "is not scanned"])
def test_a_replica_of_a_secret_whose_primary_does_not_move_is_asked_about(primary: str) -> None:
    secret: Any = every_kind()["secretsmanager.secret"]
    facts: dict[str, Json] = {
        "description": "", "kms_key_id": None, "owning_service": None, "has_value": True, "own_labels": [],
        "rotation_lambda_arn": None, "rotation_rules": {}, "replicas": {}, "primary_region": None,
        "resource_policy": None, "dead_principals": [],
    }  # fmt: skip
    arn = f"arn:aws:secretsmanager:{HERE}:{LEGACY}:secret:login-a1b2C3"
    first = Resource(
        Ref(LEGACY, HERE, secret.name, "login"), arn, {}, None, None, facts | {"replicas": {"eu-north-1": None}}
    )
    there = Ref(LEGACY, Region("eu-north-1"), secret.name, "login")
    copied = Resource(there, arn.replace(HERE, "eu-north-1"), {}, None, None, facts | {"primary_region": HERE})
    things = [copied] if primary == "is not scanned" else [first, copied]
    rules = [{"ref": str(first.ref), "to": "legacy" if primary == "stays" else "production"}]

    found = refusals(*things, kinds={secret.name: secret}, placement=rules)

    asked = [key for key in found if key.startswith("by hand/")]
    assert asked == ([] if primary == "moves" else [f"by hand/{there}"])
