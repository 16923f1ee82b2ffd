"""The questions of the table, put to the policy evaluator. The rule: what depends on something that is not known of a
request stays undecided; it is never taken for a yes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from migrate.names import AccountId
from migrate.people.table import Holder, Outcome
from migrate.policy_evaluation import DIRECT, Asked, Policies, decide
from migrate.values import Json


@dataclass
class Evaluator:
    """Answers for many holders; their policies are taken apart once.

    Of keys and roles the key policy and the trust policy must allow, too. Both are taken to leave it to the account's
    own policies (they name its root), so that the answer is about what the person holds.
    """

    scps: Mapping[AccountId, tuple[tuple[Mapping[str, Json], ...], ...]] = field(default_factory=dict)
    """Account → service control policies, a tuple a level, root first. Old accounts have none."""
    _policies: dict[tuple[int, str], tuple[Holder, Policies]] = field(default_factory=dict)

    def __call__(self, who: Holder, action: str, resource: str) -> Outcome:
        """What the policies say of one action on one thing of the holder's own account.

        A policy that nobody has read may allow what the others do not, and deny what they allow.
        """
        service = action.partition(":")[0].lower()
        asked = Asked(who.principal, action, resource, DIRECT, who.account, who.account)
        outcome = decide(asked, self._of(who, service if service in ("kms", "sts") else "")).outcome
        return "could not be decided" if who.unknown and outcome in ("implicit deny", "allowed") else outcome

    def _of(self, who: Holder, service: str) -> Policies:
        # The holder is kept with its policies: its id is its own as long as it lives.
        found = self._policies.get((id(who), service))
        if found is None:
            policies = Policies(
                identity=who.documents,
                boundary=who.boundary,
                resource=_leaves_it_to(who.account, service) if service else None,
                scps=self.scps.get(who.account, ()),
            )
            found = self._policies[id(who), service] = (who, policies)
        return found[1]


def _leaves_it_to(account: AccountId, service: str) -> dict[str, Json]:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": f"{service}:*"}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Resource": "*"} if service == "kms" else {})]}
