"""s3control.public_access_block: in a sensitive account nothing of S3 can be public, whatever a bucket says.

The rule: all four switches, for the whole account. A rollback puts back what stood there.
Source: s3control.PutPublicAccessBlock, botocore 1.44.5.
"""

from collections.abc import Iterator

from migrate.inventory import Resource
from migrate.kind import Action, It, Place, ReadSite, Request
from migrate.organisation.wanted import Make, Wanted, WantedKind
from migrate.values import Json

MISSING = ("NoSuchPublicAccessBlockConfiguration",)


class PublicAccessBlock(Wanted):
    """Source: s3control.GetPublicAccessBlock. The name is the account's id."""

    acls: bool = True
    ignored_acls: bool = True
    policies: bool = True
    restricted: bool = True


_SWITCHES = {
    "acls": "BlockPublicAcls", "ignored_acls": "IgnorePublicAcls", "policies": "BlockPublicPolicy",
    "restricted": "RestrictPublicBuckets",
}  # fmt: skip


def _put(it: It[PublicAccessBlock], **other: Json) -> Request:
    facts = it.facts.model_dump() | other
    switches = {name: facts[field] for field, name in _SWITCHES.items()}
    params: dict[str, Json] = {"AccountId": it.ref.name, "PublicAccessBlockConfiguration": switches}
    return Request("s3control.PutPublicAccessBlock", params)


class Block(Make[PublicAccessBlock]):
    """PutPublicAccessBlock for the account."""

    title = "Block public access to S3 in the whole account"

    def requests(self, it: It[PublicAccessBlock], place: Place) -> list[Request]:
        undo = Request("s3control.DeletePublicAccessBlock", {"AccountId": it.ref.name})
        return [_put(it)._replace(once="named", creates=True, undo=undo)]


class Close(Action[PublicAccessBlock]):
    """PutPublicAccessBlock over what stands. Undone: that again."""

    name = "change"
    title = "Block the public access to S3 that is left"
    undo_class = "R1"
    sets = frozenset(_SWITCHES)

    def applies(self, it: It[PublicAccessBlock]) -> bool:
        return it.facts.stands and bool(it.facts.changes)

    def requests(self, it: It[PublicAccessBlock], place: Place) -> list[Request]:
        return [_put(it)._replace(undo=_put(it, **(it.facts.before or {})))]


class PublicAccessBlockKind(WantedKind[PublicAccessBlock]):
    """An account's block of public access."""

    name = "s3control.public_access_block"
    title = "Block of public access"
    facts = PublicAccessBlock
    reads = frozenset({"s3control.GetPublicAccessBlock"})
    is_global = False
    per_account = True
    stamped = False
    adjustable = frozenset(_SWITCHES)
    actions = (Block(), Close())

    def look(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The account's block, where one is set."""
        answer = site.optional("s3control.GetPublicAccessBlock", missing=MISSING, AccountId=site.account)
        if answer is not None and only in (None, site.account):
            shown = answer["PublicAccessBlockConfiguration"]
            switches = {field: bool(shown.get(name)) for field, name in _SWITCHES.items()}
            yield self.found(site, site.account, PublicAccessBlock(id=site.account, stands=True, **switches), arn="")


KINDS = (PublicAccessBlockKind(),)
