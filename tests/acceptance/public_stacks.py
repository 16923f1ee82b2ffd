"""The four stacks of shapes/, and by plain boto3 what the emulator's CloudFormation cannot make of them.

Rule: each thing that is made here names in a comment the resource type, or the property of it, that it stands for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

from .public_shapes import LEGACY, REGION, Cloud, deploy


def upload_bucket(cloud: Cloud) -> None:
    """The stack, and what the emulator's CloudFormation leaves out of it."""
    deploy(cloud, "s3_lambda")
    function = f"arn:aws:lambda:{REGION}:{LEGACY}:function:pictures-thumbnailer"
    lambda_ = cloud.client("lambda")
    # AWS::Lambda::Permission: the emulator keeps the template's own fields in the policy.
    for sid, principal, source, more in (
        ("bucket", "s3.amazonaws.com", "arn:aws:s3:::pictures-uploads", {"SourceAccount": LEGACY}),
        ("rule", "events.amazonaws.com", f"arn:aws:events:{REGION}:{LEGACY}:rule/pictures-nightly", {}),
    ):
        lambda_.add_permission(
            FunctionName="pictures-thumbnailer", StatementId=sid, Action="lambda:InvokeFunction", Principal=principal,
            SourceArn=source, **more,
        )  # fmt: skip
    s3 = cloud.client("s3")
    # NotificationConfiguration of AWS::S3::Bucket, VersioningConfiguration too.
    s3.put_bucket_notification_configuration(
        Bucket="pictures-uploads",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {
                    "Id": "thumbnails",
                    "LambdaFunctionArn": function,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
                }
            ]
        },
    )
    s3.put_bucket_versioning(Bucket="pictures-uploads", VersioningConfiguration={"Status": "Enabled"})
    # ManagedPolicyArns of AWS::IAM::Role.
    cloud.client("iam").attach_role_policy(
        RoleName="pictures-thumbnailer", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    )
    for text in (b"first", b"second"):
        s3.put_object(Bucket="pictures-uploads", Key="in/Ünï cöde.png", Body=text, ContentType="image/png")
    s3.put_object(Bucket="pictures-thumbnails", Key="out/1.png", Body=b"small")


BASTION_DATA = """#!/bin/bash
echo "{group} in {vpc} of {account}" > /etc/motd
"""


def routed(cloud: Cloud, table: str, *subnets: str) -> None:
    """AWS::EC2::SubnetRouteTableAssociation: the emulator's reaches no route table."""
    for subnet in subnets:
        cloud.client("ec2").associate_route_table(RouteTableId=table, SubnetId=subnet)


def ubuntu(cloud: Cloud) -> str:
    """A public image whose root device is called as the emulator's machines call theirs."""
    name = [{"Name": "name", "Values": ["ubuntu/images/*xenial-16.04-amd64*"]}]
    return str(cloud.client("ec2").describe_images(Filters=name)["Images"][0]["ImageId"])


def bastion(cloud: Cloud) -> None:
    """The stack, and what the emulator's CloudFormation leaves out of it."""
    out = deploy(cloud, "bastion")
    routed(cloud, out["PublicRoutes"], out["PublicA"], out["PublicB"])
    routed(cloud, out["PrivateRoutes"], out["PrivateA"], out["PrivateB"])
    ec2 = cloud.client("ec2")
    # EnableDnsHostnames of AWS::EC2::VPC.
    ec2.modify_vpc_attribute(VpcId=out["Vpc"], EnableDnsHostnames={"Value": True})
    # AWS::EC2::KeyPair.
    ec2.import_key_pair(
        KeyName="office",
        PublicKeyMaterial=b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    )
    # AWS::EC2::Instance, for its SecurityGroupIds.
    (one,) = ec2.run_instances(
        ImageId=ubuntu(cloud), InstanceType="t3.micro", KeyName="office", MinCount=1, MaxCount=1,
        SubnetId=out["PublicA"], SecurityGroupIds=[out["BastionGroup"]], IamInstanceProfile={"Name": "office-bastion"},
        MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "enabled"},
        UserData=BASTION_DATA.format(group=out["BastionGroup"], vpc=out["Vpc"], account=LEGACY),
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "bastion"}]}],
    )["Instances"]  # fmt: skip
    # AWS::EC2::EIPAssociation.
    ec2.associate_address(AllocationId=out["BastionAddress"], InstanceId=one["InstanceId"])


PASSWORD = "Ledger-pa55-7Qx"
ROWS = """
CREATE TABLE entries (id bigserial PRIMARY KEY, who text NOT NULL, amount numeric(12, 2) NOT NULL, said jsonb);
CREATE INDEX entries_who ON entries (who);
INSERT INTO entries (who, amount, said)
    SELECT 'Ünïcode ' || n % 7, n * 1.01, jsonb_build_object('n', n) FROM generate_series(1, 500) n;
"""
COUNTED = "SELECT count(*), sum(amount), md5(string_agg(t::text, '|' ORDER BY id)) FROM entries t"


def ask(cloud: Cloud, host: str, words: str) -> Any:
    """What the database behind an RDS address answers."""
    name, _, port = json.loads(Path(cloud.more["MIGRATE_TUNNELS"]).read_text())[f"{host}:5432"].rpartition(":")
    with psycopg.connect(host=name, port=int(port), user="ledger", password=PASSWORD, dbname="ledger") as link:
        asked = link.execute(words)
        return asked.fetchone() if asked.description else None


def fargate(cloud: Cloud) -> dict[str, str]:
    """The stack, and what the emulator's CloudFormation cannot make of it."""
    # AWS::RDS::DBParameterGroup.
    rds, group = cloud.client("rds"), "ledger-postgres16"
    rds.create_db_parameter_group(
        DBParameterGroupName=group, DBParameterGroupFamily="postgres16", Description="Slow statements are logged"
    )
    slow = {"ParameterName": "log_min_duration_statement", "ParameterValue": "500", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=[slow])
    out = deploy(cloud, "fargate_rds", Password=PASSWORD)
    routed(cloud, out["Routes"], out["PublicA"], out["PublicB"])
    ask(cloud, out["Database"], ROWS)
    # AWS::SecretsManager::Secret.
    login = {"username": "ledger", "password": PASSWORD, "host": out["Database"], "port": 5432, "dbname": "ledger"}
    secret = cloud.client("secretsmanager").create_secret(Name="ledger/database", SecretString=json.dumps(login))["ARN"]
    iam = cloud.client("iam")
    iam.attach_role_policy(
        RoleName="ledger-execution", PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    )
    may = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
    iam.put_role_policy(
        RoleName="ledger-execution",
        PolicyName="secret",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]}),
    )
    ecs, role = cloud.client("ecs"), f"arn:aws:iam::{LEGACY}:role/"
    # AWS::ECS::TaskDefinition, AWS::ECS::Service.
    ecs.register_task_definition(
        family="ledger-web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        executionRoleArn=f"{role}ledger-execution", taskRoleArn=f"{role}ledger-task",
        containerDefinitions=[
            {
                "name": "web", "image": "public.ecr.aws/docker/library/httpd:2.4", "essential": True,
                "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
                "environment": [
                    {"name": "DATABASE", "value": f"postgresql://ledger@{out['Database']}:5432/ledger"},
                    {"name": "STATEMENTS", "value": "s3://ledger-statements/2026"},
                    {"name": "PUBLIC_URL", "value": f"http://{out['Balancer']}/"},
                ],
                "secrets": [{"name": "PASSWORD", "valueFrom": f"{secret}:password::"}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": "/ecs/ledger", "awslogs-region": REGION},
                },
            }
        ],
    )  # fmt: skip
    vpc = {
        "subnets": [out["PublicA"], out["PublicB"]],
        "securityGroups": [out["ServiceGroup"]],
        "assignPublicIp": "ENABLED",
    }
    ecs.create_service(
        cluster="ledger", serviceName="web", taskDefinition="ledger-web", desiredCount=2, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": vpc},
        loadBalancers=[{"targetGroupArn": out["Targets"], "containerName": "web", "containerPort": 8080}],
        healthCheckGracePeriodSeconds=60,
    )  # fmt: skip
    # AWS::ApplicationAutoScaling::ScalableTarget and ScalingPolicy.
    scaled(cloud, "service/ledger/web", "ECSServiceAverageCPUUtilization")
    cloud.client("s3").put_object(Bucket="ledger-statements", Key="2026/01.txt", Body=b"nothing owed")
    return out


def scaled(cloud: Cloud, service: str, metric: str) -> None:
    """A scalable target with one policy."""
    scaling = cloud.client("application-autoscaling")
    target = {"ServiceNamespace": "ecs", "ResourceId": service, "ScalableDimension": "ecs:service:DesiredCount"}
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=6)
    scaling.put_scaling_policy(
        **target, PolicyName="busy", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60.0, "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        },
    )  # fmt: skip


HOST_DATA = """#!/bin/bash
echo ECS_CLUSTER=fleet >> /etc/ecs/ecs.config
echo "{account} {group}" > /etc/motd
"""


def fleet(cloud: Cloud) -> None:
    """The stack, and what the emulator's CloudFormation cannot make of it."""
    out = deploy(cloud, "ecs_on_ec2", Image=ubuntu(cloud))
    routed(cloud, out["Routes"], out["SubnetA"], out["SubnetB"])
    (group,) = cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    ecs = cloud.client("ecs")
    # AWS::ECS::CapacityProvider, AWS::ECS::ClusterCapacityProviderAssociations.
    ecs.create_capacity_provider(
        name="fleet-hosts",
        autoScalingGroupProvider={
            "autoScalingGroupArn": group["AutoScalingGroupARN"],
            "managedScaling": {"status": "ENABLED", "targetCapacity": 90},
            "managedTerminationProtection": "ENABLED",
        },
    )
    strategy: Any = [{"capacityProvider": "fleet-hosts", "weight": 1, "base": 1}]
    ecs.put_cluster_capacity_providers(
        cluster="fleet", capacityProviders=["fleet-hosts"], defaultCapacityProviderStrategy=strategy
    )
    # AWS::ECS::TaskDefinition, AWS::ECS::Service.
    ecs.register_task_definition(
        family="fleet-products",
        networkMode="bridge",
        requiresCompatibilities=["EC2"],
        containerDefinitions=[
            {
                "name": "products",
                "image": "public.ecr.aws/docker/library/httpd:2.4",
                "cpu": 128,
                "memory": 256,
                "essential": True,
                "portMappings": [{"containerPort": 8001, "hostPort": 0, "protocol": "tcp"}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": "/ecs/fleet", "awslogs-region": REGION},
                },
            }
        ],
    )
    ecs.create_service(
        cluster="fleet",
        serviceName="products",
        taskDefinition="fleet-products",
        desiredCount=2,
        capacityProviderStrategy=strategy,
        placementStrategy=[{"type": "spread", "field": "attribute:ecs.availability-zone"}],
        loadBalancers=[{"targetGroupArn": out["Products"], "containerName": "products", "containerPort": 8001}],
    )
    scaled(cloud, "service/fleet/products", "ECSServiceAverageMemoryUtilization")
