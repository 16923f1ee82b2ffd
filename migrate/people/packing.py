"""Statements → the policies of a permission set, under AWS's limits. The rule: packed or refused, never cut.

Packing changes no decision: equal statements stand once, lists are joined and statements spread over several
policies, of which AWS takes the union; a Deny counts in whichever policy it stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from migrate.errors import PlanRefused
from migrate.people.statements import Statement, document_of, merged, size_of
from migrate.values import Json

INLINE_BYTES = 10_240
"""One inline policy a permission set; 32,768 bytes, of which 10,240 may be other than white space. Source: IAM Identity
Center User Guide, "IAM Identity Center quotas", read 2026-11. What is sent has no white space, so this one binds."""

MANAGED_BYTES = 6_144
"""Characters of a managed policy, white space not counted. Source: IAM User Guide, "IAM and AWS STS quotas"; bytes are
counted here, which are never fewer."""

MANAGED_DEFAULT = 10
"""Managed policies that a role may hold before a quota is raised in that account. Source: the same page of Identity
Center, footnote 1."""

MANAGED_MOST = 20
"""AWS and customer managed policies together of one permission set. Source: the same page."""

SET_NAME_CHARACTERS = 32
"""Source: sso-admin.CreatePermissionSet Name, botocore 1.44.5."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The policies of one permission set."""

    inline: dict[str, Json] | None
    managed: tuple[dict[str, Json], ...] = ()
    """Documents of customer managed policies. They must stand in each account under the name that the permission set
    gives them, before it is provisioned there."""

    @property
    def size_bytes(self) -> int:
        """All policies together."""
        return sum(size_of(one) for one in ((self.inline,) if self.inline else ()) + self.managed)

    @property
    def documents(self) -> tuple[dict[str, Json], ...]:
        """Every policy."""
        return ((self.inline,) if self.inline else ()) + self.managed


def pack(statements: Iterable[Statement], *, attached: int = 0, managed_most: int = MANAGED_DEFAULT) -> Packed:
    """Pack the statements into one inline policy and as few customer managed policies as they need.

    `attached`: managed policies that the permission set holds besides. Raises PlanRefused with the numbers where they
    do not fit; `managed_most` is what the accounts' quota allows.
    """
    room = managed_most - attached
    if room < 0:
        raise PlanRefused(
            f"{attached} managed policies are more than the {managed_most} that a role may hold",
            do=f"put fewer on it, or have the quota raised (up to {MANAGED_MOST}) in each account",
        )
    whole = merged(statements)
    if not whole:
        return Packed(None)
    if size_of(document_of(whole)) <= INLINE_BYTES:
        return Packed(document_of(whole))
    pieces = [piece for statement in whole for piece in _pieces(statement)]
    pieces.sort(key=lambda piece: (-size_of(piece.as_json()), piece))
    bins: list[list[Statement]] = [[]]
    for piece in pieces:
        for number, there in enumerate(bins):
            if size_of(document_of([*there, piece])) <= (MANAGED_BYTES if number else INLINE_BYTES):
                there.append(piece)
                break
        else:
            if size_of(document_of([piece])) > MANAGED_BYTES:
                raise _uncut(piece)
            bins.append([piece])
    if len(bins) - 1 > room:
        size = size_of(document_of(whole))
        raise PlanRefused(
            f"{size} bytes of policy need an inline policy ({INLINE_BYTES} bytes) and {len(bins) - 1} managed policies "
            f"({MANAGED_BYTES} bytes each), and {room} are free of the {managed_most} that a role may hold",
            do=f"split the group, narrow its policies, or have the quota raised (up to {MANAGED_MOST}) in each account",
        )
    documents = [document_of(merged(there)) for there in bins]
    return Packed(documents[0], tuple(documents[1:]))


def _pieces(statement: Statement) -> list[Statement]:
    """The statement, or several that say the same together, each small enough for a managed policy where it can be.

    A list of actions or resources may be cut anywhere: the parts allow (or deny) the same together. A NotAction or
    NotResource may not, and neither may a condition: what is then too large for a managed policy may go inline.
    """
    if size_of(document_of([statement])) <= MANAGED_BYTES:
        return [statement]
    by_field = [("resources", statement.resources), ("actions", statement.actions)]
    field, texts = max(by_field, key=lambda one: sum(map(len, one[1])) if len(one[1]) > 1 else 0)
    if len(texts) < 2:
        if size_of(document_of([statement])) <= INLINE_BYTES:
            return [statement]
        raise _uncut(statement)
    half = len(texts) // 2
    halves = [
        replace(statement, resources=part) if field == "resources" else replace(statement, actions=part)
        for part in (texts[:half], texts[half:])
    ]
    return [piece for one in halves for piece in _pieces(one)]


def _uncut(statement: Statement) -> PlanRefused:
    size = size_of(document_of([statement]))
    return PlanRefused(
        f"a statement of {size} bytes fits into no policy that is left and cannot be cut: {statement}",
        do="shorten its condition, or its NotAction or NotResource",
    )
