"""Gateways and addresses as only AWS shows them: regional ones, several addresses, ones that services keep."""

from migrate import plan
from migrate.kind import Place
from migrate.kinds.ec2_network.gateways import ElasticIp, NatGateway
from migrate.kinds.ec2_network.vpc_endpoint import VpcEndpoint
from migrate.names import Region
from tests.kinds.network import Answers
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import REGION, TARGET
from tests.plans import toys


def test_an_address_that_a_service_keeps_for_itself_is_not_allocated() -> None:
    address = {"AllocationId": "eipalloc-1", "PublicIp": "192.0.2.1", "ServiceManaged": "rnat"}
    (found,) = ElasticIp().scan(Answers({"ec2.DescribeAddresses": {"Addresses": [address]}}))

    assert not ElasticIp().action("create").applies(ElasticIp().typed(found))


def test_a_regional_nat_gateway_is_asked_for_in_the_vpc() -> None:
    gateway = {
        "NatGatewayId": "nat-1",
        "VpcId": "vpc-1",
        "AvailabilityMode": "regional",
        "NatGatewayAddresses": [{"AllocationId": "eipalloc-1"}],
    }
    (found,) = NatGateway().scan(Answers({"ec2.DescribeNatGateways": {"NatGateways": [gateway]}}))
    place = Place("shop", TARGET, Region(REGION), "nat-1", "step:create")

    (create,) = NatGateway().action("create").requests(NatGateway().typed(found), place)

    check_request(create.operation, create.params)
    assert create.params["VpcId"] == "vpc-1"
    assert create.params["AvailabilityMode"] == "regional"
    assert "SubnetId" not in create.params
    assert "AllocationId" not in create.params


def test_the_primary_address_of_a_nat_gateway_is_the_one_marked_so() -> None:
    gateway = {
        "NatGatewayId": "nat-1",
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "NatGatewayAddresses": [
            {"AllocationId": "eipalloc-3"},
            {"AllocationId": "eipalloc-2", "IsPrimary": True},
            {"AllocationId": "eipalloc-1"},
        ],
    }
    (found,) = NatGateway().scan(Answers({"ec2.DescribeNatGateways": {"NatGateways": [gateway]}}))

    assert found.facts["allocation_id"] == "eipalloc-2"
    assert found.facts["secondary_allocation_ids"] == ["eipalloc-1", "eipalloc-3"]


def test_an_endpoint_without_a_service_and_one_to_another_region_are_asked_for_as_they_are() -> None:
    resource = f"arn:aws:vpc-lattice:{REGION}:111111111111:resourceconfiguration/rcfg-1"
    common = {"VpcId": "vpc-1", "State": "available"}
    shown = [
        {"VpcEndpointId": "vpce-1", "VpcEndpointType": "Resource", "ResourceConfigurationArn": resource, **common},
        {"VpcEndpointId": "vpce-2", "ServiceName": "com.example", "ServiceRegion": "us-east-1", **common},
        {"VpcEndpointId": "vpce-3", "ServiceName": "com.example", "ServiceRegion": REGION, **common},
    ]
    place, asked = Place("shop", TARGET, Region(REGION), "vpce-1", "step:create"), []
    for found in VpcEndpoint().scan(Answers({"ec2.DescribeVpcEndpoints": {"VpcEndpoints": shown}})):
        (create,) = VpcEndpoint().action("create").requests(VpcEndpoint().typed(found), place)
        check_request(create.operation, create.params)
        names = ("ServiceName", "ServiceRegion", "ResourceConfigurationArn")
        asked.append({name: create.params[name] for name in names if name in create.params})

    assert asked == [
        {"ResourceConfigurationArn": resource},
        {"ServiceName": "com.example", "ServiceRegion": "us-east-1"},
        {"ServiceName": "com.example"},
    ]


def test_the_plan_says_which_public_addresses_outsiders_have_to_let_in_anew() -> None:
    address = {"AllocationId": "eipalloc-0123456789abcdef0", "PublicIp": "192.0.2.1"}
    (found,) = ElasticIp().scan(Answers({"ec2.DescribeAddresses": {"Addresses": [address]}}))
    kinds = {"ec2.elastic_ip": ElasticIp()}

    body = plan.make(toys.inputs([found], kinds=kinds, placement=[{"name": "*", "to": "production"}]))
    stays = plan.make(toys.inputs([found], kinds=kinds, placement=[{"name": "*", "to": "legacy"}]))

    (said,) = body["findings"]
    assert said.startswith(f"192.0.2.1 ({found.ref}) does not move: who lets it in")
    assert stays["findings"] == []
