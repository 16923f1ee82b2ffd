"""The sections of migration.yaml, each with its fields. The rule: an unknown field is refused with its place."""

import fnmatch
import re
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from migrate.names import Ref

Account = Annotated[str, Field(pattern=r"^[0-9]{12}$", description="twelve digits, quoted")]

_REGION = r"[a-z]{2,}(-[a-z]+){1,3}-[0-9]{1,2}"


def _as_region(text: str) -> str:
    if not re.fullmatch(_REGION, text):
        raise ValueError(f"{text!r} cannot be the name of a region: one is like eu-west-1 or us-gov-west-1")
    return text


RegionName = Annotated[str, AfterValidator(_as_region), Field(json_schema_extra={"pattern": f"^{_REGION}$"})]
"""The form of every region of every partition (botocore 1.44.5, partitions.json, regionRegex), of those to come and of
an emulator's. Whether there is such a one is asked by `doctor`; a scan says of which botocore knows nothing."""


class Misplaced(ValueError):
    """What is wrong between two fields, and with which of them."""

    def __init__(self, said: str, *where: int | str) -> None:
        super().__init__(said)
        self.where = where


class Part(BaseModel):
    """A section of migration.yaml: unknown keys are refused, because a misspelt waiver is no waiver."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Legacy(Part):
    """The account that everything is in today."""

    account: Account
    regions: tuple[RegionName, ...] = Field(min_length=1)
    role: str | None = None
    """Role ARN to assume for legacy; none: the credentials of the environment are legacy's."""
    profile: str | None = None

    @field_validator("regions")
    @classmethod
    def _once_each(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(regions)) < len(regions):
            raise ValueError("names a region twice")
        return regions


class Target(Part):
    """One account of the organisation."""

    account: Account
    role: str
    """Role name or ARN that is assumed in it."""


class Rule(Part):
    """Places every resource that matches all its conditions. The first rule that matches decides.

    Patterns are shell-style (`shop-*-prod`), matched against the whole text.
    """

    to: str | Annotated[tuple[str, ...], Field(min_length=1)]
    """Account alias(es) of `targets`; several: a copy in each; `legacy`: it stays where it is."""
    kind: str = "*"
    name: str = "*"
    """Against the ref's name, the Name tag, the ARN, or what else it is called (a key's aliases)."""
    tag: dict[str, str] = Field(default_factory=dict)
    ref: str | None = None
    """One resource, as a conflict or the inventory spells it."""
    because: str = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The aliases as a tuple."""
        return (self.to,) if isinstance(self.to, str) else self.to

    def matches(self, ref: Ref, arn: str, tags: dict[str, str], called: tuple[str, ...] = ()) -> bool:
        """Whether the rule speaks of this resource."""
        if self.ref is not None and self.ref != str(ref):
            return False
        if not fnmatch.fnmatchcase(ref.kind, self.kind):
            return False
        texts = (ref.name, tags.get("Name", ""), arn, *called)
        if self.name != "*" and not any(fnmatch.fnmatchcase(text, self.name) for text in texts if text):
            return False
        return all(fnmatch.fnmatchcase(tags.get(key, "\0"), pattern) for key, pattern in self.tag.items())


class Waiver(Part):
    """A gap or finding that a person takes responsibility for."""

    gap: str
    """What the plan prints: kind/region/subject, shell-style patterns allowed."""
    because: Annotated[str, Field(min_length=8)]
    """The reason, for the next person: at least a few words."""


Cidr = Annotated[str, Field(description="an IPv4 block, as 10.64.0.0/16")]


class Addresses(Part):
    """IPv4 blocks for the VPCs in their targets, where they must not overlap."""

    range: Cidr
    """Where the blocks are taken from, one for each block in legacy, of the same size."""
    accounts: tuple[str, ...] = ()
    """Aliases whose VPCs get new blocks; none named: all."""
    avoid: tuple[Cidr, ...] = ()
    """Blocks of others (an office, a partner) that must stay free. Legacy's own are avoided anyway."""
    blocks: dict[str, Cidr] = Field(default_factory=dict)
    """`<ref>`, `<ref> <legacy block>` or `<alias> <ref> <legacy block>` → the block, instead of the next free one."""

    @model_validator(mode="after")
    def _are_blocks(self) -> "Addresses":
        for where, text in [("range", self.range), *(("avoid", one) for one in self.avoid), *self.blocks.items()]:
            try:
                IPv4Network(text)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
        return self


class Blueprint(Part):
    """This folder makes a copy of the shape of an environment, in an account of its own: no data, no change in legacy.

    Everything else in the file is as in the migration's own: the same rules say what belongs to `of`.
    """

    of: str
    """Alias of the environment whose shape is copied. Nothing is made in its account."""
    to: str
    """Alias of the account in which the copy is made."""
    services: Annotated[int, Field(ge=0, le=100)] = 0
    """Tasks of each ECS service once its secrets are there, at most as many as the original's. 0: they stand still."""

    @model_validator(mode="after")
    def _are_two(self) -> "Blueprint":
        if self.of == self.to:
            raise ValueError(f"of and to are both {self.of}: a copy goes into an account of its own")
        return self


class Bridge(Part):
    """A way from a target back to legacy while a cut-over group cannot be whole: somebody there must still reach it.

    It is made with what is built beside legacy, and goes in phase `close`.
    """

    from_: str = Field(alias="from")
    """Ref of the legacy VPC that is reached."""
    to: str
    """Alias of the account that reaches it."""
    because: Annotated[str, Field(min_length=8)]
    """Who needs it and what for, for the next person."""
    vpc: str | None = None
    """Ref of the legacy VPC whose new one in `to` reaches it; none: that of `from`."""
    blocks: tuple[Cidr, ...] = ()
    """What of legacy's VPC is reached; none: all of it."""
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = ()
    """TCP ports that `groups` let the target's block in on."""
    groups: tuple[str, ...] = ()
    """Refs of legacy's security groups that get a rule for the time."""
    dns: bool = True
    """Legacy's host names are private addresses to the target; both VPCs need their DNS attributes on for it."""

    @model_validator(mode="after")
    def _is_whole(self) -> "Bridge":
        for field, text in [("from", self.from_), *(("groups", g) for g in self.groups), ("vpc", self.vpc)]:
            if text is not None:
                try:
                    Ref.parse(text)
                except ValueError as error:
                    raise Misplaced(str(error), field) from None
        for block in self.blocks:
            if ":" in block:
                raise Misplaced(f"{block} is IPv6, and a bridge carries IPv4 only: reach it by hand", "blocks")
            try:
                IPv4Network(block)
            except ValueError as error:
                raise Misplaced(str(error), "blocks") from None
        if bool(self.ports) != bool(self.groups):
            raise ValueError("ports and groups go together: which groups of legacy let the target in, and where")
        return self


class TestLaunch(Part):
    """Whether a task of a service is launched once in the target before the service starts. The first rule that matches
    decides; where none does, only services behind a load balancer are."""

    service: str
    """Pattern on `<cluster>/<service>`."""
    launch: bool
    because: Annotated[str, Field(min_length=8)]


class Switch(Part):
    """How a public record goes over to the target: by default at once, else in shares with a rest after each."""

    record: str
    """Pattern on its name, without the dot at its end."""
    shares: Annotated[tuple[Annotated[int, Field(ge=1, le=99)], ...], Field(min_length=1, max_length=3)]
    """Of a hundred answers, how many lead to the target before all do, rising."""
    rest_s: Annotated[int, Field(ge=60, le=86_400)] = 600
    """How long each share stands, counted from AWS's own time."""

    @model_validator(mode="after")
    def _rise(self) -> "Switch":
        if list(self.shares) != sorted(set(self.shares)):
            raise Misplaced("must rise from one to the next", "shares")
        return self


class Moves(Part):
    """Which runbook is run for which target accounts, in this order."""

    runbook: str
    accounts: tuple[str, ...] = Field(min_length=1)


class Database(Part):
    """How a database moves and is reached: credentials lie in a secret of the same account."""

    instance: str
    """Pattern on the RDS instance's name."""
    secret: Annotated[str, Field(min_length=1)] | None = None
    """Name of the Secrets Manager secret with `username` and `password`; `{instance}` stands for the name. None: the
    one that RDS keeps itself (`MasterUserSecret`), on each side its own."""
    strategy: Literal["snapshot", "logical", "dms"] = "snapshot"
    """snapshot: writers stand still while it is copied. logical: replicated while they write (14 or newer). dms: so by
    AWS DMS, which a person sets up."""
    way_back: Literal["none", "reverse"] = "none"
    """reverse: after a move by `logical` the target's writes are replicated into legacy until end_way_back, so that a
    rollback keeps them. none: a rollback loses them, and asks for a second approval where there are any."""
    rotate_password: bool = False
    """The restored database gets a new master password before anybody uses it, and the target's copy of `secret` with
    it; legacy keeps the old one."""

    def secret_of(self, name: str) -> str:
        """The secret's name for the instance or cluster of this name; empty where RDS keeps its own."""
        return (self.secret or "").replace("{instance}", name)

    @model_validator(mode="after")
    def _fits_together(self) -> "Database":
        if self.way_back == "reverse" and self.strategy != "logical":
            raise ValueError("way_back: reverse needs strategy: logical")
        if self.rotate_password and not self.secret:
            raise ValueError("rotate_password needs a secret: a password that RDS keeps itself is a new one anyway")
        return self


class Store(Part):
    """How the data of one sort of thing moves, where its kind has several ways."""

    resource: str
    """Pattern on `<kind>/<name>`: `dynamodb.table/orders*`. The first that matches decides."""
    strategy: str
    """One of the kind's (`migrate explain <kind>`); the plan says what each one costs."""
    from_gib: float | None = Field(default=None, gt=0)
    """Only what holds at least so many GiB by the scan; smaller ones, and those of unknown size, are left to the
    entries after this one. None: whatever the size."""

    def fits(self, known: str, size_bytes: int | None) -> bool:
        """Whether this entry decides for that resource (`<kind>/<name>`)."""
        large = self.from_gib is None or (size_bytes is not None and size_bytes >= self.from_gib * 2**30)
        return large and fnmatch.fnmatchcase(known, self.resource)


class Objects(Part):
    """How a bucket's objects are copied and proved equal."""

    batch_from_objects: int | None = Field(default=None, ge=1)
    """So many objects missing in a target's bucket, and S3 Batch Operations jobs copy them; what a job cannot copy is
    copied one by one. None: all are copied one by one."""

    restore: Literal["Standard", "Bulk"] | None = None
    """The tier in which archived objects are restored in legacy (AWS bills it). None: the copy names them and stops."""
    read_up_to_bytes: int | None = Field(default=None, ge=0)
    """Objects that have no checksum in common with their copy are read on both sides and hashed, whatever their size.
    With this, larger ones are compared by size, parts and description only, counted and listed."""


class Health(Part):
    """What counts as worse, where the target's answers are compared with those of legacy before the cut-over."""

    before_hours: float = Field(default=24.0, ge=1, le=14 * 24)
    """How long before legacy's first stop its figures are taken. CloudWatch keeps a minute's figures for 15 days."""
    requests: int = Field(default=100, ge=1)
    """Fewer requests than this on a side, and nothing is compared."""
    errors_percent: float = Field(default=1.0, ge=0, le=100)
    """So many percent of all answers more may be 5xx."""
    times_slower: float = Field(default=1.5, ge=1)
    """So many times legacy's 95th percentile of the targets' answering time may be the new one."""
