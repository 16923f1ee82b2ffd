"""How large a store is that no kind moves, as its own listing or one read more says: a person plans by it.

The rule: what AWS shows, in its units. How much of it is used is not asked for: that is in CloudWatch, at a price.
Source: the operations named here, botocore 1.44.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jmespath

from migrate.kind import ReadSite
from migrate.unhandled.probe import Probe


@dataclass(frozen=True, slots=True)
class Size:
    """How the size of one sort of thing is read."""

    path: str
    """JMESPath into the listing's page: rows of an id and what `says` is filled with. Where `operation` is given: into
    its answer, what `says` is filled with."""
    says: str
    """Filled with the values in their order; a row that lacks one is not told."""
    operation: str = ""
    """One read more for each, where the listing does not show the size."""
    parameter: str = ""
    """Its parameter that takes the listing's id."""


SIZES: Mapping[str, Size] = {
    "elasticache:cluster": Size(
        "CacheClusters[].[ARN, NumCacheNodes, CacheNodeType, Engine, EngineVersion]", "{} × {}, {} {}"
    ),
    "elasticache:serverlesscache": Size(
        "ServerlessCaches[].[ARN, CacheUsageLimits.DataStorage.Maximum, Engine]", "up to {} GB, {}"
    ),
    "memorydb:cluster": Size("Clusters[].[ARN, NumberOfShards, NodeType]", "{} shards of {}"),
    "redshift:cluster": Size(
        "Clusters[].[ClusterIdentifier, NumberOfNodes, NodeType, TotalStorageCapacityInMegaBytes]",
        "{} × {}, {} MB of storage",
    ),
    "es:domain": Size(
        "DomainStatus.[ClusterConfig.InstanceCount, ClusterConfig.InstanceType, EBSOptions.VolumeSize, EngineVersion]",
        "{} × {} with {} GiB each, {}",
        "opensearch.DescribeDomain",
        "DomainName",
    ),
    "fsx:file-system": Size("FileSystems[].[ResourceARN, StorageCapacity, FileSystemType]", "{} GiB, {}"),
    "elasticfilesystem:file-system": Size("FileSystems[].[FileSystemArn, SizeInBytes.Value]", "{} bytes"),
    "kafka:cluster": Size(
        "ClusterInfoList[].[ClusterArn, Provisioned.NumberOfBrokerNodes, "
        "Provisioned.BrokerNodeGroupInfo.InstanceType, "
        "Provisioned.BrokerNodeGroupInfo.StorageInfo.EbsStorageInfo.VolumeSize]",
        "{} brokers {} with {} GiB each",
    ),
    "mq:broker": Size("BrokerSummaries[].[BrokerArn, HostInstanceType, DeploymentMode, EngineType]", "{}, {}, {}"),
}
"""By the probe's type."""


def reads(probe: Probe) -> frozenset[str]:
    """What a probe reads: its listing, and what shows the size of what it lists."""
    size = SIZES.get(probe.type)
    return frozenset({probe.operation, size.operation} if size and size.operation else {probe.operation})


def sizes(kind: str, site: ReadSite, page: Mapping[str, Any], ids: list[str]) -> dict[str, str]:
    """What is known of the size of each of these, by the listing's id."""
    size = SIZES.get(kind)
    if size is None:
        return {}
    if not size.operation:
        rows = {str(row[0]): row[1:] for row in jmespath.search(size.path, page) or ()}
    else:
        named: dict[str, Any] = {}
        for one in ids:
            answer = site.optional(size.operation, missing=("ResourceNotFoundException",), **{size.parameter: one})
            named[one] = jmespath.search(size.path, answer or {}) or [None]
        rows = named
    return {one: size.says.format(*row) for one, row in rows.items() if None not in row}
