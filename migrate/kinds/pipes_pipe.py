"""EventBridge pipe: takes from a queue or stream and gives to a target. Made stopped, started at cut-over.

The rule: never two pipes on the same work: legacy's is stopped before the target's starts. A stream's pipe begins where
its starting position says: TRIM_HORIZON reads again from the oldest record, LATEST leaves out what came in between.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, Wait
from migrate.kinds import _content as content
from migrate.kinds._listening import LISTENING

_GONE = ("NotFoundException",)
_BUSY = ("ConflictException",)
_SEEN_IN = "pipes.DescribePipe"


class PipeFacts(Facts):
    """Source: pipes.DescribePipe."""

    description: str
    state: str
    """As it is meant to be: RUNNING or STOPPED."""
    source: str
    source_parameters: dict[str, Json]
    enrichment: str | None
    enrichment_parameters: dict[str, Json]
    target: str
    target_parameters: dict[str, Json]
    role_arn: str
    logging: dict[str, Json]
    kms_key: str | None


def _until(name: str, state: str, *, gone: bool = False) -> Wait:
    own: dict[str, Json] = {"Name": name}
    failed = (f"{'START' if state == 'RUNNING' else 'STOP'}_FAILED", "CREATE_FAILED", "CREATE_ROLLBACK_FAILED")
    return Wait("pipes.DescribePipe", own, "CurrentState", (state,), failed, _GONE if gone else (), timeout_s=900)


class Create(Action[PipeFacts]):
    """The pipe, stopped."""

    name = "create"
    title = "Create the pipe, stopped"

    def requests(self, it: It[PipeFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        optional: dict[str, Json] = {
            "Description": facts.description,
            "SourceParameters": facts.source_parameters,
            "Enrichment": facts.enrichment,
            "EnrichmentParameters": facts.enrichment_parameters,
            "TargetParameters": facts.target_parameters,
            "LogConfiguration": facts.logging,
            "KmsKeyIdentifier": facts.kms_key,
        }
        own: dict[str, Json] = {"Name": place.name}
        return [
            Request(
                "pipes.CreatePipe",
                own
                | {
                    "DesiredState": "STOPPED",
                    "Source": facts.source,
                    "Target": facts.target,
                    "RoleArn": facts.role_arn,
                    "Tags": place.stamp(it.tags),
                }
                | {key: value for key, value in optional.items() if value},
                once="named",
                creates=True,
                outputs={"arn": "Arn"},
                # A role just made cannot be assumed for some seconds: ValidationException (unverified).
                retry=("ValidationException",),
                wait=_until(place.name, "STOPPED"),
                undo=Request(
                    "pipes.DeletePipe",
                    dict(own),
                    done=_GONE,
                    retry=_BUSY,
                    wait=Wait("pipes.DescribePipe", dict(own), "CurrentState", ("gone",), gone=_GONE),
                ),
            )
        ]


class StopLegacy(Action[PipeFacts]):
    """Stop it in legacy: what it has in hand ends, nothing new is taken."""

    name = "stop_legacy"
    title = "Stop the pipe in legacy"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D2"

    def applies(self, it: It[PipeFacts]) -> bool:
        return it.facts.state == "RUNNING"

    def requests(self, it: It[PipeFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"Name": it.ref.name}
        return [
            Request(
                "pipes.StopPipe",
                own,
                side="legacy",
                retry=_BUSY,
                wait=_until(it.ref.name, "STOPPED"),
                undo=Request("pipes.StartPipe", dict(own), side="legacy", retry=_BUSY),
            )
        ]

    def legacy_after(self, it: It[PipeFacts]) -> Mapping[str, Json]:
        return {"state": "STOPPED"}


class Start(Action[PipeFacts]):
    """Start it in the target."""

    name = "start"
    title = "Start the pipe in the target"
    phase = "cutover"
    undo_class = "R3"
    downtime = "D1"
    after_kinds = LISTENING

    def applies(self, it: It[PipeFacts]) -> bool:
        return it.facts.state == "RUNNING"

    def requests(self, it: It[PipeFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"Name": place.name}
        stopped = _until(place.name, "STOPPED", gone=True)
        stop = Request("pipes.StopPipe", dict(own), done=_GONE, retry=_BUSY, wait=stopped)
        return [Request("pipes.StartPipe", own, retry=_BUSY, wait=_until(place.name, "RUNNING"), undo=stop)]


class Pipe(Kind[PipeFacts]):
    """A pipe with its filter, enrichment and target."""

    name = "pipes.pipe"
    title = "EventBridge pipe"
    facts = PipeFacts
    reads = frozenset({"pipes.DescribePipe", "pipes.ListPipes"})
    tagging_types = ("pipes:pipe",)
    actions = (Create(), StopLegacy(), Start())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only else sorted(site.pages("pipes.ListPipes", "Pipes[].Name", Limit=100))

        def described(name: str) -> dict[str, Any] | None:
            return site.optional("pipes.DescribePipe", missing=_GONE, Name=name)

        for one in site.map(described, names):
            if one is not None and one.get("CurrentState") != "DELETING":
                yield self.found(site, one["Name"], _facts(site, one), arn=one["Arn"], tags=one.get("Tags"))

    def needs(self, it: It[PipeFacts]) -> Iterator[Need]:
        facts = it.facts
        if facts.source.startswith("arn:"):
            yield Need(facts.source, "consumes", "cut", f"{_SEEN_IN} Source")
        yield Need(facts.target, "triggers", "cut", f"{_SEEN_IN} Target")
        yield Need(facts.role_arn, "assumes", "hard", f"{_SEEN_IN} RoleArn")
        if facts.enrichment:
            yield Need(facts.enrichment, "runs", "hard", f"{_SEEN_IN} Enrichment")
        if facts.kms_key:
            yield Need(facts.kms_key, "encrypted by", "hard", f"{_SEEN_IN} KmsKeyIdentifier")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[PipeFacts]) -> dict[str, Json]:
        parts = ("source_parameters", "target_parameters")
        facts = facts | {part: content.ordered(facts[part]) for part in parts}
        return facts if "start" in done else facts | {"state": "STOPPED"}


def _facts(site: ReadSite, one: Mapping[str, Any]) -> PipeFacts:
    def document(key: str) -> dict[str, Json]:
        return dict(content.ordered(content.sealed(site, key, content.plain(one.get(key) or {}))))

    return PipeFacts(
        description=one.get("Description") or "",
        state=one.get("DesiredState") or "RUNNING",
        source=one["Source"],
        source_parameters=document("SourceParameters"),
        enrichment=one.get("Enrichment") or None,
        enrichment_parameters=document("EnrichmentParameters"),
        target=one["Target"],
        target_parameters=document("TargetParameters"),
        role_arn=one["RoleArn"],
        logging=content.plain(one.get("LogConfiguration") or {}),
        kms_key=one.get("KmsKeyIdentifier") or None,
    )


KINDS = (Pipe(),)
