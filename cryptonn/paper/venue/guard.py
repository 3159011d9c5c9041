"""No request leaves for anything but a sandbox: the lists of what is allowed, and the transport
that enforces them.

The lists are written here and compared with what ccxt says; ccxt alone is never believed.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import TooManyRedirects

from cryptonn.errors import ExchangeError

__all__ = ["Guard", "GuardError", "Reply", "Sandbox", "check_api", "guarded_session"]

LONGEST_TIMEOUT_S = 30.0
_PROXIES = (
    "proxyUrl",
    "proxy_url",
    "httpProxy",
    "http_proxy",
    "httpsProxy",
    "https_proxy",
    "socksProxy",
    "socks_proxy",
    "wsProxy",
    "ws_proxy",
    "wssProxy",
    "wss_proxy",
    "wsSocksProxy",
    "ws_socks_proxy",
    "aiohttpProxy",
    "aiohttp_proxy",
)
_MORE_PROXIES = ("proxy", "proxies", "socks_proxy_sessions", "socksProxySessions")
PROXY_SETTINGS = (
    *_MORE_PROXIES,
    *(name + end for name in _PROXIES for end in ("", "Callback", "_callback")),
)
"""Where ccxt keeps proxies."""
_KEY_HEADER = re.compile(r"api.?key|secret|signature|payload|authorization", re.IGNORECASE)


class GuardError(ExchangeError):
    """A request or an order was stopped on this machine because it might not have gone to a
    sandbox.
    """


@dataclass(frozen=True)
class Sandbox:
    """Where the orders of one exchange may go.

    Parameters
    ----------
    exchange
        Name of the class in ccxt.
    urls
        By name of ccxt's interface, the URL that it must have in sandbox mode.
    hosts
        Hosts that may be asked anything below.
    readers
        Hosts that give public data to everybody: GET only, and never with a key.
    order_path
        The one path to which an order may be POSTed.
    writes
        Method and path (a regular expression for all of it) of everything else that is no GET.
    """

    exchange: str
    urls: Mapping[str, str]
    hosts: frozenset[str]
    order_path: str
    readers: frozenset[str] = frozenset()
    writes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reply:
    """What came back last: status, headers (any case) and the JSON, or None where it was none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Guard(HTTPAdapter):  # type: ignore[misc]  # requests is not typed here
    """Carries requests to a sandbox and refuses every other one, whatever was configured above it.

    Redirects are not followed, proxies and certificate settings of the environment are ignored,
    nothing is sent twice, and an order leaves only while ``one_order`` holds, once.

    Parameters
    ----------
    sandbox
        What is allowed.
    port
        All that is allowed then goes to this port of 127.0.0.1 instead, and nothing to the network.
    """

    def __init__(self, sandbox: Sandbox, *, port: int | None = None) -> None:
        super().__init__(max_retries=0)
        self.sandbox = sandbox
        self.port = port
        self.last: Reply | None = None
        self.order_left = False
        """Whether an order was handed to the network since ``one_order`` began."""
        self._orders_allowed = 0

    @contextmanager
    def one_order(self) -> Iterator[None]:
        """Let a single order leave meanwhile."""
        self._orders_allowed = 1
        self.order_left = False
        try:
            yield
        finally:
            self._orders_allowed = 0

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request that is allowed; raise ``GuardError`` for any other, before anything is
        looked up or sent.

        Raises
        ------
        GuardError
            If the sandbox's list does not have it.
        TooManyRedirects
            If the answer is to ask elsewhere.
        """
        self.last = None
        self._admit(request)
        outgoing = request.copy()
        if self.port is not None:
            parts = urlsplit(str(request.url))
            outgoing.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.port}").geturl()
        patience = (
            min(timeout, LONGEST_TIMEOUT_S)
            if isinstance(timeout, (int, float))
            else LONGEST_TIMEOUT_S
        )
        reply = super().send(
            outgoing, stream=False, timeout=patience, verify=True, cert=None, proxies={}
        )
        if 300 <= reply.status_code < 400:
            reply.close()
            raise TooManyRedirects("the exchange answers with a redirect, which is not followed")
        self.last = Reply(reply.status_code, reply.headers, _json(reply))
        return reply

    def _admit(self, request: requests.PreparedRequest) -> None:
        method = str(request.method).upper()
        url = str(request.url)
        host = next(
            (
                host
                for host in self.sandbox.hosts | self.sandbox.readers
                if url.startswith(f"https://{host}/")
            ),
            "",
        )
        path = urlsplit(url).path
        if not host:
            raise GuardError(
                f"refused a request to {_place(url)}: it is no sandbox of {self.sandbox.exchange}."
            )
        if host in self.sandbox.readers and (
            method != "GET" or any(map(_KEY_HEADER.search, request.headers))
        ):
            raise GuardError(
                f"refused a {method} to {host}, which may only be read, and without a key."
            )
        if method == "GET" or any(
            method == verb and re.fullmatch(mask, path) for verb, mask in self.sandbox.writes
        ):
            return
        if (method, path) != ("POST", self.sandbox.order_path) or self._orders_allowed < 1:
            raise GuardError(
                f"refused {method} {host}{path}: it is no request that paper trading makes here."
            )
        self._orders_allowed -= 1
        self.order_left = True


def _place(url: str) -> str:
    """Return scheme and host of a URL, for a message: its query may be signed."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _json(reply: requests.Response) -> Any:
    try:
        return reply.json()
    except ValueError:
        return None


def guarded_session(guard: Guard) -> requests.Session:
    """Return a session that has no way out but the guard, and takes nothing
    from the environment.
    """
    session = requests.Session()
    session.adapters.clear()
    for scheme in ("https://", "http://"):
        session.mount(scheme, guard)
    session.trust_env = False
    session.max_redirects = 0
    return session


def check_api(api: Any, guard: Guard) -> None:
    """Look once more that a ccxt object can only reach its sandbox.

    Raises
    ------
    GuardError
        With the first thing that is not as it must be.
    """
    for fault in _faults(api, guard):
        raise GuardError(
            f"no order is sent to {guard.sandbox.exchange}: {fault}. Nothing but its sandbox may "
            "be reached; this is a fault of the program or of the installed ccxt, so please report "
            "it."
        )


def _faults(api: Any, guard: Guard) -> Iterator[str]:
    sandbox = guard.sandbox
    session = api.session
    if api.id != sandbox.exchange:
        yield f"the exchange is {api.id}"
    if api.isSandboxModeEnabled is not True:
        yield "ccxt's sandbox mode is off"
    for name, url in sandbox.urls.items():
        if _filled_in(api, api.urls["api"].get(name)) != url:
            yield f"ccxt's {name} interface is not {url}"
    if set(session.adapters) != {"https://", "http://"} or any(
        way is not guard for way in session.adapters.values()
    ):
        yield "there is a way past the guard"
    if session.trust_env is not False or session.max_redirects != 0:
        yield "its session takes settings of the environment or follows redirects"
    if session.proxies or any(getattr(api, name, None) for name in PROXY_SETTINGS):
        yield "a proxy is set"
    if any(_retries(api.options)):
        yield "ccxt would send a request again (maxRetriesOnFailure)"
    if api.verbose is not False or api.options.get("enableDemoTrading"):
        yield "ccxt prints its requests, or is in demo mode"


def _filled_in(api: Any, url: object) -> str:
    return str(api.implode_hostname(url)) if isinstance(url, str) else ""


def _retries(options: Any) -> Iterator[Any]:
    """Give every setting of how often ccxt sends a request again,
    for all requests or for one kind.
    """
    for name, value in options.items():
        if str(name).lower().endswith("maxretriesonfailure"):
            yield value
        elif isinstance(value, dict):
            yield from _retries(value)
