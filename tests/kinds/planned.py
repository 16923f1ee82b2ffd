"""A kind's requests without a world: where a thing would go, and every request held to AWS's shapes."""

from typing import Any

from migrate.kind import Kind, Place, Request
from migrate.names import Region
from tests.kinds.shapes import check_request
from tests.kinds.two_sides import REGION, TARGET


def place_of(name: str) -> Place:
    """The same name in the target account."""
    return Place("shop", TARGET, Region(REGION), name, f"{TARGET}/{REGION}/a/{name}:create")


def checked(requests: list[Request]) -> list[Request]:
    """Each fits AWS's shapes, with its undo, wait and find; what is not known yet is a dummy text."""
    for request in requests:
        check_request(request.operation, request.params)
        for other in (request.undo, request.wait, request.find):
            if other is not None:
                check_request(other.operation, other.params)
    return requests


def requests_of(kind: Kind[Any], found: Any, action: str = "create") -> list[Request]:
    """The requests of one action on what a scan found."""
    return checked(list(kind.action(action).requests(kind.typed(found), place_of(found.ref.name))))
