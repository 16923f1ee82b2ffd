"""Calls about single objects, sent with a fraction of botocore's work: there may be millions of them.

The rule: the same guard, credentials, signature and errors as any other call. The first call of each sort to a bucket
goes botocore's whole way and shows the address and the signing; whatever is unusual goes that way too.
"""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.handlers import handle_copy_source_param
from botocore.utils import percent_encode

from migrate.aws import guard
from migrate.aws.object_answers import Answers
from migrate.aws.signature import Signer, scope_of
from migrate.aws.wire import Reply, Wire
from migrate.names import AccountId, Region

OPERATIONS = frozenset({"s3.CopyObject", "s3.GetObjectTagging", "s3.HeadObject"})


class _Form(NamedTuple):
    """How an operation is written, from botocore's model."""

    method: str
    fixed: str
    """The query that names the operation."""
    headers: dict[str, str]
    query: dict[str, str]
    model: Any


class _Address(NamedTuple):
    """Where botocore sends what is about one bucket, and how it signs it."""

    origin: str
    path: str
    """Before the key."""
    host: str
    signer: Signer


class ObjectCalls:
    """The calls about objects of one account's S3 client. `wire`: None where connections have to be botocore's."""

    def __init__(self, client: Any, account: AccountId, wire: Wire | None) -> None:
        self.client, self._account, self._wire = client, account, wire
        models = client.meta.service_model
        self._forms = {
            name: _form(models.operation_model(name)) for name in (each.partition(".")[2] for each in OPERATIONS)
        }
        self._answers = Answers(models.operation_model("HeadObject"))
        # Not public: where botocore is not as expected, it sends everything itself.
        self._usable = hasattr(client, "_get_credentials") and hasattr(client, "_response_parser")
        self._addresses: dict[tuple[str, str, str], _Address] = {}
        self._asked = threading.local()
        for name in self._forms:
            client.meta.events.register(f"before-send.s3.{name}", self._learn)

    def send(self, operation: str, region: Region, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Send one call, once, and return its answer; None where nothing was sent and botocore has to.

        Raises what botocore raises, GuardError.
        """
        name = operation.partition(".")[2]
        bucket, key = params.get("Bucket"), params.get("Key")
        address = self._addresses.get((name, region, str(bucket)))
        if address is None or not isinstance(key, str) or not self._usable or self._wire is None:
            self._asked.of = (name, region, bucket, key)
            return None
        written = self._written(self._forms[name], params)
        if written is None:
            return None
        guard.check(self._account, region, operation, params)
        query, headers = written
        form = self._forms[name]
        path = address.path + _quoted(key)
        # Signed anew for each: credentials of a role are renewed by the asking.
        credentials = self.client._get_credentials().get_frozen_credentials()
        address.signer.sign(form.method, address.host, path, query, headers, credentials)
        headers["user-agent"] = self.client.meta.config.user_agent
        if form.method == "PUT":
            headers["content-length"] = "0"
        target = f"{path}?{query}" if query else path
        url = address.origin + target
        answers = self.client.meta.events.emit(
            f"before-send.s3.{name}", request=AWSPreparedRequest(form.method, url, headers, b"", False)
        )
        given = next((answer for _, answer in answers if answer is not None), None)
        if given is None:
            given = self._wire.send(form.method, address.origin, target, headers)
        else:
            heads = {header.lower(): value for header, value in given.headers.items()}
            given = Reply(int(given.status_code), heads, bytes(given.content))
        if 300 <= given.status < 400:
            return None
        return self._answers.read(name, given) or self._parsed(form.model, given)

    def _written(self, form: _Form, params: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
        """The query and the headers; None where a parameter is not written here."""
        query: list[str] = [form.fixed] if form.fixed else []
        headers: dict[str, str] = {}
        for name, value in params.items():
            if name in ("Bucket", "Key"):
                continue
            if name == "CopySource" and isinstance(value, dict):
                source: dict[str, Any] = {name: dict(value)}
                handle_copy_source_param(source)
                headers["x-amz-copy-source"] = source[name]
            elif name in form.headers and isinstance(value, str) and value.isascii() and value.isprintable():
                headers[form.headers[name]] = value
            elif name in form.query and isinstance(value, (str, int)):
                query.append(f"{form.query[name]}={percent_encode(str(value), safe='-_.~')}")
            else:
                return None
        return "&".join(sorted(query)), headers

    def _learn(self, request: Any, **_: Any) -> None:
        """Keep where botocore sends calls of one sort about that bucket of that region, and how it signs them."""
        asked = getattr(self._asked, "of", None)
        if asked is None:
            return
        name, region, bucket, key = asked
        self._asked.of = None
        url = urlsplit(str(request.url))
        if not (name and region and bucket and isinstance(key, str) and url.path.endswith(f"/{_quoted(key)}")):
            return
        scope = scope_of(request.headers)
        if scope is None or not url.hostname:
            return
        host = url.hostname
        if url.port is not None and url.port != {"http": 80, "https": 443}.get(url.scheme):
            host = f"{host}:{url.port}"
        path = url.path[: -len(_quoted(key))]
        self._addresses[name, region, bucket] = _Address(f"{url.scheme}://{url.netloc}", path, host, Signer(*scope))

    def _parsed(self, model: Any, reply: Reply) -> dict[str, Any]:
        """The answer as botocore reads it. Raises the error that it is."""
        # S3 says 200 before it copies: an error may still follow. botocore makes a 500 of it too.
        # Source: s3.CopyObject, botocore 1.44.5: "a 200 OK response can contain either a success or an error".
        failed = model.name == "CopyObject" and reply.status == 200
        told: dict[str, Any] = {
            "status_code": 500 if failed else reply.status, "headers": HeadersDict(reply.headers), "body": reply.body,
            "context": {"operation_name": model.name},
        }  # fmt: skip
        more: dict[str, Any] = {}
        self.client.meta.events.emit(
            f"before-parse.s3.{model.name}", operation_model=model, response_dict=told, customized_response_dict=more
        )
        parsed: dict[str, Any] = self.client._response_parser.parse(told, model.output_shape)
        parsed.update(more)
        if told["status_code"] >= 300:
            raise self.client.exceptions.from_code(parsed.get("Error", {}).get("Code"))(parsed, model.name)
        return parsed


def _form(model: Any) -> _Form:
    headers, query = {}, {}
    for name, shape in model.input_shape.members.items():
        place, written = shape.serialization.get("location"), shape.serialization.get("name", name)
        if place == "header" and shape.type_name == "string":
            headers[name] = written.lower()
        elif place == "querystring" and shape.type_name in ("string", "integer"):
            query[name] = written
    fixed = model.http["requestUri"].partition("?")[2]
    return _Form(model.http["method"], f"{fixed}=" if fixed else "", headers, query, model)


def _quoted(key: str) -> str:
    quoted: str = percent_encode(key, safe="/~")
    return quoted
