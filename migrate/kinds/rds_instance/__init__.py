"""RDS instance and DB cluster: PostgreSQL moves by snapshot or replication; what a restore resets is said again.

The rule: a database is moved only with proof of every row; what cannot be moved that way is scanned and named.

Not carried: automated backups and point-in-time history, event subscriptions, proxies.
The master password stays what it was, unless RDS keeps it, which then makes a new one, or migration.yaml asks for a new
one (rotate_password). A restored instance reads its
blocks from S3 at first touch, so it is slow at first. The availability zone is AWS's choice within the subnet group.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Kind, Name, Need, Place, ReadSite, Remainder, after, pair_tags, same_place
from migrate.kinds.rds_instance.actions import Copy, Create, ProveRows, Snapshot, user_arn
from migrate.kinds.rds_instance.cluster import Cluster
from migrate.kinds.rds_instance.dms import CatchUpByDms, EndDms, LoadByDms
from migrate.kinds.rds_instance.enabling import EnableReplication
from migrate.kinds.rds_instance.facts import READS, InstanceFacts, described, read_facts
from migrate.kinds.rds_instance.last_look import LookAgain
from migrate.kinds.rds_instance.password import CheckPassword, RotatePassword, kept_as_it_was
from migrate.kinds.rds_instance.precheck import Precheck
from migrate.kinds.rds_instance.replication import CatchUp, CheckReplication, EndReplication, Replicate
from migrate.kinds.rds_instance.way_back import CheckWayBack, EndWayBack, FollowBack
from migrate.names import Ref

GIB = 1024**3


class Instance(Kind[InstanceFacts]):
    """A DB instance."""

    name = "rds.instance"
    title = "RDS instance"
    facts = InstanceFacts
    stateful = True
    reads = READS
    tagging_types = ("rds:db",)
    volatile = frozenset({"domains", "host", "resource_id"})
    unordered = frozenset({"roles", "security_groups"})
    actions = (
        EnableReplication(), CheckReplication(), Precheck(), CheckPassword(), Snapshot(), Copy(), Create(),
        CheckWayBack(), Replicate(), LoadByDms(), CatchUp(), EndReplication(), CatchUpByDms(), ProveRows(), EndDms(),
        FollowBack(), RotatePassword(), LookAgain(), EndWayBack(),
    )  # fmt: skip
    manual = (
        "Only PostgreSQL instances of their own and members of Aurora PostgreSQL clusters are moved. Other engines "
        "and read replicas: restore a shared snapshot by hand, or set up replication; a read replica is made anew "
        "from the moved instance."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = described(site, only)
        facts = site.map(lambda instance: read_facts(site, instance), found)
        for instance, read in zip(found, facts, strict=True):
            yield self.found(
                site,
                instance["DBInstanceIdentifier"],
                read,
                arn=instance["DBInstanceArn"],
                tags=pair_tags(instance.get("TagList")),
                size_bytes=read.allocated_gib * GIB,
            )

    def chosen_by(self, it: It[InstanceFacts]) -> Ref:
        facts = it.facts
        return same_place(it, "rds.cluster", facts.cluster) if facts.is_member and facts.cluster else it.ref

    def needs(self, it: It[InstanceFacts]) -> Iterator[Need]:
        facts, seen_in = it.facts, "rds.DescribeDBInstances"
        if facts.subnet_group:
            group = same_place(it, "rds.subnet_group", facts.subnet_group)
            yield Need(group, "in", "hard", f"{seen_in} DBSubnetGroup.DBSubnetGroupName")
        if facts.parameter_group and not facts.parameter_group.startswith("default."):
            group = same_place(it, "rds.parameter_group", facts.parameter_group)
            yield Need(group, "names", "hard", f"{seen_in} DBParameterGroups[].DBParameterGroupName")
        if facts.option_group and not facts.option_group.startswith("default:"):
            group = same_place(it, "rds.option_group", facts.option_group)
            yield Need(group, "names", "hard", f"{seen_in} OptionGroupMemberships[].OptionGroupName")
        for security_group in facts.security_groups:
            yield Need(security_group, "attached to", "hard", f"{seen_in} VpcSecurityGroups[].VpcSecurityGroupId")
        if facts.kms_key_id:
            yield Need(facts.kms_key_id, "encrypted by", "hard", f"{seen_in} KmsKeyId")
        if facts.performance_insights_key:
            yield Need(facts.performance_insights_key, "encrypted by", "hard", f"{seen_in} PerformanceInsightsKMSKeyId")
        if facts.monitoring_role and facts.monitoring_interval_s:
            yield Need(facts.monitoring_role, "assumes", "hard", f"{seen_in} MonitoringRoleArn")
        for role in facts.roles:
            yield Need(role.arn, "assumes", "hard", f"{seen_in} AssociatedRoles[].RoleArn")
        if facts.is_member and facts.cluster:
            yield Need(
                same_place(it, "rds.cluster", facts.cluster), "member of", "hard", f"{seen_in} DBClusterIdentifier"
            )
        if facts.replica_of:
            source = facts.replica_of if ":" in facts.replica_of else same_place(it, self.name, facts.replica_of)
            yield Need(source, "reads", "cut", f"{seen_in} ReadReplicaSourceDBInstanceIdentifier")

    def names(self, it: It[InstanceFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))
        if it.facts.host:
            yield Name(it.facts.host, after("create", "host"), "host")
        if it.facts.resource_id:
            own = after("create", "resource_id")
            yield Name(it.facts.resource_id, own, "id")
            yield Name(
                str(user_arn(it.ref.account, it.ref.region, it.facts.resource_id)),
                user_arn(place.account, place.region, own),
            )

    def outputs(self, found: Resource) -> dict[str, str]:
        facts = self.typed(found).facts
        known = {"host": facts.host, "resource_id": facts.resource_id}
        return super().outputs(found) | {name: value for name, value in known.items() if value}

    def finding(self, it: It[InstanceFacts]) -> str:
        return kept_as_it_was(self.actions, it)

    def remains(self, it: It[InstanceFacts]) -> Iterator[Remainder]:
        if it.facts.moves and it.facts.domains:
            yield Remainder(
                "domain",
                f"users of {', '.join(it.facts.domains)} log in to it by Kerberos, and it will not be joined there",
                "share the directory with the target account, and join it there: rds.ModifyDBInstance Domain",
            )

    def quota(self, it: It[InstanceFacts]) -> tuple[str, str] | None:
        return "rds", "L-7B6409FD"


KINDS = (Instance(), Cluster())
