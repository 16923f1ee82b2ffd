"""Accounts that CloudFormation templates of the common public shapes made are moved and moved back.

Rule: not a line of the product knows a shape; each has a template and a migration.yaml in shapes/, and what is
asserted is read by plain boto3.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from . import public_shapes as shapes
from . import public_stacks as stacks
from .public_shapes import REGION, TARGET, Seen


def loads(seen: dict[str, str], path: str) -> Any:
    """One document."""
    return json.loads(seen[path])


@pytest.mark.world
@pytest.mark.torture
@pytest.mark.timeout(900)
def test_an_upload_bucket_that_calls_a_function(tmp_path: Path) -> None:
    with shapes.embedded(tmp_path) as cloud:
        stacks.upload_bucket(cloud)
        was = cloud.client("lambda").get_function(FunctionName="pictures-thumbnailer")["Configuration"]

        def arrived(now: Seen) -> None:
            function = loads(now.target, "lambda.function/pictures-thumbnailer")
            assert function["CodeSha256"] == was["CodeSha256"]
            assert function["Role"] == f"arn:aws:iam::{TARGET}:role/pictures-thumbnailer"
            assert function["Environment"]["Variables"] == {
                "ACCOUNT": TARGET,
                "FAILURES": f"https://sqs.{REGION}.amazonaws.com/{TARGET}/pictures-failures",
                "TARGET_BUCKET": "pictures-thumbnails-production",
            }
            (called,) = loads(now.target, "s3.bucket/pictures-uploads-production/notification")[
                "LambdaFunctionConfigurations"
            ]
            assert called["LambdaFunctionArn"] == function["FunctionArn"]
            may = {
                one["Sid"]: one["Condition"]
                for one in loads(now.target, "lambda.function/pictures-thumbnailer/policy")["Statement"]
            }
            assert may["bucket"]["ArnLike"]["AWS:SourceArn"] == "arn:aws:s3:::pictures-uploads-production"
            assert may["bucket"]["StringEquals"]["AWS:SourceAccount"] == TARGET
            assert may["rule"]["ArnLike"]["AWS:SourceArn"].startswith(f"arn:aws:events:{REGION}:{TARGET}:rule/")
            policy = json.dumps(loads(now.target, "iam.role/pictures-thumbnailer/inline/pictures"))
            assert "arn:aws:s3:::pictures-uploads-production/*" in policy
            assert f"arn:aws:sqs:{REGION}:{TARGET}:pictures-jobs" in policy
            redrive = loads(now.target, "sqs.queue/pictures-jobs")["RedrivePolicy"]
            assert f"arn:aws:sqs:{REGION}:{TARGET}:pictures-failures" in redrive
            s3 = cloud.session(TARGET).client("s3")
            found = s3.list_object_versions(Bucket="pictures-uploads-production")["Versions"]
            bodies = [
                s3.get_object(Bucket="pictures-uploads-production", Key=one["Key"], VersionId=one["VersionId"])[
                    "Body"
                ].read()
                for one in found
            ]
            assert bodies == [b"second", b"first"]

        shapes.there_and_back(cloud, tmp_path / "move", "s3_lambda", arrived)


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_network_with_bastion_and_managed_nat(tmp_path: Path) -> None:
    with shapes.plain(tmp_path) as cloud:
        stacks.bastion(cloud)

        def arrived(now: Seen) -> None:
            vpc = loads(now.target, "ec2.Vpcs/office")["VpcId"]
            subnets = {
                path.rpartition("/")[2]: json.loads(text)
                for path, text in now.target.items()
                if path.startswith("ec2.Subnets/p")
            }
            assert {one["VpcId"] for one in subnets.values()} == {vpc}
            tables = [json.loads(text) for path, text in now.target.items() if path.startswith("ec2.RouteTables/")]
            (nat,) = [json.loads(text) for path, text in now.target.items() if path.startswith("ec2.NatGateways/")]
            assert nat["SubnetId"] == subnets["public-a"]["SubnetId"]
            through = {
                association["SubnetId"]: [
                    route.get("NatGatewayId") or route.get("GatewayId") for route in table["Routes"]
                ]
                for table in tables
                for association in table["Associations"]
                if association.get("SubnetId")
            }
            for name in ("private-a", "private-b"):
                assert nat["NatGatewayId"] in through[subnets[name]["SubnetId"]]
            for name in ("public-a", "public-b"):
                assert any(str(one).startswith("igw-") for one in through[subnets[name]["SubnetId"]])
            (group,) = [loads(now.target, path) for path in now.target if path == "ec2.SecurityGroups/bastion"]
            (inner,) = [loads(now.target, path) for path in now.target if path == "ec2.SecurityGroups/inner"]
            assert group["VpcId"] == inner["VpcId"] == vpc
            named = {pair["GroupId"] for rule in inner["IpPermissions"] for pair in rule["UserIdGroupPairs"]}
            assert named == {group["GroupId"], inner["GroupId"]}
            machine = loads(now.target, "ec2.instance/bastion")
            assert machine["SubnetId"] == subnets["public-a"]["SubnetId"]
            assert [one["GroupId"] for one in machine["NetworkInterfaces"][0]["Groups"]] == [group["GroupId"]]
            assert machine["KeyName"] == "office"
            assert machine["IamInstanceProfile"]["Arn"] == f"arn:aws:iam::{TARGET}:instance-profile/office-bastion"
            held = [json.loads(text) for path, text in now.target.items() if path.startswith("ec2.address/")]
            assert sorted(one.get("InstanceId", "") for one in held) == ["", machine["InstanceId"]]
            ec2 = cloud.session(TARGET).client("ec2")
            data = ec2.describe_instance_attribute(InstanceId=machine["InstanceId"], Attribute="userData")["UserData"]
            assert base64.b64decode(data["Value"]).decode() == stacks.BASTION_DATA.format(
                group=group["GroupId"], vpc=vpc, account=TARGET
            )
            (flow,) = ec2.describe_flow_logs()["FlowLogs"]
            assert (flow["ResourceId"], flow["DeliverLogsPermissionArn"]) == (
                vpc,
                f"arn:aws:iam::{TARGET}:role/office-flows",
            )
            ours = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
            assert ours["EnableDnsHostnames"]["Value"]

        shapes.there_and_back(cloud, tmp_path / "move", "bastion", arrived)


@pytest.mark.world
@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_fargate_service_behind_a_balancer_with_its_database(tmp_path: Path) -> None:
    with shapes.embedded(tmp_path) as cloud:
        out = stacks.fargate(cloud)
        rows = stacks.ask(cloud, out["Database"], stacks.COUNTED)

        def arrived(now: Seen) -> None:
            vpc = loads(now.target, "ec2.Vpcs/ledger")["VpcId"]
            database = loads(now.target, "rds.DBInstances/ledger")
            host = database["Endpoint"]["Address"]
            assert host != out["Database"]
            assert stacks.ask(cloud, host, stacks.COUNTED) == rows
            subnets = {
                path.rpartition("/")[2]: json.loads(text)
                for path, text in now.target.items()
                if path.startswith("ec2.Subnets/ledger")
            }
            where = {one["SubnetIdentifier"] for one in database["DBSubnetGroup"]["Subnets"]}
            assert where == {subnets["ledger-data-a"]["SubnetId"], subnets["ledger-data-b"]["SubnetId"]}
            groups = {
                name: loads(now.target, f"ec2.SecurityGroups/ledger-{name}")
                for name in ("balancer", "service", "database")
            }
            assert [one["VpcSecurityGroupId"] for one in database["VpcSecurityGroups"]] == [
                groups["database"]["GroupId"]
            ]
            for inner, outer in (("database", "service"), ("service", "balancer")):
                (rule,) = groups[inner]["IpPermissions"]
                assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [groups[outer]["GroupId"]]
            balancer = loads(now.target, "elbv2.load-balancer/ledger")
            assert (balancer["VpcId"], balancer["SecurityGroups"]) == (vpc, [groups["balancer"]["GroupId"]])
            targets = loads(now.target, "elbv2.target-group/ledger-web")
            listener = loads(now.target, "elbv2.load-balancer/ledger/80")
            assert listener["DefaultActions"][0]["TargetGroupArn"] == targets["TargetGroupArn"]
            assert [rule["Priority"] for rule in loads(now.target, "elbv2.load-balancer/ledger/80/rules")] == [
                "10",
                "default",
            ]
            service = loads(now.target, "ecs.service/ledger/web")
            definition = loads(now.target, "ecs.task-definition/ledger-web/newest")
            assert service["taskDefinition"] == definition["taskDefinitionArn"]
            assert service["loadBalancers"][0]["targetGroupArn"] == targets["TargetGroupArn"]
            network = service["networkConfiguration"]["awsvpcConfiguration"]
            assert network["securityGroups"] == [groups["service"]["GroupId"]]
            assert set(network["subnets"]) == {
                subnets["ledger-public-a"]["SubnetId"],
                subnets["ledger-public-b"]["SubnetId"],
            }
            (container,) = definition["containerDefinitions"]
            assert {one["name"]: one["value"] for one in container["environment"]} == {
                "DATABASE": f"postgresql://ledger@{host}:5432/ledger",
                "STATEMENTS": "s3://ledger-statements-production/2026",
                "PUBLIC_URL": f"http://{balancer['DNSName']}/",
            }
            secret = cloud.session(TARGET).client("secretsmanager").describe_secret(SecretId="ledger/database")["ARN"]
            assert container["secrets"] == [{"name": "PASSWORD", "valueFrom": f"{secret}:password::"}]
            assert json.loads(now.target["secretsmanager.secret/ledger/database/value"])["host"] == host
            target = loads(now.target, "application-autoscaling.target/service/ledger/web")
            assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 6)
            assert not any(target.get("SuspendedState", {}).values())

        shapes.there_and_back(cloud, tmp_path / "move", "fargate_rds", arrived)


@pytest.mark.world
@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_cluster_on_machines_of_its_own(tmp_path: Path) -> None:
    with shapes.embedded(tmp_path) as cloud:
        stacks.fleet(cloud)

        def arrived(now: Seen) -> None:
            vpc = loads(now.target, "ec2.Vpcs/fleet")["VpcId"]
            subnets = {loads(now.target, f"ec2.Subnets/fleet-{zone}")["SubnetId"] for zone in "ab"}
            hosts = loads(now.target, "ec2.SecurityGroups/fleet-hosts")
            front = loads(now.target, "ec2.SecurityGroups/fleet-balancer")
            (rule,) = hosts["IpPermissions"]
            assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [front["GroupId"]]
            assert hosts["VpcId"] == front["VpcId"] == vpc
            template, versions = loads(now.target, "ec2.launch_template/fleet-host")
            data = next(one for one in versions if one["DefaultVersion"])["LaunchTemplateData"]
            assert data["SecurityGroupIds"] == [hosts["GroupId"]]
            assert data["IamInstanceProfile"]["Arn"] == f"arn:aws:iam::{TARGET}:instance-profile/fleet/fleet-host"
            said = base64.b64decode(data["UserData"]).decode()
            assert said == stacks.HOST_DATA.format(account=TARGET, group=hosts["GroupId"])
            group = loads(now.target, "autoscaling.group/fleet")
            assert group["LaunchTemplate"]["LaunchTemplateId"] == template["LaunchTemplateId"]
            assert set(group["VPCZoneIdentifier"].split(",")) == subnets
            assert (group["MinSize"], group["MaxSize"], group["SuspendedProcesses"]) == (1, 4, [])
            assert group["DesiredCapacity"] == 2
            assert "group fleet x 2" in now.target_owns - now.legacy_owns
            wanted = [{"Name": "instance-state-name", "Values": ["running"]}]
            running = cloud.session(TARGET).client("ec2").describe_instances(Filters=wanted)["Reservations"]
            assert sum(len(one["Instances"]) for one in running) == 2
            provider = loads(now.target, "ecs.capacity_provider/fleet-hosts")["autoScalingGroupProvider"]
            assert provider["autoScalingGroupArn"] == group["AutoScalingGroupARN"]
            (cluster,) = loads(now.target, "ecs.cluster/fleet")
            assert cluster["capacityProviders"] == ["fleet-hosts"]
            assert cluster["defaultCapacityProviderStrategy"][0]["capacityProvider"] == "fleet-hosts"
            service = loads(now.target, "ecs.service/fleet/products")
            # The emulator keeps no strategy of a service; the cluster's is what it falls back to.
            targets = loads(now.target, "elbv2.target-group/fleet-products")
            assert service["loadBalancers"][0]["targetGroupArn"] == targets["TargetGroupArn"]
            assert targets["VpcId"] == vpc
            rules = loads(now.target, "elbv2.load-balancer/fleet/80/rules")
            assert rules[0]["Actions"][0]["TargetGroupArn"] == targets["TargetGroupArn"]
            policy = json.dumps(loads(now.target, "iam.role/fleet-host/inline/ecs-agent"))
            assert f"arn:aws:ecs:{REGION}:{TARGET}:cluster/fleet" in policy

            tasks = cloud.session(TARGET).client("ecs").list_tasks(cluster="fleet", desiredStatus="STOPPED")["taskArns"]
            (launched,) = cloud.session(TARGET).client("ecs").describe_tasks(cluster="fleet", tasks=tasks)["tasks"]
            assert launched["startedBy"].startswith("migrate-")
            assert launched["taskDefinitionArn"] == service["taskDefinition"]
            machines = cloud.session(TARGET).client("ecs").list_container_instances(cluster="fleet")
            assert launched["containerInstanceArn"] in machines["containerInstanceArns"]

        shapes.there_and_back(cloud, tmp_path / "move", "ecs_on_ec2", arrived)
