"""One connection pool and one TLS context for all clients.

botocore gives every client its own pool, and parses the whole certificate bundle again for every *connection*: 15-19
ms of CPU each, the largest cost of a scan over TLS (boto/botocore#3171, urllib3/urllib3#3623, open in 2026-11). There
is no public way to hand a client a TLS context, so this overrides three methods of botocore's own session.

The rule: it only ever does less work than the original. Where botocore is not as expected, or a proxy is set, clients
stay as they are.
"""

import os
import socket
from functools import cache
from typing import Any
from urllib.request import getproxies

from botocore.httpsession import URLLib3Session, get_cert_path
from urllib3.util.ssl_ import create_urllib3_context

HOSTS = 1000
"""Pools kept open: a scan talks to services × regions hosts; urllib3 keeps 10 by default and closes the rest."""

# As botocore gives its clients: without the first, head and body of a request wait 40 ms for each other.
SOCKET_OPTIONS = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]

_NEEDED = ("_get_ssl_context", "_setup_ssl_cert", "_get_pool_manager_kwargs")


class SharedTransport(URLLib3Session):  # type: ignore[misc]
    """A session whose connections share one TLS context, with the certificates loaded into it once."""

    def __init__(self, verify: Any, **settings: Any) -> None:
        self._wanted = verify
        super().__init__(verify=verify, **settings)

    @property
    def bundle(self) -> str | None:
        """The file of certificates that is trusted; None: the system's."""
        return str(get_cert_path(self._wanted)) if self._wanted else None

    def _get_ssl_context(self) -> Any:
        return _context(self.bundle)

    def _setup_ssl_cert(self, conn: Any, url: str, verify: Any) -> None:
        super()._setup_ssl_cert(conn, url, verify)
        conn.ca_certs = conn.ca_cert_dir = None  # the context has them: naming them loads them once more

    def _get_pool_manager_kwargs(self, **extra: Any) -> dict[str, Any]:
        settings: dict[str, Any] = super()._get_pool_manager_kwargs(**extra)
        return {"num_pools": HOSTS} | settings


@cache
def _context(bundle: str | None) -> Any:
    context = create_urllib3_context()
    if bundle:
        context.load_verify_locations(**{"capath" if os.path.isdir(bundle) else "cafile": bundle})
    return context


def shared(verify: Any, *, connections: int, timeout: tuple[float, float]) -> SharedTransport | None:
    """A transport for every client, or None where clients should keep their own."""
    if not all(hasattr(URLLib3Session, name) for name in _NEEDED):
        return None
    if {"http", "https", "all"} & getproxies().keys():
        return None  # which hosts a proxy serves is decided per client
    if verify is None:
        # As botocore.endpoint decides where neither AWS_CA_BUNDLE nor the profile names a bundle, botocore 1.44.5.
        verify = os.environ.get("REQUESTS_CA_BUNDLE", True)
    return SharedTransport(verify, timeout=timeout, max_pool_connections=connections, socket_options=SOCKET_OPTIONS)


def use(client: Any, transport: SharedTransport | None) -> bool:
    """Let a client send through the shared transport; False where it kept its own."""
    endpoint: Any = getattr(client, "_endpoint", None)
    if transport is None or not isinstance(getattr(endpoint, "http_session", None), URLLib3Session):
        return False
    endpoint.http_session.close()
    endpoint.http_session = transport
    return True
