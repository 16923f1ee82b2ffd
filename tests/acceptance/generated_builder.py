"""Builds an account that chance drew, by plain boto3, in any endpoint.

Rule: it builds what the description says and decides nothing; what a thing names is built before it or named after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from .foreign_account import LEGACY, sign_in, trust
from .generated_account import ENVS, REGIONS, STRANGER, Described, Thing


@dataclass
class Builder:
    """What builds a description, and what it has made."""

    endpoint: str
    it: Described
    key: dict[str, str]

    def __post_init__(self) -> None:
        self._clients: dict[tuple[str, str], Any] = {}
        self.arns: dict[str, list[str]] = {}
        self.nets: dict[tuple[str, str], tuple[str, list[str]]] = {}

    def client(self, service: str, region: str = REGIONS[0]) -> Any:
        """A plain client of legacy."""
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(
                service, region_name=region, endpoint_url=self.endpoint,
                config=Config(retries={"total_max_attempts": 2}), **self.key,
            )  # fmt: skip
        return self._clients[service, region]

    def seen(self, sort: str, thing: Thing) -> str | None:
        """The ARN of the first of another sort that a thing names, in its own region."""
        things = getattr(self.it, sort)
        for number in thing.refers:
            if number < len(things) and (things[number].region == thing.region or sort in ("roles", "policies")):
                return self.arns[sort][number]
        return None


def lets_in(it: Described, number: int) -> list[int]:
    """The groups that a group lets in: those it names in its own network."""
    one = it.groups[number]

    def network(group: Thing) -> tuple[str, str]:
        return group.region, group.env or "live"

    return [n for n in one.refers if network(it.groups[n]) == network(one)]


def redrives(it: Described, number: int) -> list[int]:
    """Where a queue's dead letters go: to the last that it names, in its region and of its sort."""
    one = it.queues[number]
    fit = [n for n in one.refers if n != number and (it.queues[n].region, it.queues[n].flag) == (one.region, one.flag)]
    return fit[-1:]


def build(endpoint: str, it: Described) -> Builder:
    """Build all of it."""
    by = Builder(endpoint, it, sign_in(endpoint))
    for step in (_keys, _roles, _networks, _queues, _topics, _policies, _events, _logs, _settings, _buckets, _tables,
                 _services, _alarms):  # fmt: skip
        step(by)
    return by


def pairs(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most services want them."""
    return [{key: name, value: text} for name, text in tags.items()]


def _keys(by: Builder) -> None:
    made = []
    for one in by.it.keys:
        kms = by.client("kms", one.region)
        key = kms.create_key(Description=one.value, Tags=pairs(one.tags, "TagKey", "TagValue"))["KeyMetadata"]
        kms.create_alias(AliasName=f"alias/{one.name}", TargetKeyId=key["KeyId"])
        if one.flag:
            kms.enable_key_rotation(KeyId=key["KeyId"])
        made.append(key["Arn"])
    by.arns["keys"] = made


def _roles(by: Builder) -> None:
    """Roles that trust each other in circles, themselves and a stranger."""
    iam = by.client("iam")
    made = [
        iam.create_role(
            RoleName=one.name, Path=f"/{one.env}/" if one.flag and one.env else "/", Tags=pairs(one.tags),
            Description=one.value.replace("\n", " ").encode("latin-1", "ignore").decode("latin-1"),
            AssumeRolePolicyDocument=trust(Service=["ecs-tasks.amazonaws.com", "scheduler.amazonaws.com"]),
        )["Role"]["Arn"]
        for one in by.it.roles
    ]  # fmt: skip
    by.arns["roles"] = made
    for one in by.it.roles:
        if one.refers:
            trusted = [made[number] for number in one.refers]
            iam.update_assume_role_policy(
                RoleName=one.name, PolicyDocument=trust(AWS=[*trusted, f"arn:aws:iam::{STRANGER}:root"])
            )


def _networks(by: Builder) -> None:
    """A network for each environment in each region; groups that let each other in, in circles."""
    for region in by.it.regions:
        ec2 = by.client("ec2", region)
        zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
        for number, env in enumerate(ENVS):
            tags = [{"ResourceType": "vpc", "Tags": pairs({"Name": "net", "env": env})}]
            vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
            # The emulator makes no task's network interface without.
            ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
            subnets = [
                ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.{k}.0/24", AvailabilityZone=zones[k])["Subnet"]
                for k in range(2)
            ]
            gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0]["SubnetId"])
            by.nets[region, env] = vpc, [subnet["SubnetId"] for subnet in subnets]
    made = []
    for one in by.it.groups:
        vpc, _ = by.nets[one.region, one.env or "live"]
        tags = [{"ResourceType": "security-group", "Tags": pairs({"Name": one.tag or "x"})}]
        group = by.client("ec2", one.region).create_security_group(
            GroupName=one.name, Description="a:b/c#d", VpcId=vpc, TagSpecifications=tags
        )
        made.append(group["GroupId"])
    by.arns["groups"] = made
    for own, one in zip(made, by.it.groups, strict=True):
        others = [made[number] for number in lets_in(by.it, made.index(own))]
        allowed: list[dict[str, Any]] = [
            {"IpProtocol": "tcp", "FromPort": 80 + k, "ToPort": 90 + k, "UserIdGroupPairs": [{"GroupId": other}]}
            for k, other in enumerate(others)
        ]
        if one.flag:
            allowed.append(
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                 "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "all of it"}]}
            )  # fmt: skip
        if allowed:
            by.client("ec2", one.region).authorize_security_group_ingress(GroupId=own, IpPermissions=allowed)


def _queues(by: Builder) -> None:
    """Queues that are each other's dead letters, with keys, and open to roles, strangers or all of an account."""
    made, urls = [], []
    for one in by.it.queues:
        name, more = (f"{one.name}.fifo", {"FifoQueue": "true"}) if one.flag else (one.name, {})
        sqs = by.client("sqs", one.region)
        url = sqs.create_queue(QueueName=name, Attributes=more, tags=one.tags)["QueueUrl"]
        urls.append(url)
        made.append(f"arn:aws:sqs:{one.region}:{LEGACY}:{name}")
    by.arns["queues"] = made
    for own, url, one in zip(made, urls, by.it.queues, strict=True):
        attributes = {}
        for number in redrives(by.it, made.index(own)):
            redrive = {"deadLetterTargetArn": made[number], "maxReceiveCount": 3}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        if key := by.seen("keys", one):
            attributes["KmsMasterKeyId"] = key
        if role := by.seen("roles", one):
            statement = {
                "Effect": "Allow", "Principal": {"AWS": [role, f"arn:aws:iam::{STRANGER}:root"]}, "Action": "sqs:*",
                "Resource": own, "Condition": {"StringEquals": {"aws:SourceAccount": LEGACY}},
            }  # fmt: skip
            attributes["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        if attributes:
            by.client("sqs", one.region).set_queue_attributes(QueueUrl=url, Attributes=attributes)


def _topics(by: Builder) -> None:
    made = []
    for one in by.it.topics:
        sns = by.client("sns", one.region)
        topic = sns.create_topic(Name=one.name, Tags=pairs(one.tags))["TopicArn"]
        made.append(topic)
        queue = by.seen("queues", one)
        if queue and not queue.endswith(".fifo"):
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    by.arns["topics"] = made


def _policies(by: Builder) -> None:
    """Policies with wildcards in every part, attached to roles of both environments."""
    iam = by.client("iam")
    made = []
    for one in by.it.policies:
        resources = ["*", f"arn:aws:sqs:*:{LEGACY}:*", f"arn:aws:s3:::{by.it.buckets[0].name[:6]}*/*"]
        resources += [arn for arn in (by.seen("queues", one), by.seen("keys", one), by.seen("topics", one)) if arn]
        statement = {"Effect": "Allow", "Action": ["s3:*", "sqs:Receive*", "kms:Decrypt"], "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made.append(
            iam.create_policy(PolicyName=one.name, PolicyDocument=document, Tags=pairs(one.tags))["Policy"]["Arn"]
        )
        for number in one.refers:
            if number < len(by.it.roles):
                iam.attach_role_policy(RoleName=by.it.roles[number].name, PolicyArn=made[-1])
    by.arns["policies"] = made


def _events(by: Builder) -> None:
    for number, one in enumerate(by.it.rules):
        events = by.client("events", one.region)
        when = {"ScheduleExpression": "rate(5 minutes)"} if number % 2 else {"EventPattern": '{"source": ["my.app"]}'}
        state = "ENABLED" if one.flag else "DISABLED"
        events.put_rule(Name=one.name, State=state, Description=one.value[:500], Tags=pairs(one.tags), **when)
        target = by.seen("queues", one) or by.seen("topics", one)
        if target:
            fifo = {"SqsParameters": {"MessageGroupId": "g"}} if target.endswith(".fifo") else {}
            events.put_targets(Rule=one.name, Targets=[{"Id": "a.b_c-1", "Arn": target, **fifo}])
    for one in by.it.schedules:
        target = by.seen("queues", one) or by.seen("topics", one)
        if target:
            fifo = {"SqsParameters": {"MessageGroupId": "g"}} if target.endswith(".fifo") else {}
            role = by.seen("roles", one) or by.arns["roles"][0]
            by.client("scheduler", one.region).create_schedule(
                Name=one.name, ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"},
                State="ENABLED" if one.flag else "DISABLED",
                Target={"Arn": target, "RoleArn": role, "Input": json.dumps({"to": target, "say": one.value}), **fifo},
            )  # fmt: skip


def _logs(by: Builder) -> None:
    for one in by.it.log_groups:
        logs = by.client("logs", one.region)
        logs.create_log_group(logGroupName=one.name, **({"tags": one.tags} if one.env else {}))
        if one.flag:
            logs.put_retention_policy(logGroupName=one.name, retentionInDays=14)


def _settings(by: Builder) -> None:
    for one in by.it.parameters:
        name = f"/{one.env}/{one.name}" if one.env else one.name
        value = by.seen("queues", one) or by.seen("roles", one) or one.value
        by.client("ssm", one.region).put_parameter(
            Name=name, Type="SecureString" if one.flag else "String", Value=value or "x", Tags=pairs(one.tags)
        )
    for one in by.it.secrets:
        queue = by.seen("queues", one)
        text = json.dumps({"password": "n0t-a-secret", "queue": queue, "note": one.value}) if queue else one.value
        by.client("secretsmanager", one.region).create_secret(
            Name=one.name, SecretString=text, Description=one.value, Tags=pairs(one.tags)
        )


def _buckets(by: Builder) -> None:
    for one in by.it.buckets:
        s3 = by.client("s3", one.region)
        s3.create_bucket(Bucket=one.name, CreateBucketConfiguration={"LocationConstraint": one.region})
        s3.put_bucket_tagging(Bucket=one.name, Tagging={"TagSet": pairs(one.tags)})
        if one.flag:
            s3.put_bucket_versioning(Bucket=one.name, VersioningConfiguration={"Status": "Enabled"})
        for number, number_of in enumerate(one.refers):
            s3.put_object(Bucket=one.name, Key=f"päth/a b+{number}&=✓", Body=b"x" * number_of)


def _tables(by: Builder) -> None:
    for one in by.it.tables:
        dynamodb = by.client("dynamodb", one.region)
        dynamodb.create_table(
            TableName=one.name, BillingMode="PAY_PER_REQUEST", Tags=pairs(one.tags),
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )  # fmt: skip
        for number in one.refers:
            dynamodb.put_item(TableName=one.name, Item={"id": {"S": str(number)}, "v": {"S": one.value}})


def _services(by: Builder) -> None:
    """Services of both environments that share queues and roles."""
    for region in by.it.regions:
        for env in ENVS:
            by.client("ecs", region).create_cluster(clusterName=f"{env}-cluster")
    for number, one in enumerate(by.it.services):
        env = one.env or "live"
        ecs = by.client("ecs", one.region)
        known = {"VALUE": one.value, "QUEUE": by.seen("queues", one), "TOPIC": by.seen("topics", one)}
        role = by.seen("roles", one) or by.arns["roles"][0]
        ecs.register_task_definition(
            family=f"f{number}", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
            executionRoleArn=role, taskRoleArn=role, tags=pairs({"env": env}, "key", "value"),
            containerDefinitions=[{
                "name": "main", "image": "docker.io/library/nginx:1.27", "essential": True, "memory": 256,
                "environment": [{"name": name, "value": text} for name, text in known.items() if text],
            }],
        )  # fmt: skip
        inside = [
            group for group, of in zip(by.arns["groups"], by.it.groups, strict=True)
            if (of.region, of.env or "live") == (one.region, env)
        ]  # fmt: skip
        awsvpc = {"subnets": by.nets[one.region, env][1], "securityGroups": inside[:2]}
        ecs.create_service(
            cluster=f"{env}-cluster", serviceName=one.name, taskDefinition=f"f{number}", launchType="FARGATE",
            desiredCount=int(one.flag), networkConfiguration={"awsvpcConfiguration": awsvpc},
        )  # fmt: skip


def _alarms(by: Builder) -> None:
    for one in by.it.alarms:
        topic = by.seen("topics", one)
        by.client("cloudwatch", one.region).put_metric_alarm(
            AlarmName=one.name, Namespace="X/Y", MetricName="Errors", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold", Statistic="Sum", AlarmActions=[topic] if topic else [],
            AlarmDescription=one.value, Tags=pairs(one.tags),
        )  # fmt: skip
