"""Copies of objects, sent with a third of botocore's work: there may be millions of them, and nothing else is so many.

The rule: the same guard, credentials, signer, connections and events as any other call, and the same errors. The first
copy into a bucket goes botocore's whole way and shows the address; whatever is unusual goes that way too.
"""

import re
import threading
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import unescape

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.handlers import handle_copy_source_param
from botocore.utils import percent_encode

from migrate.aws import guard
from migrate.names import AccountId, Region

OPERATION = "CopyObject"
_RESULT = re.compile(rb"<CopyObjectResult[\s>].*?<ETag>([^<]*)</ETag>", re.S)


class Copies:
    """The copies that one account's S3 client sends."""

    def __init__(self, client: Any, account: AccountId) -> None:
        self.client, self._account = client, account
        model = client.meta.service_model.operation_model(OPERATION)
        self._shape = model.output_shape
        members = model.input_shape.members
        self._headers = {
            name: shape.serialization["name"]
            for name, shape in members.items()
            if shape.serialization.get("location") == "header" and shape.type_name == "string"
        }
        # Not public: where botocore is not as expected, it sends every copy itself.
        self._usable = hasattr(client, "_get_credentials") and all(
            hasattr(client, name) for name in ("_endpoint", "_response_parser")
        )
        self._bases: dict[tuple[str, str], str] = {}
        self._asked = threading.local()
        client.meta.events.register(f"before-send.s3.{OPERATION}", self._learn)

    def send(self, region: Region, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Send one copy, once, and return its answer; None where nothing was sent and botocore has to.

        Raises what botocore raises, GuardError.
        """
        named = {key: value for key, value in params.items() if key not in ("Bucket", "Key", "CopySource")}
        bucket, key = params.get("Bucket"), params.get("Key")
        base = self._bases.get((region, str(bucket)))
        plain = self._usable and isinstance(params.get("CopySource"), dict)
        plain = plain and all(name in self._headers and isinstance(value, str) for name, value in named.items())
        if base is None or not plain or not isinstance(key, str):
            self._asked.of = (region, bucket, key)
            return None
        guard.check(self._account, region, f"s3.{OPERATION}", params)
        source = {"CopySource": dict(params["CopySource"])}
        handle_copy_source_param(source)
        headers = {self._headers[name]: value for name, value in named.items()}
        headers["x-amz-copy-source"] = source["CopySource"]
        headers["User-Agent"] = self.client.meta.config.user_agent
        request = AWSRequest("PUT", url=base + _quoted(key), headers=headers, data=b"")
        request.context["client_config"] = self.client.meta.config
        # Signed anew for each: credentials of a role are renewed by the asking.
        credentials = self.client._get_credentials().get_frozen_credentials()
        S3SigV4Auth(credentials, "s3", str(region)).add_auth(request)
        return self._answer(self._sent(request.prepare()))

    def _learn(self, request: Any, **_: Any) -> None:
        """Keep where botocore sends copies into that bucket of that region."""
        region, bucket, key = getattr(self._asked, "of", (None, None, None))
        self._asked.of = (None, None, None)
        url = str(request.url)
        if region and bucket and isinstance(key, str) and url.endswith(f"/{_quoted(key)}"):
            self._bases[region, bucket] = url[: -len(_quoted(key))]

    def _sent(self, prepared: Any) -> Any:
        answers = self.client.meta.events.emit(f"before-send.s3.{OPERATION}", request=prepared)
        given = next((answer for _, answer in answers if answer is not None), None)
        return given if given is not None else self.client._endpoint.http_session.send(prepared)

    def _answer(self, response: Any) -> dict[str, Any] | None:
        status, body = int(response.status_code), bytes(response.content)
        if 300 <= status < 400:
            return None
        found = _RESULT.search(body)
        headers = {name.lower(): value for name, value in response.headers.items()}
        if status == 200 and found:
            answer = {
                "CopyObjectResult": {"ETag": unescape(found[1].decode(), {"&quot;": '"', "&#34;": '"'})},
                "ResponseMetadata": {
                    "HTTPStatusCode": status, "HTTPHeaders": headers, "RequestId": headers.get("x-amz-request-id", ""),
                },
            }  # fmt: skip
            return answer | ({"VersionId": headers["x-amz-version-id"]} if "x-amz-version-id" in headers else {})
        # S3 says 200 before it copies: an error may still follow. botocore makes a 500 of it too.
        # Source: s3.CopyObject, botocore 1.44.5: "a 200 OK response can contain either a success or an error".
        told = {"status_code": 500 if status == 200 else status, "headers": response.headers, "body": body}
        told["context"] = {"operation_name": OPERATION}
        parsed = self.client._response_parser.parse(told, self._shape)
        raise self.client.exceptions.from_code(parsed.get("Error", {}).get("Code"))(parsed, OPERATION)


def _quoted(key: str) -> str:
    quoted: str = percent_encode(key, safe="/~")
    return quoted
