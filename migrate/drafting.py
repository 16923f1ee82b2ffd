"""One draft for every action on every placed resource in every account it goes to: its requests, rewritten.

The rule: a request for the target holds target names only; whatever of legacy is left in it is a problem. A request
to legacy stays as it is, but for the parts of it that are marked as in the target's names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from migrate import estimate
from migrate.addresses import AddressMap
from migrate.config import Config
from migrate.graph import Edge, Graph
from migrate.inventory import Inventory, Resource
from migrate.kind import Action, CarryAction, Downtime, It, Kind, Phase, Place, Request
from migrate.names import GLOBAL, AccountId, Arn, Ref, Region
from migrate.placement import Placed, Placement
from migrate.rewrite import Index, Known, Rewriter, Rewritten, rewriter, whole
from migrate.steps import PlannedRequest
from migrate.values import MARKS, Json, foreign_marks, renamed_parts, waits_for

T = TypeVar("T", Ref, tuple[str, str])

_FAR = 3
"""How many edges away a writer is looked for: a service runs a task that reads a parameter with a database's host."""


@dataclass(slots=True)
class Draft:
    """A step before it has its place in the order."""

    id: str
    ref: Ref
    action: Action[Any]
    place: Place
    alias: str
    requests: tuple[PlannedRequest, ...]
    carry: dict[str, Json] | None
    legacy_after: dict[str, Json] | None
    estimate: dict[str, Json]
    group: str
    phase: Phase
    downtime: Downtime
    needs: dict[str, Edge | str] = field(default_factory=dict)
    """Step id → why it comes first."""

    @property
    def does(self) -> str:
        """As runbooks name it: `kind.action`."""
        return f"{self.ref.kind}.{self.action.name}"


class Drafting:
    """Writes the drafts, and collects what could not be resolved."""

    def __init__(
        self,
        config: Config,
        inventory: Inventory,
        graph: Graph,
        placement: Placement,
        kinds: Mapping[str, Kind[Any]],
        addresses: AddressMap | None = None,
    ) -> None:
        self.config, self.inventory, self.graph, self.placement, self.kinds = config, inventory, graph, placement, kinds
        self.addresses = addresses
        self._legacy = AccountId(config.legacy.account)
        self.found: dict[str, list[str]] = defaultdict(list)
        self.ref_of: dict[str, Ref] = {}
        """The legacy resource of each step."""
        self._places: dict[Ref, tuple[Place, ...]] = {}
        self._rewriters: dict[tuple[AccountId, Region], Rewriter] = {}
        self._aliases = {AccountId(target.account): alias for alias, target in config.targets.items()}
        self.dropped: dict[Ref, set[Ref]] = defaultdict(set)
        """People who do not move → whose policies named them: they are taken out there."""
        self.findings: list[str] = []
        """What people outside have to be told about what moves."""
        self.handed_over: set[Ref] = set()
        """What stops in legacy and starts in a target: it has one owner at each moment."""
        self.left_out: dict[str, list[Ref]] = {}
        """Actions that apply and were not asked for: `kind.action` → of what."""
        self.marked: dict[Ref, tuple[str, ...]] = {}
        """Resources with a key of their own that reads like a placeholder, and where: no step is drafted for them."""

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """What is unresolved, by step."""
        return {step: tuple(dict.fromkeys(said)) for step, said in sorted(self.found.items())}

    def places(self, ref: Ref) -> tuple[Place, ...]:
        """Where a resource goes, an entry an account."""
        found = self._places.get(ref)
        if found is None:
            found = self._places[ref] = places(ref, self.placement.placed, self.config)
        return found

    @cached_property
    def index(self) -> Index:
        """Every legacy name with what stands for it in each account."""
        placed = self.placement.placed
        index = Index(self.inventory.account)
        for ref, it in self.graph.its.items():
            stays = ref in placed and placed[ref].accounts == ("legacy",)
            index.enter(self.kinds[ref.kind], it, self.places(ref), stays)
        accounts = (AccountId(one.account) for one in self.config.targets.values())
        enter_decided(index, self.config.given, accounts, self.addresses)
        return index

    def rewriter(self, account: AccountId, region: Region) -> Rewriter:
        """The rewriter for what goes from one region to one target account."""
        found = self._rewriters.get((account, region))
        if found is None:
            index = self.index.in_region(region)
            # Regions without names of their own share one rewriter, and what it remembers.
            alike = (one for one in self._rewriters.values() if one.account == account and one.index is index)
            found = self._rewriters[account, region] = next(alike, None) or rewriter(index, account)
        return found

    def renames(self) -> list[Json]:
        """Everything whose name is another one in the target."""
        return [
            {"ref": str(ref), "account": place.account, "name": place.name}
            for ref in self.placement.placed
            for place in self.places(ref)
            if place.name != ref.name
        ]

    def taken_twice(self) -> dict[str, list[Ref]]:
        """Names in the target that two legacy resources would get, and which."""
        claims: dict[Ref, list[Ref]] = defaultdict(list)
        for ref in self.placement.placed:
            kind = self.kinds.get(ref.kind)
            for place in self.places(ref) if kind is not None and kind.named else ():
                if place.name != ref.name:
                    claims[Ref(place.account, place.region, ref.kind, place.name)].append(ref)
        for there, refs in claims.items():
            # Names that stay are different ones in legacy already: one of the two that clash has a new name.
            keeps = there._replace(account=self.inventory.account)
            if any(place.account == there.account and place.name == there.name for place in self.places(keeps)):
                refs.append(keeps)
        return {str(there): sorted(refs) for there, refs in claims.items() if len(refs) > 1}

    def steps(self) -> list[Draft]:
        """Every draft, with what must come before it."""
        drafts: dict[str, Draft] = {}
        met: dict[str, _Met] = {}
        for ref in self.placement.placed:
            resource = self.inventory.by_ref[ref]
            kind = self.kinds.get(ref.kind)
            if kind is None or not kind.actions:
                continue
            if ref in self.graph.marked or not MARKS.isdisjoint(resource.tags):
                marks = tuple(foreign_marks({"facts": resource.facts, "tags": resource.tags}))
                if marks:
                    self.marked[ref] = marks
                    continue
            there = self.places(ref)
            if not there:
                continue
            it = self.graph.its[ref]
            strategy = self.config.strategy(kind.chosen_by(it), resource.size_bytes)
            if strategy:
                it = replace(
                    it, strategy=strategy, way_back=self.config.way_back(ref), rotates=self.config.rotates(ref)
                )
            actions = [a for a in kind.actions if a.applies(it) and self._is_asked_for(a, it)]
            if len(actions) > 1 and {"freeze", "cutover"} <= {action.when(it)[0] for action in actions}:
                self.handed_over.add(ref)
            if actions and (finding := kind.finding(it)):
                self.findings.append(finding)
            for place in there:
                before = stopped = ""
                own: list[str] = []
                for action in actions:
                    draft, seen = self._draft(resource, it, action, place, self.rewriter(place.account, ref.region))
                    # Legacy stops without waiting for what the target may only get after the data is there.
                    freezes = draft.phase == "freeze"
                    for earlier in (stopped,) if freezes else (before, stopped):
                        if earlier:
                            draft.needs[earlier] = f"{action.name} comes after {earlier.rpartition(':')[2]}"
                    before, stopped = (before, draft.id) if freezes else (draft.id, "")
                    drafts[draft.id] = draft
                    met[draft.id] = seen
                    own.append(draft.id)
                if kind.stays_in_legacy:
                    self._only_where_it_names_what_moves(ref, own, drafts, met)
        for draft in drafts.values():
            self._needs(draft, drafts, met[draft.id])
        self._after_writers(drafts)
        self._rewriters.clear()
        self.__dict__.pop("index", None)
        return list(drafts.values())

    def _is_asked_for(self, action: Action[Any], it: It[Any]) -> bool:
        by_default = action.by_default(it)
        if by_default is None or self.config.launches(it.ref.name, by_default):
            return True
        self.left_out.setdefault(f"{it.ref.kind}.{action.name}", []).append(it.ref)
        return False

    def _only_where_it_names_what_moves(
        self, ref: Ref, own: list[str], drafts: dict[str, Draft], met: "dict[str, _Met]"
    ) -> None:
        """What stays in legacy is changed for what it names. The one thing cannot be led into two accounts."""
        if not any(met[step].mentions for step in own):
            for step in own:
                del drafts[step], met[step]
                self.found.pop(step, None)
        elif len(self.places(ref)) > 1:
            self.found[own[0]].append(f"{ref} is one thing and goes to several accounts: place it in one")

    def _draft(
        self, resource: Resource, it: It[Any], action: Action[Any], place: Place, rewrite: Rewriter
    ) -> tuple[Draft, "_Met"]:
        base = place.step.rpartition(":")[0]
        step = place.step if action.name == "create" else f"{base}:{action.name}"
        self.ref_of[step] = it.ref
        out = Rewritten(None)
        requests = tuple([self._request(request, place, base, rewrite, out) for request in action.requests(it, place)])
        problems = [*_left(out), *out.problems] if out.left or out.problems else []
        for person in out.dropped:
            self.dropped[person].add(it.ref)
        carry = None
        if isinstance(action, CarryAction):
            summary = dict(action.summary(it, place))
            summary |= self.config.carrying(it.ref)
            carried = rewrite(summary.get("to", {}), base)
            problems += [f"carries to {problem}" for problem in (*carried.problems, *_left(carried))]
            carry = summary | {"to": carried.value, "writes": sorted(action.writes)}
            out.mentions |= carried.mentions
            out.waits |= waits_for(carry)
        changes = action.legacy_after(it)
        if changes is not None:
            # Its parts in the target's names are the request's own: what is wrong with them is said there.
            changes = renamed_parts(dict(changes), lambda part: rewrite(part, base).value)
        if problems:
            self.found[step] += problems
        draft = Draft(
            step, it.ref, action, place, self._aliases[place.account], requests, carry,
            dict(changes) if changes is not None else None,
            estimate.of_step(it.ref.kind, action.name, resource), self.graph.groups[it.ref],
            *action.when(it),
        )  # fmt: skip
        out.mentions.discard(it.ref)
        return draft, _Met(_in_order(out.mentions), _in_order(out.waits))

    def _request(self, request: Request, place: Place, base: str, rewrite: Rewriter, out: Rewritten) -> PlannedRequest:
        operation, sent, side, once, creates, token_param, outputs, done, retry, find, wait, inverse = request
        undo = None
        params = self._params(sent, side, place, base, rewrite, out)
        if find is not None:
            asked = self._params(find.params, side, place, base, rewrite, out)
            find = replace(find, params=asked, outputs=dict(find.outputs))
        if wait is not None:
            asked = self._params(wait.params, side, place, base, rewrite, out)
            wait = replace(wait, params=asked, since=whole(wait.since, place))
        if inverse is not None:
            # What the inverse waits for is there by then; what it mentions has to have been made all the same.
            undone = Rewritten(None)
            undo = self._request(inverse, place, base, rewrite, undone)
            out.mentions |= undone.mentions
            if undone.left or undone.problems:
                out.problems += [*_left(undone), *undone.problems]
        return PlannedRequest(
            place.account if side == "target" else self._legacy, place.region, operation, params, once, creates,
            token_param, dict(outputs) if outputs else {}, done, retry, find, wait, undo,
        )  # fmt: skip

    def _params(
        self, sent: dict[str, Json], side: str, place: Place, base: str, rewrite: Rewriter, out: Rewritten
    ) -> dict[str, Json]:
        if side == "target":
            made: dict[str, Json] = rewrite(sent, base, out).value
        else:
            made = whole(renamed_parts(sent, lambda part: rewrite(part, base, out).value), place)
            out.waits |= waits_for(made)
        return made

    def _needs(self, draft: Draft, drafts: Mapping[str, Draft], met: "_Met") -> None:
        edges = self.graph.needs.get(draft.ref, ()) if met.mentions or draft.action.name == "create" else ()
        account, needs = draft.place.account, draft.needs
        for ref in met.mentions:
            maker = self._maker(ref, account, drafts)
            if maker and maker != draft.id and maker not in needs:
                for edge in edges:
                    if edge.needs == ref:
                        needs[maker] = edge
                        break
                else:
                    needs[maker] = f"its requests name {ref}"
        if draft.action.name == "create":
            for edge in edges:
                maker = self._maker(edge.needs, account, drafts) if edge.strength == "hard" else None
                if maker and maker != draft.id:
                    needs.setdefault(maker, edge)
        for step, output in met.waits:
            if step != draft.id and step not in needs:
                needs[step] = f"needs {output} of it"

    def _maker(self, ref: Ref, account: AccountId, drafts: Mapping[str, Draft]) -> str | None:
        found = None
        for place in self.places(ref):
            if place.step in drafts:
                if place.account == account:
                    return place.step
                found = found or place.step
        return found

    def _after_writers(self, drafts: Mapping[str, Draft]) -> None:
        """Data is copied once what may write it has stopped: not one step of the data starts where a stop failed."""
        stops: dict[Ref, list[Draft]] = defaultdict(list)
        members: dict[str, set[Ref]] = defaultdict(set)
        for draft in drafts.values():
            if draft.phase == "freeze":
                stops[draft.ref].append(draft)
                members[draft.group].add(draft.ref)
        for draft in drafts.values():
            if draft.phase != "data":
                continue
            for user in sorted(self.users(draft.ref) | members.get(draft.group, set())):
                for stop in stops.get(user, ()):
                    if stop.ref != draft.ref and stop.place.account == draft.place.account:
                        draft.needs.setdefault(stop.id, "whoever may write to it has stopped")

    def users(self, ref: Ref) -> set[Ref]:
        """What may write to it: what names it, what runs or triggers that, and one further (a role, a parameter)."""
        found: set[Ref] = set()
        ahead = {ref}
        for _ in range(_FAR):
            ahead = {edge.ref for one in ahead for edge in self.graph.needed_by.get(one, ())} - found
            found |= ahead
        return found


class _Met(NamedTuple):
    """What the documents of one step mention, and the (step, output) that they wait for."""

    mentions: tuple[Ref, ...]
    waits: tuple[tuple[str, str], ...]


def _in_order(those: set[T]) -> tuple[T, ...]:
    return tuple(those if len(those) < 2 else sorted(those))


def _left(out: Rewritten) -> list[str]:
    return [f"{where}: the legacy account id is left" for where in out.left]


def places(ref: Ref, placed: Mapping[Ref, Placed], config: Config) -> tuple[Place, ...]:
    """Where a resource goes, an entry an account; empty where it stays or is not placed."""
    own = placed.get(ref)
    if own is None or own.accounts == ("legacy",):
        return ()
    accounts = tuple(config.account(alias) for alias in own.accounts)
    return tuple(
        Place(
            config.migration, account, ref.region, _name(ref, account, config),
            f"{account}/{ref.region}/{ref.kind}/{ref.name}:create", accounts,
        )
        for account in accounts
    )  # fmt: skip


def _name(ref: Ref, account: AccountId, config: Config) -> str:
    exact = config.renames.get(str(ref)) if config.renames else None
    if exact is not None:
        return exact
    if ref.kind == "s3.bucket":
        return config.buckets.format(name=ref.name, alias=config.alias(account), account=account, region=ref.region)
    return ref.name


def enter_decided(
    index: Index, given: Mapping[str, str], accounts: Iterable[AccountId], addresses: AddressMap | None
) -> None:
    """Enter what migration.yaml itself decides: names of things that no kind handles (`renames` from ARN to ARN), and
    the new IPv4 blocks."""
    if addresses:
        index.networks = addresses.becomes
    there = tuple(accounts)
    for text, target in given.items():
        arn = Arn.parse(text)
        nobodys = Ref(index.legacy, Region((arn and arn.region) or GLOBAL), "no kind", text)
        index.known[text] = Known(nobodys, "arn", dict.fromkeys(there, target))
