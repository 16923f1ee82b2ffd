"""migration.yaml: what people decide. Everything else is inferred. The rule: an error names file, line and field."""

import fnmatch
import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from migrate.errors import ConfigError
from migrate.names import AccountId, Ref, Region
from migrate.organisation.section import Organisation
from migrate.yaml_files import line_of, plain, read_yaml

FILE_NAME = "migration.yaml"
SCHEMA = "migrate.config/1"

Account = Annotated[str, Field(pattern=r"^[0-9]{12}$", description="twelve digits, quoted")]


class _Misplaced(ValueError):
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
    regions: tuple[str, ...] = Field(min_length=1)
    role: str | None = None
    """Role ARN to assume for legacy; none: the credentials of the environment are legacy's."""
    profile: str | None = None


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
                    raise _Misplaced(str(error), field) from None
        for block in self.blocks:
            if ":" in block:
                raise _Misplaced(f"{block} is IPv6, and a bridge carries IPv4 only: reach it by hand", "blocks")
            try:
                IPv4Network(block)
            except ValueError as error:
                raise _Misplaced(str(error), "blocks") from None
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
            raise _Misplaced("must rise from one to the next", "shares")
        return self


class Moves(Part):
    """Which runbook is run for which target accounts, in this order."""

    runbook: str
    accounts: tuple[str, ...] = Field(min_length=1)


class Database(Part):
    """How a database moves and is reached: credentials lie in a secret of the same account."""

    instance: str
    """Pattern on the RDS instance's name."""
    secret: str
    """Name of the Secrets Manager secret with `username` and `password`; `{instance}` stands for the name."""
    strategy: Literal["snapshot", "logical", "dms"] = "snapshot"
    """snapshot: writers stand still while it is copied. logical: replicated while they write (14 or newer). dms: so by
    AWS DMS, which a person sets up."""
    way_back: Literal["none", "reverse"] = "none"
    """reverse: after a move by `logical` the target's writes are replicated into legacy until end_way_back, so that a
    rollback keeps them. none: a rollback loses them, and asks for a second approval where there are any."""

    @model_validator(mode="after")
    def _back_the_way_it_came(self) -> "Database":
        if self.way_back == "reverse" and self.strategy != "logical":
            raise ValueError("way_back: reverse needs strategy: logical")
        return self


class Store(Part):
    """How the data of one sort of thing moves, where its kind has several ways."""

    resource: str
    """Pattern on `<kind>/<name>`: `dynamodb.table/orders*`. The first that matches decides."""
    strategy: str
    """One of the kind's (`migrate explain <kind>`); the plan says what each one costs."""


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


class Config(Part):
    """The whole of migration.yaml."""

    schema_: Literal["migrate.config/1"] = Field(alias="schema")
    migration: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$")]
    """Lower-case name; part of tags and of names made in AWS."""
    legacy: Legacy
    targets: dict[str, Target] = Field(default_factory=dict)
    """At least one, unless the accounts are still to be made (`organisation`)."""
    organisation: Organisation | None = None
    """The organisation that is wanted: what `migrate org` makes."""
    external_id: str | None = None
    placement: tuple[Rule, ...] = ()
    environments: dict[str, str] = Field(default_factory=dict)
    """Words that name an environment → account alias: `prod: production`. Seen in tags and names."""
    buckets: str = "{name}-{account}"
    """Target name of a bucket (bucket names are global): {name}, {alias}, {account}, {region}."""
    renames: dict[str, str] = Field(default_factory=dict)
    """ref → exact name in the target; for a thing that no kind handles its ARN → the ARN that stands for it there."""
    addresses: Literal["keep"] | Addresses = "keep"
    """keep: VPCs have legacy's blocks in their targets, and the plan says what follows from that."""
    bridges: tuple[Bridge, ...] = ()
    """Temporary ways from a target back to legacy."""
    test_launches: tuple[TestLaunch, ...] = ()
    """Which services are launched once before the cut-over."""
    switches: tuple[Switch, ...] = ()
    move: tuple[Moves, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    databases: tuple[Database, ...] = ()
    stores: tuple[Store, ...] = ()
    objects: Objects = Objects()
    identities: dict[str, Any] = Field(default_factory=dict)
    """What the old account's users are, and what stands for machines: read by `migrate people`."""
    settle_s: float = Field(default=300.0, ge=0, le=3600)
    """After a write whose answer never came: seconds until a look that finds nothing is believed. AWS gives no bound;
    the EC2 guide speaks of up to about five minutes. Lower it only for an endpoint that shows writes at once."""
    tunnels: str | None = None
    """JSON file `{"<host>:<port>": "<host>:<port>"}`: where a database behind a tunnel is really reached."""

    @field_validator("buckets")
    @classmethod
    def _known_fields(cls, buckets: str) -> str:
        try:
            made = buckets.format(name="bucket", alias="a", account="1", region="r")
        except (KeyError, IndexError, ValueError, AttributeError):
            made = ""
        if "bucket" not in made or "{name." in buckets or "{name[" in buckets:
            raise ValueError(f"{buckets!r} must hold {{name}}, and else only {{alias}}, {{account}} and {{region}}")
        return buckets

    @field_validator("renames")
    @classmethod
    def _refs_or_arns(cls, renames: dict[str, str]) -> dict[str, str]:
        for old, new in renames.items():
            if old.startswith("arn:") != new.startswith("arn:"):
                raise ValueError(f"{old!r} → {new!r}: an ARN becomes an ARN, a ref becomes a name")
            if not old.startswith("arn:"):
                try:
                    Ref.parse(old)
                except ValueError as error:
                    raise ValueError(f"{error}, and no ARN") from None
        return renames

    @field_validator("targets")
    @classmethod
    def _distinct(cls, targets: dict[str, Target]) -> dict[str, Target]:
        seen: dict[str, str] = {}
        for alias, target in targets.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]*", alias) or alias == "legacy":
                raise ValueError(f"{alias!r} is no alias: lower-case letters, digits, - and _; 'legacy' is taken")
            if target.account in seen:
                raise ValueError(f"{alias} and {seen[target.account]} are the same account {target.account}")
            seen[target.account] = alias
        return targets

    @model_validator(mode="after")
    def _known_aliases(self) -> "Config":
        if not self.targets and self.organisation is None:
            raise _Misplaced("needs at least one account", "targets")
        for alias, target in self.targets.items():
            if target.account == self.legacy.account:
                raise _Misplaced("is the legacy account itself", "targets", alias, "account")
        named: list[tuple[tuple[int | str, ...], tuple[str, ...]]] = [
            *((("placement", n, "to"), rule.accounts) for n, rule in enumerate(self.placement)),
            *((("environments", word), (alias,)) for word, alias in self.environments.items()),
            *((("bridges", n, "to"), (bridge.to,)) for n, bridge in enumerate(self.bridges)),
            *((("move", n, "accounts"), part.accounts) for n, part in enumerate(self.move)),
            (("addresses", "accounts"), self.addresses.accounts if isinstance(self.addresses, Addresses) else ()),
        ]
        for where, aliases in named:
            stays = where[0] == "placement" and "legacy" in aliases
            if stays and len(aliases) > 1:
                raise _Misplaced("names legacy and another: a resource cannot stay and move as well", *where)
            for alias in aliases:
                if alias not in self.targets and not stays:
                    raise _Misplaced(f"{alias!r} is no alias of targets ({', '.join(self.targets)})", *where)
            if len(set(aliases)) < len(aliases):
                raise _Misplaced("names an account twice", *where)
        return self

    @property
    def given(self) -> dict[str, str]:
        """The renames from ARN to ARN."""
        return {old: new for old, new in self.renames.items() if old.startswith("arn:")}

    def account(self, alias: str) -> AccountId:
        """The id behind an alias."""
        return AccountId(self.targets[alias].account)

    def alias(self, account: str) -> str:
        """The alias of an account id, `legacy` for the legacy account."""
        if account == self.legacy.account:
            return "legacy"
        return next((alias for alias, target in self.targets.items() if target.account == account), account)

    def roles(self) -> dict[AccountId, str]:
        """Role ARN to assume in each account that has one."""
        roles = {
            AccountId(target.account): target.role
            if target.role.startswith("arn:")
            else f"arn:aws:iam::{target.account}:role/{target.role}"
            for target in self.targets.values()
        }
        if self.legacy.role:
            legacy = self.legacy.role
            whole = legacy if legacy.startswith("arn:") else f"arn:aws:iam::{self.legacy.account}:role/{legacy}"
            roles[AccountId(self.legacy.account)] = whole
        return roles

    def strategy(self, ref: Ref) -> str:
        """How people want a resource moved; empty where nothing was said. Records: `<share>,<share> <rest in s>`."""
        if ref.kind == "rds.instance":
            return next((d.strategy for d in self.databases if fnmatch.fnmatchcase(ref.name, d.instance)), "")
        if ref.kind == "route53.record_set":
            record = ref.name.split("/")[1].rstrip(".")
            own = next((one for one in self.switches if fnmatch.fnmatchcase(record, one.record)), None)
            return f"{','.join(map(str, own.shares))} {own.rest_s}" if own else ""
        known = f"{ref.kind}/{ref.name}"
        return next((store.strategy for store in self.stores if fnmatch.fnmatchcase(known, store.resource)), "")

    def way_back(self, ref: Ref) -> str:
        """How what the target takes after the cut-over comes back; empty where it does not."""
        if ref.kind != "rds.instance":
            return ""
        chosen = next((d.way_back for d in self.databases if fnmatch.fnmatchcase(ref.name, d.instance)), "none")
        return "" if chosen == "none" else chosen

    def carrying(self, ref: Ref) -> dict[str, Any]:
        """What people said of how the bytes of a resource are carried and proved, for its approved summary."""
        return self.objects.model_dump(exclude_none=True) if ref.kind == "s3.bucket" else {}

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions of the legacy account that are scanned."""
        return tuple(map(Region, self.legacy.regions))

    def launches(self, service: str, by_default: bool) -> bool:
        """Whether this service is launched once before the cut-over."""
        matching = (rule.launch for rule in self.test_launches if fnmatch.fnmatchcase(service, rule.service))
        return next(matching, by_default)

    def waiver_for(self, key: str) -> Waiver | None:
        """The waiver that covers a gap's or finding's key."""
        return next((w for w in self.waivers if w.gap == key or fnmatch.fnmatchcase(key, w.gap)), None)


def load(folder: Path) -> Config:
    """Read `<folder>/migration.yaml`. Raises ConfigError naming line and field."""
    path = folder / FILE_NAME if folder.is_dir() else folder
    document = read_yaml(path)
    try:
        return Config.model_validate(plain(document))
    except ValidationError as error:
        raise ConfigError("\n".join(_say(path, document, problem) for problem in error.errors())) from None


def _say(path: Path, document: Any, problem: Any) -> str:
    where = (*problem["loc"], *getattr(problem.get("ctx", {}).get("error"), "where", ()))
    # Pydantic adds the names of its own alternatives to where a field lies: they are in no file.
    while where and problem["type"] != "missing" and not _is_there(document, where):
        where = where[:-1]
    field = ".".join(map(str, where)) or "the file"
    said = problem["msg"].removeprefix("Value error, ")
    return f"{path}, line {line_of(document, where) or 1}: {field}: {said}"


def _is_there(document: Any, where: tuple[int | str, ...]) -> bool:
    try:
        for key in where:
            document = document[key]
    except (KeyError, IndexError, TypeError):
        return False
    return not isinstance(document, type(None)) or bool(where)
