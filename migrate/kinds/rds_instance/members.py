"""Members of an Aurora cluster: instances that hold no rows. The rule: what is the cluster's is not said again."""

from collections.abc import Sequence

from migrate.kind import It, Json, Place, Request, Wait, tag_pairs
from migrate.kinds.rds_instance.facts import GONE, InstanceFacts
from migrate.kinds.rds_instance.snapshots import HOURS_S

_FAILED = ("failed", "incompatible-network", "incompatible-parameters")


def follows_its_cluster(it: It[InstanceFacts]) -> bool:
    """Whether its cluster, whose strategy counts for it, is replicated: it is made early then, to answer for it."""
    return it.strategy == "logical"


def member_requests(it: It[InstanceFacts], place: Place) -> Sequence[Request]:
    """Make a member of a cluster: an instance without rows of its own. What is the cluster's is not said again.

    Source: rds.CreateDBInstance, what its documentation calls not applicable to Aurora, botocore 1.44.5.
    """
    facts = it.facts
    named: dict[str, Json] = {"DBInstanceIdentifier": place.name}
    look = ("rds.DescribeDBInstances", dict(named))
    said: dict[str, Json] = {
        "DBClusterIdentifier": facts.cluster,
        "Engine": facts.engine,
        "DBInstanceClass": facts.instance_class,
        "DBParameterGroupName": facts.parameter_group or None,
        "PubliclyAccessible": facts.public,
        "AutoMinorVersionUpgrade": facts.auto_minor_upgrade,
        "PreferredMaintenanceWindow": facts.maintenance_window or None,
        "PromotionTier": facts.promotion_tier,
        "CACertificateIdentifier": facts.certificate,
        "MonitoringInterval": facts.monitoring_interval_s,
        "MonitoringRoleArn": facts.monitoring_role if facts.monitoring_interval_s else None,
        "Tags": tag_pairs(place.stamp(it.tags)),
    }
    if facts.performance_insights:
        said |= {
            "EnablePerformanceInsights": True,
            "PerformanceInsightsRetentionPeriod": facts.performance_insights_days,
            "PerformanceInsightsKMSKeyId": facts.performance_insights_key,
        }
    return [
        Request(
            "rds.CreateDBInstance",
            named | {name: value for name, value in said.items() if value is not None},
            once="named",
            creates=True,
            retry=("InvalidDBClusterStateFault",),
            wait=Wait(*look, "DBInstances[].DBInstanceStatus", ("available",), _FAILED, every_s=15, timeout_s=HOURS_S),
            outputs=member_outputs("DBInstance"),
            undo=Request(
                "rds.DeleteDBInstance",
                named | {"SkipFinalSnapshot": True},
                done=(GONE, "InvalidDBInstanceState"),
                wait=Wait(
                    *look, "DBInstances[].DBInstanceStatus", ("gone",), gone=(GONE,), every_s=15, timeout_s=HOURS_S
                ),
            ),
        ),
        # Where it answers is known once it stands.
        Request(*look, outputs=member_outputs("DBInstances[0]") | {"host": "DBInstances[0].Endpoint.Address"}),
    ]


def member_outputs(at: str) -> dict[str, str]:
    """What is known of an instance as soon as it is asked for, by its path in the answer."""
    return {"id": f"{at}.DBInstanceIdentifier", "arn": f"{at}.DBInstanceArn", "resource_id": f"{at}.DbiResourceId"}
