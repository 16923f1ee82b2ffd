"""migration.yaml: what people decide. Everything else is inferred. The rule: an error names file, line and field."""

import fnmatch
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from migrate.errors import ConfigError
from migrate.names import AccountId, Ref, Region
from migrate.organisation.section import Organisation
from migrate.sections import (
    Addresses,
    Blueprint,
    Bridge,
    Database,
    Health,
    Legacy,
    Misplaced,
    Moves,
    Objects,
    Part,
    Rule,
    Store,
    Switch,
    Target,
    TestLaunch,
    Waiver,
)
from migrate.yaml_files import line_of, plain, read_yaml

FILE_NAME = "migration.yaml"
SCHEMA = "migrate.config/1"


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
    blueprint: Blueprint | None = None
    """Instead of a migration: a copy of the shape of one environment, without data."""
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
    health: Health = Health()
    """What `migrate healthy` calls worse; no part of what a plan is made from."""
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

    @model_validator(mode="before")
    @classmethod
    def _copies_by_one_runbook(cls, said: Any) -> Any:
        """A blueprint has one account and one order: nobody has to write it."""
        if isinstance(said, dict) and isinstance(said.get("blueprint"), dict) and not said.get("move"):
            return said | {"move": [{"runbook": "copy-shape", "accounts": [said["blueprint"].get("to")]}]}
        return said

    @model_validator(mode="after")
    def _known_aliases(self) -> "Config":
        if not self.targets and self.organisation is None:
            raise Misplaced("needs at least one account", "targets")
        for alias, target in self.targets.items():
            if target.account == self.legacy.account:
                raise Misplaced("is the legacy account itself", "targets", alias, "account")
        named: list[tuple[tuple[int | str, ...], tuple[str, ...]]] = [
            *((("placement", n, "to"), rule.accounts) for n, rule in enumerate(self.placement)),
            *((("environments", word), (alias,)) for word, alias in self.environments.items()),
            *((("bridges", n, "to"), (bridge.to,)) for n, bridge in enumerate(self.bridges)),
            *((("move", n, "accounts"), part.accounts) for n, part in enumerate(self.move)),
            *(((("blueprint", f), (getattr(self.blueprint, f),)) for f in ("of", "to")) if self.blueprint else ()),
            (("addresses", "accounts"), self.addresses.accounts if isinstance(self.addresses, Addresses) else ()),
        ]
        for where, aliases in named:
            stays = where[0] == "placement" and "legacy" in aliases
            if stays and len(aliases) > 1:
                raise Misplaced("names legacy and another: a resource cannot stay and move as well", *where)
            for alias in aliases:
                if alias not in self.targets and not stays:
                    raise Misplaced(f"{alias!r} is no alias of targets ({', '.join(self.targets)})", *where)
            if len(set(aliases)) < len(aliases):
                raise Misplaced("names an account twice", *where)
        if self.blueprint is not None:
            self._is_a_copy(self.blueprint)
        return self

    def _is_a_copy(self, blueprint: Blueprint) -> None:
        """Raise Misplaced for what a copy of a shape cannot have."""
        for n, part in enumerate(self.move):
            if part.accounts != (blueprint.to,):
                raise Misplaced(f"a blueprint is made in {blueprint.to} alone: leave `move` out", "move", n, "accounts")
        if "{alias}" not in self.buckets and "{account}" not in self.buckets:
            raise Misplaced(
                "bucket names are global: in a blueprint this must hold {account} or {alias}, or the copy's buckets "
                "would be called as the original's",
                "buckets",
            )

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

    def strategy(self, ref: Ref, size_bytes: int | None = None) -> str:
        """How people want a resource of this size moved; empty where nothing was said. Records: `<share>,<share> <rest
        in s>`."""
        if ref.kind in ("rds.instance", "rds.cluster"):
            own_database = self._database(ref)
            return own_database.strategy if own_database is not None else ""
        if ref.kind == "route53.record_set":
            record = ref.name.split("/")[1].rstrip(".")
            own = next((one for one in self.switches if fnmatch.fnmatchcase(record, one.record)), None)
            return f"{','.join(map(str, own.shares))} {own.rest_s}" if own else ""
        if not self.stores:
            return ""
        known = f"{ref.kind}/{ref.name}"
        return next((store.strategy for store in self.stores if store.fits(known, size_bytes)), "")

    def way_back(self, ref: Ref) -> str:
        """How what the target takes after the cut-over comes back; empty where it does not."""
        own = self._database(ref)
        return own.way_back if own is not None and own.way_back != "none" else ""

    def rotates(self, ref: Ref) -> str:
        """The secret whose password becomes a new one in the target, for a database; empty where none does."""
        own = self._database(ref)
        return own.secret_of(ref.name) if own is not None and own.rotate_password else ""

    def database(self, name: str) -> Database | None:
        """The entry that counts for the instance or cluster of this name in legacy: the first that matches."""
        return next((d for d in self.databases if fnmatch.fnmatchcase(name, d.instance)), None)

    def _database(self, ref: Ref) -> Database | None:
        return self.database(ref.name) if ref.kind in ("rds.instance", "rds.cluster") else None

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
    unknown = problem["loc"][-1:] if problem["type"] == "extra_forbidden" and problem["loc"] != where else ()
    field = ".".join(map(str, (*where, *unknown))) or "the file"
    said = problem["msg"].removeprefix("Value error, ")
    return f"{path}, line {line_of(document, where) or 1}: {field}: {said}"


def _is_there(document: Any, where: tuple[int | str, ...]) -> bool:
    try:
        for key in where:
            document = document[key]
    except (KeyError, IndexError, TypeError):
        return False
    return not isinstance(document, type(None)) or bool(where)
