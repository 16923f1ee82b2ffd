"""The foreign account's stores: keys, buckets, databases, tables, secrets, parameters, queues, topics, logs.

Rule: as in foreign_account; nothing here is tuned to what the product handles.
"""

from __future__ import annotations

import json
from typing import Any

from .foreign_account import LEGACY, REGIONS, Builder


def build(it: Builder) -> None:
    """Everything that holds something."""
    for region in it.size.regions:
        keys(it, region)
        messages(it, region)
        secrets(it, region)
        logs(it, region)
        databases(it, region)
    buckets(it)
    tables(it)
    zones(it)


def keys(it: Builder, region: str) -> None:
    """Symmetric, multi-region, asymmetric, HMAC, disabled and dying keys; the same alias in both regions."""
    kms = it.client("kms", region)
    main = kms.create_key(Description='main "key"', Tags=it.pairs("main", "TagKey", "TagValue"))["KeyMetadata"]
    kms.create_alias(AliasName="alias/Data/main_1", TargetKeyId=main["KeyId"])
    kms.enable_key_rotation(KeyId=main["KeyId"])
    it.made[f"key {region}"] = main["Arn"]
    for more in (
        {"MultiRegion": True},
        {"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"},
        {"KeyUsage": "GENERATE_VERIFY_MAC", "KeySpec": "HMAC_256"},
        {"Description": "off"},
        {"Description": "dying"},
        {"Origin": "EXTERNAL"},
    ):
        answer = it.maybe(f"key {more}", kms.create_key, **more)
        made = answer and answer["KeyMetadata"]["KeyId"]
        if made and more.get("Description") == "off":
            kms.disable_key(KeyId=made)
        if made and more.get("Description") == "dying":
            kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)


def messages(it: Builder, region: str) -> None:
    """FIFO and encrypted queues, topics with e-mail and HTTP subscribers and filters, a bus with odd rules."""
    sqs, sns, events = (it.client(name, region) for name in ("sqs", "sns", "events"))

    def queue(name: str, **attributes: str) -> str:
        url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=it.tags(name))["QueueUrl"]
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    dead = queue("Dead_Letters-1")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3})
    jobs = queue(f"{it.word}-jobs", RedrivePolicy=redrive, KmsMasterKeyId=it.made[f"key {region}"])
    queue("q" * 75 + ".fifo", FifoQueue="true", ContentBasedDeduplication="true", SqsManagedSseEnabled="true")
    it.made[f"queue {region}"], it.made[f"dead {region}"] = jobs, dead
    topic = sns.create_topic(Name="Alarms_all", Tags=it.pairs("alarms"))["TopicArn"]
    sns.create_topic(Name="orders.fifo", Attributes={"FifoTopic": "true", "KmsMasterKeyId": "alias/aws/sns"})
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops+alarm@example.com")
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://hooks.example.com/x?y=1&z=2")
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=jobs,
        Attributes={"FilterPolicy": json.dumps({"kind": ["a", {"prefix": "b"}]}), "RawMessageDelivery": "true"},
    )  # fmt: skip
    it.made[f"topic {region}"] = topic
    events.create_event_bus(Name="partner/bus-1" if False else "partner.bus_1")
    pattern = {"source": [{"prefix": "shop."}], "detail": {"amount": [{"numeric": [">", 0, "<=", 5]}]}}
    events.put_rule(
        Name="R-" + "o" * 62, EventBusName="partner.bus_1", EventPattern=json.dumps(pattern), Description="it's <ok> 🙂"
    )
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '"<who> did it"'}
    target = {"Id": "t 1".replace(" ", "_"), "Arn": jobs, "InputTransformer": transformer}
    events.put_targets(Rule="R-" + "o" * 62, EventBusName="partner.bus_1", Targets=[target])
    events.put_rule(Name="nightly", ScheduleExpression="cron(0 3 ? * MON-FRI *)", State="DISABLED")
    events.put_targets(Rule="nightly", Targets=[{"Id": "1", "Arn": topic, "Input": '{"a": 1}'}])


def secrets(it: Builder, region: str) -> None:
    """Secrets with rotation, binary and empty ones; every sort of parameter."""
    manager, ssm = it.client("secretsmanager", region), it.client("ssm", region)
    manager.create_secret(
        Name="team/db.password+1@x", SecretString='{"username":"u","password":"p🔑"}', KmsKeyId=it.made[f"key {region}"]
    )
    manager.create_secret(Name="binary", SecretBinary=b"\x00\xff\x10", Tags=it.pairs("binary"))
    manager.create_secret(Name="never_filled")
    manager.create_secret(Name="turned", SecretString="first", Description="rot\"ates'")
    ssm.put_parameter(Name="/A/list", Type="StringList", Value="a,b,c", Tags=it.pairs("list"))
    ssm.put_parameter(Name="/A/big", Type="String", Tier="Advanced", Value="v" * 5000)
    ssm.put_parameter(Name="/A/sec.ret", Type="SecureString", Value="geheim", KeyId=it.made[f"key {region}"])
    ssm.put_parameter(Name="plain_one", Type="String", Value="1", AllowedPattern="^[0-9]+$")
    for value in ("2", "3"):
        ssm.put_parameter(Name="plain_one", Type="String", Value=value, Overwrite=True)
    ssm.label_parameter_version(Name="plain_one", ParameterVersion=2, Labels=["stable"])


def logs(it: Builder, region: str) -> None:
    """Many groups with equal names in both regions, filters of both sorts."""
    client = it.client("logs", region)
    for n in range(it.size.log_groups if region == REGIONS[0] else 5):
        name = f"/{it.word}/svc-{n:03}"
        client.create_log_group(logGroupName=name, **({"tags": it.tags(name)} if n % 3 == 0 else {}))
        if n % 4 == 0:
            client.put_retention_policy(logGroupName=name, retentionInDays=14)
    first = f"/{it.word}/svc-000"
    client.put_metric_filter(
        logGroupName=first, filterName="errors", filterPattern='{ $.level = "ERROR" }',
        metricTransformations=[{"metricName": "Errors", "metricNamespace": "X/Y", "metricValue": "1"}],
    )  # fmt: skip
    stream = f"arn:aws:kinesis:{region}:{LEGACY}:stream/logs"
    it.maybe("stream", lambda: it.client("kinesis", region).create_stream(StreamName="logs", ShardCount=1))
    it.maybe(
        "subscription filter",
        lambda: client.put_subscription_filter(
            logGroupName=first, filterName="all", filterPattern="", destinationArn=stream, roleArn=it.made["role"]
        ),
    )
    it.client("cloudwatch", region).put_metric_alarm(
        AlarmName="too many <errors>", Namespace="X/Y", MetricName="Errors", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
        AlarmActions=[it.made[f"topic {region}"]],
    )  # fmt: skip


def databases(it: Builder, region: str) -> None:
    """PostgreSQL that nobody can reach, MySQL, an Aurora cluster; one in the default VPC."""
    rds = it.client("rds", region)
    net = it.made[f"net {region}"][1]
    rds.create_db_subnet_group(
        DBSubnetGroupName="group_1", DBSubnetGroupDescription="d'une", SubnetIds=net["subnets"], Tags=it.pairs("g")
    )
    rds.create_db_parameter_group(DBParameterGroupName="pg-own", DBParameterGroupFamily="postgres16", Description="own")
    common: dict[str, Any] = {
        "MasterUsername": "root_user",
        "MasterUserPassword": "not-a-secret-1",
        "AllocatedStorage": 20,
    }
    rds.create_db_instance(
        DBInstanceIdentifier=f"{it.word.lower()}-pg", Engine="postgres", EngineVersion="16.3",
        DBInstanceClass="db.t4g.micro", DBSubnetGroupName="group_1", VpcSecurityGroupIds=[net["groups"][0]],
        DBParameterGroupName="pg-own", StorageEncrypted=True, KmsKeyId=it.made[f"key {region}"], DBName="main",
        Tags=it.pairs("pg"), **common,
    )  # fmt: skip
    if region == REGIONS[0]:
        rds.create_db_instance(
            DBInstanceIdentifier="Old-MySQL",
            Engine="mysql",
            EngineVersion="8.0.36",
            DBInstanceClass="db.m5.large",
            **common,
        )
        it.maybe(
            "aurora",
            lambda: rds.create_db_cluster(
                DBClusterIdentifier="aurora-1", Engine="aurora-postgresql", MasterUsername="root_user",
                MasterUserPassword="not-a-secret-1",
            ),
        )  # fmt: skip
        it.maybe(
            "aurora member",
            lambda: rds.create_db_instance(
                DBInstanceIdentifier="aurora-1-a", DBClusterIdentifier="aurora-1", Engine="aurora-postgresql",
                DBInstanceClass="db.r6g.large",
            ),
        )  # fmt: skip


def buckets(it: Builder) -> None:
    """Dots, limits, website, lifecycle, versions, public, odd keys; in both regions."""
    word = it.word.lower()
    names = {
        f"{word}.assets.example": REGIONS[0],
        f"{word}-".ljust(63, "b"): REGIONS[0],
        f"{word}-site": it.size.regions[-1],
        f"{word}-versions": REGIONS[0],
    }
    for name, region in names.items():
        s3 = it.client("s3", region)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        if it.dice.random() < 0.5:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": it.pairs(name)})
        for n in range(it.size.objects):
            s3.put_object(Bucket=name, Key=f"päth/a b+c&{n}=✓.txt", Body=b"x" * (n * 11), Metadata={"who": "me"})
    s3 = it.client("s3")
    assets = f"{word}.assets.example"
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{assets}/*"}
    s3.put_bucket_policy(Bucket=assets, Policy=json.dumps({"Version": "2012-10-17", "Statement": [public]}))
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["ETag"]}]
    s3.put_bucket_cors(Bucket=assets, CORSConfiguration={"CORSRules": rules})
    site = it.client("s3", it.size.regions[-1])
    page = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "404.html"}}
    site.put_bucket_website(Bucket=f"{word}-site", WebsiteConfiguration=page)
    versions = f"{word}-versions"
    s3.put_bucket_versioning(Bucket=versions, VersioningConfiguration={"Status": "Enabled"})
    for n in range(3):
        s3.put_object(Bucket=versions, Key="again", Body=str(n).encode())
    s3.delete_object(Bucket=versions, Key="again")
    lifecycle = {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": "p/"},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=versions, LifecycleConfiguration={"Rules": [lifecycle]})
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": it.made[f"key {REGIONS[0]}"]}
    s3.put_bucket_encryption(
        Bucket=versions,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": encryption}]},
    )


def tables(it: Builder) -> None:
    """DynamoDB tables, one with a stream."""
    dynamodb = it.client("dynamodb")
    made = dynamodb.create_table(
        TableName="Orders.v2", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]  # fmt: skip
    it.made["stream"] = made["LatestStreamArn"]
    dynamodb.put_item(TableName="Orders.v2", Item={"id": {"S": "1"}})


def zones(it: Builder) -> None:
    """A public and a private zone of the same name."""
    route53 = it.client("route53")
    route53.create_hosted_zone(Name="example.net.", CallerReference="1")
    net = it.made[f"net {REGIONS[0]}"][0]
    it.maybe(
        "private zone",
        lambda: route53.create_hosted_zone(
            Name="example.net.", CallerReference="2", VPC={"VPCRegion": REGIONS[0], "VPCId": net["vpc"]},
            HostedZoneConfig={"PrivateZone": True, "Comment": "in|side"},
        ),
    )  # fmt: skip
