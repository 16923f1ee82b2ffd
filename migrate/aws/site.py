"""One account in one region, as kinds and the engine read it: every call paced, every page fetched.

The rule: `call` raises what AWS refused; `optional` alone turns a refusal into a Gap.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jmespath
from botocore.exceptions import PaginationError
from botocore.paginate import Paginator

from migrate.aws.errors import ReadFailed
from migrate.inventory import Gap
from migrate.names import AccountId, Region
from migrate.values import Json

if TYPE_CHECKING:
    from migrate.aws import Aws

SMALL_PAGES = {"ecs": 100, "rds": 100, "sqs": 1000}
"""Largest pages of services whose model does not say it. sqs.ListQueues gives no token at all without a page size.
Source: ecs.ListServices, rds.DescribeDBInstances, sqs.ListQueues, botocore 1.44.5."""

LARGEST_PAGE = 1000

_TOKENS = (
    ("NextToken", "NextToken"),
    ("nextToken", "nextToken"),
    ("NextMarker", "Marker"),
    ("Marker", "Marker"),
    ("NextPageToken", "PageToken"),
    ("nextPageToken", "pageToken"),
    ("position", "position"),
)
"""Where a page says that there is more, and where the next call says it back."""


class Seal(Protocol):
    """Keeps what looks like a credential out of every file."""

    def __call__(self, name: str, value: str) -> Json: ...


class Site:
    """A ReadSite over real calls."""

    def __init__(self, aws: "Aws", account: AccountId, region: Region, *, kind: str, seal: Seal) -> None:
        self.account, self.region = account, region
        self.gaps: list[Gap] = []
        """What `optional` was not shown."""
        self._aws, self._kind, self._seal = aws, kind, seal

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Send one read. Raises ReadFailed with `code`, `reason` and what AWS said."""
        return self._aws.read(self.account, self.region, operation, params)

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """Every element of `key` (a dotted path) over all pages. Raises ReadFailed."""
        path = jmespath.compile(key)
        for page in self._each_page(operation, params):
            found = path.search(page)
            yield from found if found is not None else ()

    def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any] | None:
        """Like call, but None where nothing is set, and None with a Gap where it was refused."""
        try:
            return self.call(operation, **params)
        except ReadFailed as error:
            if error.code not in missing:
                self.gaps.append(self.gap(error))
            return None

    def map(self, what: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Run `what` over items concurrently, results in the order of items."""
        return self._aws.crew.map(what, items)

    def seal(self, name: str, value: str) -> Json:
        """The value, or its keyed hash where name or value looks like a credential."""
        return self._seal(name, value)

    def gap(self, error: ReadFailed) -> Gap:
        """The refused read as it appears in an inventory."""
        return Gap(self._kind, self.region, error.operation, error.reason, error.said)

    def _each_page(self, operation: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        service, _, name = operation.partition(".")
        paging = self._aws.paging(self.account, service, name)
        if paging.config is None:
            yield from self._by_token(operation, paging.inputs, params)
            return

        def send(**page: Any) -> dict[str, Any]:
            return self.call(operation, **page)

        pages = Paginator(send, paging.config, paging.model)
        limit = paging.config.get("limit_key")
        size = {"PageSize": paging.size} if paging.size and limit not in params and not _by_id(service, params) else {}
        try:
            yield from pages.paginate(PaginationConfig=size, **params)
        except PaginationError as error:
            said = "the endpoint gave the same page again and again"
            raise ReadFailed(operation, self.region, code="PaginationError", said=said, reason="failed") from error

    def _by_token(self, operation: str, inputs: Mapping[str, Any], params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """For operations without a paginator in botocore: the usual names of tokens."""
        seen: set[str] = set()
        while True:
            page = self.call(operation, **params)
            yield page
            token = next(((name, page[key]) for key, name in _TOKENS if page.get(key) and name in inputs), None)
            if token is None:
                return
            if str(token[1]) in seen:
                said = "the endpoint gave the same page again and again"
                raise ReadFailed(operation, self.region, code="PaginationError", said=said, reason="failed")
            seen.add(str(token[1]))
            params = {**params, token[0]: token[1]}


def _by_id(service: str, params: Mapping[str, Any]) -> bool:
    """EC2 refuses a page size beside a list of ids. Source: ec2.DescribeInstances MaxResults, botocore 1.44.5."""
    return service == "ec2" and any(key.endswith(("Ids", "Names")) for key in params)
