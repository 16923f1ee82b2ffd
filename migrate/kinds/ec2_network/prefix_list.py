"""Managed prefix list: the account's own, with its entries. Rules and routes name it by an id that is new.

The rule: only what this account owns is made. AWS's lists have one id in all accounts of a region and stay as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Place, ReadSite, Request, Wait, pair_tags
from migrate.kinds.ec2_network.shared import OWN, arn_of, names_of, narrowed, ordered, specification

ENTRIES_A_CALL = 100
"""Source: ec2.ModifyManagedPrefixList AddEntries, botocore 1.44.5."""
GONE = "InvalidPrefixListID.NotFound"


class PrefixListFacts(Facts):
    """Source: ec2.DescribeManagedPrefixLists, ec2.GetManagedPrefixListEntries."""

    list_name: str
    address_family: str
    max_entries: int
    """Counts against the rules of every group that names the list, however few entries it has."""
    entries: list[dict[str, str]]
    """`{Cidr, Description}`, sorted."""


def _settled(*, gone: bool = False) -> Wait:
    return Wait(
        "ec2.DescribeManagedPrefixLists",
        {"PrefixListIds": [OWN]},
        "PrefixLists[].State",
        ok=("delete-complete",) if gone else ("create-complete", "modify-complete"),
        failed=("create-failed", "modify-failed", "delete-failed"),
        gone=(GONE,) if gone else (),
    )


class Create(Action[PrefixListFacts]):
    """The list with all its entries: a hundred in the creating call, the rest in calls of a hundred."""

    name = "create"
    title = "Create the prefix list"

    def requests(self, it: It[PrefixListFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        parts = [facts.entries[at : at + ENTRIES_A_CALL] for at in range(0, len(facts.entries), ENTRIES_A_CALL)]
        made: dict[str, Json] = {
            "PrefixListName": facts.list_name,
            "AddressFamily": facts.address_family,
            "MaxEntries": facts.max_entries,
            "TagSpecifications": specification("prefix-list", place, it.tags),
        }
        create = Request(
            "ec2.CreateManagedPrefixList",
            made | ({"Entries": parts[0]} if parts else {}),
            once="tagged",
            creates=True,
            outputs={"id": "PrefixList.PrefixListId"},
            wait=_settled(),
            undo=Request(
                "ec2.DeleteManagedPrefixList",
                {"PrefixListId": OWN},
                done=(GONE,),
                # Routes and rules that named it go a moment before. Codes unverified.
                retry=("DependencyViolation", "IncorrectState", "PrefixListInUse"),
                wait=_settled(gone=True),
            ),
        )
        more = [
            Request(
                "ec2.ModifyManagedPrefixList",
                # Each change makes one version: a repeat names a version that is past. Its code is unverified.
                {"PrefixListId": OWN, "CurrentVersion": version, "AddEntries": part},
                done=("PrefixListVersionMismatch",),
                retry=(GONE, "IncorrectState"),
                wait=_settled(),
            )
            for version, part in enumerate(parts[1:], start=1)
        ]
        return [create, *more]


class PrefixList(Kind[PrefixListFacts]):
    """A prefix list that this account owns. Its earlier versions are not carried. Sharing it with other accounts
    (Resource Access Manager) is not carried either; a list that another account shares with this one is not listed
    here: the rule or route that names it says so.
    """

    name = "ec2.prefix_list"
    title = "Managed prefix list"
    facts = PrefixListFacts
    named = False
    reads = frozenset({"ec2.DescribeManagedPrefixLists", "ec2.GetManagedPrefixListEntries"})
    tagging_types = ("ec2:prefix-list",)
    left_out: ClassVar[Mapping[str, str]] = {
        "Version": "begins again at 1; earlier versions are not carried",
        "RAM resource share": "share the target's list anew with ram.CreateResourceShare, if others use it",
        "IPAM resolver": "the entries of the day arrive; connect the resolver by hand (ec2.ModifyManagedPrefixList)",
    }
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        # AWS's own lists are shown too; a filter by owner would not show what the endpoint calls the owner.
        listed = site.pages(
            "ec2.DescribeManagedPrefixLists", "PrefixLists", MaxResults=100, **narrowed("prefix-list-id", only)
        )
        own = [
            one
            for one in listed
            if one.get("OwnerId") == site.account and not one.get("State", "").startswith(("delete-", "create-failed"))
        ]

        def entries(prefix_list_id: str) -> list[Json]:
            found = site.pages(
                "ec2.GetManagedPrefixListEntries", "Entries", PrefixListId=prefix_list_id, MaxResults=100
            )
            return ordered({key: value for key, value in entry.items() if value} for entry in found)

        read = site.map(entries, [one["PrefixListId"] for one in own])
        for one, its_entries in zip(own, read, strict=True):
            yield self.found(
                site,
                one["PrefixListId"],
                PrefixListFacts(
                    list_name=one.get("PrefixListName") or "",
                    address_family=one["AddressFamily"],
                    max_entries=one["MaxEntries"],
                    entries=its_entries,
                ),
                arn=arn_of(site, "prefix-list", one["PrefixListId"]),
                tags=pair_tags(one.get("Tags")),
            )

    def names(self, it: It[PrefixListFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "prefix-list")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[PrefixListFacts]) -> dict[str, Json]:
        # An entry may be an elastic address, which is another one in the target.
        return facts | {"entries": ordered(facts["entries"])}
