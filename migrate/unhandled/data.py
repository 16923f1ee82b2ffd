"""Stores, streams and analytics, and what is bought for a whole account: what no kind moves, and how a person does.

The rule: a text names only operations that exist: a test holds them to botocore's models (1.44.5). What it says of how
AWS behaves is remembered and unverified: a person reads the operation's page before they act.
"""

from migrate.unhandled.probe import Probe, probe

PROBES: tuple[Probe, ...] = (
    probe(
        "s3:accesspoint",
        "s3control.ListAccessPoints",
        "AccessPointList[].AccessPointArn",
        params={"AccountId": "{account}"},
        manual="Once the bucket is there: read it in legacy (s3control.GetAccessPoint, "
        "s3control.GetAccessPointPolicy), make it in the target on the new bucket (s3control.CreateAccessPoint, with "
        "the target's VPC where it has one) and its policy in the target's names (s3control.PutAccessPointPolicy). "
        "Its alias is a new one: whoever uses the alias or the ARN has to be told. A bucket policy that trusts access "
        "points of an account names the new account.",
        verify="s3control.ListAccessPoints in the target names it on the new bucket, and "
        "s3control.GetAccessPointPolicy shows no id of legacy",
    ),
    probe(
        "ecr:pull-through-cache-rule",
        "ecr.DescribePullThroughCacheRules",
        "pullThroughCacheRules[].ecrRepositoryPrefix",
        # AWS gives a rule no ARN: this one is ours.
        "pull-through-cache-rule/{id}",
        manual="The repositories that it filled move, the rule does not: a pull of what is not cached yet fails in the "
        "target. Make its secret there first where it has a credentialArn (secretsmanager.CreateSecret, its name "
        "begins with ecr-pullthroughcache/), then ecr.CreatePullThroughCacheRule with the same prefix and upstream.",
        verify="ecr.ValidatePullThroughCacheRule in the target shows isValid true",
    ),
    probe(
        "elasticache:cluster",
        "elasticache.DescribeCacheClusters",
        # Members of a replication group are listed with it.
        "CacheClusters[?!ReplicationGroupId].ARN",
        manual="First its facts: elasticache.DescribeReplicationGroups, elasticache.DescribeCacheClusters with "
        "ShowCacheNodeInfo, elasticache.DescribeCacheParameters with Source=user. In the target: "
        "elasticache.CreateCacheSubnetGroup, elasticache.CreateCacheParameterGroup, "
        "elasticache.ModifyCacheParameterGroup. Most caches may start empty: elasticache.CreateReplicationGroup "
        "(memcached: elasticache.CreateCacheCluster) with the same engine, EngineVersion, CacheNodeType, shards, "
        "replicas, AtRestEncryptionEnabled, TransitEncryptionEnabled, and let it fill. Where its content counts "
        "(Redis, Valkey): stop its writers; elasticache.CreateSnapshot; elasticache.CopySnapshot with TargetBucket to "
        "a bucket of legacy that ElastiCache may write to; copy the file to a bucket of the target that ElastiCache "
        "may read; elasticache.CreateReplicationGroup with SnapshotArns, with at least as many shards' memory. What "
        "is written after the snapshot is lost. Host name and AUTH token are new: they are in secrets and parameters.",
        verify="elasticache.DescribeReplicationGroups shows available with the same CacheNodeType, ClusterEnabled, "
        "AtRestEncryptionEnabled and TransitEncryptionEnabled as legacy's, elasticache.DescribeCacheClusters the same "
        "EngineVersion; where its content counts, INFO keyspace (or CurrItems in CloudWatch) is the same on both "
        "sides while nothing writes; legacy's CurrConnections falls to 0",
    ),
    probe(
        "elasticache:serverlesscache",
        "elasticache.DescribeServerlessCaches",
        "ServerlessCaches[].ARN",
        manual="Make it in the target (elasticache.CreateServerlessCache). Where its content counts: "
        "elasticache.CreateServerlessCacheSnapshot, elasticache.ExportServerlessCacheSnapshot to a bucket, and "
        "create with SnapshotArnsToRestore.",
        verify="elasticache.DescribeServerlessCaches in the target shows available, and the applications use its "
        "endpoint",
    ),
    probe(
        "memorydb:cluster",
        "memorydb.DescribeClusters",
        "Clusters[].ARN",
        manual="It is a database, not a cache: stop the writers, memorydb.CreateSnapshot, memorydb.CopySnapshot to a "
        "bucket of the target with TargetBucket, and there memorydb.CreateCluster with SnapshotArns. Users and ACLs "
        "before (memorydb.CreateUser, memorydb.CreateACL).",
        verify="the number of keys (DBSIZE) is the same on both sides while nothing writes",
    ),
    probe(
        "dax:cache",
        "dax.DescribeClusters",
        "Clusters[].ClusterArn",
        manual="A cache before DynamoDB; it holds nothing of its own. Make subnet group, parameter group and cluster "
        "in the target (dax.CreateSubnetGroup, dax.CreateParameterGroup, dax.CreateCluster) with a role that may use "
        "its tables.",
        verify="dax.DescribeClusters in the target shows available, and the applications use its endpoint",
    ),
    probe(
        "dynamodb:table",
        "dynamodb.ListTables",
        "TableNames[]",
        "table/{id}",
        manual="Switch point-in-time recovery on (dynamodb.UpdateContinuousBackups), export the table to a bucket of "
        "the target (dynamodb.ExportTableToPointInTime with S3BucketOwner), import it there (dynamodb.ImportTable), "
        "and set TTL, streams, recovery and tags again. What is written after the export needs an incremental one.",
        verify="the number of items in both tables is the same while nothing writes",
    ),
    probe(
        "rds:cluster",
        "rds.DescribeDBClusters",
        "DBClusters[].DBClusterArn",
        manual="Stop the writers, rds.CreateDBClusterSnapshot, share it (rds.ModifyDBClusterSnapshotAttribute; it "
        "must lie under a customer's KMS key that the target may use), copy it there (rds.CopyDBClusterSnapshot) and "
        "restore (rds.RestoreDBClusterFromSnapshot, rds.CreateDBInstance for each member).",
        verify="rds.DescribeDBClusters in the target shows available; counts of rows are the same on both sides",
    ),
    probe(
        "redshift:cluster",
        "redshift.DescribeClusters",
        "Clusters[].ClusterIdentifier",
        "cluster:{id}",
        manual="redshift.CreateClusterSnapshot, redshift.AuthorizeSnapshotAccess for the target, there "
        "redshift.RestoreFromClusterSnapshot with OwnerAccount. A snapshot under a KMS key needs that key's policy "
        "too. Then attach the target's roles (redshift.ModifyClusterIamRoles) and turn the clients.",
        verify="redshift.DescribeClusters in the target shows available; counts of rows are the same on both sides",
    ),
    probe(
        "es:domain",
        "opensearch.ListDomainNames",
        "DomainNames[].DomainName",
        "domain/{id}",
        manual="Make the domain in the target as legacy's is (opensearch.DescribeDomain, opensearch.CreateDomain: the "
        "same EngineVersion or a newer one, ClusterConfig, EBSOptions, EncryptionAtRestOptions under the target's key, "
        "NodeToNodeEncryptionOptions, DomainEndpointOptions, AdvancedSecurityOptions; its access policy in the "
        "target's names). In legacy: a role that OpenSearch may assume and that may read and write a bucket, and "
        "iam:PassRole for who calls; register the bucket by a signed PUT _snapshot/move, then PUT "
        "_snapshot/move/1?wait_for_completion=false of every index but .kibana and .opendistro_security, until GET "
        "_snapshot/move/1 says SUCCESS. In the target: a role of its own, the bucket's policy names it, the same "
        "repository with readonly, POST _snapshot/move/1/_restore. Then stop the writers, take and restore a second "
        "snapshot (the indices that changed closed or deleted before), and turn the writers. Users and roles of the "
        "fine-grained access control are made by hand.",
        verify="opensearch.DescribeDomain in the target shows Processing false and the same EngineVersion, "
        "InstanceType, InstanceCount, EncryptionAtRestOptions and NodeToNodeEncryptionOptions as legacy's; GET "
        "_cat/indices?h=index,docs.count is the same on both sides while nothing writes; GET _cluster/health is green",
    ),
    probe(
        "aoss:collection",
        "opensearchserverless.ListCollections",
        "collectionSummaries[].arn",
        manual="Make policies and collection in the target (opensearchserverless.CreateSecurityPolicy, "
        "opensearchserverless.CreateAccessPolicy, opensearchserverless.CreateCollection) and fill it from the source "
        "again, or by a pipeline (osis.CreatePipeline).",
        verify="the counts of documents of every index are the same on both sides",
    ),
    probe(
        "elasticfilesystem:file-system",
        "efs.DescribeFileSystems",
        "FileSystems[].FileSystemArn",
        manual="Make it in the target with mount targets and access points (efs.CreateFileSystem, "
        "efs.CreateMountTarget, efs.CreateAccessPoint), copy the files (datasync.CreateLocationEfs, "
        "datasync.CreateTask, datasync.StartTaskExecution), and once more after the writers have stopped.",
        verify="datasync.DescribeTaskExecution shows SUCCESS with verification and 0 files transferred by the last run",
    ),
    probe(
        "fsx:file-system",
        "fsx.DescribeFileSystems",
        "FileSystems[].ResourceARN",
        manual="Take a backup (fsx.CreateBackup) and bring it to the target with AWS Backup (backup.StartCopyJob "
        "between vaults of one organisation, backup.StartRestoreJob), or copy the files (datasync.CreateTask). A "
        "directory that it joins must be there first.",
        verify="fsx.DescribeFileSystems in the target shows AVAILABLE, and a comparison of the trees finds no "
        "difference",
    ),
    probe(
        "kinesis:stream",
        "kinesis.ListStreams",
        "StreamNames[]",
        "stream/{id}",
        manual="Make it in the target with the same shards or mode (kinesis.DescribeStreamSummary, "
        "kinesis.CreateStream), retention and key. Records stay: turn the producers, let legacy's consumers read to "
        "the end, then start the target's. Sequence numbers and checkpoints are new.",
        verify="legacy's IncomingRecords is 0 and its consumers' MillisBehindLatest is 0; the target's consumers read",
    ),
    probe(
        "firehose:deliverystream",
        "firehose.ListDeliveryStreams",
        "DeliveryStreamNames[]",
        "deliverystream/{id}",
        manual="Make it in the target with its role, bucket, key and transformation (firehose.DescribeDeliveryStream, "
        "firehose.CreateDeliveryStream), turn the producers; what legacy's has buffered is still delivered.",
        verify="legacy's IncomingRecords is 0, and objects arrive in the target",
    ),
    probe(
        "kinesisanalytics:application",
        "kinesisanalyticsv2.ListApplications",
        "ApplicationSummaries[].ApplicationARN",
        manual="Copy the code to a bucket of the target and make it there (kinesisanalyticsv2.DescribeApplication, "
        "kinesisanalyticsv2.CreateApplication). Its state stays with its snapshots: start it where its source begins.",
        verify="kinesisanalyticsv2.DescribeApplication in the target shows RUNNING, and its output is as in legacy",
    ),
    probe(
        "kafka:cluster",
        "kafka.ListClustersV2",
        "ClusterInfoList[].ClusterArn",
        manual="Make configuration and cluster in the target (kafka.CreateConfiguration, kafka.CreateClusterV2), "
        "copy topics and offsets (kafka.CreateReplicator, or MirrorMaker 2 over a peering), turn consumers first, "
        "then producers.",
        verify="the consumers' lag is 0 on both sides, and legacy's BytesInPerSec is 0",
    ),
    probe(
        "mq:broker",
        "mq.ListBrokers",
        "BrokerSummaries[].BrokerArn",
        manual="Make it in the target with its configuration and users, whose passwords nobody can read "
        "(mq.DescribeBroker, mq.CreateConfiguration, mq.CreateBroker). Turn the producers, let legacy's consumers "
        "empty the queues, turn them.",
        verify="every queue of legacy is empty (QueueSize), and the target's broker is RUNNING with consumers",
    ),
    probe(
        "glue:database",
        "glue.GetDatabases",
        "DatabaseList[].Name",
        "database/{id}",
        manual="Read the catalogue (glue.GetTables, glue.GetPartitions) and write it to the target with its bucket "
        "names in each Location (glue.CreateDatabase, glue.CreateTable, glue.BatchCreatePartition); or let a crawler "
        "find it again. Grants of Lake Formation are made anew (lakeformation.ListPermissions, "
        "lakeformation.GrantPermissions).",
        verify="the same query gives the same count on both sides (athena.StartQueryExecution)",
    ),
    probe(
        "glue:job",
        "glue.ListJobs",
        "JobNames[]",
        "job/{id}",
        manual="Copy the script to a bucket of the target and make the job there with its role, connections and "
        "arguments (glue.GetJob, glue.CreateJob); then its triggers, disabled until the cut-over "
        "(glue.CreateTrigger).",
        verify="glue.GetJobRun of a run in the target shows SUCCEEDED; legacy's triggers are off (glue.StopTrigger)",
    ),
    probe(
        "glue:crawler",
        "glue.ListCrawlers",
        "CrawlerNames[]",
        "crawler/{id}",
        manual="Make it in the target on its buckets and role, without a schedule (glue.GetCrawler, "
        "glue.CreateCrawler); give it its schedule at the cut-over (glue.UpdateCrawlerSchedule).",
        verify="glue.GetCrawler in the target shows LastCrawl SUCCEEDED",
    ),
    probe(
        "athena:workgroup",
        "athena.ListWorkGroups",
        # Every account has `primary`.
        "WorkGroups[?Name!='primary'].Name",
        "workgroup/{id}",
        manual="Make it in the target with a result bucket there (athena.GetWorkGroup, athena.CreateWorkGroup), and "
        "its saved queries (athena.ListNamedQueries, athena.GetNamedQuery, athena.CreateNamedQuery).",
        verify="athena.GetWorkGroup in the target shows ENABLED with a result location that the target owns",
    ),
    probe(
        "backup:backup-plan",
        "backup.ListBackupPlans",
        "BackupPlansList[].BackupPlanArn",
        manual="Make vault, plan and selections in the target (backup.GetBackupPlan, backup.CreateBackupVault, "
        "backup.CreateBackupPlan, backup.GetBackupSelection, backup.CreateBackupSelection) before anything there "
        "counts.",
        verify="backup.ListBackupJobs in the target shows COMPLETED for each resource that legacy's plan covered",
    ),
    probe(
        "backup:backup-vault",
        "backup.ListBackupVaults",
        "BackupVaultList[].BackupVaultArn",
        manual="Recovery points that must be kept: let the vaults of one organisation copy "
        "(backup.UpdateGlobalSettings in the management account, backup.PutBackupVaultAccessPolicy in the target), "
        "then backup.StartCopyJob for each. Those under an AWS-managed key cannot be copied; a locked vault keeps "
        "what it has until its time is over.",
        verify="backup.ListRecoveryPointsByBackupVault in the target shows each one that must be kept as COMPLETED",
    ),
    probe(
        "savingsplans:savingsplan",
        "savingsplans.DescribeSavingsPlans",
        "savingsPlans[].savingsPlanArn",
        params={"states": ["active"]},
        is_global=True,
        manual="Cannot be moved by a call. Inside one organisation its discount is shared with every account, unless "
        "sharing is switched off: leave it where it is, and do not close legacy before it ends, or ask AWS Support.",
        verify="savings appear on the target's usage in the bill of the organisation",
    ),
    probe(
        "ec2:reserved-instances",
        "ec2.DescribeReservedInstances",
        "ReservedInstances[].ReservedInstancesId",
        "reserved-instances/{id}",
        params={"Filters": [{"Name": "state", "Values": ["active"]}]},
        manual="Cannot be moved by a call. Inside one organisation a regional one is shared; one that is bound to a "
        "zone reserves capacity in legacy only: make it regional (ec2.ModifyReservedInstances).",
        verify="its discount appears on the target's usage in the bill of the organisation",
    ),
    probe(
        "aws-marketplace:agreement",
        "marketplace-agreement.SearchAgreements",
        "agreementViewSummaries[].agreementId",
        params={
            "catalog": "AWSMarketplace",
            "filters": [
                {"name": "PartyType", "values": ["Acceptor"]},
                {"name": "AgreementType", "values": ["PurchaseAgreement"]},
                {"name": "Status", "values": ["ACTIVE"]},
            ],
        },
        is_global=True,
        manual="A subscription belongs to the account: subscribe in the target before its images or licences are "
        "used there, or share the entitlement inside the organisation (license-manager.CreateGrant), and end "
        "legacy's after retirement.",
        verify="marketplace-agreement.SearchAgreements or license-manager.ListReceivedLicenses in the target shows it",
    ),
    probe(
        "cur:definition",
        "cur.DescribeReportDefinitions",
        "ReportDefinitions[].ReportName",
        "definition/{id}",
        is_global=True,
        manual="Make it in the management account of the organisation, which sees the cost of all "
        "(cur.PutReportDefinition, or bcm-data-exports.CreateExport), with a bucket of its own. Old reports are "
        "objects: they move with their bucket.",
        verify="a first report lies in the new bucket after a day, with the target's account in it",
    ),
)
