"""Collects every text of an account in which a person would search for the legacy account's id.

Rule: a document is kept as AWS gives it; only marks that the migration itself puts on things are left out
(tags beginning with `migrate:`), because saying where a thing came from is what they are for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3

# The landing zone's own, older than any migration; in the embedded world legacy may assume it.
NOT_MOVED = ("OrganizationAccountAccessRole",)
PROVENANCE = "migrate:"


def read_documents(session: boto3.Session) -> dict[str, str]:
    """Return text by path; a path is `kind/name` or `kind/name/part`."""
    documents: dict[str, str] = {}
    for read in (
        _identity,
        _network,
        _balancers,
        _containers,
        _functions,
        _messages,
        _buckets,
        _settings,
        _databases,
        _registry,
    ):
        for path, value in read(session):
            documents[path] = value if isinstance(value, str) else json.dumps(_plain(value), sort_keys=True)
    return documents


Found = Iterator[tuple[str, Any]]


def _plain(value: Any) -> Any:
    """Drop provenance tags and answers' envelopes, and write times as text."""
    if isinstance(value, dict):
        return {
            str(key): _plain(inner)
            for key, inner in value.items()
            if key != "ResponseMetadata" and not str(key).startswith(PROVENANCE)
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value if not _is_provenance(inner)]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _is_provenance(item: Any) -> bool:
    names = ("Key", "key", "TagKey")
    return isinstance(item, dict) and any(str(item.get(name, "")).startswith(PROVENANCE) for name in names)


def _all(client: Any, operation: str, field: str, **given: Any) -> Iterator[Any]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**given):
            yield from page.get(field, [])
    else:
        yield from getattr(client, operation)(**given).get(field, [])


def _if_any(call: Any, *absent: str, **given: Any) -> Any:
    """Return an answer, or nothing when AWS says that there is no such document."""
    try:
        return call(**given)
    except call.__self__.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in absent:
            return None
        raise


def _identity(session: boto3.Session) -> Found:
    iam, kms = session.client("iam"), session.client("kms")
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Role", "Group", "LocalManagedPolicy"]
    )
    for page in pages:
        for role in page["RoleDetailList"]:
            if role["RoleName"] in NOT_MOVED:
                continue
            path = f"iam.role/{role['RoleName']}"
            yield f"{path}/trust", role["AssumeRolePolicyDocument"]
            yield f"{path}/attached", sorted(item["PolicyArn"] for item in role["AttachedManagedPolicies"])
            for policy in role["RolePolicyList"]:
                yield f"{path}/inline/{policy['PolicyName']}", policy["PolicyDocument"]
        for policy in page["Policies"]:
            for version in policy["PolicyVersionList"]:
                if version["IsDefaultVersion"]:
                    yield f"iam.policy/{policy['Arn'].rpartition('/')[2]}", version["Document"]
        for owner, name, inline in (("Group", "GroupName", "GroupPolicyList"), ("User", "UserName", "UserPolicyList")):
            for item in page[f"{owner}DetailList"]:
                path = f"iam.{owner.lower()}/{item[name]}"
                yield f"{path}/attached", sorted(each["PolicyArn"] for each in item["AttachedManagedPolicies"])
                for policy in item.get(inline, []):
                    yield f"{path}/inline/{policy['PolicyName']}", policy["PolicyDocument"]
    aliases = {item.get("TargetKeyId"): item["AliasName"] for item in _all(kms, "list_aliases", "Aliases")}
    for key in _all(kms, "list_keys", "Keys"):
        metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if metadata["KeyManager"] == "CUSTOMER":
            path = f"kms.key/{aliases.get(key['KeyId'], key['KeyId'])}"
            yield f"{path}/policy", kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]


def _network(session: boto3.Session) -> Found:
    ec2 = session.client("ec2")
    for operation, field, identity in (
        ("describe_vpcs", "Vpcs", "VpcId"),
        ("describe_subnets", "Subnets", "SubnetId"),
        ("describe_route_tables", "RouteTables", "RouteTableId"),
        ("describe_network_acls", "NetworkAcls", "NetworkAclId"),
        ("describe_security_groups", "SecurityGroups", "GroupId"),
        ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
        ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ):
        for item in _all(ec2, operation, field):
            tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
            name = tags.get("Name") or item.get("GroupName") or item[identity]
            yield f"ec2.{field}/{name}{'' if name != 'default' else '/' + item[identity]}", item


def _balancers(session: boto3.Session) -> Found:
    elb = session.client("elbv2")
    for balancer in _all(elb, "describe_load_balancers", "LoadBalancers"):
        path = f"elbv2.load-balancer/{balancer['LoadBalancerName']}"
        yield path, balancer
        for listener in _all(elb, "describe_listeners", "Listeners", LoadBalancerArn=balancer["LoadBalancerArn"]):
            yield f"{path}/{listener['Port']}", listener
            rules = list(_all(elb, "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]))
            yield f"{path}/{listener['Port']}/rules", rules
    for group in _all(elb, "describe_target_groups", "TargetGroups"):
        yield f"elbv2.target-group/{group['TargetGroupName']}", group


def _containers(session: boto3.Session) -> Found:
    ecs, scaling = session.client("ecs"), session.client("application-autoscaling")
    revisions: dict[str, list[dict[str, Any]]] = {}
    for arn in _all(ecs, "list_task_definitions", "taskDefinitionArns"):
        definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        revisions.setdefault(definition["family"], []).append(definition)
    for family, definitions in revisions.items():
        *older, newest = sorted(definitions, key=lambda item: int(item["revision"]))
        yield f"ecs.task-definition/{family}/newest", newest
        for definition in older:
            yield f"ecs.task-definition/{family}/{definition['revision']}", definition
    for cluster in _all(ecs, "list_clusters", "clusterArns"):
        name = cluster.rpartition("/")[2]
        yield f"ecs.cluster/{name}", ecs.describe_clusters(clusters=[cluster], include=["TAGS"])["clusters"]
        services = list(_all(ecs, "list_services", "serviceArns", cluster=cluster))
        for start in range(0, len(services), 10):
            answer = ecs.describe_services(cluster=cluster, services=services[start : start + 10], include=["TAGS"])
            for service in answer["services"]:
                yield f"ecs.service/{name}/{service['serviceName']}", service
    for target in _all(scaling, "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs"):
        yield f"application-autoscaling.target/{target['ResourceId']}", target
    for policy in _all(scaling, "describe_scaling_policies", "ScalingPolicies", ServiceNamespace="ecs"):
        yield f"application-autoscaling.policy/{policy['PolicyName']}", policy


def _functions(session: boto3.Session) -> Found:
    client = session.client("lambda")
    for item in _all(client, "list_functions", "Functions"):
        path = f"lambda.function/{item['FunctionName']}"
        yield path, item
        policy = _if_any(client.get_policy, "ResourceNotFoundException", FunctionName=item["FunctionName"])
        if policy:
            yield f"{path}/policy", policy["Policy"]
    for mapping in _all(client, "list_event_source_mappings", "EventSourceMappings"):
        yield f"lambda.event-source/{mapping['FunctionArn'].split(':')[6]}", mapping


def _messages(session: boto3.Session) -> Found:
    sqs, sns, events = session.client("sqs"), session.client("sns"), session.client("events")
    for url in _all(sqs, "list_queues", "QueueUrls"):
        name = url.rpartition("/")[2]
        yield f"sqs.queue/{name}", sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    for topic in _all(sns, "list_topics", "Topics"):
        path = f"sns.topic/{topic['TopicArn'].rpartition(':')[2]}"
        yield path, sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
        yield (
            f"{path}/subscriptions",
            list(_all(sns, "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic["TopicArn"])),
        )
    for rule in _all(events, "list_rules", "Rules"):
        yield f"events.rule/{rule['Name']}", rule
        yield (
            f"events.rule/{rule['Name']}/targets",
            list(_all(events, "list_targets_by_rule", "Targets", Rule=rule["Name"])),
        )


def _buckets(session: boto3.Session) -> Found:
    s3 = session.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        path = f"s3.bucket/{name}"
        policy = _if_any(s3.get_bucket_policy, "NoSuchBucketPolicy", Bucket=name)
        if policy:
            yield f"{path}/policy", policy["Policy"]
        yield f"{path}/notification", s3.get_bucket_notification_configuration(Bucket=name)
        for part, call, absent in (
            ("encryption", s3.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError"),
            ("lifecycle", s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
            ("cors", s3.get_bucket_cors, "NoSuchCORSConfiguration"),
            ("replication", s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
            ("tags", s3.get_bucket_tagging, "NoSuchTagSet"),
        ):
            answer = _if_any(call, absent, Bucket=name)
            if answer:
                yield f"{path}/{part}", answer


def _settings(session: boto3.Session) -> Found:
    ssm, secrets, logs = session.client("ssm"), session.client("secretsmanager"), session.client("logs")
    names = [item["Name"] for item in _all(ssm, "describe_parameters", "Parameters")]
    for start in range(0, len(names), 10):
        for item in ssm.get_parameters(Names=names[start : start + 10], WithDecryption=True)["Parameters"]:
            yield f"ssm.parameter{item['Name']}", item["Value"]
    for item in _all(secrets, "list_secrets", "SecretList"):
        path = f"secretsmanager.secret/{item['Name']}"
        yield f"{path}/value", secrets.get_secret_value(SecretId=item["ARN"]).get("SecretString", "")
        yield f"{path}/description", item
        yield f"{path}/policy", secrets.get_resource_policy(SecretId=item["ARN"]).get("ResourcePolicy", "")
    for group in _all(logs, "describe_log_groups", "logGroups"):
        yield f"logs.group{group['logGroupName']}", group


def _databases(session: boto3.Session) -> Found:
    # Snapshots are left out: a copy names the snapshot it was made from for ever, and AWS offers no way to change it.
    rds = session.client("rds")
    for operation, field, identity in (
        ("describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
        ("describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
        ("describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName"),
    ):
        for item in _all(rds, operation, field):
            yield f"rds.{field}/{item[identity]}", item


def _registry(session: boto3.Session) -> Found:
    ecr = session.client("ecr")
    for repository in _all(ecr, "describe_repositories", "repositories"):
        name = repository["repositoryName"]
        yield f"ecr.repository/{name}", repository
        policy = _if_any(ecr.get_repository_policy, "RepositoryPolicyNotFoundException", repositoryName=name)
        if policy:
            yield f"ecr.repository/{name}/policy", policy["policyText"]
        rules = _if_any(ecr.get_lifecycle_policy, "LifecyclePolicyNotFoundException", repositoryName=name)
        if rules:
            yield f"ecr.repository/{name}/lifecycle", rules["lifecyclePolicyText"]
