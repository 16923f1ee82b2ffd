"""Sessions, role chains and clients: one client for each account and service, its region chosen per call.

The rule: before the first call in an account, the account is asserted; a wrong one ends everything there.
"""

import os
import re
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import botocore.session
from botocore import credentials as signing
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, DataNotFoundError, HTTPClientError, UnknownServiceError
from botocore.parsers import ResponseParserError

from migrate import __version__
from migrate.aws import errors, guard, object_calls, timestamps, transport
from migrate.aws.wire import Wire
from migrate.errors import AccessError, GuardError
from migrate.names import GLOBAL, AccountId, Arn, Region

SESSION_NAME = "migrate"
CONNECT_S, READ_S = 5.0, 60.0

HOME = {"cn": Region("cn-north-1"), "us-gov": Region("us-gov-west-1")}
"""Where global services of a partition are asked and signed; us-east-1 elsewhere."""

_WEB_PAGE = re.compile(rb"\s*<(?:!doctype )?html", re.I)
_ACCOUNT_HOST = re.compile(r"(?<=:)//[0-9]{12}\.")
_REGION: ContextVar[str] = ContextVar("migrate_region")


class Identity(NamedTuple):
    """Who AWS says we are in one account."""

    account: AccountId
    arn: str
    alias: str
    """The account's alias, or nothing where it has none or may not be read."""

    @property
    def partition(self) -> str:
        """aws, aws-cn or aws-us-gov."""
        arn = Arn.parse(self.arn)
        return arn.partition if arn else "aws"


def home_region(like: str) -> Region:
    """Where global services are asked, given any region of the same partition."""
    return next((home for prefix, home in HOME.items() if like.startswith(f"{prefix}-")), Region("us-east-1"))


class _Given(signing.CredentialProvider):  # type: ignore[misc]
    """Credentials that exist already, as a provider."""

    METHOD = "migrate"

    def __init__(self, credentials: Any) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Any:
        return self._credentials


class Sessions:
    """The door (the ordinary AWS environment) and behind it one session for each account."""

    def __init__(
        self,
        profile: str | None = None,
        roles: Mapping[AccountId, str] | None = None,
        external_id: str | None = None,
        *,
        connections: int = 64,
    ) -> None:
        self.profile, self.roles, self.external_id = profile, dict(roles or {}), external_id
        # Retries are off: reads are paced by our own scheduler, writes are never sent again without looking.
        self._config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            max_pool_connections=connections,
            tcp_keepalive=True,
            # Given whole: botocore builds its own twice for every call, 8 % of what a call costs here (2026-11).
            user_agent=f"migrate-aws/{__version__} Botocore/{botocore.__version__}",
            # Else whether us-east-1 has its own endpoint hangs on the region in which the client was made.
            s3={"us_east_1_regional_endpoint": "regional"},
        )
        self._connections = connections
        self._making = threading.RLock()
        self._sessions: dict[str, Any] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._object_calls: dict[str, object_calls.ObjectCalls] = {}
        self._identities: dict[str, Identity] = {}
        self._transport: transport.SharedTransport | None = None
        self._wire: Wire | None = None
        self._door: Any = None

    @property
    def default_region(self) -> Region:
        """The region of the environment, else us-east-1."""
        return Region(self._open_door().get_config_variable("region") or "us-east-1")

    def whoami(self, account: AccountId) -> Identity:
        """Who we are in that account. Raises AccessError where another account answers, or none."""
        known = self._identities.get(account)
        if known is not None:
            return known
        with self._making:
            if account in self._identities:
                return self._identities[account]
            answer = self._ask(account, "sts", "get_caller_identity")
            found = AccountId(str(answer["Account"]))
            if found != account:
                raise AccessError(
                    f"account {found} answered where {account} was expected (as {answer['Arn']})",
                    do=self._way_in(account),
                )
            alias = ""
            try:
                aliases = self._ask(account, "iam", "list_account_aliases")["AccountAliases"]
                alias = aliases[0] if aliases else ""
            except AccessError:
                pass  # only a nicer name for the first line
            self._identities[account] = Identity(account, str(answer["Arn"]), alias)
            return self._identities[account]

    def client(self, account: AccountId, service: str) -> Any:
        """The client of a service in an account whose identity was asserted."""
        self.whoami(account)
        return self._client(account, service)

    def forget(self, account: AccountId) -> None:
        """Drop an account's session and clients: the next call signs in anew. The identity stays asserted."""
        with self._making:
            self._sessions.pop(account, None)
            for key in [key for key in self._clients if key[0] == account]:
                del self._clients[key]

    def offered(self, service: str, region: str) -> bool:
        """Whether the service is known to exist in that region; True where botocore does not know."""
        door = self._open_door()
        known = door.get_available_regions(service, door.get_partition_for_region(region))
        return not known or region in known

    def operation(self, account: AccountId, service: str, name: str) -> Any:
        """botocore's model of an operation."""
        model = self.client(account, service).meta.service_model
        if name not in model.operation_names:
            raise _no_such(f"{service}.{name}")
        return model.operation_model(name)

    def paginator(self, service: str, name: str) -> dict[str, Any] | None:
        """botocore's description of how an operation pages, or None where it has none."""
        try:
            found: dict[str, Any] = self._open_door().get_paginator_model(service).get_paginator(name)
        except (ValueError, UnknownServiceError, DataNotFoundError):
            return None
        return found

    def send(self, account: AccountId, region: Region, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request, once. Raises what botocore raises, GuardError, or AccessError."""
        service, _, name = operation.partition(".")
        client = self.client(account, service)
        method = _methods(client).get(name)
        if method is None:
            raise _no_such(operation)
        place = self.whereabouts(account, region)
        if operation in object_calls.OPERATIONS:
            answered = self._object_calls_of(account, client).send(operation, place, params)
            if answered is not None:
                return answered
        token = _REGION.set(str(place))
        try:
            answer: dict[str, Any] = getattr(client, method)(**params)
        finally:
            _REGION.reset(token)
        return answer

    def _object_calls_of(self, account: AccountId, client: Any) -> object_calls.ObjectCalls:
        found = self._object_calls.get(account)
        if found is None or found.client is not client:
            with self._making:
                found = self._object_calls[account] = object_calls.ObjectCalls(client, account, self._wire)
        return found

    def whereabouts(self, account: AccountId, region: Region) -> Region:
        """The region to ask: for `global`, the home of the account's partition."""
        if region != GLOBAL:
            return region
        return home_region({"aws-cn": "cn-", "aws-us-gov": "us-gov-"}.get(self.whoami(account).partition, ""))

    def _ask(self, account: AccountId, service: str, method: str) -> dict[str, Any]:
        token = _REGION.set(str(self.default_region))
        try:
            answer: dict[str, Any] = getattr(self._client(account, service), method)()
            return answer
        except (ClientError, BotoCoreError) as error:
            do = self._way_in(account)
            if isinstance(error, HTTPClientError):
                do = "nobody answers there: look at the network, the proxy and AWS_ENDPOINT_URL; migrate doctor"
            elif errors.code(error) in errors.EXPIRED:
                do = f"{self._login()}; migrate doctor"
            raise AccessError(f"account {account}: {errors.said(error)}", do=do) from error
        finally:
            _REGION.reset(token)

    def _way_in(self, account: AccountId) -> str:
        role = self.roles.get(account)
        if role:
            return f"check that {role} exists and trusts {self.profile or 'the credentials in use'}; migrate doctor"
        return f"use credentials of account {account} ({self._login()}); migrate doctor"

    def _login(self) -> str:
        return f"aws sso login --profile {self.profile}" if self.profile else "set AWS_PROFILE, or aws sso login"

    def _open_door(self) -> Any:
        with self._making:
            if self._door is None:
                door = self._new_session()
                door.register("provide-client-params", _sign_in_only)
                self._door = door
            return self._door

    def _new_session(self) -> Any:
        try:
            session = botocore.session.Session(profile=self.profile)
            # On a machine that is no EC2 instance nobody answers there: one short try, no more.
            session.set_config_variable("metadata_service_timeout", 1)
            session.set_config_variable("metadata_service_num_attempts", 1)
            session.get_config_variable("region")  # raises where the profile does not exist
            session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=timestamps.parse)
        except BotoCoreError as error:
            raise AccessError(
                str(error), do="aws configure list-profiles, then legacy: {profile: NAME} in migration.yaml"
            ) from error
        return session

    def _session(self, account: AccountId) -> Any:
        if account not in self._sessions:
            door = self._open_door()
            try:
                given = door.get_credentials()
            except BotoCoreError as error:
                raise AccessError(str(error), do=self._way_in(account)) from error
            if given is None:
                raise AccessError("no AWS credentials were found", do=f"{self._login()}; migrate doctor")
            session = self._new_session()
            # Models are parsed once for all accounts: a loader of its own costs a session about 0.6 s of CPU.
            session.register_component("data_loader", door.get_component("data_loader"))
            role = self.roles.get(account)
            chain = self._role(door, given, role) if role else given
            session.register_component("credential_provider", signing.CredentialResolver([_Given(chain)]))
            self._sessions[account] = session
        return self._sessions[account]

    def _role(self, door: Any, given: Any, role: str) -> Any:
        """Credentials of a role, asked for when first used and again before they expire."""
        extra = {"RoleSessionName": SESSION_NAME} | ({"ExternalId": self.external_id} if self.external_id else {})
        sts = partial(door.create_client, region_name=str(self.default_region), config=self._config)
        fetcher = signing.AssumeRoleCredentialFetcher(sts, given, role, extra_args=extra)
        return signing.DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")

    def _client(self, account: AccountId, service: str) -> Any:
        found = self._clients.get((account, service))
        if found is not None:
            return found
        with self._making:
            if (account, service) in self._clients:
                return self._clients[account, service]
            session = self._session(account)
            try:
                client = session.create_client(service, region_name=str(self.default_region), config=self._config)
            except UnknownServiceError as error:
                raise errors.NoSuchOperation(str(error), do="pip install -U boto3, or fix the kind") from error
            if self._transport is None:
                verify = session.get_config_variable("ca_bundle")
                self._transport = transport.shared(verify, connections=self._connections, timeout=(CONNECT_S, READ_S))
                if self._transport is not None:
                    self._wire = Wire(self._transport.bundle, connect_s=CONNECT_S, read_s=READ_S)
            transport.use(client, self._transport)
            _attend(client, account)
            self._clients[account, service] = client
            return client


def _sign_in_only(model: Any, **_: Any) -> None:
    guard.check_sign_in(f"{model.service_model.service_name}.{model.name}")


def _attend(client: Any, account: AccountId) -> None:
    """Hang the guard and the choice of region on a client, through botocore's public events."""
    service = client.meta.service_model.service_id.hyphenize()

    def before(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        region = _REGION.get(None)
        operation = f"{model.service_model.service_name}.{model.name}"
        if region is None:
            raise GuardError(f"{operation} was stopped: it has no region", do="this is a defect: please report it")
        guard.check(account, region, operation, params)
        context["client_region"] = region
        # For endpoints whose rules name no signing region; rules that do name one win.
        context.setdefault("signing", {})["region"] = region

    def choose(builtins: dict[str, Any], **_: Any) -> None:
        builtins["AWS::Region"] = _REGION.get()

    def page(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
        # botocore reads a web page as an empty JSON answer: an empty inventory, where nobody of AWS answered.
        body = response_dict.get("body")
        if response_dict["status_code"] < 300 and isinstance(body, bytes) and _WEB_PAGE.match(body):
            raise ResponseParserError(f"{operation_model.name} was answered with a web page")

    def at_address(request: Any, **_: Any) -> None:
        # S3 Control puts the account before the host, also before an endpoint that is a bare address.
        parts = urlsplit(str(request.url))
        rest = str(parts.hostname).partition(".")[2]
        if rest.replace(".", "").isdecimal():
            request.url = parts._replace(netloc=parts.netloc.partition(".")[2]).geturl()

    if service == "s3-control":
        client.meta.events.register_first("before-sign.s3-control", at_address)
    client.meta.events.register(f"before-parse.{service}", page)
    # First, so that botocore's own handlers (S3's redirects) see the region and may correct it.
    client.meta.events.register_first(f"provide-client-params.{service}", before)
    client.meta.events.register_first(f"before-endpoint-resolution.{service}", choose)
    if service == "s3-control" and os.environ.get("AWS_ENDPOINT_URL"):
        client.meta.events.register(f"before-sign.{service}", without_account)


def without_account(request: Any, **_: Any) -> None:
    """Send to an endpoint of one's own as it was said: botocore puts the account's id before its host."""
    request.url = _ACCOUNT_HOST.sub("//", request.url)


def _no_such(operation: str) -> errors.NoSuchOperation:
    return errors.NoSuchOperation(
        f"botocore knows no operation {operation}", do="pip install -U boto3, or fix the kind"
    )


def _methods(client: Any) -> dict[str, str]:
    """Operation name → method name."""
    found: dict[str, str] | None = getattr(client, "_migrate_methods", None)
    if found is None:
        found = {name: method for method, name in client.meta.method_to_api_mapping.items()}
        client._migrate_methods = found
    return found
