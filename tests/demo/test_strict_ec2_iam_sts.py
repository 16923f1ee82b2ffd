"""EC2, IAM, STS and KMS in the embedded world: what AWS refuses is refused."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from migrate.demo import clock, world
from migrate.demo.accounts import LEGACY
from tests.demo.conftest import PRODUCTION

pytestmark = pytest.mark.world
Clients = Callable[..., Any]
Refused = Callable[..., str]


def trust(principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_dry_run_writes_nothing(legacy: Clients, refused: Refused) -> None:
    ec2 = legacy("ec2")
    before = len(ec2.describe_vpcs()["Vpcs"])

    code = refused(ec2.create_vpc, CidrBlock="10.99.0.0/16", DryRun=True)

    assert code == "DryRunOperation"
    assert len(ec2.describe_vpcs()["Vpcs"]) == before


def test_a_client_token_makes_one_nat_gateway(legacy: Clients, name: str, refused: Refused) -> None:
    ec2 = legacy("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    wanted = {"SubnetId": subnet, "AllocationId": address, "ClientToken": name}

    first = ec2.create_nat_gateway(**wanted)["NatGateway"]["NatGatewayId"]
    again = ec2.create_nat_gateway(**wanted)["NatGateway"]["NatGatewayId"]

    assert again == first
    assert len(ec2.describe_nat_gateways(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NatGateways"]) == 1
    other = {**wanted, "ConnectivityType": "private"}
    assert refused(ec2.create_nat_gateway, **other) == "IdempotentParameterMismatch"


def test_a_deleted_vpc_takes_its_default_acl_along_and_stays_while_another_acl_is_in_it(
    legacy: Clients, refused: Refused
) -> None:
    ec2 = legacy("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]

    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"

    ec2.delete_network_acl(NetworkAclId=acl)
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"] == []


def test_a_group_named_by_another_groups_rule_stays(legacy: Clients, refused: Refused) -> None:
    ec2 = legacy("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    app, db = (
        ec2.create_security_group(GroupName=label, Description=label, VpcId=vpc)["GroupId"] for label in ("app", "db")
    )
    rule = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": app}]}]
    ec2.authorize_security_group_ingress(GroupId=db, IpPermissions=rule)

    assert refused(ec2.delete_security_group, GroupId=app) == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=db, IpPermissions=rule)

    ec2.delete_security_group(GroupId=app)


def test_a_managed_policy_is_measured_without_white_space(legacy: Clients, name: str, refused: Refused) -> None:
    def document(statements: int, indent: int | None) -> str:
        many = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'x' * 40}"}] * statements
        return json.dumps({"Version": "2012-10-17", "Statement": many}, indent=indent)

    roomy = document(50, 8)

    assert len(roomy) > 6144
    legacy("iam").create_policy(PolicyName=name, PolicyDocument=roomy)
    big = {"PolicyName": f"{name}-big", "PolicyDocument": document(70, None)}
    assert refused(legacy("iam").create_policy, **big) == "LimitExceeded"


def test_inline_policies_of_a_user_have_2048_characters_together(legacy: Clients, name: str, refused: Refused) -> None:
    iam = legacy("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'x' * 1_800}"}
    large = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="one", PolicyDocument=large)

    assert refused(iam.put_user_policy, UserName=name, PolicyName="two", PolicyDocument=large) == "LimitExceeded"
    assert iam.list_user_policies(UserName=name)["PolicyNames"] == ["one"]


def test_a_trust_policy_naming_nobody_is_refused(legacy: Clients, name: str, refused: Refused) -> None:
    ghost = trust(f"arn:aws:iam::{PRODUCTION}:role/nobody")
    stranger = trust("arn:aws:iam::999999999999:role/unknown-here")

    code = refused(legacy("iam").create_role, RoleName=name, AssumeRolePolicyDocument=ghost)

    assert code == "MalformedPolicyDocument"
    legacy("iam").create_role(RoleName=name, AssumeRolePolicyDocument=stranger)
    assert refused(legacy("iam").update_assume_role_policy, RoleName=name, PolicyDocument=ghost) == code


def test_a_role_is_assumed_only_where_it_exists_and_trusts_the_caller(
    legacy: Clients, target: Clients, name: str, refused: Refused
) -> None:
    sts, arn = legacy("sts"), f"arn:aws:iam::{PRODUCTION}:role/{name}"

    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="test") == "AccessDenied"
    target("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(f"arn:aws:iam::{PRODUCTION}:root"))
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="test") == "AccessDenied"
    target("iam").update_assume_role_policy(RoleName=name, PolicyDocument=trust("arn:aws:iam::111111111111:root"))

    assert sts.assume_role(RoleArn=arn, RoleSessionName="test")["AssumedRoleUser"]["Arn"].endswith(f"{name}/test")


def test_a_user_with_a_key_is_not_deleted(legacy: Clients, name: str, refused: Refused) -> None:
    iam = legacy("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]

    assert refused(iam.delete_user, UserName=name) == "DeleteConflict"
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    iam.delete_user(UserName=name)


def test_a_user_is_not_deleted_while_any_door_is_left(legacy: Clients, name: str, refused: Refused) -> None:
    iam = legacy("iam")
    user = {"UserName": name}
    iam.create_user(**user)
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321", **user)
    ssh = iam.upload_ssh_public_key(SSHPublicKeyBody="ssh-rsa AAAA", **user)["SSHPublicKey"]["SSHPublicKeyId"]
    made = iam.create_service_specific_credential(ServiceName="codecommit.amazonaws.com", **user)
    credential = made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]

    for close, more in (
        (iam.deactivate_mfa_device, {"SerialNumber": serial}), (iam.delete_ssh_public_key, {"SSHPublicKeyId": ssh}),
        (iam.delete_service_specific_credential, {"ServiceSpecificCredentialId": credential}),
    ):  # fmt: skip
        assert refused(iam.delete_user, **user) == "DeleteConflict"
        close(**more, **user)
    iam.delete_user(**user)


def test_the_world_says_its_own_time(legacy: Clients) -> None:
    headers = legacy("iam").list_users(MaxItems=1)["ResponseMetadata"]["HTTPHeaders"]

    assert abs(parsedate_to_datetime(headers["date"]).timestamp() - clock.now_s()) < 60


def test_an_unknown_key_is_nobody(a_world: world.World, refused: Refused) -> None:
    session = boto3.Session(aws_access_key_id="AKIA" + "X" * 16, aws_secret_access_key="x", region_name="eu-west-1")
    sts = session.client("sts", endpoint_url=a_world.endpoint)

    assert refused(sts.get_caller_identity) == "InvalidClientTokenId"


def test_the_operator_is_an_administrator_of_legacy(legacy: Clients) -> None:
    assert legacy("sts").get_caller_identity()["Arn"] == "arn:aws:sts::111111111111:assumed-role/Administrator/operator"


def test_a_presigned_url_acts_for_the_account_that_signed_it(legacy: Clients, target: Clients, name: str) -> None:
    legacy("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    legacy("s3").put_object(Bucket=name, Key="a", Body=b"mine")
    wanted = {"Bucket": name, "Key": "a"}

    def status(signer: Any) -> int:
        request = urllib.request.Request(signer.generate_presigned_url("get_object", Params=wanted))
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    v4 = Config(signature_version="s3v4")
    assert status(legacy("s3", config=v4)) == 200
    assert status(target("s3", config=v4)) == 403


def test_a_users_key_belongs_to_the_users_account(a_world: world.World, target: Clients, name: str) -> None:
    target("iam").create_user(UserName=name)
    key = target("iam").create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], region_name="eu-west-1"
    )

    who = session.client("sts", endpoint_url=a_world.endpoint).get_caller_identity()

    assert (who["Account"], who["Arn"]) == (PRODUCTION, f"arn:aws:iam::{PRODUCTION}:user/{name}")


def test_another_accounts_key_needs_its_policy(legacy: Clients, target: Clients, refused: Refused) -> None:
    key = legacy("kms").create_key()["KeyMetadata"]["Arn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::111111111111:root", f"arn:aws:iam::{PRODUCTION}:root"]},
        "Action": "kms:*",
        "Resource": "*",
    }

    assert refused(target("kms").describe_key, KeyId=key) == "AccessDeniedException"
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    legacy("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=document)

    assert target("kms").describe_key(KeyId=key)["KeyMetadata"]["AWSAccountId"] == "111111111111"


def test_a_default_key_says_that_aws_manages_it(legacy: Clients) -> None:
    assert legacy("kms").describe_key(KeyId="alias/aws/rds")["KeyMetadata"]["KeyManager"] == "AWS"


def two_vpcs(legacy: Clients, target: Clients, *blocks: str) -> tuple[str, str]:
    sides = (legacy("ec2"), target("ec2"))
    one, other = (side.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for side, block in zip(sides, blocks, strict=True))
    return one, other


def asked(target: Clients, there: str, here: str) -> str:
    made = target("ec2").create_vpc_peering_connection(VpcId=there, PeerVpcId=here, PeerOwnerId=LEGACY)
    return str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])


def status(client: Clients, connection: str) -> str:
    shown = client("ec2").describe_vpc_peering_connections(VpcPeeringConnectionIds=[connection])
    return str(shown["VpcPeeringConnections"][0]["Status"]["Code"])


def test_peering_of_networks_that_overlap_in_any_block_fails_and_cannot_be_accepted(
    legacy: Clients, target: Clients, refused: Refused
) -> None:
    here, there = two_vpcs(legacy, target, "10.40.0.0/16", "10.41.0.0/16")
    legacy("ec2").associate_vpc_cidr_block(VpcId=here, CidrBlock="10.41.128.0/20")

    connection = asked(target, there, here)

    assert status(target, connection) == status(legacy, connection) == "failed"
    code = refused(legacy("ec2").accept_vpc_peering_connection, VpcPeeringConnectionId=connection)
    assert code == "InvalidStateTransition"


def test_each_account_sees_its_own_tags_of_a_peering_connection(legacy: Clients, target: Clients) -> None:
    connection = asked(target, *reversed(two_vpcs(legacy, target, "10.42.0.0/16", "10.43.0.0/16")))
    target("ec2").create_tags(Resources=[connection], Tags=[{"Key": "side", "Value": "target"}])

    def shown(client: Clients) -> list[Any]:
        wanted = {"VpcPeeringConnectionIds": [connection]}
        return list(client("ec2").describe_vpc_peering_connections(**wanted)["VpcPeeringConnections"][0]["Tags"])

    assert shown(target) == [{"Key": "side", "Value": "target"}]
    assert shown(legacy) == []


def test_a_route_over_a_deleted_peering_is_a_black_hole_and_no_new_one_is_made(
    legacy: Clients, target: Clients, refused: Refused
) -> None:
    here, there = two_vpcs(legacy, target, "10.44.0.0/16", "10.45.0.0/16")
    connection, ec2 = asked(target, there, here), target("ec2")
    table = ec2.create_route_table(VpcId=there)["RouteTable"]["RouteTableId"]
    over = {"RouteTableId": table, "VpcPeeringConnectionId": connection}
    ec2.create_route(DestinationCidrBlock="10.44.0.0/16", **over)

    def states() -> list[str]:
        (shown,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return [route["State"] for route in shown["Routes"] if route.get("VpcPeeringConnectionId")]

    assert states() == ["blackhole"]
    legacy("ec2").accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
    assert states() == ["active"]
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=connection)
    assert states() == ["blackhole"]
    code = refused(ec2.create_route, DestinationCidrBlock="10.44.1.0/24", **over)
    assert code.startswith("InvalidVpcPeeringConnectionI")


def test_machines_start_from_a_templates_later_version_with_user_data(
    legacy: Clients, name: str, refused: Refused
) -> None:
    ec2 = legacy("ec2")
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t3.micro"})
    said = base64.b64encode(b"#!/bin/sh").decode()
    data = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro", "UserData": said}
    ec2.create_launch_template_version(LaunchTemplateName=name, LaunchTemplateData=data)

    started = ec2.run_instances(
        MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": name, "Version": "2"}
    )["Instances"][0]["InstanceId"]  # fmt: skip

    shown = ec2.describe_instance_attribute(InstanceId=started, Attribute="userData")
    assert shown["UserData"]["Value"] == said
    broken = data | {"UserData": "not base64!"}
    code = refused(ec2.create_launch_template_version, LaunchTemplateName=name, LaunchTemplateData=broken)
    assert code == "InvalidUserData.Malformed"


def test_a_group_that_another_vpc_names_over_a_peering_is_said_to_be_while_it_is_active(legacy: Clients) -> None:
    ec2 = legacy("ec2")
    here, there = two_vpcs(legacy, legacy, "10.46.0.0/16", "10.47.0.0/16")
    connection = asked(legacy, there, here)
    groups = [ec2.create_security_group(GroupName="g", Description="x", VpcId=vpc)["GroupId"] for vpc in (here, there)]

    def said() -> list[dict[str, str]]:
        return list(ec2.describe_security_group_references(GroupId=groups[:1])["SecurityGroupReferenceSet"])

    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=connection)
    assert said() == []
    pair = {"GroupId": groups[0], "VpcPeeringConnectionId": connection}
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [pair]}
    ec2.authorize_security_group_egress(GroupId=groups[1], IpPermissions=[rule])
    assert said() == [{"GroupId": groups[0], "ReferencingVpcId": there, "VpcPeeringConnectionId": connection}]

    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=connection)
    assert said() == []
