"""The snapshot that a database moves by: taken, put under a key for the transfer, shared, copied by the target.

The rule: an instance and a cluster go the same way, under the names of their own operations (`DBSnapshot`,
`DBClusterSnapshot`); nothing of legacy's own keys and policies is changed.
"""

import hashlib
from typing import Any, Literal

from migrate.kind import Find, It, Json, Place, Request, Wait, after, tag_pairs
from migrate.kinds._transfer_key import transfer_key

Sort = Literal["DBSnapshot", "DBClusterSnapshot"]
SNAPSHOT_GONE = {"DBSnapshot": "DBSnapshotNotFound", "DBClusterSnapshot": "DBClusterSnapshotNotFoundFault"}
"""Source: rds.DescribeDBSnapshots, rds.DescribeDBClusterSnapshots, botocore 1.44.5."""
HOURS_S = 3600.0


def snapshot_name(it: It[Any], place: Place) -> str:
    """The same for the same migration, database and target. At most 255 characters, no two hyphens in a row."""
    text = f"{place.migration}/{it.ref}/{place.account}/{place.region}"
    return f"migrate-{hashlib.sha256(text.encode()).hexdigest()[:12]}-{it.ref.name}"[:200].rstrip("-")


def shared_snapshot(it: It[Any], place: Place, of: Literal["DBInstance", "DBCluster"], sort: Sort) -> list[Request]:
    """In legacy: a snapshot, where it is encrypted its copy under the transfer key, and the right to it. Its output in
    the action `snapshot`: `arn`, of what is shared."""
    name = snapshot_name(it, place)
    taken = _snapshot(
        sort,
        f"rds.Create{sort}",
        {f"{sort}Identifier": name, f"{of}Identifier": it.ref.name},
        it,
        place,
        name,
        side="legacy",
        outputs={} if it.facts.encrypted else {"arn": f"{sort}.{sort}Arn"},
    )
    if not it.facts.encrypted:
        return [taken, _share(sort, name, place)]
    shared = f"{name}-shared"
    return [
        taken,
        *transfer_key(it.ref.account, place, name, "snapshot", f"the snapshot {name}"),
        # Under the transfer key: a snapshot under the default key cannot be shared, and under the owner's key
        # only by changing that key's policy. Source: RDS user guide, Sharing encrypted snapshots, read 2026-09.
        _snapshot(
            sort,
            f"rds.Copy{sort}",
            {
                f"Source{sort}Identifier": name,
                f"Target{sort}Identifier": shared,
                "KmsKeyId": after("snapshot", "key_arn"),
            },
            it,
            place,
            shared,
            side="legacy",
            outputs={"arn": f"{sort}.{sort}Arn"},
        ),
        _share(sort, shared, place),
    ]


def own_copy(it: It[Any], place: Place, sort: Sort) -> Request:
    """In the target: its own copy under its own key. Its output: `snapshot`."""
    name = snapshot_name(it, place)
    key = {"KmsKeyId": it.facts.kms_key_id or "alias/aws/rds"} if it.facts.encrypted else {}
    params = {f"Source{sort}Identifier": after("snapshot", "arn"), f"Target{sort}Identifier": name, "CopyTags": False}
    return _snapshot(
        sort,
        f"rds.Copy{sort}",
        params | key,
        it,
        place,
        name,
        side="target",
        outputs={"snapshot": f"{sort}.{sort}Identifier"},
    )


def _snapshot(
    sort: Sort,
    operation: str,
    params: dict[str, Json],
    it: It[Any],
    place: Place,
    name: str,
    *,
    side: Any,
    outputs: dict[str, str],
) -> Request:
    named: dict[str, Json] = {f"{sort}Identifier": name}
    look, gone = f"rds.Describe{sort}s", SNAPSHOT_GONE[sort]
    seen = {output: path.replace(f"{sort}.", f"{sort}s[0].") for output, path in outputs.items()}
    # A snapshot shared, or a key made, a moment ago is not seen everywhere yet.
    busy = ("InvalidDBInstanceState",) if sort == "DBSnapshot" else ("InvalidDBClusterStateFault",)
    return Request(
        operation,
        params | {"Tags": tag_pairs(place.stamp(it.tags))},
        side,
        once="named",
        outputs=outputs,
        retry=(*busy, "KMSKeyNotAccessibleFault", *((gone,) if side == "target" else ())),
        find=Find(look, dict(named), {"found": f"{sort}s[0].{sort}Identifier", **seen}),
        wait=Wait(
            look,
            dict(named),
            f"{sort}s[].Status",
            ("available",),
            ("failed",),
            every_s=10,
            timeout_s=24 * HOURS_S,
        ),
        undo=Request(f"rds.Delete{sort}", dict(named), side, done=(gone,)),
    )


def _share(sort: Sort, name: str, place: Place) -> Request:
    """No undo of its own: the snapshot is deleted, and the right to it with it."""
    return Request(
        f"rds.Modify{sort}Attribute",
        {f"{sort}Identifier": name, "AttributeName": "restore", "ValuesToAdd": [place.account]},
        "legacy",
    )
