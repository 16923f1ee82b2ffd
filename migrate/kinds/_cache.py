"""What the caches of ElastiCache have in common: groups of their own, and how a person brings what they hold.

The rule: a cache stands on a subnet group and a parameter group of its own, so that the undo takes away nothing that
others use; and no count of items is taken for equal that AWS does not show.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from migrate.errors import StepFailed, VerificationFailed
from migrate.inventory import Resource
from migrate.kind import (
    Carrier,
    CarryAction,
    Downtime,
    Find,
    It,
    Json,
    Name,
    Phase,
    Place,
    Proof,
    ReadSite,
    Request,
    after,
)  # fmt: skip
from migrate.kinds._by_person import METRIC, ask_for_it, compared, newest, still_stands
from migrate.kinds._choosing import WAY, told

NO_PARAMETERS, NO_SUBNETS = ("CacheParameterGroupNotFound",), ("CacheSubnetGroupNotFoundFault",)
READY_S = 2 * 3600.0
AT_ONCE = 20
"""Parameters in one call. Source: elasticache.ModifyCacheParameterGroup, botocore 1.44.5."""
SEED = "seed"
STRATEGIES = {
    "empty": "the target's cache begins empty and is filled by use; no downtime of its own; slower answers until it is "
    "warm, and whatever was only in it is lost",
    SEED: "a person brings a snapshot's files while legacy's writers stand still, and the cache is made from them; "
    "costs a snapshot's time twice, and what is written after it",
}


class SeedFiles(CarryAction[Any]):
    """Waits for the files of a snapshot of legacy's cache in a bucket of the target."""

    name = "seed"
    title = "By hand: bring a snapshot's files to the target"
    phase = "data"
    undo_class = "R1"
    downtime = "D2"
    writes = frozenset()
    reads = frozenset({"s3.ListObjectsV2"})

    def files(self, it: It[Any], place: Place) -> list[str]:
        """The files' names."""
        return files_of(place, 1)

    def taken(self, it: It[Any], place: Place) -> str:
        """How the snapshot's files come into a bucket of legacy."""
        raise NotImplementedError

    def applies(self, it: It[Any]) -> bool:
        return it.strategy == SEED

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        base: dict[str, Json] = {"from": it.ref.name, "to": f"s3://{room_of(place)}", "how": self._how(it, place)}
        return base | told(STRATEGIES, it.strategy)

    def carry(self, it: It[Any], to: Carrier) -> Mapping[str, Json]:
        room, wanted = room_of(to.place), self.files(it, to.place)
        answer = to.target.optional("s3.ListObjectsV2", missing=("NoSuchBucket",), Bucket=room)
        there = {str(one["Key"]) for one in (answer or {}).get("Contents") or ()}
        missing = [name for name in wanted if name not in there]
        if missing:
            raise VerificationFailed(
                f"{to.step}: s3://{room} lacks {', '.join(missing)}",
                do=f"{self._how(it, to.place)}; then migrate run",
            )
        return {"files": len(wanted)}

    def prove(self, it: It[Any], to: Carrier) -> Proof:
        """What was brought is counted once a cache was made from it."""
        return Proof("equal")

    def uncarry(self, it: It[Any], to: Carrier) -> None:
        """Nothing: the bucket is the person's who made it."""

    def _how(self, it: It[Any], place: Place) -> str:
        room = room_of(place)
        return (
            f"writers stand still; {self.taken(it, place)}; in {place.account} s3.CreateBucket {room} whose policy "
            f"lets {place.region}.elasticache-snapshot.amazonaws.com read it; copy "
            f"{', '.join(self.files(it, place))} there"
        )


class CreateCache(CarryAction[Any]):
    """Makes a cache, or waits for the person who makes one that is opened with what AWS shows nobody."""

    name = "create"
    writes = frozenset()
    what: ClassVar[str]
    """What it is called in a sentence."""
    by: ClassVar[str]
    """The operation that makes it."""
    gone_by: ClassVar[str]
    """The operation that takes it away, and by which name."""
    status: ClassVar[str]
    """Where its description says its state."""
    opened_with: ClassVar[str]

    def hidden(self, it: It[Any]) -> str:
        """What AWS shows nobody, so that a person makes it; empty: it is made here."""
        raise NotImplementedError

    def parameters(self, it: It[Any], place: Place) -> dict[str, Json]:
        """What the operation takes, in legacy terms."""
        raise NotImplementedError

    def described(self, site: ReadSite, name: str) -> dict[str, Any] | None:
        """It as AWS describes it; None where there is none."""
        raise NotImplementedError

    def when(self, it: It[Any]) -> tuple[Phase, Downtime]:
        return ("data", "D2") if it.strategy == SEED else (self.phase, self.downtime)

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        person = f"by hand, with its {self.opened_with}: " if self.hidden(it) else ""
        base: dict[str, Json] = {"from": it.ref.name, "to": place.name, "how": f"{person}{self.by}"}
        return base | {"parameters": self.parameters(it, place)} | told(STRATEGIES, it.strategy)

    def carry(self, it: It[Any], to: Carrier) -> Mapping[str, Json]:
        hidden = self.hidden(it)
        if not hidden:
            return {}
        what = f"the {self.what} {to.place.name}"
        found = self.described(to.target, to.place.name)
        if found is None:
            # Which way was chosen stands in the approved plan only.
            chosen = replace(it, strategy=str(to.planned.get(WAY) or ""))
            asked = dict(to.rewrite(self.parameters(chosen, to.place)))
            raise ask_for_it(what, self.by, asked, f"AWS shows nobody {hidden}")
        state = str(found.get(self.status))
        # AWS writes the states of serverless caches in capitals in its documentation (unverified).
        if state.lower() != "available":
            raise StepFailed(f"{what} is {state}", do="wait, then migrate run")
        return {"made by": "a person"}

    def prove(self, it: It[Any], to: Carrier) -> Proof:
        """Its facts are compared by the engine, one by one."""
        return Proof("equal")

    def uncarry(self, it: It[Any], to: Carrier) -> None:
        if self.hidden(it) and self.described(to.target, to.place.name) is not None:
            raise still_stands(self.what, to.place.name, self.gone_by)


class CountItems(CarryAction[Any]):
    """Compares the number of items that AWS counts in both caches, while nothing writes."""

    name = "count_items"
    title = "Compare the number of items"
    phase = "data"
    undo_class = "R1"
    downtime = "D2"
    writes = frozenset()
    reads = frozenset({METRIC})

    def dimensions(self, site: ReadSite, name: str) -> Sequence[Mapping[str, str]]:
        """The dimensions of each count that makes up the whole."""
        raise NotImplementedError

    def applies(self, it: It[Any]) -> bool:
        return it.strategy == SEED

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        return {"from": it.ref.name, "to": place.name, "how": "CurrItems of the primaries, as CloudWatch has it"}

    def carry(self, it: It[Any], to: Carrier) -> Mapping[str, Json]:
        return {}

    def prove(self, it: It[Any], to: Carrier) -> Proof:
        return compared("items", self._items(to.legacy, it.ref.name), self._items(to.target, to.place.name))

    def uncarry(self, it: It[Any], to: Carrier) -> None:
        """Nothing was done."""

    def _items(self, site: ReadSite, name: str) -> int | None:
        each = self.dimensions(site, name)
        counts = [newest(site, "AWS/ElastiCache", "CurrItems", one, "Maximum") for one in each]
        return None if not counts or None in counts else sum(one or 0 for one in counts)


def subnet_group(place: Place, subnet_ids: Sequence[str]) -> Iterator[Request]:
    """A subnet group of its own: one that others share could not be taken away again."""
    if not subnet_ids:
        return
    there: dict[str, Json] = {"CacheSubnetGroupName": place.name}
    yield Request(
        "elasticache.CreateCacheSubnetGroup",
        there | {"CacheSubnetGroupDescription": f"of {place.name}", "SubnetIds": list(subnet_ids)},
        once="named",
        find=Find("elasticache.DescribeCacheSubnetGroups", dict(there), {"subnet_group": "CacheSubnetGroups[0].ARN"}),
        outputs={"subnet_group": "CacheSubnetGroup.ARN"},
        undo=Request(
            "elasticache.DeleteCacheSubnetGroup", dict(there), done=NO_SUBNETS, retry=("CacheSubnetGroupInUse",)
        ),
    )


def parameter_group(place: Place, family: str | None, parameters: Mapping[str, str]) -> Iterator[Request]:
    """A parameter group of its own, with what people changed in legacy's. None: AWS's own is used."""
    if not family:
        return
    there: dict[str, Json] = {"CacheParameterGroupName": place.name}
    yield Request(
        "elasticache.CreateCacheParameterGroup",
        there | {"CacheParameterGroupFamily": family, "Description": f"of {place.name}"},
        once="named",
        find=Find(
            "elasticache.DescribeCacheParameterGroups", dict(there), {"parameters": "CacheParameterGroups[0].ARN"}
        ),
        outputs={"parameters": "CacheParameterGroup.ARN"},
        undo=Request(
            "elasticache.DeleteCacheParameterGroup", dict(there), done=NO_PARAMETERS,
            retry=("InvalidCacheParameterGroupState",),
        ),
    )  # fmt: skip
    changed = [{"ParameterName": name, "ParameterValue": value} for name, value in sorted(parameters.items())]
    for start in range(0, len(changed), AT_ONCE):
        some = changed[start : start + AT_ONCE]
        yield Request("elasticache.ModifyCacheParameterGroup", there | {"ParameterNameValues": some})


def host_names(it: It[Any], sorts: Iterable[str]) -> Iterator[Name]:
    """By which hosts a cache is known, as its creating step learns them in the target."""
    for sort in sorts:
        if host := getattr(it.facts, sort):
            yield Name(host, after("create", sort), "host")


def hosts_of(found: Resource, sorts: Iterable[str]) -> dict[str, str]:
    """The hosts that a cache answers by, of those it has."""
    return {sort: str(found.facts[sort]) for sort in sorted(sorts) if found.facts.get(sort)}


def room_of(place: Place) -> str:
    """The bucket that a person makes for a snapshot's files."""
    text = f"{place.migration}/{place.account}/{place.region}/{place.name}"
    return f"migrate-seed-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def files_of(place: Place, count: int) -> list[str]:
    """A snapshot's files, one for each shard. Source: ElastiCache user guide, Exporting a backup, unverified."""
    return [f"migrate-{place.name}-{number:04}.rdb" for number in range(1, count + 1)]


def seeds(it: It[Any], place: Place, count: int = 1) -> list[Json] | None:
    """The ARNs of the files that the cache is made from; None: it begins empty."""
    return [f"arn:aws:s3:::{room_of(place)}/{name}" for name in files_of(place, count)] if it.strategy == SEED else None


def by_nodes(name: str, parameter: str, place: Place) -> str:
    """How the files of a snapshot of nodes come into a bucket of legacy."""
    own = f"migrate-{place.name}"
    return (
        f"in legacy elasticache.CreateSnapshot with {parameter} {name} and SnapshotName {own}, until "
        f"elasticache.DescribeSnapshots says available; elasticache.CopySnapshot with SourceSnapshotName {own}, "
        f"TargetSnapshotName {own} and TargetBucket a bucket of legacy in {place.region} that ElastiCache may write to"
    )


def changed_parameters(site: ReadSite, named: str | None) -> tuple[str | None, dict[str, str]]:
    """Family and changed parameters of a group that people made."""
    if not named or named.startswith("default."):
        return None, {}
    own = {"CacheParameterGroupName": named}
    answer = site.optional("elasticache.DescribeCacheParameterGroups", missing=NO_PARAMETERS, **own)
    family = next((one["CacheParameterGroupFamily"] for one in (answer or {}).get("CacheParameterGroups") or ()), None)
    listed = site.pages("elasticache.DescribeCacheParameters", "Parameters", **own, Source="user")
    return family, {one["ParameterName"]: one["ParameterValue"] for one in listed if "ParameterValue" in one}


def creatable_version(version: str | None) -> str | None:
    """As a creating call takes it, for Redis OSS and Valkey. Source: ElastiCache user guide, Supported engine versions,
    unverified."""
    if not version or version.split(".")[0] in ("2", "3", "4", "5"):
        return version
    return ".".join(version.split(".")[:2])


def subnet_ids_of(site: ReadSite, named: str | None) -> list[str]:
    """The subnets of a subnet group."""
    if not named:
        return []
    answer = site.optional("elasticache.DescribeCacheSubnetGroups", missing=NO_SUBNETS, CacheSubnetGroupName=named)
    groups = (answer or {}).get("CacheSubnetGroups") or ()
    return sorted(one["SubnetIdentifier"] for group in groups for one in group.get("Subnets") or ())
