"""What somebody changed after a move: one thing of each sort in production, and two that were stopped in legacy.

The rule: plain boto3 and psycopg, and nothing of the product.
"""

from __future__ import annotations

import json
import re
from typing import Any

import psycopg

from migrate.demo.accounts import TARGETS
from tests.crash.story import Story


def spoil(told: Story, session: Any) -> list[Any]:
    """Change one thing of each sort by plain boto3 and psycopg; gives what mends them."""
    rds, s3, ec2 = session.client("rds"), session.client("s3"), session.client("ec2")
    ecs, iam, ecr = session.client("ecs"), session.client("iam"), session.client("ecr")
    mends: list[Any] = []

    endpoint = rds.describe_db_instances(DBInstanceIdentifier="shop-prod")["DBInstances"][0]["Endpoint"]
    secret = session.client("secretsmanager").get_secret_value(SecretId="shop/prod/db")["SecretString"]
    login = json.loads(secret)
    host, port = told.world.tunnel(endpoint["Address"], endpoint["Port"])

    def sql(text: str) -> Any:
        with psycopg.connect(
            host=host, port=port, dbname=login["dbname"], user=login["username"], password=login["password"]
        ) as link:
            done = link.execute(text)
            return done.fetchone() if done.description else None

    sql("UPDATE customers SET email = email || '.x' WHERE id = 7")
    mends.append(lambda: sql("UPDATE customers SET email = left(email, -2) WHERE id = 7"))

    bucket = f"shop-uploads-prod-{TARGETS['production']}"
    page = s3.list_objects_v2(Bucket=bucket)["Contents"]
    key = next(one["Key"] for one in page if one["Size"] > 4 and re.fullmatch(r"[a-z0-9/._-]+", one["Key"]))
    held = s3.get_object(Bucket=bucket, Key=key)
    content = held["Body"].read()
    kept = {
        name: held[name] for name in ("ContentType", "CacheControl", "Metadata", "ContentDisposition") if name in held
    }
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]

    def put(data: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=data, **kept)
        if tags:
            s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tags})

    put(bytes([content[0] ^ 1]) + content[1:])
    mends.append(lambda: put(content))

    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["shop-prod-db"]}])
    group = group["SecurityGroups"][0]
    rule = [{key: value for key, value in group["IpPermissions"][0].items() if value not in ([], None)}]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rule)
    mends.append(lambda: ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rule))

    count = ecs.describe_services(cluster="shop-prod", services=["worker"])["services"][0]["desiredCount"]
    ecs.update_service(cluster="shop-prod", service="worker", desiredCount=count + 1)
    mends.append(lambda: ecs.update_service(cluster="shop-prod", service="worker", desiredCount=count))

    arn = f"arn:aws:iam::{TARGETS['production']}:policy/shop-prod-app"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(wide), SetAsDefault=True)

    def narrow() -> None:
        iam.set_default_policy_version(PolicyArn=arn, VersionId=version)
        iam.delete_policy_version(PolicyArn=arn, VersionId=made["PolicyVersion"]["VersionId"])

    mends.append(narrow)

    image = ecr.batch_get_image(repositoryName="shop/web", imageIds=[{"imageTag": "1.4.0"}])["images"][0]
    ecr.batch_delete_image(repositoryName="shop/web", imageIds=[{"imageTag": "1.4.0"}])
    mends.append(
        lambda: ecr.put_image(
            repositoryName="shop/web",
            imageManifest=image["imageManifest"],
            imageManifestMediaType=image.get("imageManifestMediaType", "application/vnd.oci.image.manifest.v1+json"),
            imageTag="1.4.0",
        )
    )

    mends += added(session)

    # What was stopped in legacy works again: both accounts would do the same.
    legacy = told.world.session()
    events, old = legacy.client("events"), legacy.client("ecs")
    events.enable_rule(Name="shop-prod-nightly-report")
    mends.append(lambda: events.disable_rule(Name="shop-prod-nightly-report"))
    old.update_service(cluster="shop-prod", service="scheduler", desiredCount=1)
    mends.append(lambda: old.update_service(cluster="shop-prod", service="scheduler", desiredCount=0))
    return mends


ADDED = (
    "elbv2.rule arn:", "elbv2.listener arn:", "sns.subscription arn:", "logs.subscription_filter", "lambda.url",
    "routes", "targets",
)  # fmt: skip
"""Words by which `verify` names each thing that was added."""


def added(session: Any) -> list[Any]:
    """Put one more part into each sort of thing that moved; gives what takes it away."""
    elb, sns, logs, ec2 = (session.client(name) for name in ("elbv2", "sns", "logs", "ec2"))
    events, functions = session.client("events"), session.client("lambda")

    balancer = elb.describe_load_balancers(Names=["shop-prod"])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]
    away = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
    where = [{"Field": "path-pattern", "Values": ["/shut/*"]}]
    rule = elb.create_rule(ListenerArn=listener["ListenerArn"], Priority=777, Conditions=where, Actions=away)
    door = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=8081, DefaultActions=away)

    topic = next(t["TopicArn"] for t in sns.list_topics()["Topics"] if ":shop-prod" in t["TopicArn"])
    queue = f"arn:aws:sqs:{session.region_name}:{TARGETS['production']}:shop-prod-jobs-dlq"
    ear = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, ReturnSubscriptionArn=True)["SubscriptionArn"]

    function = next(f for f in functions.list_functions()["Functions"] if "shop-prod" in f["FunctionName"])
    functions.create_function_url_config(FunctionName=function["FunctionName"], AuthType="NONE")
    group = logs.describe_log_groups(logGroupNamePrefix="/")["logGroups"][0]["logGroupName"]
    logs.put_subscription_filter(
        logGroupName=group, filterName="one-more", filterPattern="", destinationArn=function["FunctionArn"]
    )

    tables = ec2.describe_route_tables(Filters=[{"Name": "tag-key", "Values": ["migrate:step"]}])["RouteTables"]
    gateway = next(r["GatewayId"] for t in tables for r in t["Routes"] if r.get("GatewayId", "").startswith("igw-"))
    table = tables[0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="198.51.100.0/24", GatewayId=gateway)
    events.put_targets(Rule="shop-prod-nightly-report", Targets=[{"Id": "one-more", "Arn": queue}])
    return [
        lambda: elb.delete_rule(RuleArn=rule["Rules"][0]["RuleArn"]),
        lambda: elb.delete_listener(ListenerArn=door["Listeners"][0]["ListenerArn"]),
        lambda: sns.unsubscribe(SubscriptionArn=ear),
        lambda: functions.delete_function_url_config(FunctionName=function["FunctionName"]),
        lambda: logs.delete_subscription_filter(logGroupName=group, filterName="one-more"),
        lambda: ec2.delete_route(RouteTableId=table, DestinationCidrBlock="198.51.100.0/24"),
        lambda: events.remove_targets(Rule="shop-prod-nightly-report", Ids=["one-more"]),
    ]
