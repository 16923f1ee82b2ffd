"""ecr.replication and ecr.registry_policy: images pushed to the central registry appear in the other accounts.

The rule: a registry that replicates somewhere already, or has a policy, is a person's: nothing of it is replaced.
Only what is pushed after it was set up is replicated. Source: Amazon ECR User Guide, "Private image replication".
"""

import json
from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import It, Need, Place, ReadSite, Request
from migrate.organisation.wanted import Make, Wanted, WantedKind, called
from migrate.values import Json, as_json

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


class ReplicationKind(WantedKind[Replication]):
    """Where a registry sends its images."""

    name = "ecr.replication"
    title = "Registry replication"
    facts = Replication
    reads = frozenset({"ecr.DescribeRegistry"})
    is_global = False
    per_account = True
    stamped = False
    volatile = WantedKind.volatile | {"receivers"}
    actions = (Replicate(),)

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


def receiver(account: str) -> str:
    """How wishes call the policy of an account's registry."""
    return called("ecr.registry_policy", account)


KINDS = (RegistryPolicyKind(), ReplicationKind())
