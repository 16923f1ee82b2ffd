"""A ReadSite by plain boto3, for tests of single kinds: no pacing, no guard but the kind's declared reads."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError

from migrate.names import AccountId, Region


class PlainSite:
    """Reads (and remembers what it called) in one account of a moto server or mock."""

    def __init__(self, session: boto3.Session, account: str, region: str, reads: Iterable[str], **client: Any) -> None:
        self.account, self.region = AccountId(account), Region(region)
        self.reads = frozenset(reads)
        self.called: list[str] = []
        self.gaps: list[tuple[str, str]] = []
        self._client = lambda service: session.client(service, region_name=region, **client)
        self._clients: dict[str, Any] = {}

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        assert operation in self.reads, f"{operation} is not among the kind's declared reads"
        self.called.append(operation)
        service, _, name = operation.partition(".")
        client = self._clients.setdefault(service, None) or self._client(service)
        self._clients[service] = client
        answer: dict[str, Any] = getattr(client, xform_name(name))(**params)
        return answer

    def pages(self, operation: str, key: str, **params: Any) -> Iterator[Any]:
        assert operation in self.reads, f"{operation} is not among the kind's declared reads"
        self.called.append(operation)
        service, _, name = operation.partition(".")
        client = self._clients.setdefault(service, None) or self._client(service)
        self._clients[service] = client
        method = xform_name(name)
        if client.can_paginate(method):
            answers: Iterable[Any] = client.get_paginator(method).paginate(**params)
        else:
            answers = [getattr(client, method)(**params)]
        for answer in answers:
            yield from jmespath.search(key, answer) or ()

    def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any] | None:
        try:
            return self.call(operation, **params)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in missing:
                self.gaps.append((operation, code))
            return None
        except NotImplementedError:  # the emulator lacks it: a gap, as at the product's own site
            self.gaps.append((operation, "NotImplemented"))
            return None

    def map(self, what: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [what(item) for item in items]

    def seal(self, name: str, value: str) -> Any:
        named = any(word in name.upper() for word in ("PASSWORD", "SECRET", "TOKEN", "ACCESSKEY"))
        secret = named and not value.startswith("arn:")
        return {"$sealed": f"hash-of-{len(value)}", "length": len(value)} if secret else value
