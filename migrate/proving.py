"""Proof by fresh reads: the target shows what legacy shows, field by field, through the name map.

The rule: what could not be read is "could not be proved", a state of its own, and never counts as equal.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from migrate.errors import AccessError, MigrateError, StaleError, VerificationFailed
from migrate.files import canonical
from migrate.ground import Ground, RememberingSite, not_blind
from migrate.inventory import Resource
from migrate.journal import digest
from migrate.kind import OWN_TAGS, CarryAction, Proof
from migrate.names import AccountId, Ref
from migrate.steps import PlannedRequest, Step
from migrate.values import Json, resolve, waits_for

_MISSING = object()


def compare(expected: Json, found: Json, where: str = "") -> Iterator[str]:
    """Each difference as `path: expected …, found …`. Values that waiting marks stand for are not compared."""
    if _is_unknown(expected):
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            path = f"{where}.{key}" if where else str(key)
            yield from compare(expected.get(key, _MISSING), found.get(key, _MISSING), path)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from compare(one, other, f"{where}[{at}]")
    elif expected != found or type(expected) is not type(found):
        yield f"{where}: expected {_short(expected)}, found {_short(found)}"


def prove_step(ground: Ground, step: Step) -> Proof:
    """Compare once, by fresh reads, what stands in the target now (and in legacy, where the step wrote there)."""
    create = ground.plan.steps.get(step.create_id)
    if ground.kind(step).stays_in_legacy:
        proof = Proof("equal")
    elif create is None or create.id == step.id or ground.journal.state(create.id) == "verified":
        proof = prove_resource(ground, step, _done(ground, step) | {step.action})
    else:
        # The thing is made later (a trigger in legacy stops first): only legacy can be compared yet.
        proof = Proof("equal")
    if step.legacy_after:
        now, after = fresh_legacy(ground, step), ground.left_in_legacy(step)
        shown = {} if now is None else {field: now.facts.get(field) for field in after}
        differences = tuple(f"legacy.{line}" for line in compare(after, shown))
        proof = both(proof, Proof("different" if differences else "equal", ("legacy",), differences))
    return proof


def verify(ground: Ground, step: Step) -> Proof:
    """Prove the step, giving reads that lag a little time. Raises VerificationFailed, naming each difference."""
    started, pause = ground.clock.now(), 0.5
    while True:
        proof = prove_step(ground, step)
        # What AWS said it made may be listed as late as the settle window; a fact settles much sooner.
        patience = ground.consistency_s if proof.compared else max(ground.settle_s, ground.consistency_s)
        if proof.state != "different" or ground.clock.now() - started >= patience:
            break
        ground.clock.sleep(pause)
        pause = min(pause * 2, 5.0)
    if proof.state == "different":
        raise not_equal(step, proof)
    return proof


def not_equal(step: Step, proof: Proof) -> VerificationFailed:
    """The error that names each difference."""
    lines = "\n".join(f"    {line}" for line in proof.differences[:20])
    return VerificationFailed(
        f"{step.id}: the target is not what legacy is:\n{lines}",
        do="correct it there, or report it if nobody changed it; then migrate run",
    )


def prove_resource(ground: Ground, step: Step, done: frozenset[str], legacy: Resource | None = None) -> Proof:
    """Compare the target's thing with the legacy facts (as scanned, unless fresher ones are given)."""
    kind = ground.kind(step)
    scanned = legacy or ground.resource(step)
    remember = _has_seal(scanned.facts)
    site = ground.target(step, remember=remember)
    found = ground.locate(step, site)
    if found is None:
        if site.refusals:
            return Proof("could not be proved", (), tuple(site.refusals))
        if kind.ends in done:
            return Proof("equal", ("is gone",))
        if not ground.makes(step):
            return Proof("could not be proved", (), ("nothing of this migration stands there to compare",))
        return Proof("different", (), (f"{step.name} is not there",))
    if not ground.is_ours(step, found):
        return Proof("different", (), (f"{found.arn or found.ref} does not carry this migration's stamp",))
    if kind.ends in done:
        return Proof("different", (), (f"{found.arn or found.ref} is still there",))
    facts = ground.renamed(step, scanned.facts)
    expected = kind.expected(facts, done, kind.typed(scanned))
    fields = tuple(sorted((expected.keys() | found.facts.keys()) - kind.volatile - _pending(ground, step, done)))
    differences: list[str] = []
    unknown: list[str] = []
    for field in fields:
        want, shown = expected.get(field, _MISSING), found.facts.get(field, _MISSING)
        if field in kind.unordered and isinstance(want, list) and isinstance(shown, list):
            if waits_for(want):
                unknown.append(field)
                continue
            want, shown = sorted(want, key=canonical), sorted(shown, key=canonical)
        if _has_seal(want) or _has_seal(shown):
            differences += _sealed_differences(ground, step, site, field, scanned.facts.get(field), shown)
            continue
        differences += compare(want, shown, field)
        if waits_for(want if want is not _MISSING else None):
            unknown.append(field)
    tags = ground.renamed(step, {"Tags": _own(scanned.tags)})["Tags"]
    differences += compare(tags, _own(found.tags), "tags")
    evidence: dict[str, Json] = {"facts": digest({f: found.facts.get(f) for f in fields}), "found": found.arn}
    if unknown:
        evidence["not known yet"] = unknown
    if site.refusals:
        # What neither side shows would look equal.
        return Proof("could not be proved", fields, (*site.refusals, *differences), evidence)
    return Proof("different" if differences else "equal", (*fields, "tags"), tuple(differences), evidence)


def fresh_legacy(ground: Ground, step: Step) -> Resource | None:
    """The legacy resource as it is now, or None where it is gone."""
    site = ground.legacy(step)
    found = ground.kind(step).again(site, ground.resource(step))
    if found is None:
        not_blind(f"{step.ref} in legacy", site, direct=True)
    return found


def own_changes(ground: Ground, ref: Ref) -> dict[str, list[Json]]:
    """What this run may have changed in legacy itself: field → the values it set, and still stands for."""
    changes: dict[str, list[Json]] = {}
    for step in ground.plan.steps.values():
        if step.ref == ref and step.legacy_after and ground.journal.history(step.id):
            for field, value in ground.left_in_legacy(step).items():
                changes.setdefault(field, []).append(value)
    return changes


def _prove_what_stays(ground: Ground, steps: list[Step], legacy: Resource) -> Proof:
    """What stays in legacy shows what the last step that was done there set, and else what was scanned."""
    kind = ground.kind(steps[0])
    expected = ground.resource(steps[0]).facts | _left_behind(ground, steps)
    fields = tuple(sorted(expected.keys() - kind.volatile - kind.passing))
    lines = compare({f: expected[f] for f in fields}, {f: legacy.facts.get(f) for f in fields})
    differences = tuple(f"legacy.{line}" for line in lines)
    evidence: dict[str, Json] = {"facts": digest({f: legacy.facts.get(f) for f in fields}), "found": str(legacy.ref)}
    return Proof("different" if differences else "equal", fields, differences, evidence)


def _left_behind(ground: Ground, steps: list[Step]) -> dict[str, Json]:
    """What the steps that are done left in legacy: field → the value that the last of them set."""
    names = [action.name for action in ground.kind(steps[0]).actions]
    done = [step for step in steps if ground.journal.state(step.id) == "verified"]
    left: dict[str, Json] = {}
    for step in sorted(done, key=lambda one: names.index(one.action)):
        left |= ground.left_in_legacy(step)
    return left


def _put_back(ground: Ground, steps: list[Step], legacy: Resource) -> Iterator[str]:
    """What a step stopped in legacy and somebody started again: then two accounts do the same work.

    Other changes show where both sides are compared; what has its scanned value again would look as if legacy had
    never been touched.
    """
    kind, scanned, ours = ground.kind(steps[0]), ground.resource(steps[0]).facts, own_changes(ground, steps[0].ref)
    for field, left in _left_behind(ground, steps).items():
        shown = legacy.facts.get(field)
        is_hidden = shown == scanned.get(field) or field in kind.volatile or field in kind.passing
        if is_hidden and shown not in ours.get(field, []):
            yield from compare(left, shown, f"legacy.{field}")


def legacy_unchanged(ground: Ground, step: Step) -> None:
    """Look at the legacy resource again. Raises StaleError with the difference where someone changed it since the
    scan; this run's own changes are no difference. Nothing was written."""
    now = fresh_legacy(ground, step)
    do = "migrate scan, plan, review and approve again"
    if now is None and _takes_away(ground, step):
        return
    if now is None:
        raise StaleError(f"{step.ref} is not in legacy any more", do=do)
    differences = legacy_differences(ground, step, now)
    if differences:
        lines = "\n".join(f"    {line}" for line in differences)
        raise StaleError(f"{step.ref} was changed in legacy since it was scanned:\n{lines}", do=do)


def _takes_away(ground: Ground, step: Step) -> bool:
    """Whether this step has begun to take its thing out of legacy: that it is gone is then its own doing."""
    return step.action == ground.kind(step).ends and bool(ground.journal.history(step.id))


def legacy_differences(ground: Ground, step: Step, now: Resource) -> list[str]:
    """What someone else changed there: path, expected, found."""
    kind, scanned = ground.kind(step), ground.resource(step)
    ours = own_changes(ground, step.ref)
    differences: list[str] = []
    in_bits = _changes_in_bits(ground, step)
    for field in sorted((scanned.facts.keys() | now.facts.keys()) - kind.volatile - kind.passing):
        shown, original = now.facts.get(field, _MISSING), scanned.facts.get(field, _MISSING)
        if shown in ours.get(field, []) or (field in in_bits and is_between(shown, original, in_bits[field])):
            continue
        differences += compare(original, shown, field)
    return differences + list(compare(_own(scanned.tags), _own(now.tags), "tags"))


def _changes_in_bits(ground: Ground, step: Step) -> dict[str, Json]:
    """What this step leaves in legacy by several requests, once it has begun: it may have ended between two of them."""
    begun = len(legacy_requests(ground, step)) > 1 and bool(ground.journal.history(step.id))
    return ground.left_in_legacy(step) if begun and step.legacy_after else {}


def legacy_requests(ground: Ground, step: Step) -> list[PlannedRequest]:
    """Those of the step's requests that go to legacy."""
    return [request for request in step.requests if request.account == ground.plan.legacy]


def is_between(shown: Json, original: Json, value: Json) -> bool:
    """Whether a list, or a mapping whose entries come and go whole, is on its way from one to the other: nothing in it
    is foreign, nothing that stays is missing."""
    if isinstance(shown, dict) and isinstance(original, dict) and isinstance(value, dict):
        if any(original[key] != value[key] for key in original.keys() & value.keys()):
            return False
        shown, original, value = list(shown.items()), list(original.items()), list(value.items())
    if not (isinstance(shown, list) and isinstance(original, list) and isinstance(value, list)):
        return False
    return all(one in original or one in value for one in shown) and all(
        one in shown for one in original if one in value
    )


def prove_all(
    ground: Ground,
    carrier: Callable[[Step], Any],
    *,
    workers: int = 8,
    only: Callable[[Step], bool] = lambda _: True,
) -> list[tuple[Ref, AccountId, Proof]]:
    """Prove everything that the journal says was done, from fresh reads of both sides, in the order of refs."""
    last: dict[tuple[Ref, AccountId], list[Step]] = {}
    for step in ground.plan.steps.values():
        if only(step) and ground.journal.state(step.id) in ("verified", "acted", "failed", "acting", "waiting"):
            last.setdefault((step.ref, step.account), []).append(step)

    def prove(item: tuple[tuple[Ref, AccountId], list[Step]]) -> tuple[Ref, AccountId, Proof]:
        (ref, account), steps = item
        try:
            return ref, account, _prove_one(ground, steps, carrier)
        except AccessError as error:
            return ref, account, Proof("could not be proved", (), (error.what,))
        except MigrateError as error:
            return ref, account, Proof("different", (), (error.what,))

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(prove, sorted(last.items(), key=lambda item: item[0])))


def _prove_one(ground: Ground, steps: list[Step], carrier: Callable[[Step], Any]) -> Proof:
    step = steps[0]
    legacy = fresh_legacy(ground, step)
    if legacy is None and step.account == step.ref.account and ground.kind(step).ends in _done(ground, step):
        return Proof("equal", ("is gone",))
    if legacy is None:
        return Proof("could not be proved", (), ("the legacy resource is not there any more",))
    # What this run changed in legacy on purpose is put back for the comparison: the target shows the original.
    scanned = ground.resource(step)
    ours = own_changes(ground, step.ref)
    facts = {
        field: scanned.facts.get(field) if value in ours.get(field, []) else value
        for field, value in legacy.facts.items()
    }
    unfinished = tuple(s.id for s in steps if ground.journal.state(s.id) != "verified")
    if ground.kind(step).stays_in_legacy:
        proof = _prove_what_stays(ground, steps, legacy)
    else:
        as_was = Resource(legacy.ref, legacy.arn, legacy.tags, legacy.owner, legacy.size_bytes, facts)
        proof = prove_resource(ground, step, _done(ground, step), as_was)
        if again := tuple(_put_back(ground, steps, legacy)):
            proof = both(proof, Proof("different", ("legacy",), again))
    if unfinished:
        proof = both(proof, Proof("different", (), tuple(f"{one} is not finished" for one in unfinished)))
    it = ground.it(step)
    finished = [one for one in steps if ground.journal.state(one.id) == "verified"]
    for one in finished:
        action = ground.kind(one).action(one.action)
        if isinstance(action, CarryAction) and action.proved_by not in {other.action for other in finished}:
            proof = both(proof, action.prove(it, carrier(one)))
    return proof


def _done(ground: Ground, step: Step) -> frozenset[str]:
    """The actions that were done with this resource in this account."""
    before = f"{step.id.rpartition(':')[0]}:"
    return frozenset(
        other.action
        for other in (ground.plan.steps.get(before + a.name) for a in ground.kind(step).actions)
        if other is not None and ground.journal.state(other.id) == "verified"
    )


def _pending(ground: Ground, step: Step, done: frozenset[str]) -> frozenset[str]:
    """The facts that an action still to come brings about."""
    before = f"{step.id.rpartition(':')[0]}:"
    late = [a.sets for a in ground.kind(step).actions if a.name not in done and before + a.name in ground.plan.steps]
    return frozenset().union(*late)


def both(one: Proof, other: Proof) -> Proof:
    """Two proofs as one: the worse state stands. What both of them say is said once: two actions of one resource may
    read the same store."""
    order = ("equal", "could not be proved", "different")
    return Proof(
        max(one.state, other.state, key=order.index),
        tuple(dict.fromkeys(one.compared + other.compared)),
        tuple(dict.fromkeys(one.differences + other.differences)),
        {**one.evidence, **other.evidence},
    )


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith("aws:") and key not in OWN_TAGS}


def _sealed_differences(
    ground: Ground, step: Step, site: RememberingSite, field: str, legacy: Json, shown: Json
) -> list[str]:
    """Compare in clear what is sealed, and name the path only."""
    want = ground.renamed(step, legacy, clear=True)
    have = resolve(shown, {}, lambda sealed: site.unsealed.get(sealed, sealed)) if shown is not _MISSING else shown
    return [line.partition(": expected")[0] + ": differs (a sealed value)" for line in compare(want, have, field)]


def _has_seal(value: Json) -> bool:
    if isinstance(value, list):
        return any(map(_has_seal, value))
    if isinstance(value, dict):
        return "$sealed" in value or any(map(_has_seal, value.values()))
    return False


def _is_unknown(value: Json) -> bool:
    """Whether the value still waits for a step: at this level, or within a joined text."""
    return isinstance(value, dict) and not value.keys().isdisjoint({"$after", "$join", "$json"})


def _short(value: Json) -> str:
    if value is _MISSING:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "…"
