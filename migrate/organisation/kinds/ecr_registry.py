"""ecr.replication, ecr.registry_policy, ecr.creation_template: images of the central registry appear in other accounts.

The rule: a registry that replicates somewhere already, or has a policy, is a person's: nothing of it is replaced.
AWS replicates what is pushed after it was set up (Amazon ECR User Guide, "Private image replication"); what stands
there is copied by a back-fill.
"""

import json
from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import Action, It, Need, Place, ReadSite, Request, Wait, after
from migrate.organisation.wanted import Make, Wanted, WantedKind, called
from migrate.values import Json, as_json

ROOT_PREFIX, REPLICATION = "ROOT", "REPLICATION"
"""The template of every repository that has none of its own, and what it is for. Source:
ecr.CreateRepositoryCreationTemplate, botocore 1.44.5."""
MISSING_TEMPLATE = ("TemplateNotFoundException",)
MISSING_POLICY = ("RegistryPolicyNotFoundException",)


class Replication(Wanted):
    """Source: ecr.DescribeRegistry. The name is the account's id."""

    rules: list[dict[str, Json]]
    receivers: list[str]
    """How wishes call the policies that let the images in."""


class Replicate(Make[Replication]):
    """PutReplicationConfiguration."""

    title = "Replicate what is pushed to the central registry"

    def requests(self, it: It[Replication], place: Place) -> list[Request]:
        def put(rules: Json) -> dict[str, Json]:
            return {"replicationConfiguration": {"rules": rules}}

        undo = Request("ecr.PutReplicationConfiguration", put([]))
        wanted = put(it.facts.rules)
        return [Request("ecr.PutReplicationConfiguration", wanted, once="named", creates=True, undo=undo)]


class Backfill(Action[Replication]):
    """StartReplicationBackfill for each destination, waited for: the images that were pushed before. They stay in a
    rollback, as replicated ones do."""

    name = "backfill"
    title = "Copy the images that the central registry holds already"

    def applies(self, it: It[Replication]) -> bool:
        return not it.facts.stands

    def requests(self, it: It[Replication], place: Place) -> list[Request]:
        return [_backfill(one) for rule in it.facts.rules for one in rule["destinations"]]


def _backfill(destination: dict[str, Json]) -> Request:
    """Images that are there already are left, so it may be started again. Source: ecr.StartReplicationBackfill."""
    output = f"backfill_{destination['registryId']}"
    asked: dict[str, Json] = {"replicationBackfillId": after("backfill", output)}
    return Request(
        "ecr.StartReplicationBackfill", {"destination": destination}, outputs={output: "replicationBackfillId"},
        retry=("ReplicationBackfillInProgressException",),
        wait=Wait(
            "ecr.DescribeReplicationBackfillResults", asked, ok=("COMPLETE",), every_s=10.0, timeout_s=6 * 3600.0,
            path="status == 'COMPLETE' && progress.failedReplicationCount > `0` && 'SOME IMAGES FAILED' || status",
            failed=("FAILED", "STOPPED", "SOME IMAGES FAILED"),
        ),
    )  # fmt: skip


class ReplicationKind(WantedKind[Replication]):
    """Where a registry sends its images."""

    name = "ecr.replication"
    title = "Registry replication"
    facts = Replication
    reads = frozenset({"ecr.DescribeRegistry", "ecr.DescribeReplicationBackfillResults"})
    is_global = False
    per_account = True
    stamped = False
    volatile = WantedKind.volatile | {"receivers"}
    actions = (Replicate(), Backfill())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The registry's rules, where it has any."""
        rules = site.call("ecr.DescribeRegistry")["replicationConfiguration"]["rules"]
        if rules and only in (None, site.account):
            plain = [{"destinations": rule["destinations"]} | filters(rule) for rule in rules]
            facts = Replication(id=site.account, stands=True, rules=plain, receivers=[])
            yield self.found(site, site.account, facts, arn="")

    def needs(self, it: It[Replication]) -> Iterator[Need]:
        """The policies of those that receive."""
        for receiver in it.facts.receivers:
            yield Need(receiver, "grants", "hard", "ecr.PutReplicationConfiguration destinations")


def filters(rule: dict[str, Json]) -> dict[str, Json]:
    """A rule's filters, where it has any."""
    return {"repositoryFilters": rule["repositoryFilters"]} if rule.get("repositoryFilters") else {}


class RegistryPolicy(Wanted):
    """Source: ecr.GetRegistryPolicy. The name is the account's id."""

    policy: dict[str, Json]


class LetIn(Make[RegistryPolicy]):
    """PutRegistryPolicy."""

    title = "Let images of the central registry in"

    def requests(self, it: It[RegistryPolicy], place: Place) -> list[Request]:
        wanted: dict[str, Json] = {"policyText": as_json(it.facts.policy)}
        undo = Request("ecr.DeleteRegistryPolicy", {}, done=MISSING_POLICY)
        return [Request("ecr.PutRegistryPolicy", wanted, once="named", creates=True, undo=undo)]


class RegistryPolicyKind(WantedKind[RegistryPolicy]):
    """Who may put images into a registry."""

    name = "ecr.registry_policy"
    title = "Registry policy"
    facts = RegistryPolicy
    reads = frozenset({"ecr.GetRegistryPolicy"})
    is_global = False
    per_account = True
    stamped = False
    actions = (LetIn(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The registry's policy, where it has one."""
        answer = site.optional("ecr.GetRegistryPolicy", missing=MISSING_POLICY)
        if answer is not None and only in (None, site.account):
            facts = RegistryPolicy(id=site.account, stands=True, policy=json.loads(answer["policyText"]))
            yield self.found(site, site.account, facts, arn="")


class Template(Wanted):
    """Source: ecr.DescribeRepositoryCreationTemplates. The name is the account's id."""

    is_immutable: bool
    lifecycle: dict[str, Json] | None


class CreateTemplate(Make[Template]):
    """CreateRepositoryCreationTemplate for every repository that replication makes and no other template is about."""

    title = "Say how repositories are made that replication makes"

    def requests(self, it: It[Template], place: Place) -> list[Request]:
        params: dict[str, Json] = {
            "prefix": ROOT_PREFIX, "appliedFor": [REPLICATION], "description": "made by migrate",
            "imageTagMutability": "IMMUTABLE" if it.facts.is_immutable else "MUTABLE",
        }  # fmt: skip
        if it.facts.lifecycle is not None:
            params["lifecyclePolicy"] = as_json(it.facts.lifecycle)
        undo = Request("ecr.DeleteRepositoryCreationTemplate", {"prefix": ROOT_PREFIX}, done=MISSING_TEMPLATE)
        return [Request("ecr.CreateRepositoryCreationTemplate", params, once="named", creates=True, undo=undo)]


class TemplateKind(WantedKind[Template]):
    """How repositories look that replication makes in a registry."""

    name = "ecr.creation_template"
    title = "Repository creation template"
    facts = Template
    reads = frozenset({"ecr.DescribeRepositoryCreationTemplates"})
    is_global = False
    per_account = True
    stamped = False
    actions = (CreateTemplate(),)

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The template for every repository, where there is one."""
        for one in site.pages("ecr.DescribeRepositoryCreationTemplates", "repositoryCreationTemplates"):
            if one["prefix"] == ROOT_PREFIX and REPLICATION in one["appliedFor"] and only in (None, site.account):
                lifecycle = one.get("lifecyclePolicy")
                facts = Template(
                    id=site.account, stands=True, is_immutable=one.get("imageTagMutability") == "IMMUTABLE",
                    lifecycle=json.loads(lifecycle) if lifecycle else None,
                )  # fmt: skip
                yield self.found(site, site.account, facts, arn="")


def expiring(days: int) -> dict[str, Json]:
    """A lifecycle policy that deletes images without a tag after so many days."""
    rest = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    return {"rules": [{"rulePriority": 1, "selection": rest, "action": {"type": "expire"}}]}


def receiver(account: str) -> tuple[str, str]:
    """How wishes call what has to stand in an account's registry before images come."""
    return called("ecr.registry_policy", account), called("ecr.creation_template", account)


KINDS = (RegistryPolicyKind(), ReplicationKind(), TemplateKind())
