"""Drafts + runbooks → steps in waves, with the gates between. The rule: the graph decides; a runbook may only delay.

A line is a section. A step stands in the line that names its action; under `all.<phase>` it moves to a later line
when something it needs is there. Within a section, waves are the generations of what its steps need; what is done to
one resource bit by bit stays in one wave.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from migrate import layers
from migrate.drafting import Draft
from migrate.errors import ConfigError, PlanRefused
from migrate.graph import Edge
from migrate.kind import Action, Phase
from migrate.runbook import Ask, Do
from migrate.steps import Gate, PlannedRequest, Step

if TYPE_CHECKING:
    from migrate.plan import Inputs


def order(drafts: list[Draft], inputs: "Inputs") -> tuple[list[Step], list[Gate]]:
    """Every draft as a step with its wave, and the gates.

    Raises ConfigError where a runbook contradicts the graph, PlanRefused where steps need each other in a circle.
    """
    # By number in the order of ids: long ids are compared once, in the sort, and looked up once.
    drafts.sort(key=attrgetter("id"))
    ids = [draft.id for draft in drafts]
    number = {step_id: at for at, step_id in enumerate(ids)}
    needs = [[one for need in draft.needs if (one := number.get(need)) is not None] for draft in drafts]
    sequence = layers.sequence(needs)
    if len(sequence) < len(drafts):
        raise _circle({ids[at]: [ids[need] for need in those] for at, those in enumerate(needs)})
    sections = _sections(inputs)
    section, depth = [0] * len(drafts), [0] * len(drafts)
    resource_of = [step_id.rpartition(":")[0] for step_id in ids]
    own_section: dict[tuple[str, str, Action[Any], Phase], tuple[int, bool]] = {}
    for at in sequence:
        draft = drafts[at]
        which = draft.alias, draft.ref.kind, draft.action, draft.phase
        if which not in own_section:
            own_section[which] = _own_section(draft, sections)
        own, explicit = own_section[which]
        # What is done to one resource after another thing is done to it stays in its wave: needs keep the order.
        of, deepest = resource_of[at], 0
        if those := needs[at]:
            latest = max(those, key=section.__getitem__)
            if section[latest] > own:
                if explicit:
                    raise _contradiction(draft, drafts[latest], sections[own], sections[section[latest]])
                own = section[latest]
            for need in those:
                if section[need] == own:
                    deepest = max(deepest, depth[need] + (resource_of[need] != of))
        section[at], depth[at] = own, deepest
    waves = {key: count for count, key in enumerate(sorted(set(zip(section, depth, strict=True))), start=1)}
    gates = _gates(sections, waves)
    # Each draft goes as its step comes: a large account's are many.
    left = dict(enumerate(drafts))
    drafts.clear()
    steps = [
        _step(left.pop(at), waves[section[at], depth[at]], number, sections[section[at]].timeout_s) for at in sequence
    ]
    return sorted(steps, key=attrgetter("wave")), gates


class _Section:
    """One line of one runbook, for one set of accounts."""

    def __init__(self, prefix: str, line: Do | Ask, aliases: tuple[str, ...], runbook: str) -> None:
        self.prefix, self.line, self.aliases, self.runbook = prefix, line, aliases, runbook
        self.timeout_s = line.timeout_s if isinstance(line, Do) else None

    @property
    def where(self) -> str:
        return f"{self.runbook}, line {self.line.line} ({self.line.id})"


def _sections(inputs: "Inputs") -> list[_Section]:
    sections = []
    for part, runbook in zip(inputs.config.move, inputs.runbooks, strict=True):
        prefix = "+".join(part.accounts)
        sections += [_Section(prefix, line, part.accounts, runbook.path) for line in runbook.lines]
    gates: dict[str, _Section] = {}
    for section in sections:
        if isinstance(section.line, Ask):
            first = gates.setdefault(f"{section.prefix}:{section.line.id}", section)
            if first is not section:
                # One answer would open both.
                raise ConfigError(
                    f"{first.where} and {section.where} ask under the same id for {section.prefix}",
                    do="give one of the two lines another id",
                )
    return sections


def _own_section(draft: Draft, sections: list[_Section]) -> tuple[int, bool]:
    broad = None
    for number, section in enumerate(sections):
        if draft.alias not in section.aliases or not isinstance(section.line, Do):
            continue
        if draft.does in section.line.actions:
            return number, True
        if broad is None and not draft.action.named_only and f"all.{draft.phase}" in section.line.actions:
            broad = number
    if broad is None:
        raise ConfigError(
            f"no runbook of `move` says when {draft.does} happens in {draft.alias} ({draft.id})",
            do=f"add {draft.alias} to a `move` entry, or a line {{do: {draft.does}}} to its runbook",
        )
    return broad, False


def _contradiction(draft: Draft, needed: Draft, own: _Section, later: _Section) -> ConfigError:
    return ConfigError(
        f"{own.where} does {draft.does}, but {draft.id} needs {needed.id}, which {later.where} does: "
        f"{draft.needs[needed.id]}",
        do=f"move {needed.does} to {own.line.id} or before it, or {draft.does} after {later.line.id}",
    )


def _circle(needs: Mapping[str, list[str]]) -> PlanRefused:
    chain = " → ".join(layers.circle(needs))
    return PlanRefused(
        f"these steps need each other in a circle: {chain}",
        do="break it in legacy (one of the documents must be writable after both exist), then scan again",
    )


def _gates(sections: list[_Section], waves: Mapping[tuple[int, int], int]) -> list[Gate]:
    """A gate where work follows: one that nothing comes after would only hold the end up."""
    last_wave: dict[int, int] = defaultdict(int)
    for (at, _), wave in waves.items():
        last_wave[at] = max(last_wave[at], wave)
    total = max(waves.values(), default=0)
    gates = []
    busy = {(sections[at].prefix, sections[at].line.id) for at, _ in waves}
    for number, section in enumerate(sections):
        if isinstance(section.line, Ask):
            if section.line.before and (section.prefix, section.line.before) not in busy:
                continue
            before = max((last_wave[n] for n in range(number)), default=0)
            if before < total:
                line = section.line
                gates.append(Gate(f"{section.prefix}:{line.id}", line.question, line.approvers, line.within_s, before))
    return gates


def _said(why: Edge | str) -> str:
    return why if isinstance(why, str) else f"{why.why} it ({why.strength}; {why.seen_in})"


def _patient(request: PlannedRequest, timeout_s: float | None) -> PlannedRequest:
    """A runbook line's timeout is how long each of its steps waits for a state."""
    if timeout_s is None or request.wait is None:
        return request
    return request._replace(wait=replace(request.wait, timeout_s=timeout_s))


def _step(draft: Draft, wave: int, known: Collection[str], timeout_s: float | None) -> Step:
    why = sorted(draft.needs)
    return Step(
        id=draft.id,
        ref=draft.ref,
        action=draft.action.name,
        title=draft.action.title,
        account=draft.place.account,
        region=draft.place.region,
        name=draft.place.name,
        needs=tuple([need for need in why if need in known]),
        because=tuple([f"{need}: {_said(draft.needs[need])}" for need in why]),
        wave=wave,
        group=draft.group,
        requests=tuple([_patient(request, timeout_s) for request in draft.requests]) if timeout_s else draft.requests,
        carry=draft.carry,
        legacy_after=draft.legacy_after,
        downtime=draft.downtime,
        undo_class=draft.action.undo_class,
        estimate=draft.estimate,
    )
