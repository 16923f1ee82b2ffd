"""Launch template: the version that is its default and the one that is its latest; the numbers begin anew.

The rule: nobody launches from a template before its user data is in the target's names. User data is one encoded
text, so it is decoded, rewritten and encoded again when the step runs: each such version is written a second time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

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
    same_place,
)
from migrate.kinds._ec2 import OWN, arn_of, names_of, specification
from migrate.kinds.ec2_compute import user_data

GONE = "InvalidLaunchTemplateId.NotFound"


class TemplateFacts(Facts):
    """Source: ec2.DescribeLaunchTemplates, ec2.DescribeLaunchTemplateVersions ($Default and $Latest). Data as
    CreateLaunchTemplate takes it, without the user data."""

    template_name: str
    description: str
    data: dict[str, Json]
    user_data: Json
    """A text; sealed where it looks like a credential; `{base64: …}` where it is compressed or a program."""
    has_later: bool
    """The latest version is not the default one."""
    later_description: str
    later_data: dict[str, Json]
    later_user_data: Json


class Create(Action[TemplateFacts]):
    """The template with its default version and, where that is another one, its latest; both without user data."""

    name = "create"
    title = "Create the launch template"

    def requests(self, it: It[TemplateFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        create = Request(
            "ec2.CreateLaunchTemplate",
            {
                "LaunchTemplateName": facts.template_name,
                "LaunchTemplateData": facts.data,
                "TagSpecifications": specification("launch-template", place, it.tags),
            }
            | _described(facts.description),
            once="tagged",
            creates=True,
            outputs={"id": "LaunchTemplate.LaunchTemplateId"},
            undo=Request("ec2.DeleteLaunchTemplate", {"LaunchTemplateId": OWN}, done=(GONE,)),
        )
        if not facts.has_later:
            return [create]
        later = Request(
            "ec2.CreateLaunchTemplateVersion",
            {"LaunchTemplateId": OWN, "LaunchTemplateData": facts.later_data} | _described(facts.later_description),
            once="token",
            token_param="ClientToken",
            retry=(GONE,),
        )
        return [create, later]


class CarryUserData(CarryAction[TemplateFacts]):
    """The same versions once more, with their user data; the first of them becomes the default."""

    name = "user_data"
    title = "Write the user data, in the target's names, as new versions"
    sets = frozenset({"user_data", "later_user_data"})
    reads = frozenset({"ec2.DescribeLaunchTemplateVersions"})
    writes = frozenset({"ec2.CreateLaunchTemplateVersion", "ec2.ModifyLaunchTemplate"})

    def applies(self, it: It[TemplateFacts]) -> bool:
        return it.facts.user_data is not None or it.facts.later_user_data is not None

    def summary(self, it: It[TemplateFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.arn,
            # In the target's names: what the text mentions is made before.
            "to": {"template": OWN, "user data": it.facts.user_data, "latest": it.facts.later_user_data},
            "how": "decoded, legacy names in it replaced, encoded; a new version each, the first becomes the default",
        }

    def carry(self, it: It[TemplateFacts], to: Carrier) -> Mapping[str, Json]:
        own = str(to.rewrite(it.ref.name))
        wanted = _wanted(it, to)
        if not to.outputs.get("written_$Default"):
            to.remember("default_before", str(_versions(to.target, own)["$Default"]["VersionNumber"]))
        data = {"$Default": (it.facts.description, it.facts.data)}
        if it.facts.has_later:
            # What is written last is the latest.
            data["$Latest"] = (it.facts.later_description, it.facts.later_data)
        written = 0
        for which, (description, its_data) in data.items():
            if to.outputs.get(f"written_{which}"):
                continue
            text = wanted[which]
            answer = to.write(
                "ec2.CreateLaunchTemplateVersion",
                LaunchTemplateId=own,
                LaunchTemplateData=to.rewrite(its_data) | ({"UserData": text} if text else {}),
                **_described(description),
            )
            to.remember(f"written_{which}", str(answer["LaunchTemplateVersion"]["VersionNumber"]))
            written += 1
        to.write("ec2.ModifyLaunchTemplate", LaunchTemplateId=own, DefaultVersion=to.outputs["written_$Default"])
        return {"versions": written}

    def prove(self, it: It[TemplateFacts], to: Carrier) -> Proof:
        wanted, standing = _wanted(it, to), _versions(to.target, str(to.rewrite(it.ref.name)))
        different = [
            which for which, text in wanted.items() if _encoded_of(standing.get(which)) != text and which in standing
        ]
        if different or not standing:
            said = tuple(f"user data of {which} is not legacy's in the target's names" for which in different)
            return Proof("different", ("user_data",), said or ("the template is not there",))
        return Proof("equal", ("user_data",), evidence={"versions": len(wanted)})

    def uncarry(self, it: It[TemplateFacts], to: Carrier) -> None:
        """The default goes back. The versions go with the template, whose creation is undone next; until then nobody
        launches from them: groups that do were taken away before."""
        own = str(to.rewrite(it.ref.name))
        if to.outputs.get("written_$Default") and _versions(to.target, own):
            to.write("ec2.ModifyLaunchTemplate", LaunchTemplateId=own, DefaultVersion=to.outputs["default_before"])
            for which in ("written_$Default", "written_$Latest"):
                to.remember(which, "")


class LaunchTemplate(Kind[TemplateFacts]):
    """A launch template. Two of its versions arrive: the default and the latest; others are not carried, and a group
    or fleet that is pinned to one of those says so. Compressed user data arrives as it is, unread: names in it are
    legacy's. Tags for what is launched are part of the version and arrive with it.
    """

    name = "ec2.launch_template"
    title = "Launch template"
    facts = TemplateFacts
    named = False
    reads = frozenset({"ec2.DescribeLaunchTemplateVersions", "ec2.DescribeLaunchTemplates"})
    tagging_types = ("ec2:launch-template",)
    left_out: ClassVar[Mapping[str, str]] = {
        "version numbers": "begin anew: versions that are neither the default nor the latest are not carried",
        "Operator": "a template that a service manages is made by that service in the target",
        "compressed user data": "arrives byte for byte: unpack it and look for names of legacy",
    }
    actions = (Create(), CarryUserData())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = [one for one in _listed(site, only) if not (one.get("Operator") or {}).get("Managed")]
        read = site.map(lambda template_id: _versions(site, template_id), [one["LaunchTemplateId"] for one in found])
        for one, versions in zip(found, read, strict=True):
            if versions:
                yield self.found(
                    site,
                    one["LaunchTemplateId"],
                    _facts(site, one["LaunchTemplateName"], versions["$Default"], versions["$Latest"]),
                    arn=arn_of(site, "launch-template", one["LaunchTemplateId"]),
                    tags=pair_tags(one.get("Tags")),
                )

    def needs(self, it: It[TemplateFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeLaunchTemplateVersions LaunchTemplateVersions[].LaunchTemplateData"
        for data in (it.facts.data, it.facts.later_data):
            # By name: nothing in the text says whose it is. What has an id or an ARN is found without this.
            if data.get("KeyName"):
                yield Need(same_place(it, "ec2.key_pair", data["KeyName"]), "names", "hard", f"{seen_in}.KeyName")
            profile = (data.get("IamInstanceProfile") or {}).get("Name")
            if profile:
                on = same_place(it, "iam.instance_profile", profile, is_global=True)
                yield Need(on, "assumes", "hard", f"{seen_in}.IamInstanceProfile.Name")
            group = (data.get("Placement") or {}).get("GroupName")
            if group:
                on = same_place(it, "ec2.placement_group", group)
                yield Need(on, "in", "hard", f"{seen_in}.Placement.GroupName")

    def names(self, it: It[TemplateFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "launch-template")


def _listed(site: ReadSite, only: str | None) -> list[dict[str, Any]]:
    if only is None:
        return list(site.pages("ec2.DescribeLaunchTemplates", "LaunchTemplates", MaxResults=200))
    # No filter takes an id. Source: ec2.DescribeLaunchTemplates Filters, botocore 1.44.5.
    absent = (GONE, "InvalidLaunchTemplateId.Malformed", "InvalidLaunchTemplateId.VersionNotFound")
    answer = site.optional("ec2.DescribeLaunchTemplates", missing=absent, LaunchTemplateIds=[only])
    return list((answer or {}).get("LaunchTemplates", ()))


def _described(description: str) -> dict[str, Json]:
    return {"VersionDescription": description} if description else {}


def _facts(site: ReadSite, name: str, default: dict[str, Any], latest: dict[str, Any]) -> TemplateFacts:
    has_later = latest["VersionNumber"] != default["VersionNumber"]
    return TemplateFacts(
        template_name=name,
        description=default.get("VersionDescription") or "",
        data=_data(default),
        user_data=user_data.decoded(site, _encoded_of(default)),
        has_later=has_later,
        later_description=(latest.get("VersionDescription") or "") if has_later else "",
        later_data=_data(latest) if has_later else {},
        later_user_data=user_data.decoded(site, _encoded_of(latest)) if has_later else None,
    )


def _data(version: Mapping[str, Any]) -> dict[str, Json]:
    """As CreateLaunchTemplate takes it."""
    data = {key: value for key, value in version["LaunchTemplateData"].items() if key not in ("UserData", "Operator")}
    if "MetadataOptions" in data:
        data["MetadataOptions"] = {key: value for key, value in data["MetadataOptions"].items() if key != "State"}
    # Tags of the template itself are none of a version's; moto 5.2.5 shows them there.
    tagged = [one for one in data.pop("TagSpecifications", ()) if one["ResourceType"] != "launch-template"]
    return data | ({"TagSpecifications": tagged} if tagged else {})


def _encoded_of(version: Mapping[str, Any] | None) -> str | None:
    return (version or {}).get("LaunchTemplateData", {}).get("UserData") or None


def _versions(site: ReadSite, template_id: str) -> dict[str, dict[str, Any]]:
    """The default and the latest version; empty where the template is gone."""
    found = {}
    for which in ("$Default", "$Latest"):
        answer = site.optional(
            "ec2.DescribeLaunchTemplateVersions", missing=(GONE,), LaunchTemplateId=template_id, Versions=[which]
        )
        for version in (answer or {}).get("LaunchTemplateVersions", ())[:1]:
            found[which] = version
    return found if len(found) == 2 else {}


def _wanted(it: It[TemplateFacts], to: Carrier) -> dict[str, str | None]:
    """Encoded user data in the target's names, by version; read again in legacy, where none of it is sealed."""
    wanted: dict[str, str | None] = {}
    for which, version in _versions(to.legacy, it.ref.name).items():
        encoded = _encoded_of(version)
        text = user_data.plain(encoded) if encoded else None
        wanted[which] = encoded if text is None else user_data.encode(str(to.rewrite(text)))
    return wanted
