"""What a kind must tell us: what it is, how it is found, what it needs, how it moves, how it is undone.

A kind is one file in `migrate/kinds/`. It is pure but for `scan`: requests are values in legacy terms (legacy
ids, ARNs, hosts), and the planner rewrites them to the target's. The rule: a kind never sends a write itself,
and never imports another kind.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from migrate.errors import FileError
from migrate.inventory import Resource
from migrate.names import GLOBAL, Ref
from migrate.requests import Find, Remainder, Request, Wait
from migrate.sites import MIGRATION_TAG, OWN_TAGS, STEP_TAG, Carrier, Place, ReadSite
from migrate.values import Json, after, in_target_names, join

Sort = Literal["arn", "id", "host", "url", "bucket", "name"]
"""What a text is, by which something is known."""

Strength = Literal["hard", "cut", "soft"]
"""hard: cannot be created without it. cut: must change over together. soft: is named, so rewritten and verified."""

Why = Literal[
    "in", "encrypted by", "assumes", "grants", "reads", "writes", "dead letters", "logs to", "routes to", "runs",
    "triggers", "consumes", "member of", "attached to", "image of", "names", "trusts", "scales", "owned by",
]  # fmt: skip

Undo = Literal["R0", "R1", "R2", "R3", "R4"]
Downtime = Literal["D0", "D1", "D2", "D3", "D4"]
Phase = Literal["build", "freeze", "data", "cutover", "close"]
"""build: beside legacy, no downtime. freeze: legacy's writers and triggers stop. data: what must be copied while
nothing writes. cutover: the target's triggers and services start. close: what stood for the time of the move goes."""


class Facts(BaseModel):
    """What a kind knows of one resource: frozen, JSON only, one field per thing that must arrive."""

    model_config = ConfigDict(frozen=True, extra="forbid")


F = TypeVar("F", bound=Facts)


@dataclass(frozen=True, slots=True)
class It(Generic[F]):
    """A resource with its facts typed: what a kind's own functions get."""

    ref: Ref
    arn: str
    tags: Mapping[str, str]
    facts: F
    strategy: str = ""
    """How people want its data moved, where there are several ways and the plan is made. Empty: the kind's default."""
    way_back: str = ""
    """How what the target takes after the cut-over comes back, where people want that and the plan is made."""
    rotates: str = ""
    """The secret whose password becomes a new one in the target, where people want that and the plan is made."""


class Need(NamedTuple):
    """One thing a resource needs, said by the kind. The graph resolves it; what resolves to nothing is dangling.

    `on` is a Ref, or any text by which the other is known in legacy (ARN, id, host, queue URL).
    """

    on: Ref | str
    why: Why
    strength: Strength
    seen_in: str
    """The document path that proves it: `ecs.DescribeServices services[].taskDefinition`."""


class Name(NamedTuple):
    """One text by which a resource is known in legacy, and what stands for it in the target.

    `target` is a text where it can be predicted, or a value with `after("create", "VpcId")` where AWS gives it.
    """

    legacy: str
    target: Json
    sort: Sort = "arn"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared and what came out. `state` is never ok by default."""

    state: Literal["equal", "different", "could not be proved"]
    compared: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    evidence: Mapping[str, Json] = field(default_factory=dict)
    """Counts and digests, never content."""


class Action(Generic[F]):
    """One thing that is done with a resource; with its kind and resource it becomes a step."""

    name: ClassVar[str]
    title: ClassVar[str]
    phase: ClassVar[Phase] = "build"
    named_only: ClassVar[bool] = False
    """No `all` line takes it: a runbook names it, behind a question."""
    undo_class: ClassVar[Undo] = "R0"
    downtime: ClassVar[Downtime] = "D0"
    sets: ClassVar[frozenset[str]] = frozenset()
    """The facts that only this action brings about: they are not compared before it is done."""
    after_kinds: ClassVar[tuple[str, ...]] = ()
    """`kind.action` of which all steps in the same target account come first (no edge can say it)."""
    opens_phase: ClassVar[bool] = False
    """The steps of its phase of what may use its thing, in the same target account, come after it: a last look."""
    opened_by: ClassVar[tuple[str, str]] = ("", "")
    """The kind of what alone opens its thing afterwards, and the key of the summary that names it: that one is made
    first and goes last."""

    asks: ClassVar[str] = ""
    """What a person does where a look of this action shows nothing: the run stops there (exit 3) until it does."""

    def applies(self, it: It[F]) -> bool:
        """Whether there is anything to do for this resource."""
        return True

    def by_default(self, it: It[F]) -> bool | None:
        """Whether it is done where migration.yaml says nothing; None: nobody is asked, it is done."""
        return None

    def when(self, it: It[F]) -> tuple[Phase, Downtime]:
        """Phase and downtime for this one: a strategy may copy while legacy writes."""
        return self.phase, self.downtime

    def requests(self, it: It[F], place: Place) -> Sequence[Request]:
        """What would be sent, in order, in legacy terms. Pure. At most one of them `creates`."""
        raise NotImplementedError

    def legacy_after(self, it: It[F]) -> Mapping[str, Json] | None:
        """The legacy facts that differ once this was done, by field: what the plan lists as changes in legacy.

        A part of one that names the target's things stands in `in_target_names`, as in the request.
        """
        return None

    def loses(self, it: It[F], to: Carrier) -> Sequence[str]:
        """What the target holds by now and legacy does not, so that taking the thing away would lose it. Read afresh
        before a rollback, which asks for a second approval then. Not to be known is such a line too."""
        return ()

    asks_again: ClassVar[bool] = False
    """What `loses` says is asked once more right before the thing is taken away, where nobody said yes to a loss:
    for what nothing brings back, and what tells in seconds."""

    def says(self, it: It[F], outputs: Mapping[str, str]) -> Sequence[str]:
        """What a person does meanwhile, with what the thing's creating step learnt: told while the step is not done."""
        return ()


class CarryAction(Action[F]):
    """An action that moves bytes: code, with the writes and data reads it may send declared."""

    writes: ClassVar[frozenset[str]]
    writes_in_legacy: ClassVar[frozenset[str]] = frozenset()
    """Those of its writes that may go to legacy as well. Every other one is stopped there before it is sent."""
    reads: ClassVar[frozenset[str]] = frozenset()
    repeats: ClassVar[bool] = False
    """Carrying again brings the target up to legacy's as it is then: done after a proof that found a difference."""
    proved_by: ClassVar[str] = ""
    """A later action of the same kind that compares the same content: once that is done, `verify` asks it alone."""

    def requests(self, it: It[F], place: Place) -> Sequence[Request]:
        """A carrying action may send fixed requests first (a bucket policy in legacy, say); none by default."""
        return ()

    def summary(self, it: It[F], place: Place) -> dict[str, Json]:
        """What the plan shows in place of requests: from, to, how, in legacy terms."""
        raise NotImplementedError

    def carry(self, it: It[F], to: Carrier) -> Mapping[str, Json]:
        """Do it; running it again goes on where it stopped. Returns counts for the receipt."""
        raise NotImplementedError

    def prove(self, it: It[F], to: Carrier) -> Proof:
        """Compare both sides by fresh reads."""
        raise NotImplementedError

    def uncarry(self, it: It[F], to: Carrier) -> None:
        """Take away what was carried, and only that."""


class Kind(Generic[F]):
    """One sort of AWS resource. Subclass, set the class variables, write `scan`; the rest has defaults."""

    name: ClassVar[str]
    title: ClassVar[str]
    facts: type[F]
    reads: ClassVar[frozenset[str]]
    """Every operation `scan` may send, as `service.Operation`. Metadata only: no content, no secret values."""
    is_global: ClassVar[bool] = False
    """No region: scanned once, its refs carry the region `global`."""
    stateful: ClassVar[bool] = False
    """Holds data that exists nowhere else: unplaced, it refuses the plan."""
    named: ClassVar[bool] = True
    """The ref's name is chosen by the caller and stays the same in the target. False: AWS gives an id."""
    stamped: ClassVar[bool] = True
    """Takes tags in its creating call and shows them in `scan`. False: only the journal proves it is ours."""
    tagging_types: ClassVar[tuple[str, ...]] = ()
    """ARN beginnings after the account, as `service:type`, that this kind covers for the tagging API: `ec2:vpc`."""
    volatile: ClassVar[frozenset[str]] = frozenset()
    """Facts that may differ between the sides for good reason; everything else is compared."""
    passing: ClassVar[frozenset[str]] = frozenset()
    """Facts that AWS changes by itself in legacy (a certificate is issued): they are no drift."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Facts that are lists whose order means nothing: renaming reorders them."""
    actions: "ClassVar[tuple[Action[Any], ...]]" = ()
    """In the order in which they happen to one resource. Empty: scanned and reported, not moved."""
    ends: ClassVar[str] = ""
    """The action that takes the thing away again: once it is done, the proof is that nothing stands."""
    manual: ClassVar[str] = ""
    """For a kind without actions: what a person has to do, in one or two sentences."""
    quiet: ClassVar[bool] = False
    """What of it does not move is no loss: AWS makes it anew, or it is a person's account. Else the plan is refused
    until somebody answers for each resource that `manual` is about."""
    strategies: ClassVar[Mapping[str, str]] = {}
    """Ways in which its data can move, where there are several → what each costs, as a person reads it. The first is
    the one where migration.yaml says nothing."""
    only_where_named: ClassVar[bool] = False
    """Moves only where a placement rule names its ref: nothing infers it."""
    stays_in_legacy: ClassVar[bool] = False
    """Its actions change it in legacy, where it names what moves (a DNS record): it goes with that, else nowhere."""
    part_of: ClassVar[tuple[str, ...]] = ()
    """Kinds of what it is a part of and changes the working of, so that one which nobody planned is a difference of the
    moved thing that it stands in: a rule of a listener. It names that thing in `needs`."""
    left_out: ClassVar[Mapping[str, str]] = {}
    """What AWS shows of it and no fact holds → why, or what a person does about it."""

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Find every resource of this kind, or the one whose ref name (or id) is `only`, or none.

        Must cope with `only` naming a thing that is not there: yields nothing.
        """
        raise NotImplementedError

    def needs(self, it: It[F]) -> Iterator[Need]:
        """What this resource needs. References in content (policies, env) are found without the kind's help."""
        return iter(())

    def names(self, it: It[F], place: Place) -> Iterator[Name]:
        """Every text by which others know it. Default: the ARN with the target's account, region and name."""
        if it.arn:
            yield Name(it.arn, self.target_arn(it, place))

    def by_hand(self, it: It[F]) -> str:
        """What a person does about this one, asked where no action applies to it. Empty: it is AWS's own (what comes
        with a default VPC) and stands in every account."""
        return self.manual

    def comes_with(self, it: It[F]) -> Ref | None:
        """The resource that makes this one again when it moves. Where that one does not, a person does what `by_hand`
        says."""
        return None

    def unfit_strategy(self, it: It[F], place: Place) -> str:
        """Why the strategy that was chosen cannot be for this one, and which can: the plan is refused then. Empty: it
        can."""
        return ""

    def chosen_by(self, it: It[F]) -> Ref:
        """Whose entry in migration.yaml says how it moves: its own, but for what is a part of something."""
        return it.ref

    def finding(self, it: It[F]) -> str:
        """What people outside have to be told once this one moves, for the plan. Empty: nothing."""
        return ""

    def remains(self, it: It[F]) -> Iterator[Remainder]:
        """What of this one does not arrive although it is moved, each asked about before a plan is approved."""
        return iter(())

    def networks(self, it: It[F]) -> tuple[str, ...]:
        """The IPv4 blocks that it lays out, the first one first: what stands in others' documents follows them."""
        return ()

    def called(self, it: It[F]) -> tuple[str, ...]:
        """Further names that people know it by (a key's aliases): placement rules and words match them too."""
        return ()

    def target_arn(self, it: It[F], place: Place) -> Json:
        """The ARN in the target, for kinds whose ARN ends in a name that does not change by itself."""
        parts = it.arn.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            return it.arn
        if parts[3] and place.region != GLOBAL:
            parts[3] = place.region
        if parts[4]:
            parts[4] = place.account
        if it.ref.name != place.name and parts[5].endswith(it.ref.name):
            parts[5] = parts[5][: -len(it.ref.name)] + place.name
        return ":".join(parts)

    def outputs(self, found: Resource) -> dict[str, str]:
        """What `after("create", …)` stands for, read from the standing thing. Must have every name that
        `names` uses; "id" is what `scan(only=…)` finds it by."""
        return {"id": found.ref.name, "arn": found.arn}

    def locate(self, site: ReadSite, place: Place, outputs: Mapping[str, str], it: It[F]) -> Resource | None:
        """Find the target's thing: by its name, by the id that the journal holds, else by the stamp of its step.

        Raises ValueError where two carry the stamp: never pick one.
        """
        key = place.name if self.named else outputs.get("id")
        if key is not None:
            return next(iter(self.scan(site, only=key)), None)
        ours = [found for found in self.scan(site) if found.tags.get(STEP_TAG) == place.step]
        if len(ours) > 1:
            raise ValueError(f"{len(ours)} live resources carry the stamp {place.step}: {[r.arn for r in ours]}")
        return ours[0] if ours else None

    def again(self, site: ReadSite, scanned: Resource) -> Resource | None:
        """The legacy resource as it is now, or None where it is gone. For what a scan cannot find (a thing that is
        wanted, not found) a kind reads it by what was planned."""
        return next(iter(self.scan(site, only=scanned.ref.name)), None)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[F]) -> dict[str, Json]:
        """The rewritten legacy facts as the target should show them once the actions in `done` were done.

        For what an action leaves different on purpose (a rule still disabled, a service still at zero).
        """
        return facts

    def expires(self, found: Resource) -> str:
        """Why AWS takes this standing thing away by itself while nobody else can: an undo leaves it to AWS then.
        Empty: it stands until somebody deletes it."""
        return ""

    def quota(self, it: It[F]) -> tuple[str, str] | None:
        """Service and quota code that one more of these counts against."""
        return None

    def ref(self, site: ReadSite, name: str) -> Ref:
        """The ref of one of ours at this site."""
        return Ref(site.account, GLOBAL if self.is_global else site.region, self.name, name)

    def found(
        self, site: ReadSite, name: str, facts: F, *, arn: str, tags: Mapping[str, str] | None = None,
        size_bytes: int | None = None,
    ) -> Resource:  # fmt: skip
        """Make the resource that `scan` yields."""
        return Resource(self.ref(site, name), arn, dict(tags or {}), None, size_bytes, facts.model_dump(mode="json"))

    def typed(self, resource: Resource) -> It[F]:
        """The same resource with its facts as the kind's model."""
        try:
            facts = self.facts.model_validate(resource.facts)
        except ValidationError as error:
            field = ".".join(map(str, error.errors()[0]["loc"]))
            raise FileError(
                f"{resource.ref}: the inventory was written by another version ({field})", do="migrate scan, then plan"
            ) from None
        return It(resource.ref, resource.arn, resource.tags, facts)

    def action(self, name: str) -> Action[F]:
        """The action of that name. Raises KeyError."""
        found = next((action for action in self.actions if action.name == name), None)
        if found is None:
            raise KeyError(f"{self.name} has no action {name!r}")
        return found


def same_place(it: It[Any], kind: str, name: str, *, is_global: bool = False) -> Ref:
    """The ref of another resource in the same account (and region, unless that kind is global)."""
    return Ref(it.ref.account, GLOBAL if is_global else it.ref.region, kind, name)


def pair_tags(tags: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """AWS's list of key/value pairs as a dict."""
    return {tag[key]: tag.get(value, "") for tag in tags or ()}


def tag_pairs(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[Json]:
    """A dict of tags as AWS's list of pairs, sorted."""
    return [{key: name, value: tags[name]} for name in sorted(tags)]


__all__ = [
    "MIGRATION_TAG", "OWN_TAGS", "STEP_TAG", "Action", "Carrier", "CarryAction", "Downtime", "Facts", "Find", "It",
    "Json", "Kind", "Name", "Need", "Phase", "Place", "Proof", "ReadSite", "Remainder", "Request", "Sort", "Strength",
    "Undo", "Wait", "Why", "after", "in_target_names", "join", "pair_tags", "same_place", "tag_pairs",
]  # fmt: skip
