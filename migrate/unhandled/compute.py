"""Machines, networks and what stands before them: what no kind moves, and how a person moves it.

The rule: a text names only operations that exist: a test holds them to botocore's models (1.44.5). What it says of how
AWS behaves is remembered and unverified: a person reads the operation's page before they act.
"""

from migrate.unhandled.probe import Probe, ec2, probe

PROBES: tuple[Probe, ...] = (
    ec2(
        "instance",
        "DescribeInstances",
        "Reservations[].Instances[].InstanceId",
        filters={"instance-state-name": ["pending", "running", "stopping", "stopped"]},
        manual="Make an image (ec2.CreateImage), let the target use it and its snapshots (ec2.ModifyImageAttribute, "
        "ec2.ModifySnapshotAttribute; under a customer's KMS key also that key), copy it there (ec2.CopyImage) and "
        "start from the copy (ec2.RunInstances). Data that changes meanwhile needs a stop first, or a copy by the "
        "application.",
        verify="ec2.DescribeInstanceStatus in the target shows both checks ok, and the application on it answers",
    ),
    ec2(
        "volume",
        "DescribeVolumes",
        "Volumes[].VolumeId",
        filters={"status": ["available"]},
        manual="Attached to nothing. If anybody needs it: ec2.CreateSnapshot, ec2.ModifySnapshotAttribute for the "
        "target (under a customer's KMS key also that key), there ec2.CopySnapshot under a key of its own and "
        "ec2.CreateVolume.",
        verify="ec2.DescribeVolumes in the target shows it `available` with the same size; mount it and look",
    ),
    ec2(
        "image",
        "DescribeImages",
        "Images[].ImageId",
        params={"Owners": ["self"]},
        manual="Share it with the target (ec2.ModifyImageAttribute, and ec2.ModifySnapshotAttribute for its "
        "snapshots; under a customer's KMS key also that key), copy it there (ec2.CopyImage), and write the new id "
        "where the old one stands: launch templates, pipelines, parameters.",
        verify="ec2.DescribeImages with Owners=self in the target shows it `available`; nothing names the old id",
    ),
    ec2(
        "launch-template",
        "DescribeLaunchTemplates",
        "LaunchTemplates[].LaunchTemplateId",
        manual="Read each version in use (ec2.DescribeLaunchTemplateVersions), put the target's image, subnets, "
        "security groups, key pair and instance profile in, and make it there (ec2.CreateLaunchTemplate).",
        verify="ec2.RunInstances with DryRun=true by the target's template answers DryRunOperation",
    ),
    probe(
        "autoscaling:autoScalingGroup",
        "autoscaling.DescribeAutoScalingGroups",
        "AutoScalingGroups[].AutoScalingGroupARN",
        manual="Move its launch template first. Make the group in the target with size 0 "
        "(autoscaling.CreateAutoScalingGroup), then its policies, hooks and schedules (autoscaling.PutScalingPolicy, "
        "autoscaling.PutLifecycleHook, autoscaling.PutScheduledUpdateGroupAction); at the cut-over raise the size "
        "there and set legacy's to 0 (autoscaling.UpdateAutoScalingGroup).",
        verify="autoscaling.DescribeAutoScalingGroups in the target shows every instance InService and Healthy",
    ),
    ec2(
        "transit-gateway",
        "DescribeTransitGateways",
        "TransitGateways[?State!='deleted'].TransitGatewayId",
        manual="One gateway serves a whole organisation: share it (ram.CreateResourceShare) instead of making "
        "another, and attach the target's VPC to it (ec2.CreateTransitGatewayVpcAttachment, "
        "ec2.AcceptTransitGatewayVpcAttachment). Then add routes on both sides (ec2.CreateTransitGatewayRoute, "
        "ec2.CreateRoute).",
        verify="ec2.SearchTransitGatewayRoutes shows the target's CIDRs `active`, and a probe through it answers",
    ),
    ec2(
        "vpc-peering-connection",
        "DescribeVpcPeeringConnections",
        "VpcPeeringConnections[?Status.Code!='deleted'].VpcPeeringConnectionId",
        manual="Ask the other side to expect a new one: ec2.CreateVpcPeeringConnection from the target's VPC, "
        "accepted within 7 days (ec2.AcceptVpcPeeringConnection), then routes on both sides (ec2.CreateRoute) and "
        "rules of security groups by CIDR. CIDRs may not overlap.",
        verify="ec2.DescribeVpcPeeringConnections shows `active`, and a connection through it answers both ways",
    ),
    ec2(
        "egress-only-internet-gateway",
        "DescribeEgressOnlyInternetGateways",
        "EgressOnlyInternetGateways[].EgressOnlyInternetGatewayId",
        manual="Make one in the target's VPC (ec2.CreateEgressOnlyInternetGateway) and give the route tables of its "
        "IPv6 subnets a route to it (ec2.CreateRoute with DestinationIpv6CidrBlock ::/0).",
        verify="a machine in such a subnet reaches an IPv6 address outside",
    ),
    # AWS's own lists are shown too; they are in every account.
    ec2(
        "prefix-list",
        "DescribeManagedPrefixLists",
        "PrefixLists[?OwnerId!='AWS'].PrefixListId",
        manual="Read it (ec2.GetManagedPrefixListEntries), make it in the target with the same entries "
        "(ec2.CreateManagedPrefixList), and name the new id in routes and security groups; or share one list "
        "with all accounts (ram.CreateResourceShare).",
        verify="ec2.GetManagedPrefixListAssociations in the target names the route tables and groups that used it",
    ),
    ec2(
        "vpc-flow-log",
        "DescribeFlowLogs",
        "FlowLogs[].FlowLogId",
        manual="Make it again for the target's VPC (ec2.CreateFlowLogs), to a bucket or log group of the target and, "
        "for a log group, with a role of the target.",
        verify="ec2.DescribeFlowLogs in the target shows DeliverLogsStatus SUCCESS, and records arrive",
    ),
    ec2(
        "vpn-connection",
        "DescribeVpnConnections",
        "VpnConnections[?State!='deleted'].VpnConnectionId",
        manual="Make customer gateway, gateway and connection in the target (ec2.CreateCustomerGateway, "
        "ec2.CreateVpnGateway, ec2.CreateVpnConnection) and give the people of the other end the new configuration: "
        "its addresses and keys are new. Keep legacy's until theirs is up.",
        verify="ec2.DescribeVpnConnections shows both tunnels UP (VgwTelemetry), and the other end answers",
    ),
    probe(
        "directconnect:dxcon",
        "directconnect.DescribeConnections",
        "connections[].connectionId",
        "dxcon/{id}",
        manual="The line stays; give the target a virtual interface on it (directconnect."
        "AllocatePrivateVirtualInterface in legacy, directconnect.ConfirmPrivateVirtualInterface in the target), or "
        "associate a Direct Connect gateway (directconnect.CreateDirectConnectGatewayAssociationProposal).",
        verify="directconnect.DescribeVirtualInterfaces in the target shows `available` with a BGP peer that is up",
    ),
    probe(
        "network-firewall:firewall",
        "network-firewall.ListFirewalls",
        "Firewalls[].FirewallArn",
        manual="Read rule groups and policy (network-firewall.DescribeRuleGroup, "
        "network-firewall.DescribeFirewallPolicy), make them in the target (network-firewall.CreateRuleGroup, "
        "network-firewall.CreateFirewallPolicy, network-firewall.CreateFirewall), then turn the routes through its "
        "endpoints (ec2.ReplaceRoute).",
        verify="network-firewall.DescribeFirewall in the target shows READY, and a forbidden address is refused",
    ),
    probe(
        "ram:resource-share",
        "ram.GetResourceShares",
        "resourceShares[].resourceShareArn",
        params={"resourceOwner": "SELF", "resourceShareStatus": "ACTIVE"},
        manual="Whoever uses what is shared (ram.ListPrincipals, ram.ListResources) loses it when legacy's goes: "
        "share the target's one with the same principals (ram.CreateResourceShare), who accept it if they are "
        "outside of the organisation (ram.AcceptResourceShareInvitation).",
        verify="ram.GetResourceShareAssociations in the target shows every principal ASSOCIATED",
    ),
    probe(
        "elasticloadbalancing:loadbalancer",
        "elb.DescribeLoadBalancers",
        "LoadBalancerDescriptions[].LoadBalancerName",
        "loadbalancer/{id}",
        manual="A classic load balancer: better made in the target as an application or network load balancer "
        "(elbv2.CreateLoadBalancer), else elb.CreateLoadBalancer with the same listeners, policies and health check. "
        "Then turn the DNS record to it (route53.ChangeResourceRecordSets).",
        verify="its targets are healthy (elb.DescribeInstanceHealth), the name resolves to it, legacy's RequestCount "
        "is 0",
    ),
    probe(
        "cloudfront:distribution",
        "cloudfront.ListDistributions",
        "DistributionList.Items[].ARN",
        is_global=True,
        manual="Make it in the target without its aliases (cloudfront.GetDistributionConfig, "
        "cloudfront.CreateDistribution) with a certificate of the target in us-east-1 and an origin whose policy "
        "names the new distribution; functions, policies and origin access controls first. Then disable legacy's "
        "(cloudfront.UpdateDistribution), move each alias (cloudfront.UpdateDomainAssociation) and turn the DNS "
        "record.",
        verify="cloudfront.ListConflictingAliases names the target's distribution only, and the name answers from "
        "there",
    ),
    probe(
        "wafv2:regional",
        "wafv2.ListWebACLs",
        "WebACLs[].ARN",
        params={"Scope": "REGIONAL"},
        manual="Make its IP sets, pattern sets and rule groups in the target, then the ACL (wafv2.GetWebACL, "
        "wafv2.CreateIPSet, wafv2.CreateRuleGroup, wafv2.CreateWebACL), bind it to the target's load balancer or API "
        "(wafv2.AssociateWebACL) before traffic comes, and log it (wafv2.PutLoggingConfiguration).",
        verify="wafv2.ListResourcesForWebACL in the target names what it protects; a request that it forbids gets a "
        "403",
    ),
    probe(
        "wafv2:global",
        "wafv2.ListWebACLs",
        "WebACLs[].ARN",
        params={"Scope": "CLOUDFRONT"},
        is_global=True,
        manual="As one of a region, in us-east-1 with Scope=CLOUDFRONT (wafv2.GetWebACL, wafv2.CreateWebACL); it is "
        "bound by the WebACLId of the target's distribution (cloudfront.UpdateDistribution).",
        verify="cloudfront.ListDistributionsByWebACLId in the target names the distribution; a forbidden request "
        "gets a 403",
    ),
    probe(
        "acm:certificate",
        "acm.ListCertificates",
        "CertificateSummaryList[].CertificateArn",
        manual="Request it early in the target (acm.RequestCertificate with the same names) and write the record "
        "that acm.DescribeCertificate shows into the zone, wherever that is; it stays there for the renewals. An "
        "imported one needs whoever holds its private key (acm.ImportCertificate).",
        verify="acm.DescribeCertificate in the target shows ISSUED, and the listener there presents it",
    ),
    probe(
        "route53domains:domain",
        "route53domains.ListDomains",
        "Domains[].DomainName",
        "domain/{id}",
        is_global=True,
        manual="Last of all, after its zone: route53domains.TransferDomainToAnotherAwsAccount in legacy gives a "
        "password, with which the target accepts within 3 days "
        "(route53domains.AcceptDomainTransferFromAnotherAwsAccount). The hosted zone does not come with it.",
        verify="route53domains.GetDomainDetail in the target shows the domain with the name servers of its zone",
    ),
    probe(
        "elasticbeanstalk:environment",
        "elasticbeanstalk.DescribeEnvironments",
        "Environments[?Status!='Terminated'].EnvironmentArn",
        manual="Read its settings (elasticbeanstalk.DescribeConfigurationSettings), copy the version's bundle to a "
        "bucket of the target and make both there (elasticbeanstalk.CreateApplicationVersion, "
        "elasticbeanstalk.CreateEnvironment). A database inside the environment must be moved on its own before.",
        verify="elasticbeanstalk.DescribeEnvironmentHealth in the target shows Green, and the DNS name points to it",
    ),
    probe(
        "eks:cluster",
        "eks.ListClusters",
        "clusters[]",
        "cluster/{id}",
        manual="Make the cluster in the target with its node groups, add-ons, access entries and OIDC provider "
        "(eks.CreateCluster, eks.CreateNodegroup, eks.CreateAddon, eks.CreateAccessEntry, "
        "iam.CreateOpenIDConnectProvider), deploy the manifests from their repository, and move volumes by their "
        "snapshots. Then turn DNS.",
        verify="every workload of legacy is ready in the target, and nothing calls legacy's cluster for a day",
    ),
    probe(
        "batch:job-queue",
        "batch.DescribeJobQueues",
        "jobQueues[].jobQueueArn",
        manual="Make compute environment, queue and job definitions in the target (batch.CreateComputeEnvironment, "
        "batch.CreateJobQueue, batch.RegisterJobDefinition) with its roles, images and subnets. Then stop legacy's "
        "queue taking jobs (batch.UpdateJobQueue state=DISABLED), let it run empty, and turn the submitters.",
        verify="batch.ListJobs of legacy's queue shows none RUNNABLE or RUNNING, and a job in the target SUCCEEDED",
    ),
    probe(
        "batch:compute-environment",
        "batch.DescribeComputeEnvironments",
        "computeEnvironments[].computeEnvironmentArn",
        manual="Make it in the target before its job queues (batch.CreateComputeEnvironment) with subnets, security "
        "groups, instance profile and service role of the target.",
        verify="batch.DescribeComputeEnvironments in the target shows VALID and ENABLED",
    ),
    probe(
        "elasticmapreduce:cluster",
        "emr.ListClusters",
        "Clusters[].ClusterArn",
        params={"ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]},
        manual="A cluster is not moved: copy what lies in HDFS to S3, start one in the target by the same "
        "configuration (emr.DescribeCluster, emr.RunJobFlow) with its roles and security configuration, and turn who "
        "submits steps.",
        verify="emr.ListSteps in the target shows COMPLETED, and legacy's cluster gets no steps",
    ),
    probe(
        "ds:directory",
        "ds.DescribeDirectories",
        "DirectoryDescriptions[].DirectoryId",
        "directory/{id}",
        manual="A managed directory cannot change its account: share it with the target (ds.ShareDirectory, "
        "ds.AcceptSharedDirectory), or make another (ds.CreateMicrosoftAD) with a trust between them "
        "(ds.CreateTrust) and move users and machines by the directory's own tools.",
        verify="a machine of the target signs a person in; ds.DescribeTrusts or ds.DescribeSharedDirectories shows it",
    ),
)
