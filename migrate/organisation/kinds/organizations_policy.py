"""organizations.policy, its attachments, and its trial on a canary account. The rule: trial first, gate, then all.

A service control policy allows nothing; it takes away. One that is wrong locks people out, so each is attached to one
account first, and to the rest behind a gate.
"""

import json
from collections.abc import Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Find, It, Need, Place, ReadSite, Request, after, tag_pairs
from migrate.organisation import guard_rails
from migrate.organisation.kinds import _tree
from migrate.organisation.wanted import BUSY, VOLATILE, Make, Wanted, WantedKind, called, own, unless_gone
from migrate.values import Json, as_json

SERVICE_CONTROL = "SERVICE_CONTROL_POLICY"


class Policy(Wanted):
    """Source: organizations.ListPolicies, organizations.DescribePolicy."""

    description: str = ""
    content: dict[str, Json]
    """As it is for good."""
    during: dict[str, Json] | None = None
    """As it is while the migration goes on, where that is another: it spares the migration's roles."""
    type: str = SERVICE_CONTROL

    @property
    def first(self) -> dict[str, Json]:
        """What is sent first."""
        return self.content if self.during is None else self.during


class CreatePolicy(Make[Policy]):
    """CreatePolicy."""

    title = "Create policy"

    def requests(self, it: It[Policy], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "Name": it.ref.name,
            "Description": it.facts.description,
            "Type": it.facts.type,
            "Content": as_json(it.facts.first),
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        gone = Request(
            "organizations.DeletePolicy", {"PolicyId": after("create", "id")}, done=("PolicyNotFoundException",),
            retry=(*BUSY, "PolicyInUseException"),
        )  # fmt: skip
        return [
            Request(
                "organizations.CreatePolicy", params, once="named", creates=True, retry=BUSY,
                outputs={"id": "Policy.PolicySummary.Id"}, undo=gone,
            )
        ]  # fmt: skip


class ChangePolicy(Action[Policy]):
    """UpdatePolicy. Undone: the content and description that stood there."""

    name = "change"
    title = "Change a policy that stands"
    phase = "cutover"
    undo_class = "R1"
    sets = frozenset({"content", "description"})

    def applies(self, it: It[Policy]) -> bool:
        was = it.facts.before or {}
        changes = set(it.facts.changes) - ({"content"} if was.get("content") == it.facts.first else set())
        return it.facts.stands and bool(changes)

    def requests(self, it: It[Policy], place: Place) -> list[Request]:
        was = it.facts.before or {}
        old = was.get("description", it.facts.description), was.get("content", it.facts.content)
        # A description alone is changed: the roles that it spares, or does not spare any more, stay as they are.
        content = it.facts.first if "content" in it.facts.changes else it.facts.content
        return [_update(it, it.facts.description, content, undo=old)]


def _update(it: It[Policy], description: str, content: Json, undo: tuple[Json, Json]) -> Request:
    def params(about: Json, document: Json) -> dict[str, Json]:
        return {"PolicyId": own(it), "Description": about, "Content": as_json(document)}

    back = Request("organizations.UpdatePolicy", params(*undo), retry=BUSY)
    return Request("organizations.UpdatePolicy", params(description, content), retry=BUSY, undo=back)


class EndExemption(Action[Policy]):
    """UpdatePolicy without the migration's roles, behind the gate that asks whether the migration is over. Undone: with
    them again."""

    name = "end_exemption"
    title = "Let the guard rail hold for the migration's own roles too"
    phase = "close"
    undo_class = "R1"

    def applies(self, it: It[Policy]) -> bool:
        facts = it.facts
        return facts.during is not None and (not facts.stands or "content" in facts.changes)

    def requests(self, it: It[Policy], place: Place) -> list[Request]:
        about = it.facts.description
        return [_update(it, about, it.facts.content, undo=(about, it.facts.first))]


class PolicyKind(WantedKind[Policy]):
    """A service control policy."""

    name = "organizations.policy"
    title = "Service control policy"
    facts = Policy
    reads = frozenset(
        {
            "organizations.DescribePolicy",
            "organizations.ListPolicies",
            "organizations.ListRoots",
            "organizations.ListTagsForResource",
        }
    )
    volatile = VOLATILE | {"during"}
    adjustable = frozenset({"content", "description"})
    actions = (CreatePolicy(), ChangePolicy(), EndExemption())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every policy that people made, or the one of that name."""
        for one in (each for each in _policies(site) if only in (None, each["Name"])):
            shown = unless_gone(lambda: site.call("organizations.DescribePolicy", PolicyId=one["Id"]), None)  # noqa: B023
            if shown is not None:
                content = json.loads(shown["Policy"]["Content"])
                facts = Policy(id=one["Id"], stands=True, description=one.get("Description") or "", content=content)
                yield self.found(site, one["Name"], facts, arn=one["Arn"], tags=_tree.tags(site, one["Id"]))

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[Policy]) -> dict[str, Json]:
        """It spares the migration's roles until that is ended."""
        ends = it.facts.during is not None and EndExemption().applies(it)
        return facts | {"content": facts["during"]} if ends and "end_exemption" not in done else facts

    def needs(self, it: It[Policy]) -> Iterator[Need]:
        """Its type."""
        yield Need(called("organizations.policy_type", it.facts.type), "in", "hard", "organizations.CreatePolicy Type")


def _policies(site: ReadSite) -> Iterator[dict[str, Any]]:
    if _tree.root(site) is not None:
        for one in site.pages("organizations.ListPolicies", "Policies", Filter=SERVICE_CONTROL):
            if not one.get("AwsManaged"):
                yield one


class Attachment(Wanted):
    """Source: organizations.ListPoliciesForTarget."""

    policy: str
    target: str
    policy_name: str
    is_attached: bool = True


def _attach(it: It[Any]) -> Request:
    """Attach, with a look first. A target has few policies: one page."""
    target = it.facts.target
    params: dict[str, Json] = {"PolicyId": it.facts.policy, "TargetId": target}
    seen = {"attached": f"Policies[?Name=='{it.facts.policy_name}'].Id | [0]"}
    return Request(
        "organizations.AttachPolicy", params, once="named", retry=BUSY, done=("DuplicatePolicyAttachmentException",),
        find=Find("organizations.ListPoliciesForTarget", {"TargetId": target, "Filter": SERVICE_CONTROL}, seen),
        undo=_detach(params),
    )  # fmt: skip


def _detach(params: dict[str, Json]) -> Request:
    gone = ("PolicyNotAttachedException", "PolicyNotFoundException", "TargetNotFoundException")
    return Request("organizations.DetachPolicy", params, retry=BUSY, done=gone)


class Attach(Make[Attachment]):
    """AttachPolicy, behind the gate of the canary."""

    title = "Attach the policy"
    phase = "cutover"

    def requests(self, it: It[Attachment], place: Place) -> list[Request]:
        return [_attach(it)._replace(creates=True, find=None)]


class _Attached(WantedKind[Attachment]):
    """A policy on a target; the name is `<policy>@<target>`."""

    facts = Attachment
    reads = _tree.READS | {"organizations.ListPoliciesForTarget"}
    stamped = False
    volatile = VOLATILE | {"policy_name"}

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """What is attached to each unit, account and the root; or the one attachment of that name."""
        if only is not None:
            policy, target = guard_rails.apart(only)
            where = [(target, _tree.target(site, target))]
        else:
            policy, where = "", list(_targets(site))
        for text, target_id in where:
            for one in _on(site, target_id) if target_id else ():
                if only is None or one["Name"] == policy:
                    facts = Attachment(
                        id=f"{one['Id']}@{target_id}", stands=True, policy=one["Id"], target=str(target_id),
                        policy_name=one["Name"],
                    )  # fmt: skip
                    yield self.found(site, f"{one['Name']}@{text}", facts, arn="")

    def needs(self, it: It[Attachment]) -> Iterator[Need]:
        """The policy and what it is attached to."""
        yield Need(it.facts.policy, "attached to", "hard", "organizations.AttachPolicy PolicyId")
        yield Need(it.facts.target, "attached to", "hard", "organizations.AttachPolicy TargetId")


class AttachmentKind(_Attached):
    """A policy on the root, a unit or an account."""

    name = "organizations.policy_attachment"
    title = "Policy attachment"
    actions = (Attach(),)


def _targets(site: ReadSite) -> Iterator[tuple[str, str]]:
    top = _tree.root(site)
    if top is not None:
        yield "root", str(top["Id"])
        yield from ((f"unit:{path}", unit_id) for path, unit_id, _, _ in _tree.units(site))
        yield from ((f"account:{one['Email'].lower()}", str(one["Id"])) for one in _tree.accounts(site))


def _on(site: ReadSite, target: str | None) -> list[dict[str, Any]]:
    on = _tree.listed(site, "organizations.ListPoliciesForTarget", "Policies", TargetId=target, Filter=SERVICE_CONTROL)
    return [one for one in on if not one.get("AwsManaged")]


class Try(Make[Attachment]):
    """AttachPolicy to the canary account, before the gate."""

    title = "Attach the policy to the canary account"

    def requests(self, it: It[Attachment], place: Place) -> list[Request]:
        return [_attach(it)]


class EndTrial(Action[Attachment]):
    """DetachPolicy from the canary account: what it lies in has the policy now. Undone: attached again."""

    name = "finish"
    title = "Take the policy off the canary account again"
    phase = "cutover"
    after_kinds = ("organizations.policy_attachment.create",)
    sets = frozenset({"is_attached"})

    def applies(self, it: It[Attachment]) -> bool:
        return not it.facts.stands

    def requests(self, it: It[Attachment], place: Place) -> list[Request]:
        return [_detach({"PolicyId": it.facts.policy, "TargetId": it.facts.target})]


class TrialKind(_Attached):
    """A policy on the canary account, for as long as it is tried."""

    name = "organizations.policy_trial"
    title = "Trial of a policy"
    reads = _Attached.reads | {"organizations.ListPolicies"}
    actions = (Try(), EndTrial())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The one of that name: attached or not, so that its end can be proved. A trial is never found by itself."""
        if only is None:
            return
        found = next(super().look(site, only), None)
        policy, target = guard_rails.apart(only)
        target_id = _tree.target(site, target)
        known = next((one for one in _policies(site) if one["Name"] == policy), None)
        if found is not None:
            yield found
        elif target_id is not None and known is not None:
            facts = Attachment(policy=known["Id"], target=target_id, policy_name=policy, is_attached=False)
            yield self.found(site, only, facts, arn="")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[Attachment]) -> dict[str, Json]:
        """Attached until the trial is over."""
        return facts | {"is_attached": "finish" not in done}


KINDS = (AttachmentKind(), PolicyKind(), TrialKind())
