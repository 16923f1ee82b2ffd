"""Lambda layer version: published anew; its number is AWS's, so whoever names it learns the new ARN.

Not carried: the permissions of a layer that is shared with other accounts.
"""

import json
from collections.abc import Iterator, Mapping

from migrate.carry.code import package
from migrate.inventory import Resource
from migrate.kind import Carrier, CarryAction, Facts, It, Json, Kind, Name, Place, Proof, ReadSite, after

GONE = ("ResourceNotFoundException",)
BEFORE = "versions_before"


class LayerFacts(Facts):
    """Source: lambda.ListLayerVersions."""

    layer: str
    description: str
    runtimes: list[str]
    architectures: list[str]
    license: str


class Create(CarryAction[LayerFacts]):
    """Download the package in legacy, check it, publish it in the target."""

    name = "create"
    title = "Publish the layer"
    writes = frozenset({"lambda.PublishLayerVersion", "lambda.DeleteLayerVersion"})
    reads = frozenset({"lambda.GetLayerVersion"})

    def summary(self, it: It[LayerFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.arn,
            "to": {"LayerName": it.facts.layer, **_described(it.facts)},
            "how": "the package of lambda.GetLayerVersion, checked against its CodeSha256",
        }

    def carry(self, it: It[LayerFacts], to: Carrier) -> Mapping[str, Json]:
        layer = it.facts.layer
        content = _content(it, to)
        arn = _standing(it, to, content["CodeSha256"])
        if arn is None:
            # Layers carry no tags. What was there before is kept, so that a try that was cut off knows its own.
            to.remember(BEFORE, json.dumps(_versions(to.target, layer)))
            answer = to.write(
                "lambda.PublishLayerVersion",
                LayerName=layer,
                Content={"ZipFile": package(to, content["Location"], content["CodeSha256"], it.arn)},
                **_described(it.facts),
            )
            arn = str(answer["LayerVersionArn"])
        to.remember("arn", arn)
        to.remember("id", f"{layer}:{arn.rpartition(':')[2]}")
        return {"bytes": int(content["CodeSize"])}

    def prove(self, it: It[LayerFacts], to: Carrier) -> Proof:
        name = to.outputs.get("id")
        if name is None:
            return Proof("different", (), (f"layer {it.ref.name} was not published",))
        number = int(name.rpartition(":")[2])
        answer = to.target.optional(
            "lambda.GetLayerVersion", missing=GONE, LayerName=it.facts.layer, VersionNumber=number
        )
        legacy = _content(it, to)["CodeSha256"]
        target = answer["Content"]["CodeSha256"] if answer else None
        evidence: dict[str, Json] = {"code_sha256": target}
        if legacy != target:
            return Proof("different", ("code",), (f"code_sha256: {legacy} and {target}",), evidence)
        return Proof("equal", ("code",), (), evidence)

    def uncarry(self, it: It[LayerFacts], to: Carrier) -> None:
        arn = to.outputs.get("arn") or _standing(it, to, _content(it, to)["CodeSha256"])
        if arn:
            number = int(arn.rpartition(":")[2])
            to.write("lambda.DeleteLayerVersion", LayerName=it.facts.layer, VersionNumber=number)


class Layer(Kind[LayerFacts]):
    """A layer version that a function uses, or the newest of its layer."""

    name = "lambda.layer"
    title = "Lambda layer"
    facts = LayerFacts
    named = False
    stamped = False
    reads = frozenset({"lambda.ListFunctions", "lambda.ListLayerVersions", "lambda.ListLayers"})
    tagging_types = ("lambda:layer",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            layer, _, number = only.rpartition(":")
            layers = [layer] if layer and number.isdigit() else []
            used = {only}
        else:
            layers = [layer["LayerName"] for layer in site.pages("lambda.ListLayers", "Layers", MaxItems=50)]
            functions = site.pages("lambda.ListFunctions", "Functions", MaxItems=50)
            arns = (layer["Arn"] for function in functions for layer in function.get("Layers", ()))
            own = f":{site.account}:layer:"
            used = {arn.partition(own)[2] for arn in arns if own in arn}

        def versions(layer: str) -> list[dict[str, Json]]:
            answer = site.optional("lambda.ListLayerVersions", missing=GONE, LayerName=layer, MaxItems=50)
            return list(answer["LayerVersions"]) if answer else []

        for layer, listed in zip(layers, site.map(versions, layers), strict=True):
            newest = max((version["Version"] for version in listed), default=None) if only is None else None
            for version in listed:
                name = f"{layer}:{version['Version']}"
                if name in used or version["Version"] == newest:
                    facts = LayerFacts(
                        layer=layer,
                        description=version.get("Description", ""),
                        runtimes=sorted(version.get("CompatibleRuntimes") or ()),
                        architectures=sorted(version.get("CompatibleArchitectures") or ()),
                        license=version.get("LicenseInfo") or "",
                    )
                    yield self.found(site, name, facts, arn=version["LayerVersionArn"])

    def names(self, it: It[LayerFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, after("create", "arn"))


def _described(facts: LayerFacts) -> dict[str, Json]:
    said = {
        "Description": facts.description,
        "CompatibleRuntimes": facts.runtimes,
        "CompatibleArchitectures": facts.architectures,
        "LicenseInfo": facts.license,
    }
    return {name: value for name, value in said.items() if value}


def _content(it: It[LayerFacts], to: Carrier) -> dict[str, Json]:
    number = int(it.ref.name.rpartition(":")[2])
    answer = to.legacy.call("lambda.GetLayerVersion", LayerName=it.facts.layer, VersionNumber=number)
    return dict(answer["Content"])


def _versions(site: ReadSite, layer: str) -> list[int]:
    answer = site.optional("lambda.ListLayerVersions", missing=GONE, LayerName=layer, MaxItems=50)
    return [int(version["Version"]) for version in (answer or {}).get("LayerVersions", ())]


def _standing(it: It[LayerFacts], to: Carrier, code_sha256: str) -> str | None:
    """The version that an earlier, cut-off try published: it was not there before, and has the same code."""
    if to.outputs.get("arn"):
        return to.outputs["arn"]
    if BEFORE not in to.outputs:
        return None
    before = json.loads(to.outputs[BEFORE])
    for number in sorted(set(_versions(to.target, it.facts.layer)) - set(before)):
        found = to.target.call("lambda.GetLayerVersion", LayerName=it.facts.layer, VersionNumber=number)
        if found["Content"]["CodeSha256"] == code_sha256:
            return str(found["LayerVersionArn"])
    return None


KINDS = (Layer(),)
