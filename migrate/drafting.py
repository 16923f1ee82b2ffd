"""One draft for every action on every placed resource in every account it goes to: its requests, rewritten.

The rule: a request for the target holds target names only; whatever of legacy is left in it is a problem.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from migrate import estimate
from migrate.config import Config
from migrate.graph import Edge, Graph
from migrate.inventory import Inventory, Resource
from migrate.kind import Action, CarryAction, It, Kind, Place, Request
from migrate.names import AccountId, Ref
from migrate.placement import Placed, Placement
from migrate.rewrite import Index, Rewriter, index_of, residue, whole
from migrate.steps import PlannedRequest
from migrate.values import Json, foreign_marks, waits_for


@dataclass
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
    ) -> None:
        self.config, self.inventory, self.graph, self.placement, self.kinds = config, inventory, graph, placement, kinds
        self.found: dict[str, list[str]] = defaultdict(list)
        self.ref_of: dict[str, Ref] = {}
        """The legacy resource of each step."""
        self._places: dict[Ref, tuple[Place, ...]] = {}
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
        return index_of(
            self.inventory.resources,
            self.kinds,
            self.inventory.account,
            self.places,
            lambda ref: ref in placed and placed[ref].accounts == ("legacy",),
        )

    def rewriter(self, account: AccountId) -> Rewriter:
        """The rewriter of one target account."""
        return rewriter(self.index, account)

    def renames(self) -> list[Json]:
        """Everything whose name is another one in the target."""
        return [
            {"ref": str(ref), "account": place.account, "name": place.name}
            for ref in sorted(self.placement.placed)
            for place in self.places(ref)
            if place.name != ref.name
        ]

    def taken_twice(self) -> dict[str, list[Ref]]:
        """Names in the target that two legacy resources would get, and which."""
        claims: dict[str, list[Ref]] = defaultdict(list)
        for ref in sorted(self.placement.placed):
            kind = self.kinds.get(ref.kind)
            for place in self.places(ref) if kind is not None and kind.named else ():
                claims[str(Ref(place.account, place.region, ref.kind, place.name))].append(ref)
        return {target: refs for target, refs in claims.items() if len(refs) > 1}

    def steps(self) -> list[Draft]:
        """Every draft, with what must come before it."""
        drafts: dict[str, Draft] = {}
        mentioned: dict[str, set[Ref]] = {}
        rewriters = {AccountId(t.account): self.rewriter(AccountId(t.account)) for t in self.config.targets.values()}
        for ref in sorted(self.placement.placed):
            resource = self.inventory.by_ref[ref]
            kind = self.kinds.get(ref.kind)
            if kind is None or not kind.actions:
                continue
            marks = tuple(foreign_marks({"facts": resource.facts, "tags": resource.tags}))
            if marks:
                self.marked[ref] = marks
                continue
            it = kind.typed(resource)
            for place in self.places(ref):
                before = ""
                for action in kind.actions:
                    if not action.applies(it):
                        continue
                    draft, mentions = self._draft(resource, it, action, place, rewriters[place.account])
                    if before:
                        draft.needs[before] = f"{action.name} comes after {before.rpartition(':')[2]}"
                    before = draft.id
                    drafts[draft.id] = draft
                    mentioned[draft.id] = mentions
        for draft in drafts.values():
            self._needs(draft, drafts, mentioned[draft.id])
        self._after_kinds(drafts)
        for rewrite in rewriters.values():
            rewrite.forget()
        self.__dict__.pop("index", None)
        return list(drafts.values())

    def _draft(
        self, resource: Resource, it: It[Any], action: Action[Any], place: Place, rewrite: Rewriter
    ) -> tuple[Draft, set[Ref]]:
        step = f"{place.step.rpartition(':')[0]}:{action.name}"
        self.ref_of[step] = it.ref
        mentions: set[Ref] = set()
        requests = []
        for request in action.requests(it, place):
            planned, seen = self._request(request, place, rewrite, step)
            requests.append(planned)
            mentions |= seen
        carry = None
        if isinstance(action, CarryAction):
            out = rewrite(whole(action.summary(it, place).get("to", {}), place))
            mentions |= out.mentions
            left = residue(out.value, self.index.legacy, out.stays)
            problems = [*out.problems, *(f"{where}: the legacy account id is left" for where in left)]
            if problems:
                self.found[step] += [f"carries to {problem}" for problem in problems]
            carry = dict(action.summary(it, place)) | {"to": out.value, "writes": sorted(action.writes)}
        changes = action.legacy_after(it)
        draft = Draft(
            step, it.ref, action, place, self.config.alias(place.account), tuple(requests), carry,
            dict(changes) if changes is not None else None,
            estimate.of_step(it.ref.kind, action.name, resource), self.graph.groups[it.ref],
        )  # fmt: skip
        return draft, mentions - {it.ref}

    def _request(self, request: Request, place: Place, rewrite: Rewriter, step: str) -> tuple[PlannedRequest, set[Ref]]:
        mentions: set[Ref] = set()

        def params(of: Mapping[str, Json]) -> dict[str, Json]:
            made = whole(dict(of), place)
            if request.side == "legacy":
                return dict(made)
            out = rewrite(made)
            mentions.update(out.mentions)
            self.found[step] += [
                f"{where}: the legacy account id is left" for where in residue(out.value, self.index.legacy, out.stays)
            ]
            self.found[step] += out.problems
            return dict(out.value)

        account = AccountId(self.config.legacy.account) if request.side == "legacy" else place.account
        wait, find, undo = request.wait, request.find, None
        if request.undo is not None:
            undo, seen = self._request(request.undo, place, rewrite, step)
            mentions |= seen if request.side == "target" else set()
        planned = PlannedRequest(
            account, place.region, request.operation, params(request.params), request.once, request.creates,
            request.token_param, dict(request.outputs), request.done, request.retry,
            None if find is None else replace(find, params=params(find.params), outputs=dict(find.outputs)),
            None if wait is None else replace(wait, params=params(wait.params)),
            undo,
        )  # fmt: skip
        if not self.found[step]:
            del self.found[step]
        return planned, mentions

    def _needs(self, draft: Draft, drafts: Mapping[str, Draft], mentions: set[Ref]) -> None:
        for ref in sorted(mentions):
            maker = self._maker(ref, draft.place.account, drafts)
            if maker and maker != draft.id:
                evidence = next((e for e in self.graph.needs.get(draft.ref, ()) if e.needs == ref), None)
                draft.needs.setdefault(maker, evidence or f"its requests name {ref}")
        if draft.action.name == "create":
            for edge in self.graph.needs.get(draft.ref, ()):
                maker = self._maker(edge.needs, draft.place.account, drafts) if edge.strength == "hard" else None
                if maker and maker != draft.id:
                    draft.needs.setdefault(maker, edge)
        for request in draft.requests:
            for value in (request.params, request.find and request.find.params, request.wait and request.wait.params):
                for step, output in waits_for(value):
                    if step != draft.id:
                        draft.needs.setdefault(step, f"needs {output} of it")
        if draft.carry is not None:
            for step, output in waits_for(draft.carry):
                if step != draft.id:
                    draft.needs.setdefault(step, f"needs {output} of it")

    def _maker(self, ref: Ref, account: AccountId, drafts: Mapping[str, Draft]) -> str | None:
        made = [place for place in self.places(ref) if place.step in drafts]
        return next((place.step for place in made if place.account == account), made[0].step if made else None)

    def _after_kinds(self, drafts: Mapping[str, Draft]) -> None:
        by_action: dict[tuple[str, str], list[str]] = defaultdict(list)
        for draft in drafts.values():
            by_action[draft.does, draft.place.account].append(draft.id)
        for draft in drafts.values():
            for does in draft.action.after_kinds:
                for before in by_action.get((does, draft.place.account), ()):
                    if before != draft.id:
                        draft.needs.setdefault(before, f"{draft.does} comes after every {does} of the account")


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
    exact = config.renames.get(str(ref))
    if exact is not None:
        return exact
    if ref.kind == "s3.bucket":
        return config.buckets.format(name=ref.name, alias=config.alias(account), account=account, region=ref.region)
    return ref.name


def rewriter(index: Index, account: AccountId) -> Rewriter:
    """The rewriter for one account; people's IAM users and groups are dropped from policies."""
    return Rewriter(index, account, lambda ref: ref.kind in ("iam.user", "iam.group"))
