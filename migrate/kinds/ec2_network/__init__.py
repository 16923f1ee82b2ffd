"""The network: what hangs on a VPC, made anew in the target. The default VPC and all in it stay where they are."""

from typing import Any

from migrate.kind import Kind
from migrate.kinds.ec2_network.dhcp_options import DhcpOptions
from migrate.kinds.ec2_network.egress_only_gateway import EgressOnlyInternetGateway
from migrate.kinds.ec2_network.flow_log import FlowLog
from migrate.kinds.ec2_network.gateways import ElasticIp, InternetGateway, NatGateway
from migrate.kinds.ec2_network.network_acl import NetworkAcl
from migrate.kinds.ec2_network.peering import VpcPeeringConnection
from migrate.kinds.ec2_network.prefix_list import PrefixList
from migrate.kinds.ec2_network.route_table import RouteTable
from migrate.kinds.ec2_network.security_group import SecurityGroup
from migrate.kinds.ec2_network.subnet import Subnet
from migrate.kinds.ec2_network.vpc_endpoint import VpcEndpoint
from migrate.kinds.ec2_network.ways_elsewhere import (
    CustomerGateway,
    TransitGateway,
    TransitGatewayAttachment,
    VpnConnection,
    VpnGateway,
)

KINDS: tuple[Kind[Any], ...] = (
    Subnet(),
    InternetGateway(),
    EgressOnlyInternetGateway(),
    PrefixList(),
    FlowLog(),
    VpcPeeringConnection(),
    TransitGateway(),
    TransitGatewayAttachment(),
    CustomerGateway(),
    VpnGateway(),
    VpnConnection(),
    ElasticIp(),
    NatGateway(),
    RouteTable(),
    NetworkAcl(),
    SecurityGroup(),
    VpcEndpoint(),
    DhcpOptions(),
)
