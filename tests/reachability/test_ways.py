"""The ways of workloads, in a plan and in what stands: what is shut there, what is newly open, what cannot be said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ConfigDict

from migrate import plan
from migrate.graph import build
from migrate.ground import Ground
from migrate.inventory import Inventory, Resource
from migrate.kind import Action, Facts, It, Kind, Place, Request
from migrate.kinds import every_kind
from migrate.names import AccountId, Ref, Region
from migrate.reachability import standing
from migrate.reachability.comparing import Asked, pieces, ways
from migrate.reachability.ends import Ends
from migrate.reachability.network import KINDS, network
from migrate.values import Json
from tests.kinds.network import Mover, of_vpc, small_world
from tests.kinds.two_sides import LEGACY, REGION, TARGET, TwoSides
from tests.plans.toys import inputs

SERVICE, ORDERS = "shop/api", "orders"


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with small_world(monkeypatch) as world:
        yield world


def a_shop(sides: TwoSides, *, blackhole: bool = False) -> dict[str, str]:
    """A public and two private subnets with a NAT gateway, groups of a service and its database."""
    ec2 = sides.client("legacy", "ec2")
    ids = {"vpc": ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]}
    for number, name in enumerate(("public", "app", "data")):
        made = ec2.create_subnet(VpcId=ids["vpc"], CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}a")
        ids[name] = made["Subnet"]["SubnetId"]
    ids["igw"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=ids["igw"], VpcId=ids["vpc"])
    ids["eip"] = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ids["nat"] = ec2.create_nat_gateway(SubnetId=ids["public"], AllocationId=ids["eip"])["NatGateway"]["NatGatewayId"]
    for name, subnet, to in (("rtb_public", "public", "igw"), ("rtb_app", "app", "nat")):
        ids[name] = ec2.create_route_table(VpcId=ids["vpc"])["RouteTable"]["RouteTableId"]
        way = {"GatewayId": ids[to]} if to == "igw" else {"NatGatewayId": ids[to]}
        ec2.create_route(RouteTableId=ids[name], DestinationCidrBlock="0.0.0.0/0", **way)
        ec2.associate_route_table(RouteTableId=ids[name], SubnetId=ids[subnet])
    for name in ("sg_app", "sg_db"):
        made = ec2.create_security_group(GroupName=name, Description=name, VpcId=ids["vpc"])
        ids[name] = made["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": ids["sg_app"]}]}
    ec2.authorize_security_group_ingress(GroupId=ids["sg_db"], IpPermissions=[rule])
    return ids


def ends(ids: Mapping[str, str]) -> list[Resource]:
    """A Fargate service and its database, as a scan shows them."""
    here = (AccountId(LEGACY), Region(REGION))
    container = {
        "name": "api", "image": f"{LEGACY}.dkr.ecr.{REGION}.amazonaws.com/api:1", "environment": [],
        "logConfiguration": {"logDriver": "awslogs", "options": {}},
        "secrets": [{"name": "URL", "valueFrom": f"arn:aws:ssm:{REGION}:{LEGACY}:parameter/x"}],
    }  # fmt: skip
    arn = f"arn:aws:ecs:{REGION}:{LEGACY}:task-definition/api:3"
    own = {"subnets": [ids["app"]], "securityGroups": [ids["sg_app"]], "assignPublicIp": "DISABLED"}
    shown: dict[Ref, tuple[str, Json]] = {
        Ref(*here, "ecs.service", SERVICE): ("", {
            "network": {"awsvpcConfiguration": own}, "task_definition": arn, "launch_type": "FARGATE",
            "capacity_provider_strategy": [], "load_balancers": [],
        }),
        Ref(*here, "ecs.task_definition", "api:3"): (arn, {"container_definitions": [container]}),
        Ref(*here, "rds.subnet_group", "data"): ("", {"subnet_ids": [ids["data"]]}),
        Ref(*here, "rds.instance", ORDERS): ("", {
            "subnet_group": "data", "security_groups": [ids["sg_db"]], "port": 5432, "cluster": None, "public": False,
        }),
    }  # fmt: skip
    return [Resource(ref, arn, {}, None, None, facts) for ref, (arn, facts) in shown.items()]


NETWORK = {name: kind for name, kind in every_kind().items() if name in KINDS or name == "ec2.elastic_ip"}


def scanned(sides: TwoSides, ids: Mapping[str, str]) -> Inventory:
    found = [one for kind in NETWORK.values() for one in of_vpc(kind, sides.scan(kind))]
    return Inventory(AccountId(LEGACY), (Region(REGION),), tuple(NETWORK), (*found, *ends(ids)))


class Reader:
    """Reads in the target; some calls may be refused."""

    def __init__(self, sides: TwoSides, reads: frozenset[str], refused: str) -> None:
        self.site, self.refusals = sides.site(cast(Any, SimpleNamespace(reads=reads)), "target"), list[str]()
        self.refused = refused

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        if operation == self.refused:
            self.refusals.append(f"{operation}: denied: no")
            return iter(())
        return self.site.pages(operation, key, **params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.site, name)


def ground(sides: TwoSides, inventory: Inventory, *, refused: str = "", undone: str = "") -> Ground:
    """What `verify` has: the plan's steps, all done, and reads of the target."""
    steps = {}
    for ref in inventory.by_ref:
        step = f"{TARGET}/{ref.region}/{ref.kind}/{ref.name}:create"
        steps[step] = SimpleNamespace(id=step, ref=ref, account=AccountId(TARGET), action="create", region=ref.region)
    return cast(Ground, SimpleNamespace(
        plan=SimpleNamespace(steps=steps), inventory=inventory, kinds=NETWORK,
        journal=SimpleNamespace(
            state=lambda step: "acted" if undone and undone in step else "verified",
            outputs=lambda step: {name: value for (one, name), value in sides.known.items() if one == step},
        ),
        clients=SimpleNamespace(reader=lambda account, region, reads, remember: Reader(sides, reads, refused)),
        renamed=lambda step, document: sides.renamed(document),
    ))  # fmt: skip


def moved(sides: TwoSides) -> tuple[dict[str, str], Inventory]:
    ids = a_shop(sides)
    inventory = scanned(sides, ids)
    mover = Mover(sides)
    order = ("ec2.vpc", "ec2.subnet", "ec2.internet_gateway", "ec2.elastic_ip", "ec2.nat_gateway",
             "ec2.security_group", "ec2.route_table", "ec2.network_acl")  # fmt: skip
    for name in order:
        for resource in inventory.of(name):
            mover.move(NETWORK[name], resource, *(["create"] if name == "ec2.security_group" else []))
    for resource in inventory.of("ec2.security_group"):
        if resource.facts["ingress"] or resource.facts["egress"]:
            mover.move(NETWORK["ec2.security_group"], resource, "rules")
    return ids, inventory


def there(sides: TwoSides, name: str, legacy_id: str) -> str:
    return sides.known[f"{TARGET}/{REGION}/{name}/{legacy_id}:create", "id"]


def said(sides: TwoSides, inventory: Inventory, **more: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    proofs = standing.proofs(ground(sides, inventory, **more))
    return {ref.name: (proof.state, proof.differences) for ref, _, proof in proofs}


def test_what_stands_is_asked_by_fresh_reads_and_each_change_says_which_way_it_shuts(sides: TwoSides) -> None:
    ids, inventory = moved(sides)
    ec2 = sides.client("target", "ec2")
    assert said(sides, inventory) == {SERVICE: ("equal", ())}
    (proof,) = [proof for *_, proof in standing.proofs(ground(sides, inventory))]
    assert proof.compared == (
        "way to the internet, port 443", "way to AWS's ecr.api", "way to AWS's ecr.dkr", "way to AWS's logs",
        "way to AWS's s3", "way to AWS's ssm", "way to rds.instance orders, port 5432",
    )  # fmt: skip

    acl = there(sides, "ec2.network_acl", next(inventory.of("ec2.network_acl")).ref.name)
    ports = {"Protocol": "6", "CidrBlock": "10.0.1.0/24", "PortRange": {"From": 1024, "To": 65535}}
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=50, Egress=True, RuleAction="deny", **ports)
    state, lines = said(sides, inventory)[SERVICE]
    assert state == "different"
    assert lines[-1] == (
        "the way to rds.instance orders, port 5432 is open in legacy and shut in the target: entry 50 (out) of "
        f"{acl} refuses port 32768, 10.0.1.0"
    )
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=50, Egress=True)
    assert said(sides, inventory) == {SERVICE: ("equal", ())}

    ec2.delete_route(RouteTableId=there(sides, "ec2.route_table", ids["rtb_app"]), DestinationCidrBlock="0.0.0.0/0")
    _, lines = said(sides, inventory)[SERVICE]
    assert [line.partition(" is open in legacy")[0] for line in lines] == [
        "the way to the internet, port 443",
        "the way to AWS's ecr.api (its image is in ECR)",
        "the way to AWS's ecr.dkr (its image is in ECR)",
        "the way to AWS's logs (its containers write to CloudWatch Logs)",
        "the way to AWS's s3 (its image is in ECR)",
        "the way to AWS's ssm (its containers get secrets when they start)",
    ]


def test_what_nobody_may_read_is_no_proof_and_a_network_that_is_not_done_is_not_asked(sides: TwoSides) -> None:
    _, inventory = moved(sides)
    state, lines = said(sides, inventory, refused="ec2.DescribeVpcPeeringConnections")[SERVICE]
    assert (state, lines) == ("could not be proved", ("ec2.DescribeVpcPeeringConnections: denied: no",))
    assert said(sides, inventory, undone="ec2.nat_gateway") == {}
    assert said(sides, inventory, undone=ORDERS) == {SERVICE: ("equal", ())}


def test_a_way_that_is_wider_than_in_legacy_is_named(sides: TwoSides) -> None:
    ids, inventory = moved(sides)
    only = {"protocol": "tcp", "from_port": 5432, "to_port": 5432, "peer_type": "ipv4", "peer": "10.0.1.7/32"}
    part = [replace(one, facts=one.facts | {"ingress": [only]}) if one.ref.name == ids["sg_db"] else one
            for one in inventory.resources]  # fmt: skip
    _, lines = said(sides, replace(inventory, resources=tuple(part)))[SERVICE]
    assert "open for 0.391% of addresses and ports in legacy" in lines[0]
    assert lines[0].endswith("and newly open in the target")


class AnyFacts(Facts):
    """Facts of an end: a plan asks here only where it lies."""

    model_config = ConfigDict(frozen=True, extra="allow")


class CreateEnd(Action[AnyFacts]):
    """Makes it."""

    name = "create"
    title = "Create"

    def requests(self, it: It[AnyFacts], place: Place) -> Sequence[Request]:
        return [Request("toy.Create", {"Name": place.name}, once="named", creates=True)]


def end_kind(sort: str) -> Kind[Any]:
    """A kind of that name that moves and knows nothing else."""
    more = {"name": sort, "title": sort, "facts": AnyFacts, "reads": frozenset(), "actions": (CreateEnd(),)}
    return cast(Kind[Any], type(sort, (Kind,), more)())


MOVING = NETWORK | {
    name: end_kind(name) for name in ("ecs.service", "ecs.task_definition", "rds.subnet_group", "rds.instance")
}


def findings(inventory: Inventory, *, apart: Mapping[str, str] | None = None, **config: Any) -> list[str]:
    """What a plan of the whole says of its ways. `apart`: who goes to another account."""
    placement = [{"name": name, "to": to, "because": "apart"} for name, to in (apart or {}).items()]
    placement.append({"name": "*", "to": "production", "because": "one account"})
    body = plan.make(inputs(inventory, kinds=MOVING, placement=placement, environments={}, **config))
    return [line for line in body["findings"] if " way to " in line]


def test_a_plan_that_keeps_every_way_says_nothing(sides: TwoSides) -> None:
    assert findings(scanned(sides, a_shop(sides))) == []
    assert findings(scanned(sides, a_shop(sides)), addresses={"range": "172.20.0.0/14"}) == []


def test_a_rule_by_a_block_that_does_not_hold_the_new_one_is_a_way_that_the_plan_shuts(sides: TwoSides) -> None:
    ids = a_shop(sides)
    ec2 = sides.client("legacy", "ec2")
    ec2.revoke_security_group_egress(
        GroupId=ids["sg_app"], IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    inside = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    outside = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_egress(GroupId=ids["sg_app"], IpPermissions=[inside, outside])
    (line,) = findings(scanned(sides, ids), addresses={"range": "172.20.0.0/14"})
    assert line == (
        f"{LEGACY}/{REGION}/ecs.service/shop/api in production: the way to rds.instance orders, port 5432 is open in "
        f"legacy and shut in the target: no rule of {ids['sg_app']} lets port 5432 to 172.20.2.0 pass"
    )


def test_a_route_into_nothing_that_a_plan_does_not_repeat_opens_a_way(sides: TwoSides) -> None:
    inventory = scanned(sides, a_shop(sides))
    dead = [{"DestinationCidrBlock": block, "NatGatewayId": "nat-gone"} for block in ("0.0.0.0/1", "128.0.0.0/1")]
    found = [replace(one, facts=one.facts | {"dead_routes": dead}) if one.ref.kind == "ec2.route_table" else one
             for one in inventory.resources]  # fmt: skip
    lines = findings(replace(inventory, resources=tuple(found)))
    assert len(lines) == 6
    assert "the way to the internet, port 443 is shut in legacy" in lines[0]
    assert lines[0].endswith("and newly open in the target")


def test_a_service_whose_images_nothing_leads_to_is_said_before_it_fails_to_start(sides: TwoSides) -> None:
    ids = a_shop(sides)
    sides.client("legacy", "ec2").delete_route(RouteTableId=ids["rtb_app"], DestinationCidrBlock="0.0.0.0/0")
    lines = findings(scanned(sides, ids))
    assert len(lines) == 5
    assert "the way to AWS's ecr.api (its image is in ECR) is shut, in legacy too" in lines[0]


def test_what_is_named_and_goes_to_another_account_is_said_to_be_apart(sides: TwoSides) -> None:
    ids = a_shop(sides)
    inventory = scanned(sides, ids)
    named = [replace(one, facts=one.facts | {"database": f"arn:aws:rds:{REGION}:{LEGACY}:db:{ORDERS}"})
             if one.ref.name == SERVICE else replace(one, arn=f"arn:aws:rds:{REGION}:{LEGACY}:db:{ORDERS}")
             if one.ref.name == ORDERS else one for one in inventory.resources]  # fmt: skip
    lines = findings(replace(inventory, resources=tuple(named)), apart={ORDERS: "development"})
    assert [line for line in lines if "no step joins the two networks" in line] == [
        f"{LEGACY}/{REGION}/ecs.service/shop/api goes to production, and {LEGACY}/{REGION}/rds.instance/orders to "
        "development: the way to rds.instance orders, port 5432 (it names it) is open in legacy, and no step joins the "
        "two networks"
    ]


def test_a_balancer_is_asked_from_the_internet_and_to_what_it_leads_and_a_function_to_what_it_names(
    sides: TwoSides,
) -> None:
    ids = a_shop(sides)
    ec2, here = sides.client("legacy", "ec2"), (AccountId(LEGACY), Region(REGION))
    front = ec2.create_security_group(GroupName="front", Description="front", VpcId=ids["vpc"])["GroupId"]
    web = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=front, IpPermissions=[web])
    tasks = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": front}]}
    ec2.authorize_security_group_ingress(GroupId=ids["sg_app"], IpPermissions=[tasks])
    balancer, group, listener = (f"arn:aws:elasticloadbalancing:{REGION}:{LEGACY}:{end}" for end in
                                 ("loadbalancer/app/web/1", "targetgroup/web/2", "listener/app/web/1/3"))  # fmt: skip
    leads = [{"Type": "forward", "TargetGroupArn": group}]
    more = {
        Ref(*here, "elbv2.load_balancer", "web"): (balancer, {
            "balancer_type": "application", "scheme": "internet-facing", "subnets": [{"SubnetId": ids["public"]}],
            "security_group_ids": [front],
        }),
        Ref(*here, "elbv2.listener", "web:443"): (listener, {
            "load_balancer_arn": balancer, "port": 443, "default_actions": leads,
        }),
        Ref(*here, "elbv2.target_group", "web"): (group, {}),
        Ref(*here, "lambda.function", "mail"): ("arn:function", {
            "subnet_ids": [ids["app"]], "security_group_ids": [ids["sg_app"]],
            "config": {"environment": {"QUEUE": f"arn:aws:sqs:{REGION}:{LEGACY}:jobs"}},
        }),
        Ref(*here, "sqs.queue", "jobs"): (f"arn:aws:sqs:{REGION}:{LEGACY}:jobs", {}),
    }  # fmt: skip
    led = {"load_balancers": [{"targetGroupArn": group, "containerName": "api", "containerPort": 8080}]}
    found = [replace(one, facts=one.facts | led) if one.ref.name == SERVICE else one
             for one in scanned(sides, ids).resources]  # fmt: skip
    whole = [*found, *(Resource(ref, arn, {}, None, None, facts) for ref, (arn, facts) in more.items())]
    inventory = Inventory(AccountId(LEGACY), (Region(REGION),), (), tuple(whole))
    graph = build(inventory, MOVING | {name: end_kind(name) for name in ("sqs.queue", "lambda.function")})
    shop = Asked(network(pieces(inventory.by_ref, Region(REGION))))

    asked = {(way.ref.name, way.what): shop.ask(way, Region(REGION)).state
             for way in ways(Ends(inventory.by_ref), shop.network, graph)}  # fmt: skip

    assert {way: state for way, state in asked.items() if way[0] != SERVICE} == {
        ("mail", "the internet, port 443"): "open", ("mail", "AWS's sqs"): "open",
        ("mail", "rds.instance orders, port 5432"): "open", ("web", "ecs.service shop/api, port 8080"): "open",
        ("web", "clients of the internet, port 443"): "open",
    }  # fmt: skip
