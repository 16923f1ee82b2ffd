"""What a scan found and what it was not shown. The rule: a refusal is data, a Gap, never an empty list."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from migrate.names import AccountId, Ref, Region
from migrate.values import Json


@dataclass(frozen=True, slots=True)
class Resource:
    """One AWS resource as found: `facts` is the JSON form of its kind's facts model."""

    ref: Ref
    arn: str
    tags: dict[str, str]
    owner: str | None
    """What manages it: `cloudformation:<stack name>`, or None."""
    size_bytes: int | None
    facts: dict[str, Json]

    def as_json(self) -> dict[str, Json]:
        """The line of the inventory file."""
        return {
            "ref": str(self.ref),
            "arn": self.arn,
            "tags": dict(self.tags),
            "owner": self.owner,
            "size_bytes": self.size_bytes,
            "facts": self.facts,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Json]) -> "Resource":
        """Read a line back; unknown keys are ignored."""
        return cls(
            Ref.parse(str(line["ref"])),
            str(line["arn"]),
            dict(line["tags"]),
            line.get("owner"),
            line.get("size_bytes"),
            dict(line["facts"]),
        )


GapReason = Literal["denied", "throttled", "unsupported by endpoint", "failed", "region off", "no kind", "unreachable"]


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Something the scan was not shown, or cannot handle."""

    kind: str
    """A kind's name, or `service:type` of an ARN that no kind covers."""
    region: str
    call: str
    reason: GapReason
    said: str
    """What AWS answered, without request ids."""
    subject: str = ""
    """The resource it is about, where it is about one: a ref or an ARN."""

    @property
    def key(self) -> str:
        """What a waiver names: kind, region, and the subject where there is one."""
        return "/".join(part for part in (self.kind, self.region, self.subject) if part)

    def as_json(self) -> dict[str, Json]:
        """The line of the inventory file."""
        return {name: getattr(self, name) for name in ("kind", "region", "call", "reason", "said", "subject")}

    @classmethod
    def from_json(cls, line: Mapping[str, Json]) -> "Gap":
        """Read a line back; unknown keys are ignored."""
        return cls(
            line["kind"], line["region"], line["call"], line["reason"], line["said"], line.get("subject", "")
        )  # fmt: skip


@dataclass(frozen=True)
class Inventory:
    """Everything one scan of one account says. Resources are sorted by ref, gaps too; both without repeats."""

    account: AccountId
    regions: tuple[Region, ...]
    kinds: tuple[str, ...]
    """The kinds that were looked for."""
    resources: tuple[Resource, ...]
    gaps: tuple[Gap, ...] = ()
    by_ref: dict[Ref, Resource] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_ref = {resource.ref: resource for resource in self.resources}
        by_ref = {ref: by_ref[ref] for ref in sorted(by_ref)}
        object.__setattr__(self, "resources", tuple(by_ref.values()))
        object.__setattr__(self, "gaps", tuple(sorted(set(self.gaps))))
        object.__setattr__(self, "by_ref", by_ref)

    def of(self, kind: str) -> Iterator[Resource]:
        """The resources of one kind."""
        return (resource for resource in self.resources if resource.ref.kind == kind)

    def lines(self) -> Iterable[dict[str, Json]]:
        """What the file holds after its envelope, in order."""
        yield from ({"resource": resource.as_json()} for resource in self.resources)
        yield from ({"gap": gap.as_json()} for gap in self.gaps)
