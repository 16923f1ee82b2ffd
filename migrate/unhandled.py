"""Services that hold something and that no kind handles yet: one cheap listing each, so that nothing vanishes.

The rule: data only. A row is skipped where a kind covers its `service:type`; what a listing shows becomes a gap.
Operations and their parameters are checked against botocore's models in a test. Source: botocore 1.44.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from migrate.values import Json

NONE: Mapping[str, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Probe:
    """One listing whose every element is something that would be left behind."""

    type: str
    """`service:type`, as in the ARN."""
    operation: str
    ids: str
    """JMESPath into one page: a list of ids, names or ARNs."""
    arn: str = ""
    """The ARN of an id that is none: `{id}`, `{account}`, `{region}` are filled in."""
    params: Mapping[str, Json] = field(default_factory=lambda: NONE)
    is_global: bool = False


def _probe(
    kind: str,
    operation: str,
    ids: str,
    resource: str = "",
    *,
    params: Mapping[str, Json] = NONE,
    is_global: bool = False,
    of_nobody: bool = False,
) -> Probe:
    service = kind.partition(":")[0]
    where = "" if is_global else "{region}"
    account = "" if of_nobody else "{account}"
    arn = f"arn:{{partition}}:{service}:{where}:{account}:{resource}" if resource else ""
    return Probe(kind, operation, ids, arn, params, is_global)


def _ec2(kind: str, operation: str, ids: str, *filters: tuple[str, list[str]]) -> Probe:
    wanted: dict[str, Json] = {"Filters": [{"Name": name, "Values": values} for name, values in filters]}
    return _probe(f"ec2:{kind}", f"ec2.{operation}", ids, f"{kind}/{{id}}", params=wanted if filters else NONE)


PROBES: tuple[Probe, ...] = (
    _ec2(
        "instance",
        "DescribeInstances",
        "Reservations[].Instances[].InstanceId",
        ("instance-state-name", ["pending", "running", "stopping", "stopped"]),
    ),
    _ec2("volume", "DescribeVolumes", "Volumes[].VolumeId", ("status", ["available"])),
    _ec2("transit-gateway", "DescribeTransitGateways", "TransitGateways[?State!='deleted'].TransitGatewayId"),
    _ec2("launch-template", "DescribeLaunchTemplates", "LaunchTemplates[].LaunchTemplateId"),
    _ec2(
        "vpc-peering-connection",
        "DescribeVpcPeeringConnections",
        "VpcPeeringConnections[?Status.Code!='deleted'].VpcPeeringConnectionId",
    ),
    _ec2(
        "egress-only-internet-gateway",
        "DescribeEgressOnlyInternetGateways",
        "EgressOnlyInternetGateways[].EgressOnlyInternetGatewayId",
    ),
    # AWS's own lists are shown too; they are in every account.
    _ec2("prefix-list", "DescribeManagedPrefixLists", "PrefixLists[?OwnerId!='AWS'].PrefixListId"),
    _ec2("vpc-flow-log", "DescribeFlowLogs", "FlowLogs[].FlowLogId"),
    _ec2("vpn-connection", "DescribeVpnConnections", "VpnConnections[?State!='deleted'].VpnConnectionId"),
    _probe(
        "autoscaling:autoScalingGroup",
        "autoscaling.DescribeAutoScalingGroups",
        "AutoScalingGroups[].AutoScalingGroupARN",
    ),
    _probe(
        "elasticloadbalancing:loadbalancer",
        "elb.DescribeLoadBalancers",
        "LoadBalancerDescriptions[].LoadBalancerName",
        "loadbalancer/{id}",
    ),
    _probe("apigateway:restapis", "apigateway.GetRestApis", "items[].id", "/restapis/{id}", of_nobody=True),
    _probe("apigateway:apis", "apigatewayv2.GetApis", "Items[].ApiId", "/apis/{id}", of_nobody=True),
    _probe("appsync:apis", "appsync.ListGraphqlApis", "graphqlApis[].arn"),
    _probe(
        "cognito-idp:userpool",
        "cognito-idp.ListUserPools",
        "UserPools[].Id",
        "userpool/{id}",
        params={"MaxResults": 60},
    ),
    _probe(
        "cognito-identity:identitypool",
        "cognito-identity.ListIdentityPools",
        "IdentityPools[].IdentityPoolId",
        "identitypool/{id}",
        params={"MaxResults": 60},
    ),
    _probe("elasticache:cluster", "elasticache.DescribeCacheClusters", "CacheClusters[].ARN"),
    _probe("elasticache:serverlesscache", "elasticache.DescribeServerlessCaches", "ServerlessCaches[].ARN"),
    _probe("memorydb:cluster", "memorydb.DescribeClusters", "Clusters[].ARN"),
    _probe("dynamodb:table", "dynamodb.ListTables", "TableNames[]", "table/{id}"),
    _probe("rds:cluster", "rds.DescribeDBClusters", "DBClusters[].DBClusterArn"),
    _probe("redshift:cluster", "redshift.DescribeClusters", "Clusters[].ClusterIdentifier", "cluster:{id}"),
    _probe("es:domain", "opensearch.ListDomainNames", "DomainNames[].DomainName", "domain/{id}"),
    _probe("elasticfilesystem:file-system", "efs.DescribeFileSystems", "FileSystems[].FileSystemArn"),
    _probe("fsx:file-system", "fsx.DescribeFileSystems", "FileSystems[].ResourceARN"),
    _probe("kinesis:stream", "kinesis.ListStreams", "StreamNames[]", "stream/{id}"),
    _probe("firehose:deliverystream", "firehose.ListDeliveryStreams", "DeliveryStreamNames[]", "deliverystream/{id}"),
    _probe("kafka:cluster", "kafka.ListClustersV2", "ClusterInfoList[].ClusterArn"),
    _probe("mq:broker", "mq.ListBrokers", "BrokerSummaries[].BrokerArn"),
    _probe("states:stateMachine", "stepfunctions.ListStateMachines", "stateMachines[].stateMachineArn"),
    _probe("scheduler:schedule", "scheduler.ListSchedules", "Schedules[].Arn"),
    _probe("pipes:pipe", "pipes.ListPipes", "Pipes[].Arn"),
    _probe("eks:cluster", "eks.ListClusters", "clusters[]", "cluster/{id}"),
    _probe("batch:job-queue", "batch.DescribeJobQueues", "jobQueues[].jobQueueArn"),
    _probe("glue:database", "glue.GetDatabases", "DatabaseList[].Name", "database/{id}"),
    _probe("sagemaker:endpoint", "sagemaker.ListEndpoints", "Endpoints[].EndpointArn"),
    _probe("codecommit:repository", "codecommit.ListRepositories", "repositories[].repositoryName", "{id}"),
    _probe("codebuild:project", "codebuild.ListProjects", "projects[]", "project/{id}"),
    _probe("codepipeline:pipeline", "codepipeline.ListPipelines", "pipelines[].name", "{id}"),
    _probe("transfer:server", "transfer.ListServers", "Servers[].Arn"),
    _probe("ses:identity", "ses.ListIdentities", "Identities[]", "identity/{id}"),
    _probe("acm:certificate", "acm.ListCertificates", "CertificateSummaryList[].CertificateArn"),
    # Those of a target-tracking policy are made and removed by Application Auto Scaling itself, in a target too.
    # Source: Application Auto Scaling User Guide, target tracking scaling policies; read 2026-11, unverified.
    _probe(
        "cloudwatch:alarm",
        "cloudwatch.DescribeAlarms",
        "MetricAlarms[?!starts_with(AlarmName, 'TargetTracking-')].AlarmArn",
    ),
    _probe(
        "cloudwatch:alarm",
        "cloudwatch.DescribeAlarms",
        "CompositeAlarms[].AlarmArn",
        params={"AlarmTypes": ["CompositeAlarm"]},
    ),
    _probe(
        "iam:oidc-provider",
        "iam.ListOpenIDConnectProviders",
        "OpenIDConnectProviderList[].Arn",
        is_global=True,
    ),
    _probe("iam:saml-provider", "iam.ListSAMLProviders", "SAMLProviderList[].Arn", is_global=True),
    _probe(
        "cloudfront:distribution",
        "cloudfront.ListDistributions",
        "DistributionList.Items[].ARN",
        is_global=True,
    ),
)


def typed(arn_service: str, resource: str) -> str:
    """`service:type` of an ARN's service and resource part; just the service where the ARN has no type."""
    resource = resource.lstrip("/")
    cut = min((at for at in (resource.find("/"), resource.find(":")) if at > 0), default=-1)
    if cut < 0:
        untyped = UNTYPED.get(arn_service)
        return f"{arn_service}:{untyped}" if untyped else arn_service
    return f"{arn_service}:{resource[:cut]}"


UNTYPED = {"s3": "bucket", "sns": "topic", "sqs": "queue", "codecommit": "repository", "codepipeline": "pipeline"}
"""Services whose ARNs of this type are just a name."""


def covered(arn_service: str, resource: str, tagging_types: frozenset[str]) -> bool:
    """Whether a kind says that it covers this ARN."""
    if arn_service in tagging_types or typed(arn_service, resource) in tagging_types:
        return True
    resource = resource.lstrip("/")
    starts = (one.partition(":")[2] for one in tagging_types if one.startswith(f"{arn_service}:"))
    return any(resource.startswith((f"{start}/", f"{start}:")) for start in starts)
