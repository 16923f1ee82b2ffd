"""Parameters: plain ones with their values in the target's names, secure ones with a value carried in memory.

The rule: the value of a SecureString is read by nothing but the action that carries it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from migrate.carry.refusals import unless
from migrate.errors import Conflict
from migrate.files import canonical
from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    Proof,
    ReadSite,
    Request,
    pair_tags,
    tag_pairs,
)
from migrate.kinds import _carried as carried
from migrate.kinds._last_look import LastLookAtValue
from migrate.values import as_json

EMPTY = "(value not carried yet)"
"""AWS makes no parameter without a value: a SecureString holds this text until its value is carried."""
NAMES_A_CALL = 10
"""Source: ssm.GetParameters Names, botocore 1.44.5."""
_GONE = ("ParameterNotFound",)


class ParameterFacts(Facts):
    """Source: ssm.DescribeParameters, ssm.GetParameters (not for SecureString), ssm.ListTagsForResource."""

    type: Literal["String", "StringList", "SecureString"]
    tier: str
    data_type: str
    description: str
    key_id: str | None
    allowed_pattern: str | None
    policies: list[dict[str, Json]]
    value: Json
    """The text, sealed where it looks like a credential; None for a SecureString."""


def settings(it: It[ParameterFacts]) -> dict[str, Json]:
    """What PutParameter takes besides name and value.

    Sent again with an overwrite: whether AWS keeps what an overwrite leaves out is unverified.
    """
    facts = it.facts
    optional: dict[str, Json] = {
        "Description": facts.description or None,
        "KeyId": facts.key_id,
        "AllowedPattern": facts.allowed_pattern,
        "Policies": as_json(facts.policies) if facts.policies else None,
    }
    fixed = {"Type": facts.type, "Tier": facts.tier, "DataType": facts.data_type}
    return fixed | {name: value for name, value in optional.items() if value is not None}


class Create(Action[ParameterFacts]):
    """The parameter: whole, or with a stand-in for the value of a SecureString."""

    name = "create"
    title = "Create the parameter"

    def requests(self, it: It[ParameterFacts], place: Place) -> Sequence[Request]:
        params = settings(it) | {"Name": place.name, "Value": it.facts.value, "Tags": tag_pairs(place.stamp(it.tags))}
        if it.facts.type == "SecureString":
            params["Value"] = EMPTY
            # The stand-in need not match it; it comes with the value.
            params.pop("AllowedPattern", None)
        return [
            Request(
                "ssm.PutParameter",
                params,
                once="named",
                creates=True,
                undo=Request("ssm.DeleteParameter", {"Name": place.name}, done=("ParameterNotFound",)),
            )
        ]

    def loses(self, it: It[ParameterFacts], to: Carrier) -> Sequence[str]:
        """A value that is not the one that was made. The value of a SecureString is asked for by what carries it."""
        if it.facts.type == "SecureString":
            return ()
        found = to.target.call("ssm.GetParameters", Names=[to.place.name])["Parameters"]
        same = not found or str(found[0]["Value"]) == str(to.rewrite(it.facts.value))
        return () if same else (f"the value of the parameter {to.place.name} was changed since",)


class CopyValue(CarryAction[ParameterFacts]):
    """The value of a SecureString, with legacy hosts, ARNs and ids in it replaced by the target's."""

    name = "copy_value"
    title = "Carry the parameter's value"
    sets = frozenset({"value"})
    phase = "data"
    after_kinds = ("rds.instance.create", "rds.cluster.create")
    reads = frozenset({"ssm.GetParameter"})
    writes = frozenset({"ssm.PutParameter"})

    def applies(self, it: It[ParameterFacts]) -> bool:
        return it.facts.type == "SecureString"

    def summary(self, it: It[ParameterFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.arn,
            "to": place.name,
            "how": "decrypted in legacy, legacy names in it replaced, encrypted in the target; in memory only",
        }

    def carry(self, it: It[ParameterFacts], to: Carrier) -> Mapping[str, Json]:
        value = _value(to.legacy, it.ref.name)
        if value is None:
            return {"values": 0}
        wanted = carried.renamed(value, to.rewrite)
        standing = _value(to.target, to.place.name)
        if standing == wanted:
            return {"values": 1}
        notes = carried.notes_of(to)
        if standing not in (None, EMPTY) and not carried.is_noted(notes, str(standing)):
            raise Conflict(
                f"the parameter {to.place.name} in {to.place.account} holds a value that this step did not write",
                do="find out who set it; delete that parameter or take it out of the migration",
            )
        to.remember("value", carried.noted(notes, wanted))
        params = dict(settings(it))
        policies = params.pop("Policies", None)
        params = dict(to.rewrite(params))
        if policies is not None:
            params["Policies"] = json.dumps(to.rewrite(it.facts.policies))
        to.write("ssm.PutParameter", Name=to.place.name, Value=wanted, Overwrite=True, **params)
        return {"values": 1}

    def prove(self, it: It[ParameterFacts], to: Carrier) -> Proof:
        value, standing = _value(to.legacy, it.ref.name), _value(to.target, to.place.name)
        if value is None:
            return Proof("could not be proved", differences=("legacy's parameter is not there any more",))
        if standing is None or not carried.is_same(carried.renamed(value, to.rewrite), standing):
            return Proof("different", ("value",), ("the value is not legacy's with the target's names in it",))
        return Proof("equal", ("value",), evidence={"values": 1})

    def uncarry(self, it: It[ParameterFacts], to: Carrier) -> None:
        """Nothing by itself: an overwritten value stays in the history. It goes with the parameter, whose creation
        is undone next. Source: ssm.GetParameterHistory, botocore 1.44.5."""

    def loses(self, it: It[ParameterFacts], to: Carrier) -> Sequence[str]:
        def read(site: ReadSite, name: str) -> str | None:
            answer = unless(
                _GONE, lambda: site.call("ssm.GetParameter", Name=name, WithDecryption=True)["Parameter"]["Value"]
            )
            return None if answer is None else str(answer)

        def wanted() -> str | None:
            value = read(to.legacy, it.ref.name)
            return None if value is None else carried.renamed(value, to.rewrite)

        changed = carried.is_changed(read(to.target, to.place.name), carried.notes_of(to), wanted)
        return (f"the value of the parameter {to.place.name} was changed since",) if changed else ()


COPY = CopyValue()


class LookAgain(LastLookAtValue[ParameterFacts]):
    """Somebody may set a parameter while the databases are restored."""

    copy = COPY
    reads = COPY.reads
    writes = COPY.writes


def _value(site: ReadSite, name: str) -> str | None:
    answer = site.optional("ssm.GetParameter", missing=_GONE, Name=name, WithDecryption=True)
    return None if answer is None else str(answer["Parameter"]["Value"])


class Parameter(Kind[ParameterFacts]):
    """A Systems Manager parameter.

    Versions start again at 1, so `name:3` and version labels in legacy templates mean nothing in the target. A value
    that names an AMI or a thing that is not moved keeps it. AWS's public parameters are not the account's and are
    not listed.
    """

    name = "ssm.parameter"
    title = "Parameter"
    facts = ParameterFacts
    reads = frozenset({"ssm.DescribeParameters", "ssm.GetParameters", "ssm.ListTagsForResource"})
    tagging_types = ("ssm:parameter",)
    actions = (Create(), COPY, LookAgain())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": [only]}]} if only else {}
        found = list(site.pages("ssm.DescribeParameters", "Parameters", MaxResults=50, **wanted))
        plain = [parameter["Name"] for parameter in found if parameter["Type"] != "SecureString"]
        batches = [plain[start : start + NAMES_A_CALL] for start in range(0, len(plain), NAMES_A_CALL)]
        values: dict[str, str] = {}
        for answer in site.map(lambda names: site.call("ssm.GetParameters", Names=names), batches):
            values |= {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
        # One deleted since it was listed has no value; it is not there any more.
        found = [one for one in found if one["Type"] == "SecureString" or one["Name"] in values]
        yield from site.map(lambda one: self._found(site, one, values.get(one["Name"])), found)

    def _found(self, site: ReadSite, parameter: dict[str, Any], value: str | None) -> Resource:
        name = parameter["Name"]
        answer = site.optional(
            "ssm.ListTagsForResource", missing=("InvalidResourceId",), ResourceType="Parameter", ResourceId=name
        )
        facts = ParameterFacts(
            type=parameter["Type"],
            tier=parameter.get("Tier", "Standard"),
            data_type=parameter.get("DataType", "text"),
            description=parameter.get("Description") or "",
            key_id=parameter.get("KeyId") if parameter["Type"] == "SecureString" else None,
            allowed_pattern=parameter.get("AllowedPattern"),
            policies=sorted((json.loads(one["PolicyText"]) for one in parameter.get("Policies") or ()), key=canonical),
            value=None if value is None else site.seal(name, value),
        )
        arn = f"arn:aws:ssm:{site.region}:{site.account}:parameter/{name.removeprefix('/')}"
        return self.found(site, name, facts, arn=arn, tags=pair_tags((answer or {}).get("TagList")))

    def needs(self, it: It[ParameterFacts]) -> Iterator[Need]:
        if it.facts.key_id and "alias/aws/" not in it.facts.key_id:
            yield Need(it.facts.key_id, "encrypted by", "hard", "ssm.DescribeParameters Parameters[].KeyId")

    def names(self, it: It[ParameterFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, self.target_arn(it, place))
        # Without a slash it could be any word.
        if "/" in it.ref.name:
            yield Name(it.ref.name, place.name, "name")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ParameterFacts]) -> dict[str, Json]:
        if it.facts.type == "SecureString" and "copy_value" not in done:
            return facts | {"allowed_pattern": None}
        return facts


KINDS = (Parameter(),)
