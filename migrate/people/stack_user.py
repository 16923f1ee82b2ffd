"""An IAM user that a CloudFormation stack made: what a person does to remove it, and a look that says it is gone.

The rule: nothing is sent. Deleted past its stack, the user would come back with a deployment, or stop one.
"""

from collections.abc import Mapping, Sequence

from migrate.errors import GateClosed
from migrate.kind import Carrier, CarryAction, Json, Place, Proof
from migrate.kinds.iam_people import AWS_DENY_ALL, QUARANTINE
from migrate.people.removed_user import NOT_READ, Removable, RemovableFacts, RemovedUser


class ThroughStack(CarryAction[RemovableFacts]):
    """A person's step: the stack that made the user takes it away, and fresh reads say that it is gone.

    Nothing is sent. Deleted past its stack, the user would come back with the next deployment that replaces it, or
    stop one that looks for it.
    """

    name = "through_stack"
    title = "Wait until the stack that made the user has taken it away"
    phase = "close"
    undo_class = "R4"
    writes = frozenset()
    reads = frozenset({"iam.ListUsers"})

    def summary(self, it: Removable, place: Place) -> dict[str, Json]:
        """What a person does."""
        return {"how": "by a person, through the stack", "do": list(through_stack(it))}

    def says(self, it: Removable, outputs: Mapping[str, str]) -> Sequence[str]:
        """The commands and the change of the template."""
        return through_stack(it)

    def carry(self, it: Removable, to: Carrier) -> Mapping[str, Json]:
        """Look. Raises GateClosed while the user is there."""
        if self._stands(it, to):
            raise GateClosed(
                f"{it.ref.name} is still there: {'; '.join(through_stack(it))}", do="do that, then migrate run"
            )
        return {"users": 0}

    def prove(self, it: Removable, to: Carrier) -> Proof:
        """By fresh reads of all users: a denied one raises."""
        left = (f"{it.ref.name} is there",) if self._stands(it, to) else ()
        return Proof("different" if left else "equal", ("is gone",), left)

    @staticmethod
    def _stands(it: Removable, to: Carrier) -> bool:
        return any(one["UserName"] == it.ref.name for one in to.legacy.pages("iam.ListUsers", "Users"))


def through_stack(it: Removable) -> tuple[str, ...]:
    """What a person does about a user that a stack made, in order."""
    stack, user = it.facts.stack, it.ref.name
    if stack is None:
        return ()
    where = f"--stack-name {stack.name} --region {stack.region or '<its region>'}"
    if QUARANTINE in it.facts.inline:
        free = f"aws iam delete-user-policy --user-name {user} --policy-name {QUARANTINE}"
    else:
        free = f"aws iam detach-user-policy --user-name {user} --policy-arn {AWS_DENY_ALL}"
    taken = ", ".join(stack.take_out) or f"the resource whose physical id is {user}"
    if stack.parent is not None:
        above = stack.parent.split("/")[1] if stack.parent.count("/") > 1 else stack.parent
        through = (
            f"take {taken} out of the template of the nested stack {stack.name}, and update the stack that it is "
            f"nested in, {above}: a change of the nested one alone is undone by the next update above it"
        )
    elif stack.take_out and not stack.along:
        through = f"aws cloudformation delete-stack {where}: it made nothing else ({taken})"
    else:
        rest = ", ".join(stack.along) or "whatever else it made"
        through = (
            f"take {taken} out of the template of stack {stack.name}, with every Ref, GetAtt and Output that names "
            f"them, and deploy it (aws cloudformation update-stack {where} --template-body file://…). Do not delete "
            f"the stack: that would take along {rest}"
        )
    keys = ", ".join(f"…{end}" for end in stack.strange_keys)
    return (
        f"just before the rest, because it opens the user again: {free} (IAM refuses to delete a user that holds a "
        "policy, and the stack deletes only what it made; that it stops there is unverified)",
        *([f"delete its access keys {keys}, which the stack did not make"] if keys else ()),
        through,
    )


class StackUser(RemovedUser):
    """An IAM user that a stack made: removed by a person, through the stack."""

    name = "iam.stack_user"
    title = "IAM user of a stack that is removed"
    actions = (ThroughStack(),)
    ends = "through_stack"
    # The person who follows the steps changes it on the way; only that it is the same user matters.
    passing = frozenset(RemovableFacts.model_fields) - NOT_READ - {"unique_id"}
