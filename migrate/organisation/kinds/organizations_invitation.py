"""organizations.invitation: an account that joins the organisation. The rule: its owner says yes, not this tool.

Joining changes who pays and what the account may do from that moment, so the run stops until somebody accepts it there.
"""

from collections.abc import Iterator
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Find, It, Need, Place, ReadSite, Request, after
from migrate.organisation.kinds import _tree
from migrate.organisation.wanted import BUSY, ROOT, VOLATILE, Make, Wanted, WantedKind
from migrate.values import Json

_OPEN = ("OPEN", "REQUESTED")
"""Source: organizations.Handshake State, botocore 1.44.5."""


class Invitation(Wanted):
    """Source: organizations.ListHandshakesForOrganization, ListAccounts, ListParents. The name is the account's id."""

    parent: str = ROOT
    is_joined: bool = True
    root: str = ROOT


class Invite(Make[Invitation]):
    """InviteAccountToOrganization. Undone: the invitation is cancelled; whoever accepted it stays."""

    title = "Invite the account into the organisation"

    def requests(self, it: It[Invitation], place: Place) -> list[Request]:
        params: dict[str, Json] = {"Target": {"Id": it.ref.name, "Type": "ACCOUNT"}}
        states = " || ".join(f"State=='{state}'" for state in (*_OPEN, "ACCEPTED"))
        seen = {"id": f"Handshakes[?Parties[?Id=='{it.ref.name}'] && ({states})].Id | [0]"}
        over = ("HandshakeAlreadyInStateException", "HandshakeNotFoundException", "InvalidHandshakeTransitionException")
        return [
            Request(
                "organizations.InviteAccountToOrganization", params, once="named", retry=BUSY,
                outputs={"id": "Handshake.Id"},
                find=Find("organizations.ListHandshakesForOrganization", {"Filter": {"ActionType": "INVITE"}}, seen),
                undo=Request("organizations.CancelHandshake", {"HandshakeId": after("create", "id")}, done=over),
            )
        ]  # fmt: skip


class AwaitAcceptance(Action[Invitation]):
    """A look: whether the account has joined."""

    name = "accept"
    title = "Wait for the account's owner to accept"
    undo_class = "R4"
    sets = frozenset({"is_joined"})
    asks = (
        "sign in to that account as an administrator, open AWS Organizations, Invitations, and accept the one of this "
        "organisation. It is good for 15 days. Export its cost and usage reports first: Cost Explorer does not show a "
        "member what it cost before it joined"
    )

    def applies(self, it: It[Invitation]) -> bool:
        return not it.facts.stands or "is_joined" in it.facts.changes

    def requests(self, it: It[Invitation], place: Place) -> list[Request]:
        number = it.facts.id if it.facts.stands else after("create", "id")
        seen = {"joined": "(Handshake.State=='ACCEPTED' && Handshake.Id) || null"}
        return [Request("organizations.DescribeHandshake", {"HandshakeId": number}, outputs=seen)]


class PlaceInvited(Action[Invitation]):
    """MoveAccount into its unit. Undone: back to where it lay."""

    name = "place"
    title = "Move the account into its unit"
    sets = frozenset({"parent"})

    def applies(self, it: It[Invitation]) -> bool:
        return "parent" in it.facts.changes if it.facts.stands else it.facts.parent != ROOT

    def requests(self, it: It[Invitation], place: Place) -> list[Request]:
        # One that has not joined yet comes to lie in the root.
        source = str((it.facts.before or {}).get("parent") or it.facts.root)

        def move(one: str, other: str) -> Request:
            params = {"AccountId": it.ref.name, "SourceParentId": one, "DestinationParentId": other}
            return Request("organizations.MoveAccount", params, done=("DuplicateAccountException",), retry=BUSY)

        return [move(source, it.facts.parent)._replace(undo=move(it.facts.parent, source))]


class InvitationKind(WantedKind[Invitation]):
    """An account that is invited, or has joined."""

    name = "organizations.invitation"
    title = "Invitation"
    facts = Invitation
    reads = _tree.READS | {
        "organizations.DescribeHandshake",
        "organizations.ListHandshakesForOrganization",
        "organizations.ListParents",
    }
    stamped = False
    volatile = VOLATILE | {"root"}
    adjustable = frozenset({"is_joined", "parent"})
    actions = (Invite(), AwaitAcceptance(), PlaceInvited())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """Every account that joined by an invitation or may yet, or the one of that id."""
        if _tree.root(site) is None:
            return
        shown: dict[str, dict[str, Any]] = {}
        listed = site.pages(
            "organizations.ListHandshakesForOrganization", "Handshakes", Filter={"ActionType": "INVITE"}
        )
        for one in listed:
            if one["State"] in (*_OPEN, "ACCEPTED"):
                for party in one["Parties"]:
                    if party["Type"] == "ACCOUNT":
                        shown[party["Id"]] = one
        joined = {str(one["Id"]) for one in _tree.accounts(site) if one.get("JoinedMethod") == "INVITED"}
        for account in sorted(joined | {number for number, one in shown.items() if one["State"] in _OPEN}):
            if only in (None, account) and account != site.account:
                number = str(shown[account]["Id"]) if account in shown else account
                yield self._found(site, account, number, is_joined=account in joined)

    def _found(self, site: ReadSite, account: str, number: str, *, is_joined: bool) -> Resource:
        parent = _tree.parent(site, account) if is_joined else ""
        facts = Invitation(id=number, stands=True, is_joined=is_joined, parent=parent)
        return self.found(site, account, facts, arn="")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[Invitation]) -> dict[str, Json]:
        """Before somebody accepts there is nowhere that it lies."""
        has_joined = "accept" in done or ("is_joined" not in it.facts.changes and it.facts.stands)
        return facts if has_joined else facts | {"is_joined": False, "parent": ""}

    def needs(self, it: It[Invitation]) -> Iterator[Need]:
        """The organisation and the unit."""
        yield Need(ROOT, "in", "hard", "organizations.InviteAccountToOrganization")
        yield Need(it.facts.parent, "member of", "soft", "organizations.MoveAccount DestinationParentId")


KINDS = (InvitationKind(),)
