"""Stacks: found and reported, so that nobody deletes in legacy what a stack would make again.

The rule: a stack is never moved and never changed; what its parameters and outputs give away is sealed.
"""

import re
from collections.abc import Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Facts, Json, Kind, ReadSite, pair_tags

ACCESS_KEY_ID = re.compile(r"A[KS]IA[A-Z0-9]{12,}")


class StackResource(Facts):
    """Source: cloudformation.ListStackResources."""

    type: str
    physical_id: str


class StackFacts(Facts):
    """Source: cloudformation.DescribeStacks, cloudformation.ListStackResources."""

    description: str
    status: str
    parent: str | None
    """ARN of the stack that this one is nested in."""
    termination_protection: bool
    parameters: dict[str, Json]
    outputs: dict[str, Json]
    """Values, sealed where they look like a credential: a key in an output is readable by many and has to be
    replaced, not carried over."""
    exports: dict[str, str]
    """Export name → output key."""
    resources: dict[str, StackResource]
    """By logical id."""


class Stack(Kind[StackFacts]):
    """A CloudFormation stack. Its resources are moved by their own kinds."""

    name = "cloudformation.stack"
    title = "CloudFormation stack"
    facts = StackFacts
    reads = frozenset({"cloudformation.DescribeStacks", "cloudformation.ListStackResources"})
    tagging_types = ("cloudformation:stack",)
    quiet = True
    manual = (
        "Stacks are not moved, their resources are. Stop the pipeline that deploys the stack, and before anything is "
        "retired set DeletionPolicy and UpdateReplacePolicy to Retain on its resources and update it: otherwise the "
        "stack deletes what it owns, or the next deployment makes it again. Replace every key that an output shows."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            stacks = list(site.pages("cloudformation.DescribeStacks", "Stacks"))
        else:
            answer = site.optional("cloudformation.DescribeStacks", missing=("ValidationError",), StackName=only)
            stacks = answer["Stacks"] if answer else []
        stacks = [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]
        yield from site.map(lambda stack: self._found(site, stack), stacks)

    def _found(self, site: ReadSite, stack: dict[str, Any]) -> Resource:
        listed = site.pages("cloudformation.ListStackResources", "StackResourceSummaries", StackName=stack["StackName"])
        outputs = stack.get("Outputs") or ()
        facts = StackFacts(
            description=stack.get("Description") or "",
            status=stack["StackStatus"],
            parent=stack.get("ParentId"),
            termination_protection=bool(stack.get("EnableTerminationProtection")),
            parameters={
                one["ParameterKey"]: site.seal(one["ParameterKey"], one.get("ParameterValue", ""))
                for one in stack.get("Parameters") or ()
            },
            outputs={one["OutputKey"]: site.seal(one["OutputKey"], _masked(one["OutputValue"])) for one in outputs},
            exports={one["ExportName"]: one["OutputKey"] for one in outputs if one.get("ExportName")},
            resources={
                one["LogicalResourceId"]: StackResource(
                    type=one["ResourceType"],
                    physical_id=_masked(one.get("PhysicalResourceId") or ""),
                )
                for one in listed
            },
        )
        return self.found(site, stack["StackName"], facts, arn=stack["StackId"], tags=pair_tags(stack.get("Tags")))


def _masked(text: str) -> str:
    """The text, or the end of it where it is the id of an access key: that is enough to say which one."""
    return f"…{text[-4:]}" if ACCESS_KEY_ID.fullmatch(text) else text


KINDS = (Stack(),)
