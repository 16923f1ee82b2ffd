"""Step Functions state machine: made with a definition that only fails, then given its own.

The rule: a definition names functions that name the machine back, so it is written when all of them stand; and until
then a call of the machine fails loudly and is never taken for done.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Need, Place, ReadSite, Request, Wait, pair_tags, tag_pairs
from migrate.kinds import _content as content
from migrate.values import as_json

_GONE = ("StateMachineDoesNotExist",)
_SEEN_IN = "stepfunctions.DescribeStateMachine"
_NOT_YET: dict[str, Json] = {
    "Comment": "not moved yet",
    "StartAt": "NotYet",
    "States": {"NotYet": {"Type": "Fail", "Error": "NotMovedYet"}},
}


class MachineFacts(Facts):
    """Source: stepfunctions.DescribeStateMachine, stepfunctions.ListStateMachineAliases."""

    type: str
    definition: Json
    """As a document, with credentials sealed."""
    role_arn: str
    logging: dict[str, Json]
    tracing: bool
    encryption: dict[str, Json]
    aliases: list[str]
    """Names only: they are not moved."""


class Create(Action[MachineFacts]):
    """The machine with a definition that fails at once: whoever starts it too early is told so."""

    name = "create"
    title = "Create the state machine, failing until it has its definition"

    def requests(self, it: It[MachineFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own = {"stateMachineArn": it.arn}
        encryption = {"encryptionConfiguration": facts.encryption} if facts.encryption else {}
        return [
            Request(
                "stepfunctions.CreateStateMachine",
                {
                    "name": place.name,
                    "definition": as_json(_NOT_YET),
                    "roleArn": facts.role_arn,
                    "type": facts.type,
                    "tags": tag_pairs(place.stamp(it.tags), "key", "value"),
                }
                | encryption,
                once="named",
                creates=True,
                outputs={"arn": "stateMachineArn"},
                # A deleted name is free again only when its executions have ended.
                retry=("StateMachineDeleting",),
                undo=Request(
                    "stepfunctions.DeleteStateMachine",
                    dict(own),
                    done=_GONE,
                    wait=Wait("stepfunctions.DescribeStateMachine", dict(own), "status", ("gone",), gone=_GONE),
                ),
            )
        ]


class Configure(Action[MachineFacts]):
    """Its own definition, logging and tracing."""

    name = "configure"
    title = "Give the state machine its definition"
    sets = frozenset({"definition", "logging", "tracing"})

    def requests(self, it: It[MachineFacts], place: Place) -> Sequence[Request]:
        facts, own = it.facts, {"stateMachineArn": it.arn}
        return [
            Request(
                "stepfunctions.UpdateStateMachine",
                own
                | {
                    "definition": content.sent(facts.definition),
                    "loggingConfiguration": facts.logging,
                    "tracingConfiguration": {"enabled": facts.tracing},
                },
                # The role may log and call others for only some seconds: the codes are unverified.
                retry=("AccessDeniedException", "InvalidLoggingConfiguration", "ConflictException"),
                undo=Request(
                    "stepfunctions.UpdateStateMachine",
                    own | {"definition": as_json(_NOT_YET), "loggingConfiguration": {"level": "OFF"}},
                    done=_GONE,
                ),
            )
        ]


class StateMachine(Kind[MachineFacts]):
    """A state machine. Executions and their history are not carried: those that run at the cut-over end in legacy, so
    let long ones end before the freeze. Published versions and aliases are not carried."""

    name = "states.state_machine"
    title = "Step Functions state machine"
    facts = MachineFacts
    reads = frozenset(
        {
            "stepfunctions.DescribeStateMachine",
            "stepfunctions.ListStateMachineAliases",
            "stepfunctions.ListStateMachines",
            "stepfunctions.ListTagsForResource",
        }
    )
    tagging_types = ("states:stateMachine",)
    volatile = frozenset({"aliases"})
    actions = (Create(), Configure())
    left_out: ClassVar[Mapping[str, str]] = {
        "aliases and versions": "publish with states:PublishStateMachineVersion and create the alias on the number it "
        "gives; whoever names `stateMachine:<name>:<alias>` waits for that",
        "executions": "they end in legacy; their history stays there",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            arns = [f"arn:aws:states:{site.region}:{site.account}:stateMachine:{only}"]
        else:
            listed = site.pages("stepfunctions.ListStateMachines", "stateMachines", maxResults=1000)
            arns = sorted(one["stateMachineArn"] for one in listed)

        def described(arn: str) -> tuple[dict[str, Any], list[str], dict[str, str]] | None:
            machine = site.optional("stepfunctions.DescribeStateMachine", missing=_GONE, stateMachineArn=arn)
            if machine is None or machine.get("status") == "DELETING":
                return None
            aliases = site.optional("stepfunctions.ListStateMachineAliases", missing=_GONE, stateMachineArn=arn) or {}
            tags = site.optional("stepfunctions.ListTagsForResource", missing=("ResourceNotFound",), resourceArn=arn)
            names = [one["stateMachineAliasArn"].rpartition(":")[2] for one in aliases.get("stateMachineAliases", ())]
            return machine, sorted(names), pair_tags((tags or {}).get("tags"), "key", "value")

        for found in site.map(described, arns):
            if found is not None:
                machine, aliases, tags = found
                facts = _facts(site, machine, aliases)
                yield self.found(site, machine["name"], facts, arn=machine["stateMachineArn"], tags=tags)

    def needs(self, it: It[MachineFacts]) -> Iterator[Need]:
        yield Need(it.facts.role_arn, "assumes", "hard", f"{_SEEN_IN} roleArn")
        if it.facts.encryption.get("kmsKeyId"):
            yield Need(it.facts.encryption["kmsKeyId"], "encrypted by", "hard", f"{_SEEN_IN} encryptionConfiguration")
        for destination in it.facts.logging.get("destinations", ()):
            group = destination["cloudWatchLogsLogGroup"]["logGroupArn"]
            yield Need(group, "logs to", "soft", f"{_SEEN_IN} loggingConfiguration.destinations[]")


def _facts(site: ReadSite, machine: Mapping[str, Any], aliases: list[str]) -> MachineFacts:
    logging = content.plain(machine.get("loggingConfiguration") or {}) or {"level": "OFF"}
    # AWS shows what it encrypts with by itself; that needs no saying.
    encryption = content.plain(machine.get("encryptionConfiguration") or {})
    return MachineFacts(
        type=machine.get("type") or "STANDARD",
        definition=content.read(site, "definition", machine.get("definition")),
        role_arn=machine["roleArn"],
        logging={key: value for key, value in logging.items() if key != "includeExecutionData" or value},
        tracing=bool((machine.get("tracingConfiguration") or {}).get("enabled")),
        encryption={} if encryption.get("type") == "AWS_OWNED_KEY" else encryption,
        aliases=aliases,
    )


KINDS = (StateMachine(),)
